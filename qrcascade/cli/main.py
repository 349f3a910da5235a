"""The group of all commands. Each is imported when it is needed, so that ``--version`` is quick."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import click

from qrcascade import __version__

__all__ = ["main"]

_COMMANDS = ("read", "scan", "serve", "doctor", "profile", "advise", "weights")


@contextlib.contextmanager
def _ended_by_interrupts() -> Iterator[None]:
    """Let SIGINT end the process at once: numpy's import would turn the exception into another."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Commands(click.Group):
    """The commands, each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        with _ended_by_interrupts():
            module = importlib.import_module(f"qrcascade.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end quietly when the user interrupts it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            from qrcascade.cli.parameters import INTERRUPTED, complain

            complain("interrupted")
            sys.exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qrcascade")
def main() -> None:
    """Read QR codes from photos and scans of documents."""

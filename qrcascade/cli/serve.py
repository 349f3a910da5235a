"""The command line: ``qrcascade serve``."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import click

from qrcascade import QRCascadeError
from qrcascade.cascade import PRESETS
from qrcascade.cli.parameters import exit_on_error
from qrcascade.server import Settings

__all__ = ["serve"]

_DEFAULTS = Settings()
_MB = 2**20


class _NamedPattern(click.ParamType):  # type: ignore[type-arg]
    """A NAME=REGEX option; the environment variable has one per line."""

    name = "name=regex"
    envvar_list_splitter = "\n"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, re.Pattern[str]]:
        """Return the name and its compiled pattern."""
        name, equals, pattern = str(value).strip().partition("=")
        if not equals:
            self.fail(f"{value!r} is not of the form NAME=REGEX", param, ctx)
        try:
            return name, re.compile(pattern)
        except re.error as error:
            self.fail(f"{pattern!r} is not a valid regular expression: {error}", param, ctx)


def _setting(flag: str, **how: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of a setting, with its default."""
    default = getattr(_DEFAULTS, flag.removeprefix("--").replace("-", "_"))
    return click.option(flag, **{"default": default, "show_default": default is not False, **how})


@click.command(short_help="Run the HTTP service.", context_settings={"auto_envvar_prefix": "QRCASCADE"})
@_setting("--host", help="Listen on this address.")
@_setting("--port", help="Listen on this port.")
@_setting("--without-token", is_flag=True, help="Allow listening on non-loopback addresses without a token.")
@click.option(
    "--preset",
    "presets",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    default=_DEFAULTS.presets,
    help="Serve this preset, the first one by default. Repeatable; without it, serve all, thorough first.",
)
@click.option(
    "--accept",
    type=_NamedPattern(),
    multiple=True,
    help="Let callers name this pattern in the accept parameter. Repeatable.",
)
@_setting("--timeout", help="Give up on a page after this many seconds, unless the caller asks otherwise.")
@_setting("--max-timeout", help="Let callers ask for at most this many seconds per page.")
@_setting("--concurrency", show_default="one per core", help="Read this many bodies at a time.")
@_setting("--queue", help="Let this many requests wait; answer any more with 503.")
@_setting("--max-wait", help="Wait at most this many seconds for a turn, and for a body to arrive.")
@_setting("--max-body", default=_DEFAULTS.max_body // _MB, help="Refuse bodies of more than this many MB.")
@_setting("--max-pages", help="Read at most this many pages of a document.")
@_setting("--warm", is_flag=True, help="Load the first preset's models at startup.")
@_setting("--log-payloads", is_flag=True, help="Log the payloads that are read.")
def serve(accept: tuple[tuple[str, re.Pattern[str]], ...], max_body: int, **given: Any) -> None:
    """Answer POST /detect and /read over HTTP until SIGTERM or SIGINT.

    Every option can also be set in the environment. The token that callers must send can be set only there,
    as QRCASCADE_TOKEN. The log goes to standard output, one JSON object per line. The exit code is 0 if a
    signal ended it, 2 if a setting is wrong, and 1 if the service cannot run.
    """
    token = os.environ.get("QRCASCADE_TOKEN") or None
    try:
        settings = Settings(token=token, accept=dict(accept), max_body=max_body * _MB, **given)
    except QRCascadeError as error:
        raise click.UsageError(str(error)) from error
    with exit_on_error():
        from qrcascade.server import serve as run

        _check_port(settings.host, settings.port)
    # uvicorn finishes what it has begun and then raises the signal again, which should be no failure.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit(0))
    run(settings)


def _check_port(host: str, port: int) -> None:
    """Raise an `OSError` that says what to do if the service cannot listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":
                # As asyncio does: a port that was just given up can be used again.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(f"cannot listen on {host}, port {port}: {why}; choose another with --port") from error

"""The command line: ``qrcascade serve``."""

from __future__ import annotations

import os
import re
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
_MP = 1_000_000


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


@click.command(context_settings={"auto_envvar_prefix": "QRCASCADE"})
@_setting("--host", help="Address to listen on.")
@_setting("--port", help="Port to listen on.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    help="Name by which callers reach a service on the loopback, such as a proxy's. Repeatable.",
)
@_setting("--without-token", is_flag=True, help="Allow listening on non-loopback addresses without a token.")
@click.option(
    "--preset",
    "presets",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    default=_DEFAULTS.presets,
    help="Preset to serve; the first is the default. Repeatable; by default all presets, thorough first.",
)
@click.option(
    "--accept",
    type=_NamedPattern(),
    multiple=True,
    help="Pattern that callers may name in the accept parameter. Repeatable.",
)
@_setting("--timeout", help="Default time limit per page, in seconds.")
@_setting("--max-timeout", help="Longest time limit that callers may ask for, in seconds.")
@_setting("--concurrency", show_default="one per core", help="Number of readings at a time.")
@_setting("--queue", help="Number of requests that may wait; any more are answered with 503.")
@_setting("--max-wait", help="Longest wait for a turn, and for a body to arrive, in seconds.")
@_setting("--max-body", default=_DEFAULTS.max_body // _MB, help="Largest body, in MB.")
@_setting("--max-pixels", default=_DEFAULTS.max_pixels // _MP, help="Largest picture or page, in megapixels.")
@_setting("--max-memory", type=int, help="Memory of each worker process, in MB; Linux only.")
@_setting("--max-pages", help="Largest number of pages read per document.")
@_setting("--grace", help="Time for the requests in flight when the service is told to stop, in seconds.")
@_setting("--warm", is_flag=True, help="Load the first preset's models at startup.")
@_setting("--log-payloads", is_flag=True, help="Log the payloads that are read.")
def serve(
    accept: tuple[tuple[str, re.Pattern[str]], ...], max_body: int, max_pixels: int, **given: Any
) -> None:
    """Answer POST /detect and /read over HTTP until SIGTERM or SIGINT.

    Every option can also be set in the environment. The token that callers must send can be set only there,
    as QRCASCADE_TOKEN. The log goes to standard output, one JSON object per line. The exit code is 2 if a
    setting is wrong, and 1 if the service cannot run.
    """
    token = os.environ.get("QRCASCADE_TOKEN") or None
    try:
        given.update(max_body=max_body * _MB, max_pixels=max_pixels * _MP)
        settings = Settings(token=token, accept=dict(accept), **given)
    except QRCascadeError as error:
        raise click.UsageError(str(error)) from error
    with exit_on_error():
        from qrcascade.server import serve as run
    run(settings)

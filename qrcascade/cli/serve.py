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


class _Serve(click.Command):
    """Command that names the environment variable if a wrong value comes from one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            name = error.param.name if error.param else None
            if name and ctx.get_parameter_source(name) is click.core.ParameterSource.ENVIRONMENT:
                error.param_hint = f"{ctx.auto_envvar_prefix}_{name.upper()}"
            raise


def _setting(flag: str, **how: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of a setting, with its default."""
    default = getattr(_DEFAULTS, flag.removeprefix("--").replace("-", "_"))
    return click.option(flag, **{"default": default, "show_default": default is not False, **how})


@click.command(
    cls=_Serve,
    short_help="Run the HTTP service.",
    context_settings={"auto_envvar_prefix": "QRCASCADE"},
)
@_setting("--host", help="Listen on this address.")
@_setting("--port", help="Listen on this port.")
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    help="Let callers reach a service on loopback by this name, such as a proxy's. Repeatable.",
)
@_setting("--without-token", is_flag=True, help="Allow listening on non-loopback addresses without a token.")
@click.option(
    "--preset",
    "presets",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    default=_DEFAULTS.presets,
    help="Serve this preset; the first is the default. Repeatable; all by default, thorough first.",
)
@click.option(
    "--accept",
    type=_NamedPattern(),
    multiple=True,
    help="Let callers name this pattern in the accept parameter. Repeatable.",
)
@_setting(
    "--timeout", help="Give up on a page after this many seconds, unless the caller sets another limit."
)
@_setting("--max-timeout", help="Let callers ask for at most this many seconds per page.")
@_setting("--concurrency", show_default="one per core", help="Read this many bodies at a time.")
@_setting("--queue", help="Let this many requests wait; answer any more with 503.")
@_setting("--max-wait", help="Wait at most this many seconds for a turn, and for a body to arrive.")
@_setting("--max-body", default=_DEFAULTS.max_body // _MB, help="Refuse bodies of more than this many MB.")
@_setting(
    "--max-pixels",
    default=_DEFAULTS.max_pixels // _MP,
    help="Refuse pictures of more than this many megapixels.",
)
@_setting("--max-memory", type=int, help="Let each worker process use at most this many MB; Linux only.")
@_setting("--max-pages", help="Read at most this many pages of a document.")
@_setting("--grace", help="When told to stop, wait this many seconds for the requests in flight.")
@_setting("--warm", is_flag=True, help="Load the first preset's models at startup.")
@_setting("--log-payloads", is_flag=True, help="Log the payloads that are read.")
def serve(
    accept: tuple[tuple[str, re.Pattern[str]], ...], max_body: int, max_pixels: int, **given: Any
) -> None:
    """Answer POST /detect and /read over HTTP until SIGTERM or SIGINT.

    Every option can also be set in the environment. The token that callers must send can be set only there,
    as QRCASCADE_TOKEN. The log goes to standard output, one JSON object per line. The exit code is 0 if a
    signal ended it, 2 if a setting is wrong, and 1 if the service cannot run.
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

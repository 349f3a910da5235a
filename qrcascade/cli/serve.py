"""The command line: ``qrcascade serve``."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import click

from qrcascade import QRCascadeError
from qrcascade.cascade import PRESETS

__all__ = ["serve"]


class _NamedPattern(click.ParamType):  # type: ignore[type-arg]
    """NAME=REGEX, in the environment one a line."""

    name = "name=regex"
    envvar_list_splitter = "\n"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, re.Pattern[str]]:
        """A name and its compiled pattern."""
        name, equals, pattern = str(value).strip().partition("=")
        if not equals:
            self.fail(f"NAME=REGEX, not {value!r}", param, ctx)
        try:
            return name, re.compile(pattern)
        except re.error as error:
            self.fail(f"{pattern!r} is no regular expression: {error}", param, ctx)


_seconds = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option("--host", envvar="QRCASCADE_HOST", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", envvar="QRCASCADE_PORT", type=click.IntRange(0, 65_535), default=8008)
@click.option(
    "--without-token", envvar="QRCASCADE_WITHOUT_TOKEN", is_flag=True, help="Beyond the loopback, too."
)
@click.option(
    "--preset",
    "presets",
    envvar="QRCASCADE_PRESETS",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    help="Presets to be served, the first by default; may be given several times. All, thorough first.",
)
@click.option(
    "--accept",
    envvar="QRCASCADE_ACCEPT",
    type=_NamedPattern(),
    multiple=True,
    help="A name that callers may give as accept; may be given several times.",
)
@click.option("--timeout", envvar="QRCASCADE_TIMEOUT", type=_seconds, default=10.0, help="Seconds a reading.")
@click.option(
    "--max-timeout",
    envvar="QRCASCADE_MAX_TIMEOUT",
    type=_seconds,
    default=60.0,
    help="That may be asked for.",
)
@click.option(
    "--concurrency",
    envvar="QRCASCADE_CONCURRENCY",
    type=click.IntRange(min=1),
    help="Readings at a time; by default one a core.",
)
@click.option(
    "--queue",
    envvar="QRCASCADE_QUEUE",
    type=click.IntRange(min=0),
    default=16,
    help="Requests that may wait; one more is answered with 503.",
)
@click.option(
    "--max-wait",
    envvar="QRCASCADE_MAX_WAIT",
    type=_seconds,
    default=30.0,
    help="Seconds for a turn, or a body.",
)
@click.option(
    "--max-body", envvar="QRCASCADE_MAX_BODY", type=click.IntRange(min=1), default=32, help="MB of a body."
)
@click.option(
    "--max-pages", envvar="QRCASCADE_MAX_PAGES", type=click.IntRange(min=1), default=50, help="Of a document."
)
@click.option(
    "--warm", envvar="QRCASCADE_WARM", is_flag=True, help="Load the first preset's models at start."
)
@click.option("--log-payloads", envvar="QRCASCADE_LOG_PAYLOADS", is_flag=True, help="Log what is read.")
def serve(**given: Any) -> None:
    """Answer POST /detect and /read over HTTP, until SIGTERM or SIGINT.

    Every option can be set in the environment, too; the token that callers must send only there, as
    QRCASCADE_TOKEN. The log goes to standard output, one JSON object a line. The exit code is 2 when a
    setting is wrong, 1 when the service cannot run.
    """
    try:
        from qrcascade.server import Settings
        from qrcascade.server import serve as run
    except QRCascadeError as error:
        click.echo(f"qrcascade: {error}", err=True)
        sys.exit(1)
    options = {name: value for name, value in given.items() if value is not None and value != ()}
    options["accept"] = dict(given["accept"])
    options["max_body"] = given["max_body"] * 2**20
    try:
        settings = Settings(token=os.environ.get("QRCASCADE_TOKEN") or None, **options)
    except QRCascadeError as error:
        raise click.UsageError(str(error)) from error
    run(settings)

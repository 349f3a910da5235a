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


_seconds = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--host", envvar="QRCASCADE_HOST", default="127.0.0.1", show_default=True, help="Address to listen on."
)
@click.option(
    "--port",
    envvar="QRCASCADE_PORT",
    type=click.IntRange(0, 65_535),
    default=8008,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--without-token",
    envvar="QRCASCADE_WITHOUT_TOKEN",
    is_flag=True,
    help="Allow listening beyond the loopback without a token.",
)
@click.option(
    "--preset",
    "presets",
    envvar="QRCASCADE_PRESETS",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    help="Preset to serve; the first is the default. Repeatable; by default all presets, thorough first.",
)
@click.option(
    "--accept",
    envvar="QRCASCADE_ACCEPT",
    type=_NamedPattern(),
    multiple=True,
    help="Pattern that callers may name in the accept parameter. Repeatable.",
)
@click.option(
    "--timeout",
    envvar="QRCASCADE_TIMEOUT",
    type=_seconds,
    default=10.0,
    show_default=True,
    help="Default time limit per page, in seconds.",
)
@click.option(
    "--max-timeout",
    envvar="QRCASCADE_MAX_TIMEOUT",
    type=_seconds,
    default=60.0,
    show_default=True,
    help="Longest time limit that callers may ask for, in seconds.",
)
@click.option(
    "--concurrency",
    envvar="QRCASCADE_CONCURRENCY",
    type=click.IntRange(min=1),
    help="Number of readings at a time; by default one per core.",
)
@click.option(
    "--queue",
    envvar="QRCASCADE_QUEUE",
    type=click.IntRange(min=0),
    default=16,
    show_default=True,
    help="Number of requests that may wait; any more are answered with 503.",
)
@click.option(
    "--max-wait",
    envvar="QRCASCADE_MAX_WAIT",
    type=_seconds,
    default=30.0,
    show_default=True,
    help="Longest wait for a turn, and for a body to arrive, in seconds.",
)
@click.option(
    "--max-body",
    envvar="QRCASCADE_MAX_BODY",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Largest body, in MB.",
)
@click.option(
    "--max-pages",
    envvar="QRCASCADE_MAX_PAGES",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Largest number of pages read per document.",
)
@click.option(
    "--warm", envvar="QRCASCADE_WARM", is_flag=True, help="Load the first preset's models at startup."
)
@click.option(
    "--log-payloads", envvar="QRCASCADE_LOG_PAYLOADS", is_flag=True, help="Log the payloads that are read."
)
def serve(**given: Any) -> None:
    """Answer POST /detect and /read over HTTP until SIGTERM or SIGINT.

    Every option can also be set in the environment. The token that callers must send can be set only there,
    as QRCASCADE_TOKEN. The log goes to standard output, one JSON object per line. The exit code is 2 if a
    setting is wrong, and 1 if the service cannot run.
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

"""Options that several commands have."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qrcascade.cascade import PRESETS

__all__ = ["one_line", "reading"]

Command = TypeVar("Command", bound=Callable[..., Any])


def reading(command: Command) -> Command:
    """How files are read: ``--preset``, ``--expect``, ``--timeout``, ``--accept`` and those of documents."""
    for option in reversed(
        [
            click.option("--preset", type=click.Choice(list(PRESETS)), default="thorough", show_default=True),
            click.option("--expect", callback=_expect, help='How many codes a page holds, or "all".'),
            click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds a page."),
            click.option(
                "--accept", callback=_accept, metavar="REGEX", help="Find this in a text, or go on."
            ),
            click.option("--max-pages", type=click.IntRange(min=1), help="Of a document, the first so many."),
            click.option(
                "--stop-early", is_flag=True, help="Of a document, up to the first page with a code."
            ),
            click.option("--password", envvar="QRCASCADE_PASSWORD", help="Of PDFs; or QRCASCADE_PASSWORD."),
        ]
    ):
        command = option(command)
    return command


def _expect(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f'{value!r} is neither a number of codes, from 1, nor "all"')


def _accept(_: click.Context, __: click.Parameter, value: str | None) -> re.Pattern[str] | None:
    try:
        return None if value is None else re.compile(value)
    except re.error as error:
        raise click.BadParameter(f"no regular expression: {error}") from error


def one_line(text: str) -> str:
    """Escape what would break a line or a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

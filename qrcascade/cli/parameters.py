"""What several commands share: options, and messages about errors."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from qrcascade import QRCascadeError
from qrcascade.cascade import PRESETS

__all__ = ["complain", "exit_on_error", "one_line", "reading"]

Command = TypeVar("Command", bound=Callable[..., Any])


def reading(command: Command) -> Command:
    """Add ``--preset``, ``--expect``, ``--timeout``, ``--accept`` and the document options to a command."""
    for option in reversed(
        [
            click.option(
                "--preset",
                type=click.Choice(list(PRESETS)),
                default="thorough",
                show_default=True,
                help="Preset to read with.",
            ),
            click.option("--expect", callback=_parse_expect, help='Number of codes on a page, or "all".'),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0, min_open=True),
                help="Time limit per page, in seconds.",
            ),
            click.option(
                "--accept",
                callback=_parse_accept,
                metavar="REGEX",
                help="Accept only texts that match this pattern; keep looking until one does.",
            ),
            click.option(
                "--max-pages", type=click.IntRange(min=1), help="Read at most this many pages of a document."
            ),
            click.option(
                "--stop-early", is_flag=True, help="Stop at the first page of a document with a code."
            ),
            click.option(
                "--password", envvar="QRCASCADE_PASSWORD", help="Password of PDFs; or set QRCASCADE_PASSWORD."
            ),
        ]
    ):
        command = option(command)
    return command


def _parse_expect(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f'{value!r} is neither a positive number nor "all"')


def _parse_accept(_: click.Context, __: click.Parameter, value: str | None) -> re.Pattern[str] | None:
    try:
        return None if value is None else re.compile(value)
    except re.error as error:
        raise click.BadParameter(f"not a valid regular expression: {error}") from error


def complain(message: object) -> None:
    """Print a message to standard error."""
    click.echo(f"qrcascade: {message}", err=True)


@contextlib.contextmanager
def exit_on_error(code: int = 1) -> Iterator[None]:
    """Turn an error into one line and this exit code instead of a traceback."""
    try:
        yield
    except (QRCascadeError, OSError) as error:
        complain(error)
        sys.exit(code)


def one_line(text: str) -> str:
    """Escape the characters that would break a line or a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

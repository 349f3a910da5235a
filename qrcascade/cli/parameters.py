"""What several commands share: options, and messages about errors."""

from __future__ import annotations

import contextlib
import math
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from qrcascade import OptionError, QRCascadeError, ReadOptions
from qrcascade.cascade import PRESETS
from qrcascade.reading.options import NUMBER, Formats
from qrcascade.report.words import escape

__all__ = ["INTERRUPTED", "TIMEOUT_S", "check_loudness", "complain", "exit_on_error", "reading"]

INTERRUPTED = 130
"""Exit code of what SIGINT ended, as shells report it."""

TIMEOUT_S = 10.0
"""Default time limit per page: as in the service, and more than an unreadable page takes by itself."""

Command = TypeVar("Command", bound=Callable[..., Any])


def _parse_expect(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == "all":
        return value
    if re.fullmatch(NUMBER, value):
        return int(value)
    raise click.BadParameter(f'{value[:40]!r} is neither a positive number nor "all"')


def _parse_formats(_: click.Context, __: click.Parameter, value: Any) -> Formats:
    try:
        return ReadOptions().formats if value is None else ReadOptions(formats=value).formats
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def _parse_accept(_: click.Context, __: click.Parameter, value: str | None) -> re.Pattern[str] | None:
    try:
        return None if value is None else re.compile(value)
    except re.error as error:
        raise click.BadParameter(f"not a valid regular expression: {error}") from error


def _parse_pages(_: click.Context, __: click.Parameter, pages: tuple[str, ...]) -> tuple[int, ...] | None:
    for page in pages:
        if not re.fullmatch(NUMBER, page):
            raise click.BadParameter(f"{page[:40]!r} is not a page's number; repeat --page for several")
    return tuple(map(int, pages)) or None


def _parse_timeout(_: click.Context, __: click.Parameter, seconds: float) -> float | None:
    if math.isnan(seconds):
        raise click.BadParameter("'nan' is not a number of seconds")
    return seconds or None


def check_loudness(quiet: bool, verbose: bool) -> None:
    """Raise a `click.UsageError` if both are given."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")


_READING = (
    click.option(
        "--preset",
        type=click.Choice(list(PRESETS)),
        default="thorough",
        show_default=True,
        help="Read with this preset.",
    ),
    click.option("--expect", callback=_parse_expect, help='Look for this many codes on a page, or "all".'),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0),
        default=TIMEOUT_S,
        show_default=True,
        callback=_parse_timeout,
        help="Give up on a page after this many seconds; 0 means never.",
    ),
    click.option(
        "--formats",
        callback=_parse_formats,
        metavar="NAME,NAME...",
        help=f"Read these symbologies, or all; by default {','.join(ReadOptions().formats)}.",
    ),
    click.option(
        "--accept",
        callback=_parse_accept,
        metavar="REGEX",
        help="Accept only texts that match this pattern; keep looking until one does.",
    ),
    click.option(
        "--page",
        "pages",
        multiple=True,
        callback=_parse_pages,
        help="Read this page of every document, counting from 1. Repeatable; by default all pages.",
    ),
    click.option(
        "--max-pages", type=click.IntRange(min=1), help="Read at most this many pages of a document."
    ),
    click.option("--stop-early", is_flag=True, help="Stop reading a document at its first page with a code."),
    click.option(
        "--password",
        envvar="QRCASCADE_PASSWORD",
        help="Open PDFs with this password; QRCASCADE_PASSWORD sets it too, out of sight of other users.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print results and errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Print a line about every page that is read."),
)


def reading(command: Command) -> Command:
    """Add ``--preset``, the options of `ReadOptions` and of documents, ``--quiet`` and ``--verbose``."""
    for option in reversed(_READING):
        command = option(command)
    return command


def complain(message: object) -> None:
    """Print a message to standard error."""
    lines = (escape(line, backslash=False) for line in str(message).split("\n"))
    click.echo("qrcascade: " + "\n".join(lines), err=True)


@contextlib.contextmanager
def exit_on_error(code: int = 1) -> Iterator[None]:
    """Turn an error into one line and this exit code instead of a traceback."""
    try:
        yield
    except BrokenPipeError:
        # Nobody reads the output any more; click ends quietly.
        raise
    except (QRCascadeError, OSError) as error:
        complain(error)
        sys.exit(code)

"""The command line: ``qrcascade scan``."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from qrcascade import Cascade
from qrcascade.batch import Record, columns, read_groups
from qrcascade.batch.journal import Journal, Stamp, rows
from qrcascade.batch.tally import Tally
from qrcascade.cascade import Preset
from qrcascade.cli.files import copy_into, list_files
from qrcascade.cli.parameters import INTERRUPTED, check_loudness, complain, exit_on_error, reading
from qrcascade.errors import reason
from qrcascade.report.words import count, escape

__all__ = ["scan"]

_KINDS = (".jsonl", ".csv", ".parquet")
# Options that do not change what is read, and what must not be kept.
_IRRELEVANT = ("workers", "ordered", "password")
_RISK = "spreadsheets run cells that begin with = + - @ as formulas"
# More pages than anybody scans at a time, each unreadable within two seconds.
_DOCUMENT_TIMEOUT_S = 600.0


@click.command(short_help="Read folders into a table; runs can be resumed.")
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|GLOB|FILE|LIST.txt|- ...")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write the table to this file; its name must end in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    show_default="one per processor",
    help="Read in this many processes.",
)
@click.option("--ordered", is_flag=True, help="Write the rows in the order of the files.")
@click.option(
    "--failed-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the files in which no code was read into this folder.",
)
@click.option(
    "--resume",
    type=click.Choice(["strict", "files"]),
    default="strict",
    show_default=True,
    help='Skip files that are done, unless they or the options have changed; with "files", even then.',
)
@click.option("--retry-errors", is_flag=True, help="Reread the files that had an error.")
@click.option(
    "--document-timeout",
    type=click.FloatRange(min=0),
    default=_DOCUMENT_TIMEOUT_S,
    show_default=True,
    help="Begin no further page of a document after this many seconds; 0 means no limit.",
)
@reading
@exit_on_error(2)
def scan(
    sources: tuple[str, ...],
    out: Path,
    failed_to: Path | None,
    resume: str,
    retry_errors: bool,
    quiet: bool,
    verbose: bool,
    **how: Any,
) -> None:
    """Read every picture and document into a table with one row per page.

    Folders are searched, except hidden ones. A LIST.txt has one path per line; - reads such a list from
    standard input. To resume an interrupted scan, run it again: files already in the table are skipped,
    unless they or the options have changed.

    The exit code is 0 if a code was read in every file, 1 if some had none or there were no files, 2 if some
    could not be read, and 130 if you interrupt it.
    """
    check_loudness(quiet, verbose)
    kind = out.suffix.lower()
    if kind not in _KINDS:
        raise click.UsageError(f"--out must end in one of {', '.join(_KINDS)}, not {out.name!r}")
    columns.check(out)
    journal_path = out if kind == ".jsonl" else out.with_name(out.name + ".jsonl")
    stamps = _find_stamps(list_files(sources, failed_to, quiet), _describe(how))
    out.parent.mkdir(parents=True, exist_ok=True)
    with Journal(journal_path) as journal:
        if retry_errors:
            journal.tidy(without=journal.failed)
        left = _find_left(stamps, journal.done, resume == "strict", quiet)
        with _Progress(len(stamps), len(left), quiet, verbose) as progress:
            _write(_read(left, **how), left, journal, failed_to, progress)
        journal.tidy()
        if kind != ".jsonl" and (risky := columns.write(journal_path, out)) and kind == ".csv":
            complain(f"{_RISK}: {count(risky, 'cell')} in {out.name!r}; import them as text")
        summary = Tally(rows(journal_path))
    for line in summary.error_lines() if quiet else summary.lines():
        click.echo(escape(line, backslash=False), err=quiet)
    sys.exit(2 if summary.broken_files else 0 if stamps and summary.read_files == summary.files else 1)


def _describe(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that what is read depends on, as JSON can hold them."""
    given = {name: value for name, value in how.items() if value and name not in _IRRELEVANT}
    return {n: v.pattern if isinstance(v, re.Pattern) else v for n, v in given.items()}


def _find_stamps(files: Iterable[str], options: Mapping[str, Any]) -> dict[str, Stamp]:
    """Return the files with their stamps; if a file has several names, only the first."""
    names: dict[str, tuple[str, Stamp]] = {}
    for file in dict.fromkeys(files):
        stamp = Stamp.of(file, options)
        names.setdefault(stamp.path, (file, stamp))
    return dict(names.values())


def _find_left(
    stamps: Mapping[str, Stamp], done: Mapping[str, Stamp], is_strict: bool, quiet: bool
) -> dict[str, Stamp]:
    """Return the files that are to be read, and say how many are not, and why others are read again."""
    left, again = {}, Counter[str]()
    for file, stamp in stamps.items():
        before = done.get(stamp.path)
        if before is not None and not (is_strict and before != stamp):
            continue
        left[file] = stamp
        if before is not None:
            again[_explain_change(before, stamp)] += 1
    if not stamps:
        complain("the sources hold no picture or document")
    if not quiet:
        click.echo(f"{count(len(stamps), 'file')}, {len(left):,} to read", err=True)
        for why, number in again.items():
            click.echo(f"{count(number, 'file')} read again: {escape(why)}", err=True)
        if others := len(done.keys() - {stamp.path for stamp in stamps.values()}):
            click.echo(f"{count(others, 'more file')} in the table, from earlier scans", err=True)
    return left


def _explain_change(before: Stamp, now: Stamp) -> str:
    one, other = json.loads(before.options), json.loads(now.options)
    changes = [
        f"{name} was {one.get(name)}, is {other.get(name)}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]
    return "; ".join(changes) or "changed since"


def _read(
    left: Iterable[str], *, preset: Preset, document_timeout: float, **how: Any
) -> Generator[tuple[Record, ...]]:
    limit = document_timeout or None
    return read_groups(left, cascade=Cascade.preset(preset), document_timeout=limit, **how)


def _write(
    groups: Generator[tuple[Record, ...]],
    stamps: Mapping[str, Stamp],
    journal: Journal,
    failed_to: Path | None,
    progress: _Progress,
) -> None:
    """Write each source's rows as they arrive, and copy the sources that gave no code."""
    failures = Counter[str]()
    with closing(groups):
        try:
            for records in groups:
                source = records[0].source
                journal.write(records, stamps[source])
                if failed_to is not None and not any(records):
                    try:
                        copy_into(failed_to, source)
                    except OSError as error:
                        failures[reason(error)] += 1
                progress.show(records)
        except KeyboardInterrupt:
            # It may have come between a row and its count: what is on disk is done.
            journal.reload()
            done = journal.done
            progress.interrupt(sum(done.get(stamp.path) == stamp for stamp in stamps.values()))
    for why, number in failures.items():
        complain(f"{count(number, 'file')} could not be copied to {str(failed_to)!r}: {why}")


class _Progress:
    """The progress of a scan on standard error: a bar, a line per file, or nothing."""

    def __init__(self, files: int, left: int, quiet: bool, verbose: bool) -> None:
        self._files, self._before, self._verbose = files, files - left, verbose
        self._done = self._before
        self._start = time.monotonic()
        self._bar: Any = None
        if not quiet and not verbose and sys.stderr.isatty():
            how: dict[str, Any] = {"file": sys.stderr, "show_pos": True, "width": 24, "update_min_steps": 1}
            self._bar = click.progressbar(length=left, item_show_func=self._rate, **how)

    def __enter__(self) -> _Progress:
        if self._bar:
            self._bar.__enter__()
        return self

    def __exit__(self, *how: Any) -> None:
        if self._bar:
            self._bar.__exit__(*how)

    def _rate(self, now: float | None) -> str:
        if now is None or now <= self._start:
            return ""
        return f"{self._bar.pos / (now - self._start):.1f} files/s"

    def show(self, records: Sequence[Record]) -> None:
        """Show that a file is done."""
        self._done += 1
        if self._bar:
            self._bar.update(1, time.monotonic())
        if self._verbose:
            texts = sum(len(record.result.texts) for record in records if record.result)
            errors = [record.error for record in records if record.error is not None]
            words = "; ".join([count(texts, "code"), *errors])
            complain(f"[{self._done:,} of {self._files:,}] {records[0].source!r}: {words}")

    def interrupt(self, read: int) -> None:
        """Say how far it got, ``read`` files in this run, and end the program."""
        if self._bar:
            click.echo(err=True)
        complain(f"interrupted: {self._before + read:,} of {self._files:,} done; run again to go on")
        sys.exit(INTERRUPTED)

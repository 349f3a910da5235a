"""The command line: ``qrcascade scan``."""

from __future__ import annotations

import glob
import os
import shutil
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click

from qrcascade import Cascade
from qrcascade.batch import Record, columns, read_groups, row_name
from qrcascade.batch.journal import Journal, rows
from qrcascade.batch.tally import Tally
from qrcascade.cascade import Preset
from qrcascade.cli.parameters import exit_on_error, one_line, reading

__all__ = ["list_files", "scan"]

# Files to read in a folder; a file named on the command line is always read.
_SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif"),
        *(".tiff", ".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx", ".mpo", ".pcx", ".tga"),
        *(".pbm", ".pgm", ".ppm", ".pnm", ".pdf"),
    ]
)
_KINDS = (".jsonl", ".csv", ".parquet")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|GLOB|FILE|LIST.txt|- ...")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Table to write; its name ends in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of worker processes; by default one per processor."
)
@click.option("--ordered", is_flag=True, help="Write the rows in the order of the files.")
@click.option(
    "--failed-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the files without a code that was read into this folder.",
)
@reading
@exit_on_error(2)
def scan(
    sources: tuple[str, ...],
    out: Path,
    workers: int | None,
    ordered: bool,
    failed_to: Path | None,
    preset: Preset,
    **options: Any,
) -> None:
    """Read every picture and document into a table with one row per page.

    Folders are searched. A LIST.txt has one path per line; - reads such a list from standard input. To resume
    an interrupted scan, run it again: files already in the table are skipped. docs/batch.md describes the
    columns.

    The exit code is 0 if a code was read in every file, 1 if some had none, and 2 if some could not be read.
    """
    kind = out.suffix.lower()
    if kind not in _KINDS:
        raise click.UsageError(f"--out must end in one of {', '.join(_KINDS)}, not {out.name!r}")
    journal_path = out if kind == ".jsonl" else out.with_name(out.name + ".jsonl")
    columns.check(out)
    files = list(dict.fromkeys(list_files(sources, failed_to)))
    out.parent.mkdir(parents=True, exist_ok=True)
    with Journal(journal_path) as journal:
        left = [file for file in files if row_name(file) not in journal.done]
        click.echo(f"{len(files):,} files, {len(files) - len(left):,} of them done already", err=True)
        how: dict[str, Any] = {"workers": workers, "ordered": ordered, **options}
        groups = read_groups(left, cascade=Cascade.preset(preset), **how)
        _write(groups, journal, len(left), failed_to)
    if kind != ".jsonl":
        columns.write(journal_path, out)
    summary = Tally(rows(journal_path))
    for line in summary.lines():
        click.echo(one_line(line))
    sys.exit(2 if summary.broken_files else 0 if summary.read_files == summary.files else 1)


def _write(
    groups: Generator[tuple[Record, ...]], journal: Journal, number: int, failed_to: Path | None
) -> None:
    """Write each source's rows as they arrive, and copy the sources that gave no code."""
    with closing(groups), _bar(number) as bar:
        for records in groups:
            if failed_to is not None and not any(records):
                _copy(records[0].source, failed_to)
            journal.write(records)
            bar.update(1, time.monotonic())


def _bar(length: int) -> Any:
    start = time.monotonic()

    def rate(now: float | None) -> str:
        if now is None or now <= start:
            return ""
        return f"{bar.pos / (now - start):.1f} files/s"

    bar = click.progressbar(
        length=length, file=sys.stderr, show_pos=True, item_show_func=rate, width=24, update_min_steps=1
    )
    return bar


def list_files(sources: Iterable[str], failed_to: Path | None) -> Iterator[str]:
    """Yield every file that the sources name, always in the same order."""
    for source in sources:
        if source == "-":
            yield from _read_lines(sys.stdin)
        elif Path(source).is_dir():
            yield from _walk(source, failed_to)
        elif not Path(source).exists() and glob.has_magic(source):
            found = sorted(glob.glob(source, recursive=True))  # noqa: PTH207
            yield from (file for file in found if not Path(file).is_dir())
        elif source.lower().endswith(".txt"):
            with Path(source).open(encoding="utf-8", errors="surrogateescape") as file:
                yield from _read_lines(file)
        else:
            yield source


def _read_lines(file: Iterable[str]) -> Iterator[str]:
    yield from filter(None, (line.rstrip("\r\n") for line in file))


def _walk(folder: str, failed_to: Path | None) -> Iterator[str]:
    own = failed_to.resolve() if failed_to else None
    others = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if own is None or Path(parent, f).resolve() != own)
        for file in sorted(files):
            if Path(file).suffix.lower() in _SUFFIXES:
                yield str(Path(parent, file))
            else:
                others += 1
    if others:
        click.echo(f"{folder}: {others:,} files of other kinds were skipped", err=True)


def _copy(file: str, folder: Path) -> None:
    """Copy a file into the folder under its own path, which is the same in every run."""
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        path = path.resolve()
        path = path.relative_to(path.anchor)
    target = folder / path
    with suppress(FileNotFoundError):
        if Path(file).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)

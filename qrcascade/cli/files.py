"""Finding the files that a command line names, and places for files made from them."""

from __future__ import annotations

import glob
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from qrcascade.cli.parameters import complain
from qrcascade.image.formats import SUFFIXES
from qrcascade.report.words import count

__all__ = ["copy_into", "expand", "list_files", "place_in"]

# Files to read in a folder; a file named on the command line is always read.
_SUFFIXES = SUFFIXES | {".pdf"}


def list_files(sources: Iterable[str], ignored: Path | None = None, quiet: bool = False) -> Iterator[str]:
    """Yield every file that the sources of a scan name, always in the same order.

    A source is what `expand` knows, or a list of paths: a file ending in .txt, or "-", standard input.
    Raises `click.UsageError` if there is no such source, or if a list is not text.
    """
    for source in sources:
        if source == "-":
            yield from _read_lines(sys.stdin, "standard input")
        elif not os.path.lexists(source) and not glob.has_magic(source):
            raise click.UsageError(f"there is no file or folder {source!r}")
        elif source.lower().endswith(".txt") and not Path(source).is_dir():
            with Path(source).open(encoding="utf-8", errors="surrogateescape") as file:
                yield from _read_lines(file, source)
        else:
            yield from expand(source, ignored, quiet)


def expand(source: str, ignored: Path | None = None, quiet: bool = False) -> Iterator[str]:
    """Yield the files that a file, a folder or a pattern names; the folder ``ignored`` is left out."""
    if Path(source).is_dir():
        yield from _walk(source, ignored, quiet)
    elif not os.path.lexists(source) and glob.has_magic(source):
        found = sorted(glob.glob(source, recursive=True))  # noqa: PTH207
        yield from (file for file in found if not Path(file).is_dir())
    else:
        yield source


def _read_lines(file: Iterable[str], name: str) -> Iterator[str]:
    try:
        for line in file:
            if "\0" in line:
                raise click.UsageError(f"{name!r} is not a list of paths, one per line: it has a zero byte")
            # Editors on Windows begin a file with a byte order mark.
            if path := line.rstrip("\r\n").removeprefix("\ufeff"):
                yield path
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{name!r} is not a list of paths, one per line: {error.reason}") from error


def _walk(folder: str, ignored: Path | None, quiet: bool) -> Iterator[str]:
    own = ignored.resolve() if ignored else None
    unreadable: list[str] = []
    others = links = hidden = 0
    for parent, folders, files in os.walk(folder, onerror=lambda error: unreadable.append(error.filename)):
        shown = [name for name in folders if not name.startswith(".")]
        seen = sorted(name for name in files if not name.startswith("."))
        hidden += len(folders) + len(files) - len(shown) - len(seen)
        links += sum(Path(parent, name).is_symlink() for name in shown)
        folders[:] = sorted(f for f in shown if own is None or Path(parent, f).resolve() != own)
        for file in seen:
            if Path(file).suffix.lower() in _SUFFIXES:
                yield str(Path(parent, file))
            else:
                others += 1
    # Reading a folder as a file fails, and says why.
    yield from unreadable
    skipped = (
        (others, "file of another kind", "files of other kinds"),
        (links, "linked folder"),
        (hidden, "hidden file or folder", "hidden files and folders"),
    )
    for number, *noun in skipped:
        if number and not quiet:
            complain(f"{folder!r}: skipped {count(number, *noun)}")


def place_in(folder: Path, file: str) -> Path:
    """Return where a file lies in a folder of copies: under its own path, the same in every run.

    Raises
    ------
    OSError
        If a link leads out of the folder there.
    """
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        path = path.resolve()
        path = path.relative_to(path.anchor)
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise OSError(f"{str(target.parent)!r} is a link that leads out of {str(folder)!r}")
    return target


def copy_into(folder: Path, file: str) -> None:
    """Copy a file into a folder, links as links; replace what is there. Raises `OSError` if that fails."""
    from qrcascade.batch.lock import replace_whole

    if not Path(file).is_file():
        return
    with replace_whole(place_in(folder, file)) as part:
        shutil.copy2(file, part, follow_symlinks=False)

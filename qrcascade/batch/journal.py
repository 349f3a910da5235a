"""Rows on disk, one JSON object per line, which survive however the program ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from qrcascade.batch.lock import Lock, replace_whole
from qrcascade.batch.pool import Record, row_name
from qrcascade.errors import OptionError
from qrcascade.report.words import to_json

__all__ = ["Journal", "Row", "Stamp", "rows"]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What identifies a reading: the file, as it was then, and the options, as JSON."""

    # Absolute, without links, so that every way to name a file is one.
    path: str
    options: str
    # Size, and time of the last change in nanoseconds; None for what is no regular file, or is missing.
    bytes: int | None = None
    changed: int | None = None

    @classmethod
    def of(cls, file: str, options: Mapping[str, Any]) -> Stamp:
        """Return the stamp of a file as it is now."""
        path = os.path.realpath(file)
        text = sys.intern(json.dumps(options, sort_keys=True))
        if not os.path.isfile(path):  # noqa: PTH113
            return cls(row_name(path), text)
        found = os.stat(path)  # noqa: PTH116
        return cls(row_name(path), text, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class _Block:
    """Where the rows of a source begin, what they are of, and whether one has an error."""

    start: int
    stamp: Stamp
    has_error: bool


class Journal:
    """The rows of a batch, from which a later run learns which sources are done.

    The rows of a source are written together. If a run ends in the middle of them, they are dropped when the
    journal is opened again, and the source is read again. Rows that replace earlier ones are added, too;
    `tidy` removes the earlier ones. Only one process has it open.

    Raises
    ------
    OptionError
        If the file has lines that are not rows, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock(path)
        try:
            self._load()
        except BaseException:
            self._lock.release()
            raise

    def reload(self) -> None:
        """Learn what is done from the file, however the last write ended."""
        self._file.close()
        self._load()

    def _load(self) -> None:
        """Open the file behind its last whole source."""
        self._blocks: dict[str, _Block] = {}
        self._is_tidy = True
        end = 0
        for block, lines in _blocks(self._path) if self._path.exists() else ():
            self._is_tidy &= block.stamp.path not in self._blocks
            self._blocks[block.stamp.path] = block
            end = block.start + sum(map(len, lines))
        # Unbuffered, so that no row is lost with this process.
        self._file = self._path.open("ab", buffering=0)
        self._file.truncate(end)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()

    @property
    def done(self) -> Mapping[str, Stamp]:
        """The stamps of the sources that had their rows when the journal was last loaded, by path."""
        return {path: block.stamp for path, block in self._blocks.items()}

    @property
    def failed(self) -> Collection[str]:
        """The paths of the sources with an error in one of their rows."""
        return [path for path, block in self._blocks.items() if block.has_error]

    def write(self, records: Sequence[Record], stamp: Stamp) -> None:
        """Add the rows of a source."""
        more = {"path": stamp.path, "bytes": stamp.bytes, "changed": stamp.changed}
        more["options"] = json.loads(stamp.options)
        lines = "".join(to_json({**record.to_dict(), **more}) + "\n" for record in records)
        left = memoryview(lines.encode())
        while left:
            left = left[self._file.write(left) :]
        # What was written is not kept, so that memory does not grow with it.
        self._is_tidy &= stamp.path not in self._blocks

    def tidy(self, without: Collection[str] = ()) -> None:
        """Remove rows that later ones replace, and those of these paths: all at once, or not at all."""
        if self._is_tidy and not without:
            return
        latest = {block.stamp.path: block.start for block, _ in _blocks(self._path)}
        dropped = set(without)
        kept = {start for path, start in latest.items() if path not in dropped}
        with replace_whole(self._path) as part:
            with part.open("wb") as file:
                for block, lines in _blocks(self._path):
                    if block.start in kept:
                        file.writelines(lines)
            # Windows replaces no open file.
            self._file.close()
        self._load()


def rows(path: Path) -> Iterator[Row]:
    """Yield each row of a journal."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _blocks(path: Path) -> Iterator[tuple[_Block, list[bytes]]]:
    """Yield each source whose rows are complete, with their lines."""
    start = 0
    lines: list[bytes] = []
    has_error = False
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            stamp, of, is_error = _parse_row(path, number, line)
            lines.append(line)
            has_error |= is_error
            if len(lines) == of:
                yield _Block(start, stamp, has_error), lines
                start += sum(map(len, lines))
                lines, has_error = [], False


def _parse_row(path: Path, number: int, line: bytes) -> tuple[Stamp, int, bool]:
    try:
        row = json.loads(line)
        options = sys.intern(json.dumps(row["options"], sort_keys=True))
        stamp = Stamp(str(row["path"]), options, row["bytes"], row["changed"])
        return stamp, int(row["rows"]), row["error"] is not None
    except (ValueError, TypeError, KeyError) as error:
        raise OptionError(
            f"{str(path)!r} is not the output of a scan that can be resumed: line {number} is not a row; "
            "name another file, or move this one away"
        ) from error

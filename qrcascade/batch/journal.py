"""Rows on disk, one JSON object a line: what is written is kept, whatever ends the program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from qrcascade.batch.pool import Record
from qrcascade.errors import OptionError

__all__ = ["Journal", "Row", "rows"]

Row = dict[str, Any]


class Journal:
    """The rows of a batch, of which a later run finds out what is done.

    A source's rows are written at once. Where a run was ended within them, they are dropped when the journal
    is opened again, and that source is read again.

    Parameters
    ----------
    path : Path
        Made where it is not there.

    Raises
    ------
    OptionError
        If the file is there, and has other lines than rows.

    Attributes
    ----------
    done : set of str
        Names of the sources that have all of their rows.
    """

    def __init__(self, path: Path) -> None:
        self.done: set[str] = set()
        whole = _whole(path, self.done) if path.exists() else 0
        # Unbuffered, so that nothing waits in this process.
        self._file = path.open("ab", buffering=0)
        self._file.truncate(whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, records: Sequence[Record]) -> None:
        """Add the rows of a source."""
        lines = "".join(json.dumps(record.to_dict(), ensure_ascii=False) + "\n" for record in records)
        left = memoryview(lines.encode("utf-8", "backslashreplace"))
        while left:
            left = left[self._file.write(left) :]


def rows(path: Path) -> Iterator[Row]:
    """Each row of a journal."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _whole(path: Path, done: set[str]) -> int:
    """Up to which byte the journal consists of sources with all their rows; their names are added."""
    whole = end = begun = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            name, of = _named(path, number, line)
            end += len(line)
            begun += 1
            if begun == of:
                done.add(name)
                whole, begun = end, 0
    return whole


def _named(path: Path, number: int, line: bytes) -> tuple[str, int]:
    try:
        row = json.loads(line)
        name, of = row["file"], row["rows"]
    except (ValueError, TypeError, KeyError):
        name, of = None, None
    if not (isinstance(name, str) and isinstance(of, int)):
        raise OptionError(
            f"{str(path)!r} is no output of a scan to go on with: line {number} is no row of one; "
            "name another file, or move this one away"
        )
    return name, of

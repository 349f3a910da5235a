"""Rows on disk, one JSON object per line, which survive however the program ends."""

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
    """The rows of a batch, from which a later run learns which sources are ``done``.

    The rows of a source are written together. If a run ends in the middle of them, they are dropped when the
    journal is opened again, and the source is read again. Raises `OptionError` if the file has lines that are
    not rows.
    """

    def __init__(self, path: Path) -> None:
        self.done: set[str] = set()
        whole = _find_end(path, self.done) if path.exists() else 0
        # Unbuffered, so that no row is lost with this process.
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
    """Yield each row of a journal."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _find_end(path: Path, done: set[str]) -> int:
    """Return the byte up to which all sources are complete, and add their names to ``done``."""
    whole = end = begun = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            name, of = _parse_row(path, number, line)
            end += len(line)
            begun += 1
            if begun == of:
                done.add(name)
                whole, begun = end, 0
    return whole


def _parse_row(path: Path, number: int, line: bytes) -> tuple[str, int]:
    try:
        row = json.loads(line)
        name, of = row["file"], row["rows"]
    except (ValueError, TypeError, KeyError):
        name, of = None, None
    if not (isinstance(name, str) and isinstance(of, int)):
        raise OptionError(
            f"{str(path)!r} is not the output of a scan that can be resumed: line {number} is not a row; "
            "name another file, or move this one away"
        )
    return name, of

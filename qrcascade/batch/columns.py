"""A journal as a CSV or Parquet table, one row per page."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from qrcascade.batch.journal import Row, rows
from qrcascade.batch.lock import replace_whole
from qrcascade.errors import MissingDependencyError, OptionError

__all__ = ["COLUMNS", "check", "flatten", "schema", "write"]

_BLOCK = 5_000
# Spreadsheets take a cell that begins so for a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

COLUMNS: dict[str, str] = {
    "file": "string",
    "page": "int32",
    "rows": "int32",
    "read": "bool_",
    "text": "string",
    "texts": "list",
    "confidence": "float64",
    "strategy": "string",
    "engine": "string",
    "version": "string",
    "ec_level": "string",
    "format": "string",
    "regions": "int32",
    "ms": "float64",
    "timed_out": "bool_",
    "width": "int32",
    "height": "int32",
    "error": "string",
}
"""Names of the columns, with their pyarrow types; ``confidence`` to ``format`` describe ``text``."""


def check(path: Path) -> None:
    """Check that a table can be written there, in place of an earlier one at most.

    Raises
    ------
    MissingDependencyError
        If the package for this kind of table is not installed.
    OptionError
        If there is a file that is not such a table.
    """
    kind = path.suffix.lower()
    if kind == ".parquet":
        _pyarrow()
    if kind in (".csv", ".parquet") and path.is_file() and path.stat().st_size and not _is_table(path):
        raise OptionError(f"{str(path)!r} is not a table of a scan: name another file, or move this one away")


def _is_table(path: Path) -> bool:
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip("\r\n").split(",") == list(COLUMNS)
    arrow, parquet = _pyarrow()
    try:
        return list(parquet.read_schema(path).names) == list(COLUMNS)
    except arrow.ArrowException:
        return False


def write(journal: Path, path: Path) -> int:
    """Write the kind of table given by the path's suffix, replacing an existing one.

    Return the number of texts in it that a spreadsheet would take for formulas.
    """
    with replace_whole(path) as part:
        if path.suffix.lower() == ".parquet":
            _write_parquet(map(flatten, rows(journal)), part)
            return 0
        with part.open("w", newline="", encoding="utf-8") as file:
            return _write_csv(map(flatten, rows(journal)), file)


def flatten(row: Row) -> Row:
    """Return a row of a journal with the keys of `COLUMNS`."""
    taken = [code for code in row.get("codes", ()) if code["accepted"]]
    best = taken[0] if taken else {}
    width, height = row.get("size", (None, None))
    facts = {
        **best,
        **row,
        "read": bool(taken),
        "texts": [code["text"] for code in taken],
        "regions": len(row.get("regions", ())),
        "width": width,
        "height": height,
    }
    return {name: facts.get(name) for name in COLUMNS}


def schema() -> Any:
    """Return `COLUMNS` as a pyarrow.Schema.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    """
    arrow, _ = _pyarrow()
    types = {"list": arrow.list_(arrow.string())}
    return arrow.schema([(name, types.get(kind) or getattr(arrow, kind)()) for name, kind in COLUMNS.items()])


def _write_csv(table_rows: Iterable[Row], file: IO[str]) -> int:
    table = csv.DictWriter(file, COLUMNS)
    table.writeheader()
    risky = 0
    for row in table_rows:
        table.writerow({**row, "texts": json.dumps(row["texts"], ensure_ascii=False)})
        risky += sum(isinstance(cell, str) and cell.startswith(_FORMULA) for cell in row.values())
    return risky


def _write_parquet(table_rows: Iterable[Row], path: Path) -> None:
    arrow, parquet = _pyarrow()
    table_rows, columns = iter(table_rows), schema()
    with parquet.ParquetWriter(path, columns) as writer:
        while block := list(itertools.islice(table_rows, _BLOCK)):
            writer.write_table(arrow.Table.from_pylist(block, columns))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError("Parquet", "pip install 'qrcascade[parquet]'", str(error)) from error
    return pyarrow, pyarrow.parquet

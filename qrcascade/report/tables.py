"""Readings as a table: one row per code, and one for a picture without codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qrcascade.errors import MissingDependencyError, OptionError
from qrcascade.results import QRCode, Reading

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["COLUMNS", "Readings", "rows", "to_pandas", "to_polars"]

COLUMNS = (
    "source",
    "page",
    "text",
    "data",
    "confidence",
    "accepted",
    "engine",
    "strategy",
    "step",
    "version",
    "ec_level",
    "format",
    "x",
    "y",
    "side",
    "ms",
    "attempts",
    "unread",
    "ended",
)
"""The keys of a row, in order. For a picture without codes, those from text to side are None."""

Readings = Mapping[Any, Reading] | Iterable[Reading | tuple[Any, Reading]]
"""Results, with or without the names of their sources: a mapping, pairs, or results alone."""


def rows(readings: Readings) -> list[dict[str, Any]]:
    """Return plain rows with the keys of `COLUMNS`.

    ``x``, ``y`` and ``side`` are the symbol's centre and width in pixels of the upright picture, ``data`` is
    hexadecimal, ``ms`` is the time spent on the picture, ``unread`` the number of regions located in it but
    not read.

    Parameters
    ----------
    readings : mapping of name to Reading, or iterable of Reading or of (name, Reading)
        One reading per picture or page; names become ``source``, as text.

    Raises
    ------
    OptionError
        If an item is anything else.
    """
    return list(_make_rows(readings.items() if isinstance(readings, Mapping) else readings))


def to_pandas(readings: Readings) -> pandas.DataFrame:
    """Return `rows` as a pandas DataFrame.

    Raises
    ------
    OptionError
        As for `rows`.
    MissingDependencyError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependencyError("pandas", "pip install pandas", str(error)) from error
    return pandas.DataFrame(rows(readings), columns=list(COLUMNS))


def to_polars(readings: Readings) -> polars.DataFrame:
    """Return `rows` as a polars DataFrame.

    Raises
    ------
    OptionError
        As for `rows`.
    MissingDependencyError
        If polars is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise MissingDependencyError("polars", "pip install polars", str(error)) from error
    return polars.DataFrame(rows(readings), schema=list(COLUMNS), infer_schema_length=None)


def _make_rows(readings: Iterable[object]) -> Iterator[dict[str, Any]]:
    for reading in readings:
        source, result = reading if isinstance(reading, tuple) and len(reading) == 2 else (None, reading)
        if not isinstance(result, Reading):
            raise OptionError(f"a table needs ReadResult or (name, ReadResult) items, got {reading!r}")
        for code in result.codes or (None,):
            yield _make_row(None if source is None else str(source), result, code)


def _make_row(source: str | None, result: Reading, code: QRCode | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    if code is not None:
        facts = code.to_dict()
        row.update((name, facts[name]) for name in COLUMNS if name in facts)
        (row["x"], row["y"]), row["side"] = code.quad.center, code.quad.side
    row.update(
        source=source,
        page=result.page,
        ms=round(result.elapsed_s * 1000, 2),
        attempts=len(result.attempts),
        unread=len(result.regions),
        ended=result.ended,
    )
    return row

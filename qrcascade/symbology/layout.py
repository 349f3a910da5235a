"""The layout of a QR Code symbol of each version (ISO/IEC 18004:2015, clauses 6.3 and 7).

Coordinates are (row, column) from the symbol's own top-left, without the quiet zone. Modules are +1 for dark,
-1 for light and 0 for unknown; all arrays are read-only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FINDER_CENTRE",
    "LEVELS",
    "TIMING",
    "VERSIONS",
    "Layout",
    "blocks",
    "data_mask",
    "draw_finder",
    "interleaving",
    "layout",
    "symbol_size",
]

_Array = TypeVar("_Array", bound=NDArray[Any])

VERSIONS = range(1, 41)
# In modules from the edge: a finder pattern's centre (6.3.3), a timing pattern's row and column (6.3.5).
FINDER_CENTRE, TIMING = 3.5, 6
# Error correction levels by the value of their two bits in the format information (Table 12).
LEVELS = "MLHQ"

# Table 9, for versions 1 to 40: error correction codewords per block, and number of blocks.
_PARITY = {
    "L": "7 10 15 20 26 18 20 24 30 18 20 24 26 30 22 24 28 30 28 28 "
    "28 28 30 30 26 28 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
    "M": "10 16 26 18 24 16 18 22 22 26 30 22 22 24 24 28 28 26 26 26 "
    "26 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28 28",
    "Q": "13 22 18 26 18 24 18 22 20 24 28 26 24 20 30 24 28 28 26 30 "
    "28 30 30 30 30 28 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
    "H": "17 28 22 16 22 28 26 26 24 28 24 28 22 24 24 30 28 28 26 28 "
    "30 24 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30",
}
_BLOCKS = {
    "L": "1 1 1 1 1 2 2 2 2 4 4 4 4 4 6 6 6 6 7 8 8 9 9 10 12 12 12 13 14 15 16 17 18 19 19 20 21 22 24 25",
    "M": "1 1 1 2 2 4 4 4 5 5 5 8 9 9 10 10 11 13 14 16 "
    "17 17 18 20 21 23 25 26 28 29 31 33 35 37 38 40 43 45 47 49",
    "Q": "1 1 2 2 4 4 6 6 8 8 8 10 12 16 12 17 16 18 21 20 "
    "23 23 25 27 29 34 34 35 38 40 43 45 48 51 53 56 59 62 65 68",
    "H": "1 1 2 4 4 4 5 6 8 8 11 11 16 16 18 16 19 21 25 25 "
    "25 34 30 32 35 37 40 42 45 48 51 54 57 60 63 66 70 74 77 81",
}


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The layout of a version.

    Attributes
    ----------
    version, size : int
        1 to 40, and the number of modules per side, 21 to 177.
    pattern : ndarray of int8, shape (N, N)
        The function patterns that all symbols of the version share: finder patterns with separators,
        timing and alignment patterns and the dark module; 0 elsewhere.
    function : ndarray of bool, shape (N, N)
        The modules that carry no codeword: `pattern`, format and version information.
    order : ndarray of int, shape (8 * codewords, 2)
        The place of each bit, codeword by codeword, the most significant bit first (7.7.3).
    remainder : ndarray of int, shape (0 to 7, 2)
        The modules left over after the codewords.
    format_cells : ndarray of int, shape (2, 15, 2)
        Both copies of the format information, the most significant bit first (7.9.1).
    version_cells : ndarray of int, shape (2, 18, 2)
        Both copies of the version information, likewise (7.10); shape (0, 18, 2) below version 7.
    timing : ndarray of bool, shape (N, N)
        The timing patterns, except where alignment patterns cover them.
    alignment : tuple of int
        Coordinates whose pairs are the centres of alignment patterns (Annex E).
    """

    version: int
    size: int
    pattern: NDArray[np.int8]
    function: NDArray[np.bool_]
    order: NDArray[np.intp]
    remainder: NDArray[np.intp]
    format_cells: NDArray[np.intp]
    version_cells: NDArray[np.intp]
    timing: NDArray[np.bool_]
    alignment: tuple[int, ...]


def symbol_size(version: int) -> int:
    """Return the number of modules per side of a version (Table 1)."""
    return 17 + 4 * version


@functools.lru_cache(maxsize=40)
def layout(version: int) -> Layout:
    """Return the layout of a version, 1 to 40; raise ValueError for any other."""
    if version not in VERSIONS:
        raise ValueError(f"there is no version {version}")
    size = symbol_size(version)
    centres = _compute_alignment(version)
    pattern, timing = _draw_patterns(size, centres)
    format_cells, version_cells = _list_format_cells(size), _list_version_cells(version)
    function = pattern != 0
    for cells in (*format_cells, *version_cells):
        function[cells[:, 0], cells[:, 1]] = True
    places = _order_modules(function)
    whole = len(places) // 8 * 8
    return Layout(
        version=version,
        size=size,
        pattern=_freeze(pattern),
        function=_freeze(function),
        order=_freeze(places[:whole]),
        remainder=_freeze(places[whole:]),
        format_cells=_freeze(format_cells),
        version_cells=_freeze(version_cells),
        timing=_freeze(timing),
        alignment=centres,
    )


def _freeze(array: _Array) -> _Array:
    array.flags.writeable = False
    return array


def _compute_alignment(version: int) -> tuple[int, ...]:
    """Return coordinates from 6 to the end, evenly spaced from the end except for the first gap (Annex E)."""
    if version == 1:
        return ()
    gaps = version // 7 + 1
    # This rounding of the even spacing gives the table for every version, 32 included.
    step = (8 * version + 3 * gaps + 8) // (4 * gaps) * 2
    last = 10 + 4 * version
    return (TIMING, *(last - step * i for i in range(gaps - 1, -1, -1)))


def _draw_patterns(size: int, centres: tuple[int, ...]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the function patterns (6.3), and which of their modules are timing patterns."""
    pattern = np.zeros((size, size), np.int8)
    stripes = np.where(np.arange(size) % 2 == 0, 1, -1)
    pattern[TIMING], pattern[:, TIMING] = stripes, stripes
    finder = draw_finder()
    pattern[:8, :8] = finder[1:, 1:]
    pattern[:8, -8:] = finder[1:, :-1]
    pattern[-8:, :8] = finder[:-1, 1:]
    timing = pattern != 0
    timing[:8, :8] = timing[:8, -8:] = timing[-8:, :8] = False
    for row in centres:
        for column in centres:
            # Three corners have finder patterns instead.
            if not {(row, column), (column, row)} & {(TIMING, TIMING), (TIMING, size - 7)}:
                place = np.s_[row - 2 : row + 3, column - 2 : column + 3]
                pattern[place] = _draw_rings(2, dark=(0, 2))
                timing[place] = False
    pattern[size - 8, 8] = 1
    return pattern, timing


def draw_finder() -> NDArray[np.int8]:
    """Return a finder pattern with a separator all round (6.3.3, 6.3.4), shape (9, 9): +1 dark, -1 light."""
    return _draw_rings(4, dark=(0, 1, 3))


def _draw_rings(radius: int, dark: tuple[int, ...]) -> NDArray[np.int8]:
    """Return concentric squares that are dark at certain distances from the centre."""
    away = np.abs(np.arange(-radius, radius + 1))
    return np.where(np.isin(np.maximum(away[:, None], away), dark), 1, -1).astype(np.int8)


def _list_format_cells(size: int) -> NDArray[np.intp]:
    """Return the cells of Figure 25, the most significant of the 15 bits first."""
    along = (0, 1, 2, 3, 4, 5, 7)
    corner = [*((8, i) for i in along), (8, 8), *((i, 8) for i in reversed(along))]
    edges = [*((size - 1 - i, 8) for i in range(7)), *((8, size - 8 + i) for i in range(8))]
    return np.array([corner, edges], np.intp)


def _list_version_cells(version: int) -> NDArray[np.intp]:
    """Return the cells of Figures 27 and 28, the most significant of the 18 bits first."""
    if version < 7:
        return np.zeros((0, 18, 2), np.intp)
    high, low = np.divmod(np.arange(17, -1, -1), 3)
    low += 6 + 4 * version
    return np.stack([np.stack([low, high], 1), np.stack([high, low], 1)])


def _order_modules(function: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the free modules in the order of 7.7.3: columns in pairs from the right, up and down."""
    size = len(function)
    columns = [c for c in range(size - 1, -1, -1) if c != TIMING]
    rows = np.arange(size)
    parts: list[NDArray[np.intp]] = []
    for i in range(0, len(columns), 2):
        upwards = i % 4 == 0
        row = np.repeat(rows[::-1] if upwards else rows, 2)
        parts.append(np.stack([row, np.tile(columns[i : i + 2], size)], 1))
    places = np.concatenate(parts)
    return places[~function[places[:, 0], places[:, 1]]].astype(np.intp)


@functools.lru_cache(maxsize=320)
def data_mask(mask: int, size: int) -> NDArray[np.bool_]:
    """Return where data mask pattern 0 to 7 inverts the modules (Table 10), shape (size, size)."""
    i, j = np.mgrid[:size, :size]
    conditions = (
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        i * j % 2 + i * j % 3,
        (i * j % 2 + i * j % 3) % 2,
        ((i + j) % 2 + i * j % 3) % 2,
    )
    return _freeze(conditions[mask] == 0)


def blocks(version: int, level: str) -> tuple[tuple[int, int], ...]:
    """Return the Reed-Solomon blocks of a symbol: (codewords, data codewords) of each, in order (Table 9)."""
    parity, count = (int(table[level].split()[version - 1]) for table in (_PARITY, _BLOCKS))
    length, longer = divmod(len(layout(version).order) // 8, count)
    return ((length, length - parity),) * (count - longer) + ((length + 1, length + 1 - parity),) * longer


@functools.lru_cache(maxsize=160)
def interleaving(version: int, level: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which codeword of which block each codeword of a symbol is (7.6).

    Returns
    -------
    block, position : ndarray of int, shape (codewords,)
        In order of placement: the index in `blocks`, and the position in that block.
    """
    lengths, inner = np.array(blocks(version, level)).T
    data = np.nonzero(np.arange(inner.max())[:, None] < inner)
    # All blocks have equally many parity codewords, but not data codewords.
    parity = np.indices((lengths[0] - inner[0], len(inner))).reshape(2, -1)
    block = np.concatenate([data[1], parity[1]])
    position = np.concatenate([data[0], parity[0] + inner[parity[1]]])
    return _freeze(block), _freeze(position)

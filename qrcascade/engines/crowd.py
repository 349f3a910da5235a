"""Pictures with thousands of finder patterns, in which zxing-cpp weighs each against all others.

zxing-cpp's time grows with the square of their number: 12 MP full of them took 40 s. No sheet of codes has
that many, so such a picture is reduced until few enough are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2

__all__ = ["MOST", "estimate_patterns", "reduce_crowd"]

MOST = 8000
"""Finder patterns with which zxing-cpp takes a few tenths of a second."""

# Pixels up to which a picture cannot hold so many that it matters.
_SMALL = 2_000_000
# Rows that are looked at first, and for an estimate; the window of their local mean in pixels.
_FEW_ROWS, _ROWS, _WINDOW = 16, 64, 65
# Widths of a finder pattern's five bars in modules (ISO/IEC 18004, 6.3.3), and by how much each may differ.
_BARS, _TOLERANCE = (1, 1, 3, 1, 1), 0.75
# The modules of a column through the middle, from the light one above to the one below: which are dark.
_COLUMN = np.array([0, 1, 0, 1, 1, 1, 0, 1, 0], bool)
# A row may cross the core at any of its three modules.
_CORE = 3


def reduce_crowd(gray: Gray) -> Gray:
    """Return the picture, halved in size until it has at most `MOST` finder patterns."""
    while gray.size > _SMALL and _is_crowded(gray):
        gray = np.asarray(cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return gray


def _is_crowded(gray: Gray) -> bool:
    # A few rows, without their columns, are enough for most pictures.
    return _estimate(gray, _FEW_ROWS, columns=False) > MOST / 2 and estimate_patterns(gray) > MOST


def estimate_patterns(gray: Gray) -> float:
    """Estimate the number of finder patterns from a sample of rows, which are always the same."""
    return _estimate(gray, _ROWS, columns=True)


def _estimate(gray: Gray, rows: int, *, columns: bool) -> float:
    height = len(gray)
    rows = min(rows, height)
    # Not evenly spaced: a lattice could lie between them.
    jitter = np.random.default_rng(0).random(rows)
    at = ((np.arange(rows) + jitter) * height / rows).astype(np.intp)
    lines = gray[at]
    mean = cv2.blur(lines, (_WINDOW, 1))
    y, x, module = _find_bars(lines < mean)
    if columns:
        real = _check_columns(gray, at[y], x, module, mean[y, x])
        module = module[real]
    return float((height / rows / (_CORE * module)).sum())


def _find_bars(dark: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Find 1:1:3:1:1 in rows: the row and column of the middle, and the width of a module in pixels."""
    width = dark.shape[1]
    # As one line: what crosses from row to row is left out below.
    ends = np.flatnonzero(np.diff(dark.ravel())) + 1
    runs = np.diff(ends)
    if len(runs) < len(_BARS):
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    starts = ends[: len(runs) - 4]
    total = ends[5:] - starts
    module = total / sum(_BARS)
    good = dark.ravel()[starts] & (starts // width == (ends[5:] - 1) // width)
    for i, bar in enumerate(_BARS):
        good &= np.abs(runs[i : len(runs) - 4 + i] - bar * module) <= _TOLERANCE * np.maximum(module, 1)
    middle = starts[good] + total[good] // 2
    return middle // width, middle % width, module[good]


def _check_columns(
    gray: Gray,
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    module: NDArray[np.float64],
    mean: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """Return which of the bars are those of finder patterns."""
    reach = len(_COLUMN) // 2 + _CORE // 2
    steps = np.arange(-reach, reach + 1)[:, None]
    at = np.clip(np.rint(y + steps * module), 0, len(gray) - 1).astype(np.intp)
    dark = gray[at, x] < mean
    fits = [(dark[i : i + len(_COLUMN)] == _COLUMN[:, None]).all(axis=0) for i in range(_CORE)]
    found: NDArray[np.bool_] = np.logical_or.reduce(fits)
    return found

"""What soft modules say of the format information (ISO/IEC 18004:2015, 7.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology.information import FORMAT_WORDS
from qrcascade.symbology.layout import LEVELS, layout

__all__ = [
    "choose_formats",
    "measure_likeness",
    "score_format",
    "turn_upright",
]

Soft = NDArray[np.floating[Any]]

# Thresholds, all chosen.
# Number of format words to try, and by how much their agreement may fall short of the best one's.
_FORMATS, _FORMAT_GAP = 3, 0.45
# By how much format information must agree better with the mirror image for the symbol to be mirrored.
_MIRROR_GAP = 0.1
# Least sum of how certainly both are seen, against division by zero.
_LEAST_SEEN = 1e-3


def score_format(soft: Soft, version: int) -> float:
    """Return how well format information fits: the best word's mean agreement with both copies, -1 to 1."""
    return float(_score_formats(soft, version).max())


def choose_formats(soft: Soft, version: int) -> list[tuple[str, int]]:
    """Return error correction level and mask of the format words that fit, the best first, three at most."""
    scores = _score_formats(soft, version)
    order = np.argsort(-scores, kind="stable")
    near = order[scores[order] >= scores.max() - _FORMAT_GAP]
    return [(LEVELS[word // 8], word % 8) for word in near[:_FORMATS].tolist()]


def measure_likeness(soft: Soft, version: int) -> float:
    """Measure how much timing patterns and format information look like a symbol's, up to 2.

    The agreement is divided by how clearly the modules are seen, so blur does not count against a symbol. On
    random modules, timing gives about 0, and the best format word about 0.4.
    """
    soft = np.clip(soft, -1.0, 1.0)
    places = layout(version)
    timing = soft[places.timing]
    rows, columns = np.moveaxis(places.format_cells, 2, 0)
    seen = np.abs(timing).mean() + np.abs(soft[rows, columns]).mean()
    agrees = (timing * places.pattern[places.timing]).mean() + score_format(soft, version)
    return float(2 * agrees / max(seen, _LEAST_SEEN))


def turn_upright(soft: NDArray[np.float32], version: int) -> tuple[NDArray[np.float32], bool]:
    """Return soft bits in the symbol's own rows and columns, and whether the picture mirrors it."""
    mirrored = score_format(soft.T, version) > score_format(soft, version) + _MIRROR_GAP
    return (soft.T if mirrored else soft), mirrored


def _score_formats(soft: Soft, version: int) -> Soft:
    """Return the mean agreement of each format word with both copies, shape (32,)."""
    cells = layout(version).format_cells
    rows, columns = np.moveaxis(cells, 2, 0)
    copies, length = cells.shape[:2]
    scores: Soft = FORMAT_WORDS @ np.clip(soft[rows, columns], -1.0, 1.0).sum(0) / (copies * length)
    return scores

"""What an outline does not say: where the symbol's own top-left is, and whether it is light on dark.

A detector's outline starts at any corner: the one without a finder pattern is the bottom-right one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Frame, Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.image.views import rectify
from qrcascade.symbology.layout import FINDER_CENTRE, symbol_size

__all__ = ["find_top_left", "is_inverted"]

# Side in pixels at which finder patterns are searched, and the versions whose size is tried.
_SIDE = 320
_VERSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, 40)
# Modules from a finder pattern's centre to its light ring (6.3.3).
_RING = 2.0


def is_inverted(gray: Gray, quad: Quad, version: int) -> bool | None:
    """Return whether a symbol is light on dark, by its finder patterns: their rings of light are dark then.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    quad : Quad
        The symbol's outline in it, from the symbol's own top-left.
    version : int
        1 to 40.

    Returns
    -------
    bool or None
        None if the outline is not convex or the modules cannot be told apart.
    """
    if not quad.convex:
        return None
    # Plain arithmetic: this runs for every code, and arrays of six cost more than they save.
    place = _map_square_to(quad)
    size = symbol_size(version)
    bottom, right = gray.shape[0] - 1, gray.shape[1] - 1

    def level(row: float, column: float) -> int:
        x, y = place(column / size, row / size)
        return gray.item(min(max(round(y), 0), bottom), min(max(round(x), 0), right))

    far = size - FINDER_CENTRE
    light = 0
    for row, column in ((FINDER_CENTRE, FINDER_CENTRE), (FINDER_CENTRE, far), (far, FINDER_CENTRE)):
        light += level(row, column + _RING) - level(row, column)
    return None if light == 0 else light < 0


def _map_square_to(quad: Quad) -> Callable[[float, float], tuple[float, float]]:
    """Return the projective map from the unit square to a convex quad (Heckbert 1989, section 2.2.3)."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad
    dx1, dx2, sx = x1 - x2, x3 - x2, x0 - x1 + x2 - x3
    dy1, dy2, sy = y1 - y2, y3 - y2, y0 - y1 + y2 - y3
    area = dx1 * dy2 - dx2 * dy1
    g, h = (sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area
    a, b, d, e = x1 - x0 + g * x1, x3 - x0 + h * x3, y1 - y0 + g * y1, y3 - y0 + h * y3

    def place(u: float, v: float) -> tuple[float, float]:
        w = g * u + h * v + 1
        return (a * u + b * v + x0) / w, (d * u + e * v + y0) / w

    return place


def find_top_left(gray: Gray, quad: Quad) -> int:
    """Find the corner of an outline that is the symbol's own top-left.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    quad : Quad
        A convex outline in it; its corners may be off by a few per cent of the side.

    Returns
    -------
    int
        Index of the corner, 0 to 3; a guess if there are no finder patterns.
    """
    crop = rectify(Frame(gray), quad, _SIDE).gray.astype(np.float32)
    margin = (len(crop) - _SIDE) / 2
    best = np.zeros(4)
    for version in _VERSIONS:
        finder = _draw_finder(_SIDE / symbol_size(version))
        reach = len(finder) + _SIDE // 20
        scores = np.zeros(4)
        for corner, (x, y) in enumerate([(0, 0), (1, 0), (1, 1), (0, 1)]):
            # A finder pattern and its separator end at the outline.
            left, top = (round(margin + v * _SIDE - (reach if v else _SIDE // 20)) for v in (x, y))
            window = crop[max(0, top) : top + reach + _SIDE // 20, max(0, left) : left + reach + _SIDE // 20]
            match = cv2.matchTemplate(window, finder, cv2.TM_CCOEFF_NORMED)
            scores[corner] = np.abs(np.nan_to_num(match)).max()
        if np.sort(scores)[1:].sum() > np.sort(best)[1:].sum():
            best = scores
    return int((best.argmin() + 2) % 4)


def _draw_finder(module: float) -> NDArray[np.float32]:
    """Draw a finder pattern, 7 modules of this many pixels wide."""
    pattern = np.zeros((7, 7), np.float32)
    pattern[1:6, 1:6] = 255
    pattern[2:5, 2:5] = 0
    big = cv2.resize(pattern, (70, 70), interpolation=cv2.INTER_NEAREST)
    width = max(5, round(7 * module))
    return np.asarray(cv2.resize(big, (width, width), interpolation=cv2.INTER_AREA), np.float32)

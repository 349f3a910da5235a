"""A locator for symbols whose finder patterns are hidden by blur or scribbles. It reads nothing.

A symbol is a straight-sided, filled patch whose gray levels change strongly in both directions. So is a block
of text or a hedge: these regions deserve only a look by something that rejects fast.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, Region

__all__ = ["TextureEngine"]

# Default longer side of the picture that is searched, which is then halved repeatedly.
_SIDE = 480
_WINDOW = 11
_MIN_SIDE = 20
# Least change that counts as texture: relative to brightness, and to the liveliest places of the picture.
_LEAST, _SHARE = 0.04, 0.35
# Least shares: of the convex hull that a patch fills, of the rectangle that the hull fills, width of length.
_SOLID, _STRAIGHT, _SLENDER = 0.75, 0.75, 0.3
# At most this many patches, the strongest ones.
_MOST = 6
# Not credible: see the module's docstring.
_SCORE = 0.2


class TextureEngine:
    """Locates straight-sided patches of two-dimensional texture, the strongest first.

    Parameters
    ----------
    side : int
        Longer side in pixels to which a picture is reduced; patches under 20 pixels are then not found.
    score : float
        Score of the regions, 0 to 1.
    """

    name = "texture"

    def __init__(self, side: int = _SIDE, score: float = _SCORE) -> None:
        self.side, self.score = side, score

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Supports only the format "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        factor = min(1.0, self.side / max(gray.shape))
        level = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        found: list[tuple[float, Quad]] = []
        while min(level.shape) >= 2 * _MIN_SIDE:
            for strength, box in _find_patches(level):
                quad = Quad.of((box + 0.5) * (gray.shape[1] / level.shape[1]) - 0.5)
                if not any(quad.same_place(other) for _, other in found):
                    found.append((strength, quad))
            level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found.sort(key=lambda patch: -patch[0])
        return Findings(regions=tuple(Region(quad, self.score, self.name) for _, quad in found[:_MOST]))


def _find_patches(level: Gray) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Yield strength and bounding rectangle, shape (4, 2), of every patch."""
    lively = _measure_liveliness(level)
    least = max(_LEAST, _SHARE * float(np.percentile(lively, 99)))
    mask = cv2.compare(lively, least, cv2.CMP_GT)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((_WINDOW // 2, _WINDOW // 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    for i in range(1, count):
        left, top, width, height, area = stats[i].tolist()
        if area < _MIN_SIDE**2:
            continue
        window = np.s_[top : top + height, left : left + width]
        patch = (labels[window] == i).astype(np.uint8)
        outline = cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0][0]
        hull = cv2.convexHull(outline)
        full = cv2.contourArea(hull)
        rectangle = cv2.minAreaRect(hull)
        short, long = sorted(rectangle[1])
        if area >= _SOLID * full and full >= _STRAIGHT * short * long and short >= _SLENDER * long:
            yield (
                float(lively[window][patch > 0].mean()),
                cv2.boxPoints(rectangle) + np.array([left, top], np.float32),
            )


def _measure_liveliness(level: Gray) -> NDArray[np.float32]:
    """Return how much gray changes in the direction of less change, relative to brightness."""
    around, wide = (_WINDOW, _WINDOW), (2 * _WINDOW + 1, 2 * _WINDOW + 1)
    pixels = level.astype(np.float32)
    across, down = (
        cv2.GaussianBlur(np.abs(cv2.Sobel(pixels, cv2.CV_32F, *order, scale=0.25)), around, 0)
        for order in ((1, 0), (0, 1))
    )
    return np.asarray(np.minimum(across, down) / np.maximum(cv2.GaussianBlur(pixels, wide, 0), 8.0))

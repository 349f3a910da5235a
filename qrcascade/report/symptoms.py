"""Measure an unread place: blur, contrast, lost areas, and how much lies outside the picture.

This measures and does not judge, as `qrcascade.report.causes` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Frame
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.image.views import limit, map_points, rectify

__all__ = [
    "NOTHING_LOST",
    "Lost",
    "Sharpness",
    "measure_lost",
    "measure_outside",
    "measure_sharpest",
    "measure_sharpness",
]

Pixels = NDArray[np.float32]

# Larger pictures are reduced for their sharpest part.
_SEARCH_SIDE = 2048
# Side in pixels at which a place is measured, and the margin around it as a share of its side.
_LEAST_SIDE, _MOST_SIDE, _MARGIN = 60, 600, 0.06
# Pixels of the parts of a picture whose sharpness is compared.
_TILE = 96
# Blur that removes noise before slopes are measured, and the blur of the Sobel kernel, in pixels.
_SOFTENED, _SOBEL = 0.7, 0.7
# Modules of the window in which something must change: no symbol is plain over this many.
_WINDOW = 5
# Change in a window, in gray levels and as a share of the symbol's, below which modules are lost there.
_LEAST_CHANGE, _SHARE_OF_CHANGE = 10.0, 0.15
# Pixels per module at which lost areas are measured.
_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How sharp a place is.

    Parameters
    ----------
    contrast : float
        Gray levels between dark and light, 0 to 255.
    blur : float
        Standard deviation, in pixels of the picture, of the Gaussian that would make a sharp edge as soft
        as the sharpest edges there, in the softer of the two directions. NaN without contrast.
    """

    contrast: float
    blur: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Shares of a symbol's area without visible modules: as light as paper, as dark as ink, in between."""

    light: float
    dark: float
    gray: float


NOTHING_LOST = Lost(0.0, 0.0, 0.0)


def measure_outside(frame: Frame, quad: Quad) -> float:
    """Return by how many pixels an outline extends beyond the picture; negative if it ends inside."""
    corners = np.asarray(quad)
    low, high = corners.min(axis=0) + 0.5, corners.max(axis=0) + 0.5 - frame.size
    return float(max(*-low, *high))


def measure_sharpness(frame: Frame, quad: Quad) -> Sharpness:
    """Measure how sharp a place is, along both sides of its outline."""
    square, inside = _cut_square(frame, quad, int(np.clip(quad.side, _LEAST_SIDE, _MOST_SIDE)))
    return _measure_pixels(square, inside, quad.side * (1 + 2 * _MARGIN) / len(square))


def measure_sharpest(frame: Frame) -> Sharpness:
    """Measure the sharpest part of a picture; a large picture is reduced first."""
    seen = limit(_SEARCH_SIDE)(frame)
    gray = seen.gray.astype(np.float32)
    scale = frame.size[0] / seen.size[0]
    # Spread so that the last tiles end at the picture's edge.
    rows, columns = (np.linspace(0, max(0, n - _TILE), -(-n // _TILE), dtype=int) for n in gray.shape)
    tiles = [
        _measure_pixels(gray[top : top + _TILE, left : left + _TILE], None, scale)
        for top in rows
        for left in columns
    ]
    most = max(tile.contrast for tile in tiles)
    clear = [tile.blur for tile in tiles if tile.contrast >= most / 2 and tile.blur == tile.blur]
    return Sharpness(most, min(clear, default=float("nan")))


def _measure_pixels(pixels: Pixels, inside: NDArray[np.bool_] | None, scale: float) -> Sharpness:
    """Measure the sharpness of pixels that are ``scale`` picture pixels wide: of all, or those inside.

    A Gaussian edge of contrast C and deviation s has the slope C / (s sqrt(2 pi)) in its middle.
    """
    soft = cv2.GaussianBlur(pixels, (0, 0), _SOFTENED)
    inside = np.ones(soft.shape, bool) if inside is None else inside
    if not inside.any():
        return Sharpness(0.0, float("nan"))
    contrast = float(np.subtract(*np.percentile(soft[inside], (98, 2))))
    x, y = (cv2.Sobel(soft, cv2.CV_32F, *order, scale=1 / 8)[inside] for order in ((1, 0), (0, 1)))
    # Along both sides and both diagonals: motion in any direction blurs one of them most. Across a straight
    # edge the sum of both slopes is the slope itself.
    steepest = min(float(np.percentile(np.abs(slope), 99.6)) for slope in (x, y, x + y, x - y))
    if contrast < 1 or steepest <= 0:
        return Sharpness(contrast, float("nan"))
    widest = contrast / (steepest * np.sqrt(2 * np.pi))
    return Sharpness(contrast, float(scale * np.sqrt(max(0.0, widest**2 - _SOFTENED**2 - _SOBEL**2))))


def _cut_square(frame: Frame, quad: Quad, side: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """Return a place as a square with a margin, and which of its pixels lie in the picture."""
    square = rectify(frame, quad, side, _MARGIN)
    y, x = np.mgrid[: square.size[1], : square.size[0]]
    # In strong perspective the margin may reach the horizon, which maps to infinity.
    at = map_points(square.to_source, np.stack([x, y], axis=-1))
    # Pixels near the border are averaged with what lies beyond it.
    fringe = 2 * max(1.0, quad.side / side)
    within = (at >= fringe) & (at <= np.array(frame.size) - 1 - fringe)
    return square.gray.astype(np.float32), within[..., 0] & within[..., 1]


def measure_lost(frame: Frame, quad: Quad, module: float) -> Lost:
    """Measure the areas in which nothing changes over some modules, by how light they are."""
    size = max(1, round(quad.side / module))
    square, inside = _cut_square(frame, quad, size * _PIXELS)
    margin = (len(square) - size * _PIXELS) // 2
    inner = np.s_[margin:-margin, margin:-margin]
    window = np.ones((_WINDOW * _PIXELS,) * 2, np.uint8)
    soft = cv2.GaussianBlur(square, (0, 0), _PIXELS / 4)
    change = (cv2.dilate(soft, window) - cv2.erode(soft, window))[inner]
    soft, inside = soft[inner], inside[inner]
    if not inside.any():
        return Lost(0, 0, 0)
    low, high = np.percentile(soft[inside], (5, 95))
    least = max(_LEAST_CHANGE, _SHARE_OF_CHANGE * float(np.percentile(change[inside], 90)))
    plain = inside & (change < least)
    # The window takes in its surroundings, so plain areas extend that much further.
    plain = inside & (cv2.dilate(plain.astype(np.uint8), window) > 0)
    light, dark = soft > low + 0.8 * (high - low), soft < low + 0.2 * (high - low)
    total = inside.sum()
    shares = [float((plain & kind).sum() / total) for kind in (light, dark, ~(light | dark))]
    return Lost(*shares)

"""A region as a square of pixels with a margin, and gray levels without uneven light."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Frame
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.image.views import rectify
from qrcascade.symbology.layout import VERSIONS, symbol_size

__all__ = ["MODULE", "Canvas", "Pixels", "blur_widely", "normalize_contrast"]

Pixels = NDArray[np.float32]

# Thresholds of a canvas, all chosen.
# Pixels per module when templates are matched and grids are fitted.
MODULE = 4
# Share of the side that is shown around an outline.
_MARGIN = 0.22
# Canvas pixels to a source pixel, where the side has neither less nor more pixels than these; at the most, a
# grid of the largest version is fitted.
_ENLARGEMENT = 1.15
_MIN_SIDE, _MAX_SIDE = 220, MODULE * symbol_size(VERSIONS[-1])
# Source pixels per module; with fewer there is nothing that can be fitted.
_MIN_MODULE = 1.2
# Modules per side that a symbol may have at least and at most, as shares of what the located width of a
# module makes them: of 533 symbols in the BoofCV, ZXing and synthetic sets the true share was 0.57 to 1.41.
_FEWEST, _MOST_MODULES = 0.5, 1.6

# Thresholds of `paint_margin`, all chosen.
# A margin is flat if all but a few of its levels, by these percentiles, lie within a share of the contrast
# inside. How far from the outline it begins, as a share of the side.
_FLAT_PERCENTILES, _FLAT_SHARE, _MARGIN_GAP = (5, 95), 0.2, 0.15

# Every fourth pixel is enough for percentiles. Chosen.
_STRIDE = 4

# Pixels of a reduced picture that the standard deviation of a wide blur is there, at least. Chosen.
_REDUCED_SIGMA = 4

# Thresholds of `normalize_contrast`, all chosen.
# Pixels of a window in the reduced picture in which extremes are looked for.
_REDUCED_WINDOW = 8
# Parts of a window that the standard deviations of two blurs are: one takes noise off, one joins windows.
_NOISE_BLURS, _JOINING_BLURS = 10, 2
# Least contrast, as a share of the contrast that this percentile of the picture has; and in gray levels.
_LEAST_CONTRAST, _STRONG_PERCENTILE = 0.12, 90
_LEAST_LEVELS = 1e-3
# Largest value; the lightest and the darkest around are 1 from the middle.
_MOST = 1.4


@dataclass(frozen=True)
class Canvas:
    """A region rectified to a square with a margin.

    Parameters
    ----------
    frame : Frame
        The square's pixels, and their map to the source.
    side : int
        Pixels of the outline's side, without margin.
    origin : float
        Where the outline begins, in both directions.
    coarsest, finest : float
        Modules per side that the symbol may have at least and at most: more than the finest would have too
        few source pixels each.
    module : float, optional
        Rough width of a module in canvas pixels, where it is known.
    """

    frame: Frame
    side: int
    origin: float
    coarsest: float
    finest: float
    module: float | None = None

    @classmethod
    def of(cls, frame: Frame, quad: Quad, module: float | None = None) -> Canvas:
        """Cut a region out, no larger than its modules need if their rough width in pixels is known."""
        coarsest, finest = 0.0, quad.side / _MIN_MODULE
        if module is not None:
            modules = quad.side / max(module, _MIN_MODULE)
            coarsest, finest = modules * _FEWEST, min(finest, modules * _MOST_MODULES)
        largest = float(np.clip(MODULE * finest, _MIN_SIDE, _MAX_SIDE))
        side = int(np.clip(quad.side * _ENLARGEMENT, _MIN_SIDE, largest))
        square = rectify(frame, quad, side, _MARGIN)
        within = None if module is None else module * side / quad.side
        return cls(square, side, round(side * _MARGIN) - 0.5, coarsest, finest, within)

    @functools.cached_property
    def gray(self) -> Pixels:
        """Its gray levels, 0 to 255."""
        return self.frame.gray.astype(np.float32)

    def paint_margin(self) -> Canvas | None:
        """Return a canvas with a quiet zone for a symbol that has none, on a background like its own ink.

        The symbol is all that differs from the ground, which is painted in the opposite level; None if the
        margin is not flat.
        """
        gray, first, last = self.gray, round(self.origin), round(self.origin) + self.side
        gap = round(_MARGIN_GAP * self.side)
        ground = np.concatenate([gray[: first - gap].ravel(), gray[last + gap :].ravel()])
        inner = gray[first:last, first:last].ravel()
        (dark, light), (low, high) = (
            np.percentile(part[::_STRIDE], _FLAT_PERCENTILES) for part in (inner, ground)
        )
        level, difference = (low + high) / 2, _FLAT_SHARE * (light - dark)
        if high - low > difference:
            return None
        near = slice(first - gap, last + gap)
        symbol = np.abs(gray[near, near] - level) > difference
        if not symbol.any():
            return None
        (top, bottom), (left, right) = (
            near.start + np.flatnonzero(symbol.any(axis))[[0, -1]] for axis in (1, 0)
        )
        painted = np.full_like(self.frame.gray, light if level < (dark + light) / 2 else dark)
        painted[top : bottom + 1, left : right + 1] = self.frame.gray[top : bottom + 1, left : right + 1]
        outline = Quad.of([(left, top), (right, top), (right, bottom), (left, bottom)])
        return Canvas.of(Frame(painted, self.frame.to_source), outline, self.module)

    def scale(self, pixels: Pixels, size: int) -> Pixels:
        """Return pixels scaled for ``size`` modules of `MODULE` pixels."""
        factor = MODULE * size / self.side
        width = max(1, round(pixels.shape[0] * factor))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, (width, width), interpolation=how))


def blur_widely(pixels: Pixels, sigma: float) -> Pixels:
    """Blur by a Gaussian of ``sigma`` pixels; wide ones, which leave nothing fine, in a reduced picture."""
    factor = int(sigma / _REDUCED_SIGMA)
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma))
    height, width = pixels.shape
    reduced = (-(-width // factor), -(-height // factor))
    small = cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def normalize_contrast(pixels: Pixels, window: float) -> Pixels:
    """Return gray levels relative to the lightest and darkest nearby: about -1 for light and 1 for dark.

    Parameters
    ----------
    pixels : ndarray of float32
        Gray levels.
    window : float
        Side of the surrounding window in pixels.
    """
    # Extremes over a wide window vary slowly: a reduced picture shows them as well.
    factor = max(1, int(window / _REDUCED_WINDOW))
    height, width = pixels.shape
    reduced = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), window / factor / _NOISE_BLURS)
    kernel = np.ones((int(window / factor) | 1,) * 2, np.uint8)

    def enlarge(slow: Pixels) -> Pixels:
        soft = cv2.GaussianBlur(slow, (0, 0), window / factor / _JOINING_BLURS)
        return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))

    high, low = cv2.dilate(small, kernel), cv2.erode(small, kernel)
    values, half = enlarge((high + low) / 2), enlarge((high - low) / 2)
    strong = float(np.percentile(half[::_STRIDE, ::_STRIDE], _STRONG_PERCENTILE))
    # In place: large pictures take longer to allocate than to compute.
    values -= pixels
    values /= np.maximum(half, max(_LEAST_CONTRAST * strong, _LEAST_LEVELS), out=half)
    return np.clip(values, -_MOST, _MOST, out=values)

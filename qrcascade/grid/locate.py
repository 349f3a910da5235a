"""Where to begin: versions and orientations for a rough outline, by its finder patterns.

An outline from a locator is a few per cent off and does not tell which corner is the symbol's own
top-left. For every version that the pixels allow, templates of the finder pattern (ISO/IEC 18004, 6.3.3) are
matched around the four corners; three that match say version, turn and place.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.frame import Frame
from qrcascade.quad import Quad
from qrcascade.views import opencv, rectify

__all__ = ["FINDER", "MODULE", "Canvas", "Start", "around", "evened", "starts"]

Pixels = NDArray[np.float32]

# Pixels of a canvas to a module when templates are matched and grids are fitted.
MODULE = 4
MARGIN = 0.22
# Fewer source pixels to a module than this carry nothing that can be fitted.
_MIN_MODULE = 1.2
_MIN_SIDE, _MAX_SIDE = 220, 900
# How far from where the outline says a finder pattern is searched: modules, and share of the side.
_REACH, _REACH_SHARE = 3.0, 0.05
# Versions that are tried first: the template bears a tenth more or less.
_COARSE = (*range(1, 7), *range(7, 15, 2), *range(15, 41, 3))
# With a worse match at every coarse version no version between them matches.
_FAINT = 0.35
_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True)
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
    finest : float
        Modules a side at which the source has as many pixels to a module as can be fitted.
    """

    frame: Frame
    side: int
    origin: float
    finest: float

    @classmethod
    def of(cls, frame: Frame, quad: Quad) -> Canvas:
        """Cut a region out."""
        side = int(np.clip(quad.side * 1.15, _MIN_SIDE, _MAX_SIDE))
        square = rectify(frame, quad, side, MARGIN)
        return cls(square, side, round(side * MARGIN) - 0.5, quad.side / _MIN_MODULE)

    @property
    def gray(self) -> Pixels:
        """Its gray levels, 0 to 255."""
        return self.frame.gray.astype(np.float32)

    def finders(self, start: Start) -> NDArray[np.float64]:
        """Where the three finder patterns of a start are centred, shape (3, 2), in its own pixels."""
        near = 3.5 + (start.size - 7) * _SQUARE[[(start.turn + k) % 4 for k in (0, 1, 3)]]
        return self.origin + self.side / start.size * (near + start.shifts)

    def scaled(self, pixels: Pixels, size: int) -> tuple[Pixels, float]:
        """Pixels at `MODULE` to a module for a symbol of ``size`` modules, and where it begins in them."""
        cv2 = opencv()
        factor = MODULE * size / self.side
        width = max(1, round(pixels.shape[0] * factor))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        exact = width / pixels.shape[0]
        return cv2.resize(pixels, (width, width), interpolation=how), (self.origin + 0.5) * exact - 0.5


@dataclass(frozen=True, slots=True)
class Start:
    """A guess of what lies in a canvas.

    Parameters
    ----------
    version : int
        1 to 40.
    turn : int
        Quarter turns clockwise from the canvas to the symbol: corner ``turn`` is the top-left.
    shifts : ndarray, shape (3, 2)
        How far the finder patterns at top-left, top-right and bottom-left are from where the outline
        has them, in modules (x, y) of the canvas.
    score : float
        Mean match of the three, -1 to 1.
    inverted : bool
        Whether it is light on dark.
    """

    version: int
    turn: int
    shifts: NDArray[np.float64]
    score: float
    inverted: bool = False

    @property
    def size(self) -> int:
        """Modules a side."""
        return 17 + 4 * self.version


def evened(pixels: Pixels, window: float) -> Pixels:
    """Gray levels against the lightest and darkest around: about -1 for light and 1 for dark."""
    cv2 = opencv()
    # Extremes over a wide window vary slowly: a reduced picture tells them as well.
    factor = max(1, int(window / 8))
    height, width = pixels.shape
    reduced = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), window / factor / 10)
    kernel = np.ones((int(window / factor) | 1,) * 2, np.uint8)

    def wide(extreme: Pixels) -> Pixels:
        soft = cv2.GaussianBlur(extreme, (0, 0), window / factor / 2)
        return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))

    high, low = wide(cv2.dilate(small, kernel)), wide(cv2.erode(small, kernel))
    half = (high - low) / 2
    floor = max(0.12 * float(np.percentile(half[::4, ::4], 90)), 1e-3)
    return np.clip(((high + low) / 2 - pixels) / np.maximum(half, floor), -1.4, 1.4)


def starts(canvas: Canvas, pixels: Pixels, versions: Collection[int] = ()) -> list[Start]:
    """What may lie in a canvas, the best first, each version at most twice and in both polarities.

    Parameters
    ----------
    canvas : Canvas
        Where to look.
    pixels : ndarray of float32
        What it shows, 0 to 255, in gray or another channel.
    versions : collection of int, optional
        The only ones to try; all that the pixels allow by default.
    """
    search = _Search(canvas, evened(pixels, canvas.side / 6))
    found: list[Start] = []
    if versions:
        for version in sorted(versions):
            found += search.of_version(version)
        return sorted(found, key=lambda start: -start.score)
    coarse = [v for v in _COARSE if 17 + 4 * v <= canvas.finest]
    for version in coarse:
        found += search.of_version(version)
    found.sort(key=lambda start: -start.score)
    if not found or found[0].score < _FAINT:
        return found
    for version in sorted(around(*(start.version for start in found[:4])) - set(coarse)):
        found += search.of_version(version)
    return sorted(found, key=lambda start: -start.score)


def around(*versions: int) -> set[int]:
    """Some versions and those next to them, as far as they exist."""
    return {version + d for version in versions for d in (-1, 0, 1)} & set(range(1, 41))


class _Search:
    """Matches finder patterns of one version after another in one canvas."""

    def __init__(self, canvas: Canvas, even: Pixels) -> None:
        cv2 = opencv()
        self._canvas = canvas
        self._levels = [even]
        # Ever smaller pictures, so that each version is resized from one less than twice as large.
        while len(self._levels[-1]) > 160:
            self._levels.append(
                cv2.resize(self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            )

    def of_version(self, version: int) -> list[Start]:
        """The two best turns."""
        size = 17 + 4 * version
        scaled, origin = self._scaled(size)
        near, far = origin + 3.5 * MODULE, origin + (size - 3.5) * MODULE
        corners = ((near, near), (far, near), (far, far), (near, far))
        reach = int((_REACH + _REACH_SHARE * size) * MODULE)
        both = [_match(scaled, corner, reach) for corner in corners]
        found = []
        for inverted in (False, True):
            matches = [pair[inverted] for pair in both]
            for empty in sorted(range(4), key=lambda k: matches[k][0])[:2]:
                turn = (empty + 2) % 4
                three = [matches[(turn + k) % 4] for k in (0, 1, 3)]
                shifts = np.array([shift for _, shift in three])
                found.append(Start(version, turn, shifts, sum(m for m, _ in three) / 3, inverted))
        return found

    def _scaled(self, size: int) -> tuple[Pixels, float]:
        cv2 = opencv()
        full = len(self._levels[0])
        width = round(full * MODULE * size / self._canvas.side)
        level = next((a for a in reversed(self._levels) if len(a) >= width), self._levels[0])
        scaled = cv2.resize(level, (width, width), interpolation=cv2.INTER_LINEAR)
        return scaled, (self._canvas.origin + 0.5) * width / full - 0.5


def _finder() -> Pixels:
    """A finder pattern with the light around it, `MODULE` pixels to a module: +1 dark, -1 light."""
    away = np.abs(np.arange(9) - 4)
    rings = np.maximum(away[:, None], away)
    pattern = np.where((rings <= 1) | (rings == 3), 1, -1).astype(np.float32)
    return pattern.repeat(MODULE, 0).repeat(MODULE, 1)


FINDER = _finder()


_Match = tuple[float, tuple[float, float]]


def _match(even: Pixels, expected: tuple[float, float], reach: int) -> tuple[_Match, _Match]:
    """The best places of a finder pattern, dark and light: correlation, and the way there in modules."""
    cv2 = opencv()
    half = len(FINDER) / 2 - 0.5
    left, top = (max(0, round(c - half) - reach) for c in expected)
    right, bottom = (round(c + half) + reach + 1 for c in expected)
    window = even[top:bottom, left:right]
    if min(window.shape) < len(FINDER):
        return (-1.0, (0.0, 0.0)), (-1.0, (0.0, 0.0))
    scores = cv2.matchTemplate(window, FINDER, cv2.TM_CCOEFF_NORMED)
    worst, best, worst_at, best_at = cv2.minMaxLoc(scores)

    def way(at: tuple[int, int]) -> tuple[float, float]:
        return (left + at[0] + half - expected[0]) / MODULE, (top + at[1] + half - expected[1]) / MODULE

    return (best, way(best_at)), (-worst, way(worst_at))

"""Find versions and orientations for a rough outline, by its finder patterns.

An outline from a locator is a few per cent off and does not say which corner is the symbol's own
top-left. For every version that the pixels allow, templates of the finder pattern (ISO/IEC 18004, 6.3.3) are
matched around the four corners; three that match say version, turn and place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import MODULE, Canvas, Pixels, normalize_contrast
from qrcascade.image.opencv import cv2
from qrcascade.symbology.layout import FINDER_CENTRE, VERSIONS, draw_finder, symbol_size

__all__ = ["FINDER", "Pose", "adjacent_versions", "find_poses"]

# Thresholds, all chosen.
# How far around the outline's corner a finder pattern is searched: modules, and share of the side.
_REACH, _REACH_SHARE = 3.0, 0.05
# Versions that are tried first: a template matches up to a tenth larger or smaller.
_COARSE = (*range(1, 7), *range(7, 15, 2), *range(15, 41, 3))
# Correlation; with less at every coarse version no version between them matches.
_FAINT = 0.35
# Correlation of a clear match, and by how much that of a larger version is less once it is passed; on 93
# regions of the BoofCV set no later version matched better.
_CLEAR, _PAST = 0.75, 0.2
# Best poses whose adjacent versions are tried.
_REFINED = 4
# Turns that are kept of each version and polarity: the two weakest corners may be the one without a pattern.
_TURNS = 2
# Windows in a side in which gray levels are compared.
_WINDOWS = 6
# Pixels down to which the picture is halved.
_SMALLEST = 160

_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
# Corners with a finder pattern, clockwise from the symbol's own top-left.
_WITH_FINDER = (0, 1, 3)


@dataclass(frozen=True, slots=True)
class Pose:
    """A guess of the symbol in a canvas, and its orientation.

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
        Mean correlation of the three, -1 to 1.
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
        """Modules per side."""
        return symbol_size(self.version)

    def finders(self, canvas: Canvas) -> NDArray[np.float64]:
        """Return the centres (x, y) of the three finder patterns in a canvas's pixels, shape (3, 2)."""
        corners = _SQUARE[[(self.turn + k) % 4 for k in _WITH_FINDER]]
        near = FINDER_CENTRE + (self.size - 2 * FINDER_CENTRE) * corners
        return canvas.origin + canvas.side / self.size * (near + self.shifts)


def find_poses(canvas: Canvas, pixels: Pixels, versions: Collection[int] = ()) -> list[Pose]:
    """Find what may lie in a canvas, the best first, each version at most twice and in both polarities.

    Parameters
    ----------
    canvas : Canvas
        Where to look.
    pixels : ndarray of float32
        What it shows, 0 to 255, in gray or another channel.
    versions : collection of int, optional
        The only ones to try; all that the pixels allow by default.
    """
    search = _PoseSearch(canvas, normalize_contrast(pixels, canvas.side / _WINDOWS))
    if versions:
        return _sort(search.match_all(sorted(versions)))
    found = _sort(search.match_coarsely())
    if not found or found[0].score < _FAINT:
        return found
    tried = {pose.version for pose in found}
    between = adjacent_versions(*(pose.version for pose in found[:_REFINED])) - tried
    return _sort(found + search.match_all(sorted(between)))


def adjacent_versions(*versions: int) -> set[int]:
    """Return some versions and those next to them, as far as they exist."""
    return {version + d for version in versions for d in (-1, 0, 1)} & set(VERSIONS)


def _sort(poses: list[Pose]) -> list[Pose]:
    return sorted(poses, key=lambda pose: -pose.score)


class _PoseSearch:
    """Matches finder patterns of one version after another in one canvas."""

    def __init__(self, canvas: Canvas, even: Pixels) -> None:
        self._canvas = canvas
        self._levels = [even]
        # Ever smaller pictures, so that each version is resized from one less than twice as large.
        while len(self._levels[-1]) > _SMALLEST:
            self._levels.append(
                cv2.resize(self._levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            )

    def match_coarsely(self) -> list[Pose]:
        """Return the poses of `_COARSE` versions that the pixels allow, up to a clear match."""
        found: list[Pose] = []
        best = 0.0
        for version in _COARSE:
            if symbol_size(version) < self._canvas.coarsest:
                continue
            if symbol_size(version) > self._canvas.finest:
                break
            poses = self.match(version)
            found += poses
            score = max(pose.score for pose in poses)
            best = max(best, score)
            if best >= _CLEAR and score < best - _PAST:
                break
        return found

    def match_all(self, versions: Iterable[int]) -> list[Pose]:
        """Return the poses of some versions."""
        return [pose for version in versions for pose in self.match(version)]

    def match(self, version: int) -> list[Pose]:
        """Return the two best turns of a version in both polarities."""
        size = symbol_size(version)
        scaled, origin = self._scale(size)
        near, far = origin + FINDER_CENTRE * MODULE, origin + (size - FINDER_CENTRE) * MODULE
        corners = ((near, near), (far, near), (far, far), (near, far))
        reach = int((_REACH + _REACH_SHARE * size) * MODULE)
        both = [_match_finder(scaled, corner, reach) for corner in corners]
        found = []
        for inverted in (False, True):
            matches = [pair[inverted] for pair in both]
            for empty in sorted(range(4), key=lambda k: matches[k][0])[:_TURNS]:
                turn = (empty + 2) % 4
                three = [matches[(turn + k) % 4] for k in _WITH_FINDER]
                shifts = np.array([shift for _, shift in three])
                found.append(Pose(version, turn, shifts, sum(m for m, _ in three) / 3, inverted))
        return found

    def _scale(self, size: int) -> tuple[Pixels, float]:
        """Return the picture for a symbol of ``size`` modules, and where the outline begins in it."""
        full = len(self._levels[0])
        width = round(full * MODULE * size / self._canvas.side)
        level = next((a for a in reversed(self._levels) if len(a) >= width), self._levels[0])
        scaled = cv2.resize(level, (width, width), interpolation=cv2.INTER_LINEAR)
        return scaled, (self._canvas.origin + 0.5) * width / full - 0.5


FINDER: Pixels = draw_finder().astype(np.float32).repeat(MODULE, 0).repeat(MODULE, 1)
"""A finder pattern with the light around it, `MODULE` pixels per module: +1 dark, -1 light."""

_Match = tuple[float, tuple[float, float]]
"""Correlation, and the way there in modules (x, y)."""


def _match_finder(even: Pixels, expected: tuple[float, float], reach: int) -> tuple[_Match, _Match]:
    """Return the best matches of a finder pattern that is dark on light, and of one that is light on dark."""
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

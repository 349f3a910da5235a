"""An own locator: three finder patterns that fit together are a region. It reads nothing.

A finder pattern (ISO/IEC 18004, 6.3.3) is a dark 3x3 core in a light ring in a dark ring. Found as
nested contours of a local threshold, it survives rotation, perspective, shade and low contrast; only
the light ring has to be closed. Three of one size at a right angle, with a timing pattern between
them, are a symbol.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.opencv import library
from qrcascade.frame import Gray
from qrcascade.results import Findings, Quad, Region

__all__ = ["FinderEngine"]

Vector = NDArray[np.float64]

# Windows of the local mean, in pixels: fine for small modules, coarse for large ones.
_WINDOWS = (25, 75)
_SHARE = 0.94
_MIN_CORE = 3.0
_MAX_PATTERNS = 240


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A finder pattern: its centre, the width of its 7 modules, the angle of a side in radians."""

    center: Vector
    width: float
    angle: float


class FinderEngine:
    """Locates symbols by their finder patterns."""

    name = "finders"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Of the formats it knows only "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        patterns: list[_Pattern] = []
        for window in _WINDOWS:
            patterns += _new(_patterns(gray, window), patterns)
        return Findings(regions=tuple(_regions(gray, patterns[:_MAX_PATTERNS])))


def _new(found: list[_Pattern], known: list[_Pattern]) -> list[_Pattern]:
    """Those that are not at a place already known."""
    if not known:
        return found
    centers = np.array([p.center for p in known])
    widths = np.array([p.width for p in known])
    return [p for p in found if (np.hypot(*(centers - p.center).T) > 0.3 * widths).all()]


def _patterns(gray: Gray, window: int) -> list[_Pattern]:
    """Dark cores that are alone in a light ring of the right size."""
    cv2 = library()
    mean = cv2.blur(gray, (window, window))
    # A share of the local mean, not a number of levels: dark photos have faint modules.
    dark = cv2.compare(gray, cv2.addWeighted(mean, _SHARE, mean, 0, -1), cv2.CMP_LT)
    contours, hierarchy = cv2.findContours(dark, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return []
    following, previous, child, parent = hierarchy[0].T
    # A core has no hole, no sibling, and a parent that is itself a hole of something dark.
    lone = (child < 0) & (following < 0) & (previous < 0) & (parent >= 0)
    found = []
    for i in np.flatnonzero(lone):
        ring = parent[i]
        if parent[ring] < 0 or len(contours[i]) < 4:
            continue
        (x, y), (w, h), turn = cv2.minAreaRect(contours[i])
        (rx, ry), (rw, rh), _ = cv2.minAreaRect(contours[ring])
        # Contours run along pixel centres: a core is one pixel wider, a hole one narrower.
        core, hole = (w + h) / 2 + 1, (rw + rh) / 2 - 1
        if min(w, h) + 1 < _MIN_CORE or not 0.45 < core / max(hole, 1e-6) < 0.75:
            continue
        square = min(w, h) + 1 > 0.6 * (max(w, h) + 1) and min(rw, rh) > 0.6 * max(rw, rh)
        if not square or np.hypot(x - rx, y - ry) > 0.15 * hole:
            continue
        if cv2.contourArea(contours[ring]) < 0.6 * rw * rh:
            continue
        found.append(_Pattern(np.array([x, y]), 7 * (core / 3 + hole / 5) / 2, np.radians(turn)))
    return found


def _regions(gray: Gray, patterns: list[_Pattern]) -> list[Region]:
    """Triples that fit, the best first, each pattern in one region."""
    fits = sorted(
        (fit for i in range(len(patterns)) for fit in _triples(gray, patterns, i)),
        key=lambda fit: -fit[0],
    )
    used: set[int] = set()
    regions = []
    for score, members, quad in fits:
        if used.isdisjoint(members):
            used.update(members)
            regions.append(Region(quad, score, "finders"))
    return regions


def _triples(gray: Gray, patterns: list[_Pattern], i: int) -> list[tuple[float, tuple[int, int, int], Quad]]:
    """Symbols whose top-left finder pattern is the i-th."""
    corner = patterns[i]
    near = []
    for j, other in enumerate(patterns):
        way = other.center - corner.center
        distance = float(np.hypot(*way))
        width = (corner.width + other.width) / 2
        alike = 0.6 < corner.width / other.width < 1.67
        # 14 to 170 modules between centres; the way runs along a side of both patterns.
        if j != i and alike and 1.6 * width < distance < 27 * width:
            direction = np.arctan2(way[1], way[0])
            skews = [
                abs((direction - p.angle + np.pi / 4) % (np.pi / 2) - np.pi / 4) for p in (corner, other)
            ]
            if max(skews) < np.radians(25):
                near.append((distance, j, way))
    near.sort(key=lambda n: n[0])
    found = []
    for (_, j, right), (_, k, down) in itertools.permutations(near[:8], 2):
        turn = right[0] * down[1] - right[1] * down[0]
        ratio = np.hypot(*right) / np.hypot(*down)
        if turn <= 0.8 * np.hypot(*right) * np.hypot(*down) or not 0.6 < ratio < 1.67:
            continue
        fit = _fit(gray, corner, patterns[j], patterns[k])
        if fit is not None:
            found.append((fit[0], (i, j, k), fit[1]))
    return found


def _fit(gray: Gray, corner: _Pattern, right: _Pattern, down: _Pattern) -> tuple[float, Quad] | None:
    """The outline of three patterns and its score, by the timing patterns between them."""
    across, along = right.center - corner.center, down.center - corner.center
    width = (corner.width + right.width + down.width) / 3
    modules = 7 * (np.hypot(*across) + np.hypot(*along)) / 2 / width
    best: tuple[float, int] = (0.0, 0)
    guess = round((modules - 14) / 4) * 4 + 14
    # The estimate of the module is coarse: versions nearby are tried, more of them for large symbols.
    reach = 4 * max(1, round(modules / 30))
    for count in range(max(14, guess - reach), min(170, guess + reach) + 1, 4):
        u, v = across / count, along / count
        timing = min(_timing(gray, corner.center, u, v, count), _timing(gray, corner.center, v, u, count))
        best = max(best, (timing, count))
    timing, count = best
    if timing < 0.35:
        return None
    u, v = across / count, along / count
    a, b, c = corner.center, right.center, down.center
    outline = [a - 3.5 * (u + v), b + 3.5 * (u - v), b + c - a + 3.5 * (u + v), c + 3.5 * (v - u)]
    return 0.5 + timing / 2, Quad.of(np.array(outline))


def _timing(gray: Gray, center: Vector, along: Vector, across: Vector, count: int) -> float:
    """How well the modules between two finder patterns alternate: correlation, -1 to 1."""
    steps = np.arange(5, count - 4)
    points = center + 3 * across + steps[:, None] * along
    height, width = gray.shape
    x, y = np.rint(points).astype(int).T
    if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
        return 0.0
    levels = gray[y, x].astype(float)
    # Neighbours' mean taken off: shade along the way does not count.
    change = levels[1:-1] - (levels[:-2] + levels[2:]) / 2
    sign = np.where(steps[1:-1] % 2 == 0, 1.0, -1.0)
    total = np.abs(change).sum()
    return float(change @ sign / total) if total > 0 else 0.0

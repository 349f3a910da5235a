"""From the mask of a symbol to its four sides.

The way is that of quadrilateral-fitter, which qrdet calls, so that both give the same quadrilateral: the
largest four-cornered part of the mask's convex hull, then for each of its sides the line with the least sum
of distances to the contour's points that are nearest to it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Gray

__all__ = ["outline"]

Floats = NDArray[np.floating[Any]]
Line = tuple[float, float, float]

# How far, in pixels of the picture, the hull is simplified until it has so few corners.
_FEW = 8
_TOLERANCES = np.arange(0.1, 2.0, 0.2)
# The downhill simplex as SciPy starts and ends it: it stops short of the minimum at times, and so must this.
_STEP, _STEP_FROM_ZERO = 1.05, 0.00025
_CLOSE = 1e-4
_TURNS = 600


def outline(mask: Gray, to_source: Callable[[NDArray[Any]], NDArray[np.float32]]) -> Floats | None:
    """Fit a quadrilateral to a mask.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        Not zero inside.
    to_source : callable
        Points of the mask, shape (N, 2), to pixels of the picture.

    Returns
    -------
    ndarray of float, shape (4, 2), or None
        Corners in pixels of the picture, clockwise on the screen; None where the mask has no four sides.
    """
    import cv2

    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    points = to_source(np.concatenate(contours).reshape(-1, 2))
    hull = cv2.convexHull(points, clockwise=True).reshape(-1, 2).astype(np.float64)
    if len(hull) < 4:
        return None
    return _refined(_largest(_simplified(hull)), points)


def _simplified(hull: Floats) -> Floats:
    """The hull with fewer corners, as far as the tolerances allow and four are left."""
    # Douglas-Peucker keeps the point at which a ring begins: the topmost one, of several the left one.
    ring = np.roll(hull, -np.lexsort((hull[:, 0], hull[:, 1]))[0], axis=0)
    for tolerance in _TOLERANCES:
        if len(ring) <= _FEW:
            break
        simpler = _peucker(np.vstack((ring, ring[:1])), tolerance)[:-1]
        if len(simpler) < 4:
            break
        ring = simpler
    return ring


def _peucker(line: Floats, tolerance: float) -> Floats:
    """A line of points without those within the tolerance of what is left (Douglas, Peucker 1973)."""
    first, last = line[0], line[-1]
    along = last - first
    length = np.hypot(*along)
    off = line - first
    if length > 0:
        distance = np.abs(off[:, 0] * along[1] - off[:, 1] * along[0]) / length
    else:
        distance = np.hypot(off[:, 0], off[:, 1])
    at = int(np.argmax(distance))
    if distance[at] <= tolerance:
        return np.vstack((first, last))
    return np.vstack((_peucker(line[: at + 1], tolerance)[:-1], _peucker(line[at:], tolerance)))


def _largest(hull: Floats) -> Floats:
    """The four corners of a convex polygon that enclose the largest area."""
    chosen = np.array(list(itertools.combinations(range(len(hull)), 4)))
    a, b, c, d = np.moveaxis(hull[chosen], 1, 0)
    p, q = c - a, d - b
    return np.asarray(hull[chosen[np.argmax(np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]))]])


def _refined(corners: Floats, points: NDArray[np.float32]) -> Floats | None:
    """Where the lines meet that fit the points nearest to each side."""
    sides = [_through(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    # A corner is as near to one side as to the other: it goes to the first, and in 32 bits, as there.
    # A side of few points depends on it.
    x, y = points.T
    distances = [np.abs(a * x + b * y + c) / math.hypot(a, b) for a, b, c in sides]
    nearest = np.argmin(distances, axis=0)
    lines = np.array([_fitted(side, points[nearest == i].astype(float)) for i, side in enumerate(sides)])
    lines /= np.hypot(lines[:, 0], lines[:, 1])[:, None]
    meet = np.cross(lines, np.roll(lines, -1, axis=0))
    if not np.abs(meet[:, 2]).min() > 1e-9:
        return None
    found = meet[:, :2] / meet[:, 2:]
    middle = found - found.mean(axis=0)
    return np.asarray(found[np.argsort(np.arctan2(middle[:, 1], middle[:, 0]))])


def _through(first: Floats, second: Floats) -> Line:
    """The line (a, b, c), ax + by + c = 0, through two points."""
    (x, y), (u, v) = first.tolist(), second.tolist()
    return v - y, x - u, u * y - x * v


def _fitted(line: Line, points: Floats) -> Line:
    """The line with the least sum of distances to the points."""
    x, y = np.ascontiguousarray(points.T)

    def cost(line: Line) -> float:
        a, b, c = line
        return float(np.abs(a * x + b * y + c).sum()) / math.sqrt(a * a + b * b)

    return _descended(cost, line)


def _descended(cost: Callable[[Line], float], start: Line) -> Line:
    """A minimum near the start, by the downhill simplex (Nelder, Mead 1965)."""
    a, b, c = start
    x, y, z = (value * _STEP if value else _STEP_FROM_ZERO for value in start)
    simplex = [(cost(line), line) for line in (start, (x, b, c), (a, y, c), (a, b, z))]
    for _ in range(_TURNS):
        simplex.sort(key=_cost)
        (least, best), (most, worst) = simplex[0], simplex[-1]
        if most - least <= _CLOSE and _apart(simplex) <= _CLOSE:
            break
        (_, p), (_, q), (_, r) = simplex[:3]
        middle = ((p[0] + q[0] + r[0]) / 3, (p[1] + q[1] + r[1]) / 3, (p[2] + q[2] + r[2]) / 3)

        def beyond(far: float, middle: Line = middle, worst: Line = worst) -> tuple[float, Line]:
            """The point so far beyond the middle, seen from the worst corner."""
            (a, b, c), (x, y, z) = middle, worst
            line = ((1 + far) * a - far * x, (1 + far) * b - far * y, (1 + far) * c - far * z)
            return cost(line), line

        mirrored = beyond(1)
        if mirrored[0] < least:
            simplex[-1] = min(beyond(2), mirrored, key=_cost)
        elif mirrored[0] < simplex[-2][0]:
            simplex[-1] = mirrored
        else:
            nearer = beyond(0.5 if mirrored[0] < most else -0.5)
            if nearer[0] <= min(mirrored[0], most):
                simplex[-1] = nearer
            else:
                halfway = [
                    tuple((u + v) / 2 for u, v in zip(best, line, strict=True)) for _, line in simplex[1:]
                ]
                simplex[1:] = [(cost((a, b, c)), (a, b, c)) for a, b, c in halfway]
    return min(simplex, key=_cost)[1]


def _apart(simplex: list[tuple[float, Line]]) -> float:
    best = simplex[0][1]
    return max(abs(line[i] - best[i]) for _, line in simplex for i in range(3))


def _cost(corner: tuple[float, Line]) -> float:
    return corner[0]

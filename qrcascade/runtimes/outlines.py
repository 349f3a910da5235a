"""From the mask of a symbol to its four sides.

The way is that of quadrilateral-fitter, which qrdet calls, so that both give the same quadrilateral: the
largest four-cornered part of the mask's convex hull, then for each of its sides the line with the least sum
of distances to the contour's points that are nearest to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.frame import Gray

__all__ = ["outline"]

Floats = NDArray[np.floating[Any]]

# How far, in pixels of the picture, the hull is simplified until it has so few corners.
_FEW = 8
_TOLERANCES = np.arange(0.1, 2.0, 0.2)


def outline(mask: Gray, to_source: Callable[[Floats], Floats]) -> Floats | None:
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
    points = to_source(np.concatenate(contours).reshape(-1, 2).astype(np.float64))
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    if len(hull) < 4:
        return None
    corners = _largest(_simplified(hull))
    return _refined(corners, points.astype(np.float64))


def _simplified(hull: Floats) -> Floats:
    """The hull with fewer corners, as far as the tolerances allow and four are left."""
    # Douglas-Peucker keeps the point at which a ring begins: the topmost one.
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
    """A line of points without those that lie within the tolerance of what is left (Douglas, Peucker 1973)."""
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


def _refined(corners: Floats, points: Floats) -> Floats | None:
    """Where the lines meet that fit the points nearest to each side."""
    ahead = np.roll(corners, -1, axis=0)
    sides = np.column_stack(
        (
            ahead[:, 1] - corners[:, 1],
            corners[:, 0] - ahead[:, 0],
            ahead[:, 0] * corners[:, 1] - corners[:, 0] * ahead[:, 1],
        )
    )
    sides /= np.hypot(sides[:, 0], sides[:, 1])[:, None]
    nearest = np.argmin(np.abs(points @ sides[:, :2].T + sides[:, 2]), axis=1)
    lines = np.array([_fitted(line, points[nearest == i]) for i, line in enumerate(sides)])
    meet = np.cross(lines, np.roll(lines, -1, axis=0))
    if not np.abs(meet[:, 2]).min() > 1e-9:
        return None
    found = meet[:, :2] / meet[:, 2:]
    middle = found - found.mean(axis=0)
    return np.asarray(found[np.argsort(np.arctan2(middle[:, 1], middle[:, 0]))])


def _fitted(line: Floats, points: Floats) -> Floats:
    """The line (a, b, c) with the least sum of distances to the points, from a first guess."""
    import cv2

    if len(points) < 2:
        return line
    # Iteratively reweighted least squares.
    best, least = line, np.abs(points @ line[:2] + line[2]).sum()
    weights = np.ones(len(points))
    for _ in range(60):
        total = weights.sum()
        centre = weights @ points / total
        off = (points - centre) * np.sqrt(weights)[:, None]
        normal = np.linalg.eigh(off.T @ off)[1][:, 0]
        now = np.array([*normal, -normal @ centre])
        distance = np.abs(points @ normal - normal @ centre)
        if distance.sum() < least:
            best, least = now, distance.sum()
        weights = 1 / np.maximum(distance, 1e-3)
    return best

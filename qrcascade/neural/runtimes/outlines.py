"""From the mask of a symbol to its four sides.

The convex hull is reduced to the quadrilateral that adds least area to it (K.-L. Low, A. Ilie, "View Frustum
Optimization to Maximize Object's Image Area", 2003; `cv2.approxPolyN`). Then a line is fitted to the contour
along each side, by the least sum of distances (`cv2.fitLine`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.opencv import cv2
from qrcascade.image.sources import Gray

__all__ = ["find_contour", "fit_quadrilateral"]

Floats = NDArray[np.floating[Any]]

# The part of each side that a line is fitted to, as shares of its length, since masks are rounded at their
# corners; and the fewest points for that. Chosen.
_MIDDLE, _FEWEST = (0.1, 0.9), 4
# Accuracy of fitted lines: pixels, and radians. As OpenCV's documentation suggests.
_ACCURACY = 0.01
# Cross product of two unit normals under which sides are parallel.
_PARALLEL = 1e-6


def find_contour(mask: Gray) -> NDArray[np.float32] | None:
    """Return the contour points (x, y) of a mask, shape (N, 2), not zero inside; None of an empty one."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    return np.asarray(largest, np.float32).reshape(-1, 2)


def fit_quadrilateral(contour: Floats) -> Floats | None:
    """Fit a quadrilateral to a closed contour.

    Parameters
    ----------
    contour : ndarray of float, shape (N, 2)
        Its points (x, y) in turn.

    Returns
    -------
    ndarray of float, shape (4, 2), or None
        Corners, clockwise on the screen; None where the contour has no four sides.
    """
    points = np.asarray(contour, np.float32).reshape(-1, 2)
    hull = cv2.convexHull(points)
    if len(hull) < 4 or cv2.contourArea(hull) == 0:
        return None
    corners = cv2.approxPolyN(hull, 4, ensure_convex=True).reshape(-1, 2).astype(np.float64)
    if len(corners) != 4:
        return None
    lines = _fit_sides(_resample(points), corners)
    meet = np.cross(np.roll(lines, 1, axis=0), lines)
    if np.abs(meet[:, 2]).min() < _PARALLEL:
        return None
    found = meet[:, :2] / meet[:, 2:]
    middle = found - found.mean(axis=0)
    return np.asarray(found[np.argsort(np.arctan2(middle[:, 1], middle[:, 0]))])


def _resample(points: NDArray[np.float32]) -> Floats:
    """Return points along a closed contour at steps of about a pixel."""
    ring = np.vstack([points, points[:1]]).astype(np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    at = np.linspace(0, along[-1], max(len(points), round(along[-1])), endpoint=False)
    return np.column_stack([np.interp(at, along, ring[:, axis]) for axis in (0, 1)])


def _fit_sides(points: Floats, corners: Floats) -> Floats:
    """Return lines (a, b, c), ax + by + c = 0, a unit normal each, that fit the points nearest to a side."""
    begins, sides = corners, np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    normals = np.column_stack([sides[:, 1], -sides[:, 0]]) / lengths[:, None]
    offsets = -(normals * begins).sum(axis=1)
    nearest = np.abs(points @ normals.T + offsets).argmin(axis=1)
    lines = np.column_stack([normals, offsets])
    for i in range(4):
        share = (points - begins[i]) @ sides[i] / lengths[i] ** 2
        own = points[(nearest == i) & (share > _MIDDLE[0]) & (share < _MIDDLE[1])]
        if len(own) >= _FEWEST:
            dx, dy, x, y = cv2.fitLine(own.astype(np.float32), cv2.DIST_L1, 0, _ACCURACY, _ACCURACY).ravel()
            lines[i] = dy, -dx, dx * y - dy * x
    return lines

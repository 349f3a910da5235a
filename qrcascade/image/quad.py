"""The geometry of a symbol's four corners; standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Point", "Quad"]

Point = tuple[float, float]

# Intersection over union. Engines place the same symbol's corners up to a few modules apart; a symbol
# inside another one's light middle is a third of its side.
SAME_PLACE = 0.25


@dataclass(frozen=True, slots=True)
class Quad:
    """The four corners of a symbol.

    Parameters
    ----------
    corners : tuple of 4 (x, y) floats
        Pixels of the upright picture, x to the right and y down, clockwise on the screen. The first
        corner is the symbol's own top-left if it was read, and has no meaning if it was only located.
    """

    corners: tuple[Point, Point, Point, Point]
    # Computed at its first use: pictures with hundreds of symbols ask for it a million times.
    _bounds: tuple[float, float, float, float] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, points: Sequence[Sequence[float]] | NDArray[Any]) -> Quad:
        """Make a clockwise quad from 4 points, keeping the first one first.

        Raises
        ------
        ValueError
            If there are not exactly four finite points.
        """
        try:
            corners = tuple((float(x), float(y)) for x, y in points)
        except (TypeError, ValueError) as error:
            raise ValueError(f"a quad needs 4 finite (x, y) points, got {points!r}") from error
        if len(corners) != 4 or not all(math.isfinite(v) for c in corners for v in c):
            raise ValueError(f"a quad needs 4 finite (x, y) points, got {corners}")
        a, b, c, d = corners
        return cls((a, b, c, d)) if _signed_area(corners) >= 0 else cls((a, d, c, b))

    def __iter__(self) -> Iterator[Point]:
        return iter(self.corners)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.float64]:
        """Return the corners as a new float array of shape (4, 2)."""
        import numpy

        if copy is False:
            raise ValueError("a Quad holds no array, so it cannot return one without a copy")
        return numpy.array(self.corners, dtype=float if dtype is None else dtype)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the upright rectangle around it, in pixels."""
        if self._bounds is None:
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners
            box = min(ax, bx, cx, dx), min(ay, by, cy, dy), max(ax, bx, cx, dx), max(ay, by, cy, dy)
            object.__setattr__(self, "_bounds", box)
            return box
        return self._bounds

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return abs(_signed_area(self.corners))

    @property
    def center(self) -> Point:
        """Mean of the corners."""
        return (sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4)

    @property
    def side(self) -> float:
        """Length of the mean side, in pixels."""
        a, b, c, d = self.corners
        return (math.dist(a, b) + math.dist(b, c) + math.dist(c, d) + math.dist(d, a)) / 4

    @property
    def convex(self) -> bool:
        """Whether all four corners turn the same way, as those of a flat symbol do."""
        c = self.corners
        return all(_turn(c[i - 2], c[i - 1], c[i]) > 0 for i in range(4))

    def overlap(self, other: Quad) -> float:
        """Return the intersection over union: 0 (apart) to 1 (the same outline).

        Exact for convex quads (Sutherland-Hodgman clipping).
        """
        shared = self.shared_area(other)
        union = self.area + other.area - shared
        return min(1.0, shared / union) if union > 0 else 0.0

    def shared_area(self, other: Quad) -> float:
        """Return the area of the intersection in square pixels; exact for convex quads."""
        if self.is_apart(other):
            return 0.0
        polygon: list[Point] = list(self.corners)
        for i in range(4):
            polygon = _clip(polygon, other.corners[i - 1], other.corners[i])
        return abs(_signed_area(polygon))

    def is_apart(self, other: Quad) -> bool:
        """Return whether the bounding boxes do not touch: a quick test that settles most pairs."""
        # Past the property, which takes as long as the comparison.
        mine, theirs = self._bounds or self.bounds, other._bounds or other.bounds
        return mine[2] < theirs[0] or theirs[2] < mine[0] or mine[3] < theirs[1] or theirs[3] < mine[1]

    def same_place(self, other: Quad) -> bool:
        """Whether both are likely to outline the same symbol: an `overlap` of at least a quarter."""
        return not self.is_apart(other) and (self == other or self.overlap(other) >= SAME_PLACE)

    def covers(self, other: Quad) -> bool:
        """Whether the other quad is smaller and has its centre in this one, like a part of a symbol."""
        if self.is_apart(other):
            return False
        c = self.corners
        inside = all(_turn(c[i - 1], c[i], other.center) >= 0 for i in range(4))
        return inside and other.area < self.area


def _signed_area(points: Sequence[Point]) -> float:
    """Return the area by the shoelace formula; positive if clockwise on a screen (y down)."""
    twice = 0.0
    for i, (x, y) in enumerate(points):
        before_x, before_y = points[i - 1]
        twice += before_x * y - before_y * x
    return twice / 2


def _turn(a: Point, b: Point, p: Point) -> float:
    """Return a positive number if ``p`` lies to the right of the line from ``a`` to ``b`` on the screen."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _clip(polygon: list[Point], a: Point, b: Point) -> list[Point]:
    """Return the part of a polygon on the inner side of one edge of a clockwise quad."""
    kept: list[Point] = []
    for i, p in enumerate(polygon):
        q = polygon[i - 1]
        side_p, side_q = _turn(a, b, p), _turn(a, b, q)
        if (side_p >= 0) != (side_q >= 0):
            t = side_q / (side_q - side_p)
            kept.append((q[0] + t * (p[0] - q[0]), q[1] + t * (p[1] - q[1])))
        if side_p >= 0:
            kept.append(p)
    return kept

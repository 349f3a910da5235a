"""Outlines in a picture: which are near a place, of hundreds, and which are no symbol's own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from qrcascade.image.quad import Quad

__all__ = ["Outlines", "is_cut", "is_mixture", "is_part"]

# A symbol needs a quiet zone of four modules: one that ends this near to the picture's edge, in shares of its
# side, is likely to go on beyond it. Chosen.
_CUT_MARGIN = 0.02
# A region with this share of its area in symbols that are read is made of their finder patterns. Chosen:
# symbols do not overlap, but rough outlines of neighbours may.
_ACROSS = 0.3
# So is a region across two or more located symbols, with this share of its area in them; what lies within it
# by more than the second share is rather a part of it. Chosen: of 17 such regions in the BoofCV set, with
# shares from 0.14, none was read, and of those in the other development sets there was none.
_MIXED, _WITHIN = 0.1, 0.75


class Outlines:
    """Outlines by number, from 0: only those whose bounding boxes touch are worth a comparison."""

    def __init__(self) -> None:
        self._boxes: list[tuple[float, float, float, float]] = []
        # Left edges in order, with their numbers, and the width that no outline exceeds.
        self._lefts: list[tuple[float, int]] = []
        self._width = 0.0

    def put(self, number: int, quad: Quad) -> None:
        """Add the outline with the next number, or replace one."""
        if number < len(self._boxes):
            self._lefts.remove((self._boxes[number][0], number))
        self._boxes[number : number + 1] = [quad.bounds]
        left, _, right, _ = quad.bounds
        insort(self._lefts, (left, number))
        self._width = max(self._width, right - left)

    def near(self, quad: Quad) -> list[int]:
        """Return the numbers of the outlines that are not `Quad.is_apart` from this one, in order."""
        left, top, right, bottom = quad.bounds
        first = bisect_left(self._lefts, (left - self._width, 0))
        last = bisect_right(self._lefts, (right, len(self._boxes)))
        found = []
        for _, number in self._lefts[first:last]:
            box = self._boxes[number]
            if left <= box[2] and box[1] <= bottom and top <= box[3]:
                found.append(number)
        return sorted(found)


def is_part(quad: Quad, read: Iterable[Quad]) -> bool:
    """Return whether this is in a read symbol (a finder pattern), around one (a page), or across some."""
    across = 0.0
    for known in read:
        if known.covers(quad) or quad.covers(known):
            return True
        across += quad.shared_area(known)
    return across >= _ACROSS * quad.area


def is_mixture(quad: Quad, located: Iterable[Quad]) -> bool:
    """Return whether this joins finder patterns of different symbols, which are located elsewhere."""
    crossed = []
    for known in located:
        if known.same_place(quad):
            return False
        shared = quad.shared_area(known)
        if 0 < shared < _WITHIN * known.area:
            crossed.append(shared)
    return len(crossed) > 1 and sum(crossed) >= _MIXED * quad.area


def is_cut(quad: Quad, size: tuple[int, int]) -> bool:
    """Return whether an edge of the picture seems to cut a symbol, and the picture is not a crop of it."""
    left, top, right, bottom = quad.bounds
    margin = _CUT_MARGIN * quad.side
    across = (left < margin) + (right > size[0] - margin)
    down = (top < margin) + (bottom > size[1] - margin)
    return max(across, down) == 1

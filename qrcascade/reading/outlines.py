"""Which of the outlines in a picture are near a place: a picture may have hundreds of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from qrcascade.image.quad import Quad

__all__ = ["Outlines"]


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

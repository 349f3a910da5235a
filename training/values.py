"""What the modules here pass to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: A gray picture (rows, columns), levels 0 to 255.
Gray = NDArray[np.float32]
#: Outlines (n, 4, 2): x, y of the corners, clockwise, in pixels; a pixel's centre is a whole number.
Quads = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Labels:
    """A picture's symbols: outlines, modules a side; those that do not count are neither right nor wrong."""

    quads: Quads
    counts: NDArray[np.int32]
    counted: NDArray[np.bool_]

    @staticmethod
    def none() -> Labels:
        """Return the labels of a picture without a symbol."""
        return Labels(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))

    @staticmethod
    def join(parts: Sequence[Labels]) -> Labels:
        """Put the labels of several parts of a picture together."""
        if not parts:
            return Labels.none()
        return Labels(
            np.concatenate([part.quads for part in parts]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.counted for part in parts]),
        )

    def moved(self, quads: NDArray[np.floating]) -> Labels:
        """Return the same symbols elsewhere; corners run clockwise again where a flip turned them."""
        quads = np.asarray(quads, np.float32).reshape(-1, 4, 2)
        turned = signed_areas(quads) < 0
        quads = np.where(turned[:, None, None], quads[:, ::-1], quads)
        return Labels(quads.astype(np.float32), self.counts, self.counted)

    def where(self, chosen: NDArray[np.bool_]) -> Labels:
        """Return these symbols alone."""
        return Labels(self.quads[chosen], self.counts[chosen], self.counted[chosen])

    def only(self, counted: NDArray[np.bool_]) -> Labels:
        """Return the same symbols, of which those count that did and are named here."""
        return Labels(self.quads, self.counts, self.counted & counted)


@dataclass(frozen=True)
class Sheet:
    """Something flat: levels, how opaque it is (0 to 1), and the symbols on it."""

    levels: Gray
    cover: Gray
    labels: Labels


def signed_areas(quads: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the areas in square pixels; positive where the corners run clockwise in the picture."""
    x, y = np.asarray(quads, np.float64)[..., 0], np.asarray(quads, np.float64)[..., 1]
    following = np.roll(y, -1, -1), np.roll(x, -1, -1)
    return np.asarray((x * following[0] - y * following[1]).sum(-1) / 2)


def sides(quads: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the side of the square of the same area, in pixels."""
    return np.asarray(np.sqrt(np.abs(signed_areas(quads))))


def chance(rng: Rng, share: float) -> bool:
    """Return True in this share of cases."""
    return bool(rng.random() < share)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform between both ends'."""
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))

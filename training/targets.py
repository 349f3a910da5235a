"""What the network should answer, cell by cell."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.network import STRIDE
from training.values import Labels, Quads, sides

_CORE, _OUTER = 0.4, 0.85  # shares of the outline: symbol within the one, nothing beyond the other


class Target(NamedTuple):
    """Score (0 or 1), the cell's weight, its share of its symbol, corners from the cell, side, module."""

    score: NDArray[np.float32]
    weight: NDArray[np.float32]
    share: NDArray[np.float32]
    corners: NDArray[np.float32]
    side: NDArray[np.float32]
    module: NDArray[np.float32]


def make_target(labels: Labels, side: int) -> Target:
    """Draw up the answer for a picture of `side` x `side` pixels; corners and sides are in pixels."""
    cells = side // STRIDE
    target = Target(
        np.zeros((cells, cells), np.float32), np.ones((cells, cells), np.float32),
        np.zeros((cells, cells), np.float32), np.zeros((8, cells, cells), np.float32),
        np.ones((cells, cells), np.float32), np.ones((cells, cells), np.float32),
    )  # fmt: skip
    lengths = sides(labels.quads)
    crowd = max(1, int(labels.counted.sum())) ** -0.4
    symbols = zip(labels.quads, labels.counts, labels.counted, lengths, strict=True)
    for quad, count, counted, length in symbols:
        if not counted:
            target.weight[_fill(quad, 1.0, cells) & (target.score == 0)] = 0
            continue
        core = _fill(quad, _CORE, cells)
        _add_nearest(core, quad, cells)
        ring = _fill(quad, _OUTER, cells) & ~core & (target.score == 0)
        target.weight[ring] = 0
        target.weight[core] = 1
        target.score[core] = 1
        target.share[core] = crowd * 3 / max(3, int(core.sum()))
        rows, columns = np.nonzero(core)
        centres = np.stack([columns, rows], -1) * STRIDE + (STRIDE - 1) / 2
        target.corners[:, rows, columns] = (quad[None] - centres[:, None]).reshape(-1, 8).T
        target.side[core], target.module[core] = length, length / count
    return target


def _fill(quad: Quads, share: float, cells: int) -> NDArray[np.bool_]:
    """Return the cells whose centres lie in the outline, shrunk to this share about its centre."""
    mask = np.zeros((cells, cells), np.uint8)
    centre = quad.mean(0)
    shrunk = (centre + (quad - centre) * share - (STRIDE - 1) / 2) / STRIDE
    hull = cv2.convexHull(shrunk.astype(np.float32))[:, 0]
    low, high = np.clip(np.ceil(hull.min(0)), 0, cells), np.clip(np.floor(hull.max(0)) + 1, 0, cells)
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    if right <= left or bottom <= top:
        return mask.astype(bool)
    y, x = np.mgrid[top:bottom, left:right]
    corner, edge = hull[..., None, None], (np.roll(hull, -1, 0) - hull)[..., None, None]
    across = edge[:, 0] * (y - corner[:, 1]) - edge[:, 1] * (x - corner[:, 0])
    mask[top:bottom, left:right] = (across >= 0).all(0) | (across <= 0).all(0)
    return mask.astype(bool)


def _add_nearest(core: NDArray[np.bool_], quad: Quads, cells: int) -> None:
    """Add the cell nearest to the centre: it belongs to the symbol, however small that is."""
    column, row = np.rint((quad.mean(0) - (STRIDE - 1) / 2) / STRIDE).astype(int)
    core[min(max(row, 0), cells - 1), min(max(column, 0), cells - 1)] = True

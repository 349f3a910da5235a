"""What the network should answer, cell by cell."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.network import STRIDE
from training.values import Labels, Quads, sides

_CORE, _OUTER = 0.4, 0.85  # shares of the outline: symbol within the one, nothing beyond the other
_AROUND = (
    1.45  # shares of the outline within which cells look for its corners: also where it is thought turned
)
_NEAR = 0.3  # sides from a corner within which a cell knows it well
_SYMBOL_WEIGHT = 3.0  # cells that a symbol counts for at most, however large


class Target(NamedTuple):
    """Of every cell: what it should say, and how much that matters."""

    score: NDArray[np.float32]  # 1 at a symbol's core, else 0
    weight: NDArray[np.float32]  # of the score where it should be 0
    share: NDArray[np.float32]  # of the score where it should be 1
    corners: NDArray[np.float32]  # (8, ...) x and y from the cell's centre, in pixels
    nearest: NDArray[np.float32]  # (2, ...) the nearest of them
    worth: NDArray[np.float32]  # of the nearest
    side: NDArray[np.float32]  # pixels
    module: NDArray[np.float32]  # pixels


def make_target(labels: Labels, side: int) -> Target:
    """The answer for a picture of `side` x `side` pixels."""
    cells = side // STRIDE
    ones, zeros = np.ones((cells, cells), np.float32), np.zeros((13, cells, cells), np.float32)
    score, share, worth, nearest, corners = zeros[0], zeros[1], zeros[2], zeros[3:5], zeros[5:]
    target = Target(score, ones, share, corners, nearest, worth, ones.copy(), ones.copy())
    crowd = max(1, int(labels.counted.sum())) ** -0.4
    wholes = [_fill(quad, 1.0, cells) for quad in labels.quads]
    free = ~np.any(wholes, axis=0) if wholes else np.ones((cells, cells), bool)
    symbols = zip(labels.quads, labels.counts, labels.counted, sides(labels.quads), wholes, strict=True)
    for quad, count, counted, length, whole in symbols:
        if not counted:
            target.weight[whole & (target.score == 0)] = 0
            continue
        core = _fill(quad, _CORE, cells)
        _add_nearest(core, quad, cells)
        target.weight[_fill(quad, _OUTER, cells) & ~core & (target.score == 0)] = 0
        target.weight[core] = 1
        target.score[core] = 1
        target.share[core] = crowd * _SYMBOL_WEIGHT / max(_SYMBOL_WEIGHT, int(core.sum()))
        around = core | (whole & (target.score == 0)) | (_fill(quad, _AROUND, cells) & free)
        _set_shape(target, quad, around, length, crowd)
        target.module[around] = length / count
    return target


def _set_shape(target: Target, quad: Quads, cells: NDArray[np.bool_], length: float, crowd: float) -> None:
    """Corners as the cells in and around a symbol see them; a cell knows the nearest one where it is near."""
    rows, columns = np.nonzero(cells)
    centres = np.stack([columns, rows], -1) * STRIDE + (STRIDE - 1) / 2
    offsets = quad[None] - centres[:, None]
    away = np.linalg.norm(offsets, axis=2)
    target.corners[:, rows, columns] = offsets.reshape(-1, 8).T
    target.nearest[:, rows, columns] = offsets[np.arange(len(rows)), away.argmin(1)].T
    near = np.exp(-((away.min(1) / max(length * _NEAR, STRIDE)) ** 2))
    target.worth[rows, columns] = crowd * near / max(near.sum(), 1.0)
    target.side[rows, columns] = length


def _fill(quad: Quads, share: float, cells: int) -> NDArray[np.bool_]:
    """The cells whose centres lie in the outline, shrunk to this share about its centre."""
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
    """The cell nearest to the centre belongs to the symbol, however small it is."""
    column, row = np.rint((quad.mean(0) - (STRIDE - 1) / 2) / STRIDE).astype(int)
    core[min(max(row, 0), cells - 1), min(max(column, 0), cells - 1)] = True

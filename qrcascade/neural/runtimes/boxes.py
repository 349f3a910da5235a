"""Pre- and post-processing of a YOLOv8 segmentation network: letterbox, suppression, masks.

The parameters are those that qrdet passes to Ultralytics, so the results are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.neural.runtimes.outlines import find_contour, fit_quadrilateral

__all__ = ["Letterbox", "find_detections", "letterbox"]

Floats = NDArray[np.floating[Any]]

_GRAY = 114
_SCORE = 0.5
_OVERLAP = 0.3
_MOST = 100


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The placement of a picture in the network's input."""

    # Width and height of the picture.
    source: tuple[int, int]
    # Gray columns and rows before it.
    left: int
    top: int
    # Input pixels per picture pixel, along x and y.
    scale: tuple[float, float]

    def to_source(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Map points of the input, shape (N, 2), to pixels of the picture, clipped to its borders."""
        # In 32 bits, as Ultralytics does: with few points on a side, its fit depends on the last digit.
        pairs = (self.left, self.top), self.scale, self.source
        corner, scale, end = (np.array(pair, np.float32) for pair in pairs)
        placed = (points.astype(np.float32) - corner) / scale
        return np.asarray(np.clip(placed, np.float32(0), end), np.float32)


def letterbox(rgb: Gray, side: int = 640, stride: int = 32) -> tuple[NDArray[np.float32], Letterbox]:
    """Scale a picture so that its longer side is ``side``, and fill the shorter one up to whole strides.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The picture.
    side : int
        The longer side of the input in pixels, a multiple of ``stride``.
    stride : int
        The sides of the network's input must be multiples of this.

    Returns
    -------
    ndarray of float32, shape (1, 3, h, w)
        Red, green, blue from 0 to 1.
    Letterbox
        The picture's placement.
    """
    height, width = rgb.shape[:2]
    ratio = min(side / height, side / width)
    w, h = max(round(width * ratio), 1), max(round(height * ratio), 1)
    if (w, h) != (width, height):
        rgb = cv2.resize(rgb, (w, h), interpolation=cv2.INTER_LINEAR)
    across, down = (side - w) % stride, (side - h) % stride
    # The odd pixel goes to the right and the bottom.
    left, top = across // 2, down // 2
    filled = cv2.copyMakeBorder(
        rgb, top, down - top, left, across - left, cv2.BORDER_CONSTANT, value=(_GRAY,) * 3
    )
    tensor = np.ascontiguousarray(filled.transpose(2, 0, 1)[None], dtype=np.float32)
    tensor /= 255
    return tensor, Letterbox((width, height), left, top, (w / width, h / height))


def find_detections(
    boxes: Floats, prototypes: Floats, size: tuple[int, int], placed: Letterbox
) -> list[tuple[Quad, float]]:
    """Return the symbols in a network's output, best first.

    Parameters
    ----------
    boxes : ndarray of float, shape (5 + K, N)
        For each candidate: centre x and y, width and height in pixels of the input, a score from 0 to
        1, and the weights of its K mask prototypes.
    prototypes : ndarray of float, shape (K, h, w)
        A candidate's mask is a weighted sum of these, positive inside.
    size : (int, int)
        Width and height of the input.
    placed : Letterbox
        The picture's placement in the input.

    Returns
    -------
    list of (Quad, float)
        Outlines in pixels of the picture, which may extend beyond it, and scores from 0 to 1. Masks too
        small to have four sides are left out.
    """
    kept = _suppress(boxes.T.astype(np.float32))
    found = []
    for row, mask in zip(kept, _make_masks(kept, prototypes, size), strict=True):
        contour = find_contour(mask)
        corners = None if contour is None else fit_quadrilateral(placed.to_source(contour))
        if corners is not None:
            found.append((Quad.of(corners), float(row[4])))
    return found


def _suppress(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert centre and size to left, top, right and bottom; drop rows that a better one overlaps."""
    rows = rows[rows[:, 4] > _SCORE]
    half = rows[:, 2:4] / 2
    low, high = rows[:, :2] - half, rows[:, :2] + half
    boxes = np.hstack((low, rows[:, 2:4])).tolist()
    rows[:, :4] = np.hstack((low, high))
    return rows[list(cv2.dnn.NMSBoxes(boxes, rows[:, 4].tolist(), _SCORE, _OVERLAP))[:_MOST]]


def _make_masks(kept: NDArray[np.float32], prototypes: Floats, size: tuple[int, int]) -> list[Gray]:
    """Return each candidate's mask in pixels of the input: 1 inside, clipped to its box."""
    flat = np.asarray(prototypes, np.float32).reshape(len(prototypes), -1)
    small = (kept[:, 5:] @ flat).reshape(-1, *prototypes.shape[1:])
    x, y = np.arange(size[0]), np.arange(size[1])
    masks = []
    for (left, top, right, bottom), mask in zip(kept[:, :4], small, strict=True):
        inside = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) > 0
        columns, rows = (x >= left) & (x < right), (y >= top) & (y < bottom)
        masks.append((inside & columns & rows[:, None]).astype(np.uint8))
    return masks

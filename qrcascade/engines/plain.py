"""Whether a picture shows anything besides the symbols that are read: much cheaper than the detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad

__all__ = ["is_plain_beside"]

# Longest side of the reduced picture in pixels; how much the known outlines grow, for the edge of a label as
# large as a version 1 symbol with its quiet zone (29 of 21 modules) and for that edge's blur; the most that
# neighbouring pixels may differ, in levels. Chosen: a code with a contrast of 4 still shows.
_SIDE = 480
_GROWN = 1.45
_MOST_CHANGE = 1


def is_plain_beside(gray: Gray, quads: Sequence[Quad]) -> bool:
    """Return whether nothing but these symbols is seen in a picture, not even print."""
    small, scale = _reduce(gray)
    square = np.ones((3, 3), np.uint8)
    change = cv2.subtract(cv2.dilate(small, square), cv2.erode(small, square))
    corners = np.array([quad.corners for quad in quads]).reshape(-1, 4, 2)
    centres = corners.mean(1, keepdims=True)
    grown = centres + (corners - centres) * _GROWN
    for outline in np.rint((grown + 0.5) * scale - 0.5).astype(np.int32):
        cv2.fillConvexPoly(change, outline, 0)
    return int(change.max()) <= _MOST_CHANGE


def _reduce(gray: Gray) -> tuple[Gray, float]:
    """Return means of squares of pixels, and the scale: whole numbers of them take a third of the time."""
    pixels = -(-max(gray.shape) // _SIDE)
    rows, columns = (max(1, length // pixels) for length in gray.shape)
    whole = gray[: rows * pixels, : columns * pixels]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8), 1 / pixels

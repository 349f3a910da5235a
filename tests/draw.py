"""Drawn symbols with known corners and payloads."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from benchmarks import symbols
from qrcascade import Quad
from qrcascade.image.frame import Gray

QUIET = symbols.QUIET


def symbol(payload: str | bytes, scale: int = 4, **options: Any) -> tuple[Gray, Quad]:
    """A symbol with its quiet zone, and its outline in pixels (centres at whole coordinates)."""
    options.setdefault("micro", False)
    return drawn(made(payload, **options), scale)


@functools.cache
def made(payload: str | bytes, **options: Any) -> segno.QRCode:
    """As `segno.make`, which takes long to choose a mask."""
    return segno.make(payload, **options)


def drawn(code: segno.QRCode, scale: int) -> tuple[Gray, Quad]:
    """The same of a symbol that segno has made."""
    gray = symbols.drawing(np.array(code.matrix, bool), scale)
    low, high = QUIET * scale - 0.5, len(gray) - QUIET * scale - 0.5
    return gray, Quad(((low, low), (high, low), (high, high), (low, high)))


def warped(
    gray: Gray, quad: Quad, matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[Gray, NDArray[np.float64]]:
    """A picture under a homography on a white page of (width, height), and where its corners went."""
    page = cv2.warpPerspective(gray, matrix, size, flags=cv2.INTER_AREA, borderValue=(255, 255, 255))
    points = np.column_stack([np.asarray(quad), np.ones(4)]) @ matrix.T
    return page.astype(np.uint8), points[:, :2] / points[:, 2:]


def turned(
    payload: str, angle: float, mirrored: bool = False, **options: Any
) -> tuple[Gray, NDArray[np.float64]]:
    """A symbol turned by degrees, perhaps in a mirror; its corners in its own order."""
    gray, quad = symbol(payload, scale=6, **options)
    side = len(gray)
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
    matrix[:2, 2] += side / 2
    flip = np.array([[-1.0, 0, side - 1], [0, 1, 0], [0, 0, 1]]) if mirrored else np.eye(3)
    return warped(gray, quad, matrix @ flip, (2 * side, 2 * side))


def page_of(*symbols: Gray, gap: int = 40) -> Gray:
    """Symbols side by side on a white page."""
    height = max(len(s) for s in symbols) + 2 * gap
    columns = [np.full((height, gap), 255, np.uint8)]
    for gray in symbols:
        column = np.full((height, gray.shape[1] + gap), 255, np.uint8)
        column[gap : gap + len(gray), : gray.shape[1]] = gray
        columns.append(column)
    return np.hstack(columns)

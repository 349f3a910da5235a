"""Sharp drawings of symbols: what every other picture begins with."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image

from qrcascade.image.frame import Gray

QUIET = 4


def dark(payload: str | bytes, **options: Any) -> NDArray[np.bool_]:
    """Where a symbol's modules are dark; options are segno's."""
    options.setdefault("micro", False)
    return np.array(segno.make(payload, **options).matrix, bool)


def drawing(modules: NDArray[np.bool_], cell: int, ink: int = 0, paper: int = 255) -> Gray:
    """Modules as squares of so many pixels, with a quiet zone."""
    levels = np.where(np.pad(modules, QUIET), ink, paper).astype(np.uint8)
    return np.kron(levels, np.ones((cell, cell), np.uint8))


def clear_page(text: str, size: tuple[int, int], cell: int, at: tuple[int, int], paper: int = 255) -> Gray:
    """A gray page of (width, height) with one sharp symbol, whose quiet zone begins at (x, y)."""
    page = np.full(size[::-1], paper, np.uint8)
    art = drawing(dark(text), cell)
    page[at[1] : at[1] + len(art), at[0] : at[0] + len(art)] = art
    return page


def compressed(gray: Gray, quality: int) -> Gray:
    """What JPEG leaves of gray pixels."""
    coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def in_file(pixels: Gray | Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a file of these pixels."""
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()

"""Damaged files: a picture with a symbol in every format that is accepted, and changes to its bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tests import draw

__all__ = ["PDF", "SEEDS", "TEXT", "mutated"]

TEXT = "of a broken file"
"""What the symbol says."""


def _write() -> dict[str, bytes]:
    gray = draw.symbol(TEXT, scale=3)[0]
    rgb = np.dstack([gray, gray, 255 - (255 - gray) // 2])
    rgba = np.dstack([rgb, np.full_like(gray, 200)])
    second = Image.fromarray(255 - gray)
    exif = Image.Exif()
    exif[0x0112] = 6
    pages = {"save_all": True, "append_images": [second]}
    kinds: dict[str, tuple[Any, str, dict[str, Any]]] = {
        "jpeg": (rgb, "JPEG", {"exif": exif}),
        "progressive": (gray, "JPEG", {"progressive": True, "quality": 60}),
        "png": (rgb, "PNG", {}),
        "deep png": (gray.astype(np.uint16) * 257, "PNG", {}),
        "animated png": (gray, "PNG", {**pages, "default_image": True}),
        "tiff": (rgb, "TIFF", {"compression": "tiff_lzw", "exif": exif}),
        "deflated tiff": (gray, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "tiff pages": (gray, "TIFF", pages),
        "gif": (gray, "GIF", pages),
        "webp": (rgb, "WEBP", {}),
        "lossless webp": (rgba, "WEBP", {"lossless": True, "exif": exif}),
        "avif": (rgb, "AVIF", {}),
        "jpeg 2000": (rgb, "JPEG2000", {}),
        "mpo": (rgb, "MPO", {"save_all": True, "append_images": [Image.fromarray(rgb)]}),
        "bmp": (rgb, "BMP", {}),
        "dib": (gray, "DIB", {}),
        "ppm": (rgb, "PPM", {}),
        "ico": (rgb, "ICO", {"sizes": [gray.shape[::-1]]}),
        "bitmap ico": (rgb, "ICO", {"sizes": [gray.shape[::-1]], "bitmap_format": "bmp"}),
        "pcx": (rgb, "PCX", {}),
        "sgi": (rgb, "SGI", {}),
        "tga": (rgb, "TGA", {"compression": "tga_rle"}),
    }
    made = {}
    for name, (pixels, kind, options) in kinds.items():
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind, **options)
        made[name] = buffer.getvalue()
    return made


def _write_pdf() -> bytes:
    buffer = io.BytesIO()
    page = Image.fromarray(draw.symbol(TEXT, scale=4)[0])
    page.save(buffer, "PDF", save_all=True, append_images=[page])
    return buffer.getvalue()


SEEDS = _write()
"""Files by the name of their kind."""
PDF = _write_pdf()
"""A document of two pages, with the symbol on each."""


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """Return bytes changed, cut, doubled, taken out, or with those of another file in their place."""
    broken = bytearray(data)
    for _ in range(int(random.integers(1, 4))):
        # The headers are near the beginning, and are hit as often as all the rest.
        reach = len(broken) if random.random() < 0.5 else min(len(broken), 120)
        start = int(random.integers(reach + 1))
        stop = min(len(broken), start + int(random.integers(1, 40)))
        how = random.integers(6)
        if how == 0:
            broken[start:stop] = random.bytes(stop - start)
        elif how == 1 and start < len(broken):
            broken[start] ^= 1 << int(random.integers(8))
        elif how == 2 and start > len(broken) // 8:
            del broken[start:]
        elif how == 3:
            del broken[start:stop]
        elif how == 4:
            broken[start:start] = broken[start:stop]
        else:
            other = list(SEEDS.values())[random.integers(len(SEEDS))]
            broken[start:stop] = other[start:stop]
    return bytes(broken)

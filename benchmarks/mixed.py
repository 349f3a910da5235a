"""Files of one page each, of the kinds that a cluster meets: each a function of a seed."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import fpdf
import segno
from PIL import Image

from benchmarks import synthetic

__all__ = ["KINDS", "MIX", "suffix"]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _drawn(condition: str, severity: float, seed: int) -> Image.Image:
    return Image.fromarray(synthetic.draw(condition, severity, seed).rgb)


def _made(condition: str, severity: float, seed: int) -> bytes:
    return _jpeg(_drawn(condition, severity, seed))


def _photograph(seed: int) -> bytes:
    """A receipt as a phone of 12 MP sees it."""
    receipt = _drawn("receipt", 0.2, seed)
    return _jpeg(receipt.resize((3000, 4000), Image.Resampling.BICUBIC))


def _print(seed: int) -> bytes:
    """A page of print in a PDF with a drawn symbol."""
    pdf = fpdf.FPDF()
    pdf.set_font("Helvetica", size=10)
    pdf.add_page()
    for line in range(30):
        pdf.text(20, 20 + 5 * line, f"{line + 1} piece of something, 19 % VAT, {line * 7.5:.2f} EUR")
    for y, row in enumerate(segno.make(f"https://example.com/verify?invoice={seed}", micro=False).matrix):
        for x, dark in enumerate(row):
            if dark:
                pdf.rect(120 + x, 220 + y, 1, 1, style="F")
    return bytes(pdf.output())


def _scan(seed: int) -> bytes:
    """A scan of 200 dpi in a PDF."""
    pdf = fpdf.FPDF()
    pdf.add_page()
    page = _drawn("invoice", 0.2, seed).resize((1654, 2339), Image.Resampling.BICUBIC)
    pdf.image(io.BytesIO(_jpeg(page)), 0, 0, 210, 297)
    return bytes(pdf.output())


KINDS: dict[str, Callable[[int], bytes]] = {
    "receipt": partial(_made, "receipt", 0.0),
    "photograph": _photograph,
    "PDF, print": _print,
    "PDF, scan": _scan,
    "damaged": partial(_made, "damaged", 1.0),
    "blurred": partial(_made, "blur", 1.0),
    "unreadable": partial(_made, "unreadable", 1.0),
}

MIX = {
    "receipt": 70,
    "photograph": 10,
    "PDF, print": 5,
    "PDF, scan": 5,
    "damaged": 3,
    "blurred": 2,
    "unreadable": 5,
}
"""Of a hundred pages, so many of each kind: mostly what is easy."""


def suffix(data: bytes) -> str:
    """Of a file's name."""
    return ".pdf" if data.startswith(b"%PDF") else ".jpg"

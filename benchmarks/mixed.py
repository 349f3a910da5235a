"""Files of one page each, of the kinds that a cluster meets: each a function of a seed."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import fpdf
import numpy as np
from PIL import Image

from benchmarks import symbols, synthetic
from benchmarks.symbols import in_file

A4_MM = (210, 297)
_in_jpeg = partial(in_file, quality=85)


def printed(pdf: fpdf.FPDF) -> None:
    """Add a page of print, without a code."""
    pdf.set_font("Helvetica", size=10)
    pdf.add_page()
    for line in range(30):
        pdf.text(20, 20 + 5 * line, f"{line + 1} piece of something, 19 % VAT, {line * 7.5:.2f} EUR")


def scanned(pdf: fpdf.FPDF, picture: Image.Image | bytes) -> None:
    """Add a page that is a picture."""
    pdf.add_page()
    pdf.image(io.BytesIO(picture) if isinstance(picture, bytes) else picture, 0, 0, *A4_MM)


def _drawn(condition: str, severity: float, seed: int) -> Image.Image:
    return Image.fromarray(synthetic.draw(condition, severity, seed).rgb)


def _made(condition: str, severity: float, seed: int) -> bytes:
    return _in_jpeg(_drawn(condition, severity, seed))


def _photograph(seed: int) -> bytes:
    """Return a receipt as a phone of 12 MP sees it."""
    receipt = _drawn("receipt", 0.2, seed)
    return _in_jpeg(receipt.resize((3000, 4000), Image.Resampling.BICUBIC))


def _print(seed: int) -> bytes:
    """Return a page of print in a PDF with a drawn symbol."""
    pdf = fpdf.FPDF()
    printed(pdf)
    for y, x in np.argwhere(symbols.dark(f"https://example.com/verify?invoice={seed}")).tolist():
        pdf.rect(120 + x, 220 + y, 1, 1, style="F")
    return bytes(pdf.output())


def _scan(seed: int) -> bytes:
    """Return a scan of 200 dpi in a PDF."""
    pdf = fpdf.FPDF()
    scanned(pdf, _in_jpeg(_drawn("invoice", 0.2, seed).resize((1654, 2339), Image.Resampling.BICUBIC)))
    return bytes(pdf.output())


_KINDS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "receipt": (70, partial(_made, "receipt", 0.0)),
    "photograph": (10, _photograph),
    "PDF, print": (5, _print),
    "PDF, scan": (5, _scan),
    "damaged": (3, partial(_made, "damaged", 1.0)),
    "blurred": (2, partial(_made, "blur", 1.0)),
    "unreadable": (5, partial(_made, "unreadable", 1.0)),
}
KINDS = {kind: make for kind, (_, make) in _KINDS.items()}
MIX = {kind: share for kind, (share, _) in _KINDS.items()}
"""Of a hundred pages, so many of each kind: mostly what is easy."""
SAID = f"The mix: {', '.join(f'{share} % {kind}' for kind, share in MIX.items())}."


def write(data: bytes, folder: Path, name: str) -> Path:
    """Write a file of that name, with the suffix of what it is."""
    path = folder / f"{name}{'.pdf' if data.startswith(b'%PDF') else '.jpg'}"
    path.write_bytes(data)
    return path

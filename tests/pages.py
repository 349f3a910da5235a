"""Documents that are made for the tests, through fpdf2 and Pillow. Lengths are millimetres."""

from __future__ import annotations

import io
import zlib
from typing import Any

import fpdf
from PIL import Image

from tests import draw

A4 = (210.0, 297.0)
DOTS = 200 / 25.4
"""Pixels of a page's raster to a millimetre."""


def new(size: tuple[float, float] = A4) -> fpdf.FPDF:
    pdf = fpdf.FPDF(format=size)
    pdf.set_font("Helvetica", size=10)
    pdf.set_auto_page_break(False)
    return pdf


def data(pdf: fpdf.FPDF) -> bytes:
    return bytes(pdf.output())


def invoice(pdf: fpdf.FPDF, lines: int = 12) -> None:
    """A page of print, without a code."""
    pdf.add_page()
    for line in range(lines):
        pdf.text(20, 30 + 6 * line, f"{line + 1} piece of something, 19 % VAT, {line * 7.5:.2f} EUR")


def vector(pdf: fpdf.FPDF, text: str, x: float, y: float, module: float = 0.5) -> None:
    """A symbol of drawn rectangles, its own top-left at (x, y)."""
    for r, row in enumerate(draw.made(text, micro=False).matrix):
        for c, dark in enumerate(row):
            if dark:
                pdf.rect(x + c * module, y + r * module, module, module, style="F")


def invoices(*texts: str) -> bytes:
    """A PDF with a drawn symbol on each page."""
    pdf = new()
    for text in texts:
        invoice(pdf)
        vector(pdf, text, 40, 120)
    return data(pdf)


def side(text: str) -> int:
    """Modules of a symbol's side."""
    return len(draw.made(text, micro=False).matrix)


def scanned(text: str, angle: float = 0.0, size: tuple[int, int] = (1240, 1754), **where: int) -> Image.Image:
    """A scanned page with a symbol, turned by degrees on its white bed."""
    page = Image.new("L", size, 255)
    symbol = Image.fromarray(draw.symbol(text, scale=6)[0])
    page.paste(symbol, (where.get("x", 300), where.get("y", 400)))
    return page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)


def scan(*images: Image.Image, **options: Any) -> bytes:
    """A PDF whose pages are a picture each."""
    pdf = new()
    for image in images:
        pdf.add_page()
        pdf.image(image, 0, 0, *A4, **options)
    return data(pdf)


def frames(kind: str, *images: Image.Image, **options: Any) -> bytes:
    """A picture with several pages or frames."""
    buffer = io.BytesIO()
    images[0].save(buffer, kind, save_all=True, append_images=list(images[1:]), **options)
    return buffer.getvalue()


def raw(
    contents: bytes = b"q 595 0 0 842 0 0 cm /I Do Q",
    *,
    box: bytes = b"0 0 595 842",
    image: tuple[int, int, bytes] = (1, 1, b"\xff"),
    more: bytes = b"",
    kids: int = 1,
) -> bytes:
    """A PDF by hand: one page, shown ``kids`` times, that may lie about its size and its picture's."""
    width, height, samples = image
    packed = zlib.compress(samples)
    kind = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[" + b"3 0 R " * kids + b"]/Count %d>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox["
        + box
        + b"]/Contents 4 0 R"
        + more
        + b"/Resources<</XObject<</I 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n" % len(contents) + contents + b"\nendstream",
        b"<<"
        + kind
        + b"/Width %d/Height %d/Length %d>>\nstream\n" % (width, height, len(packed))
        + packed
        + b"\nendstream",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + end

"""Draw the example pictures: receipts as a printer, a phone and a messenger leave them, and a scan in a PDF.

They are simulated: no photograph was taken. ``python examples/make.py`` writes them again, the same
for the same versions of the libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

FOLDER = Path(__file__).parent
URL = "https://example.com/verify?invoice=2026-004711&total=118.90&token=9f86d081884c7d659a2feaa0c55ad015"
# As long as a tax office's: it takes a symbol of version 15.
SIGNED = (
    "https://example.com/verify?invoice=2026-004711&date=2026-03-14&seller=EX287654321&total=118.90&tax=18.98"
    "&currency=EUR&signature=2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
)
BILL = "BCD\n002\n1\nSCT\n\nMüller & Söhne GmbH\nDE02120300000000202051\nEUR118.90\n\n\nInvoice 4711"


def code(payload: str, module: int, version: int | None = None) -> Picture:
    """Return a symbol with its quiet zone, RGB."""
    matrix = np.array([list(row) for row in segno.make(payload, version=version, micro=False).matrix]) > 0
    page = np.where(np.pad(matrix, 4), 0, 255).astype(np.uint8)
    return np.repeat(np.kron(page, np.ones((module, module), np.uint8))[:, :, None], 3, axis=2)


def receipt(*symbols: Picture, width: int = 560) -> Picture:
    """Return a printed receipt with symbols under its lines."""
    height = 420 + sum(len(s) + 20 for s in symbols)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(20)
    lines = [
        "EXAMPLE STORE",
        "Invoice 2026-004711",
        "",
        *(f"Item {i:>2}   {i * 7}.90" for i in range(1, 9)),
        "TOTAL 118.90",
    ]
    for i, line in enumerate(lines):
        draw.text((40, 30 + 30 * i), line, "black", font)
    page = np.array(image)
    top = 410
    for symbol in symbols:
        left = (width - symbol.shape[1]) // 2
        page[top : top + len(symbol), left : left + symbol.shape[1]] = symbol
        top += len(symbol) + 20
    return page


def photographed(page: Picture, seed: int, size: tuple[int, int] = (900, 1200)) -> Picture:
    """Return a page on a dark table: perspective, uneven light, blur and noise."""
    height, width = page.shape[:2]
    corners = np.array([[0.14, 0.06], [0.9, 0.1], [0.83, 0.95], [0.2, 0.9]]) * size
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    photo = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA, borderValue=(70, 60, 50))
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    light = 0.35 + 0.6 * np.exp(-(((x - 250) / 500) ** 2) - ((y - 400) / 800) ** 2)
    soft = cv2.GaussianBlur(photo, (0, 0), 1.2) * light[:, :, None]
    noise = np.random.default_rng(seed).normal(0, 5, photo.shape)
    shot: Picture = np.clip(soft + noise, 0, 255).astype(np.uint8)
    return shot


def reduced(photo: Picture) -> Picture:
    """Return a photo as a messenger sends it on: 280 pixels wide, less than two pixels a module."""
    height = round(280 * photo.shape[0] / photo.shape[1])
    small = cv2.resize(photo, (280, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def pictures() -> dict[str, Callable[[], Picture]]:
    """Return every example's file name and what draws it."""
    return {
        "printed.png": lambda: receipt(code(URL, 6)),
        "two-codes.jpg": lambda: receipt(code("https://example.com/offers", 6), code(BILL, 5)),
        "photo.jpg": lambda: photographed(receipt(code(URL, 7)), seed=1),
        "messenger.jpg": lambda: reduced(
            photographed(receipt(code(SIGNED, 5, version=15), width=640), seed=4)
        ),
        "upside-down.jpg": lambda: np.ascontiguousarray(
            photographed(receipt(code(BILL, 7)), seed=3)[::-1, ::-1]
        ),
    }


def main() -> None:
    """Write the pictures and the PDF beside this file."""
    for name, make in pictures().items():
        quality = 50 if name == "messenger.jpg" else 70
        Image.fromarray(make()).save(FOLDER / name, quality=quality, optimize=True)
    first, second = (Image.fromarray(receipt(code(payload, 6))) for payload in (URL, BILL))
    first.save(FOLDER / "invoice.pdf", save_all=True, append_images=[second], resolution=72)


if __name__ == "__main__":
    main()

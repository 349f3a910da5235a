"""Draw print: text in every script that the fonts have, tables, forms, plots."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.values import Gray, Rng, chance

FONTS = Path("/usr/share/fonts")
_SHORTEST_WORD, _LONGEST_WORD = 1, 11
_COLLECTION, _IDEOGRAPHS = ".ttc", 0.15


@lru_cache(maxsize=1)
def find_fonts() -> tuple[Path, ...]:
    """Return every outline font of the machine in a fixed order; collections, which hold ideographs, last."""
    return tuple(sorted(FONTS.rglob("*.[ot]t[fc]"), key=lambda path: (path.suffix == _COLLECTION, path)))


@lru_cache(maxsize=512)
def read_letters(path: Path) -> tuple[tuple[str, ...], ...]:
    """Return the font's characters by script (blocks of 256 code points); the Latin ones first."""
    with TTFont(path, fontNumber=0, lazy=True) as font:
        points = sorted(font.getBestCmap())
    blocks: dict[int, list[str]] = {}
    for point in points:
        if 32 < point < 0x2FFFF and chr(point).isprintable():
            blocks.setdefault(point >> 8, []).append(chr(point))
    return tuple(tuple(letters) for letters in blocks.values() if len(letters) >= 20)


class Typesetter:
    """Draws lines of random words in one font; now and then takes another."""

    def __init__(self, rng: Rng, smallest: int = 7, largest: int = 26) -> None:
        self.rng = rng
        self.sizes = smallest, largest
        self.change()

    def change(self) -> None:
        """Take another font, size and script."""
        fonts = find_fonts()
        self.size = int(self.rng.integers(self.sizes[0], self.sizes[1] + 1))
        collections = [path for path in fonts if path.suffix == _COLLECTION]
        if collections and chance(self.rng, _IDEOGRAPHS):
            fonts = tuple(collections)
        path = fonts[int(self.rng.integers(len(fonts)))]
        self.font = ImageFont.truetype(str(path), self.size)
        scripts = read_letters(path) or (tuple("0123456789"),)
        latin = path.suffix != _COLLECTION and chance(self.rng, 0.5)
        script = 0 if latin else int(self.rng.integers(len(scripts)))
        self.letters = scripts[script]

    def make_line(self, words: int) -> str:
        """Make a line of words."""
        lengths = self.rng.integers(_SHORTEST_WORD, _LONGEST_WORD, words)
        picks = self.rng.integers(len(self.letters), size=int(lengths.sum()))
        letters = iter(self.letters[pick] for pick in picks)
        return " ".join("".join(next(letters) for _ in range(length)) for length in lengths)


def draw_page(rng: Rng, width: int, height: int) -> NDArray[np.uint8]:
    """Draw a page of print, dark on light: one of text, a table, a form or a plot, or several of them."""
    page = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(page)
    typesetter = Typesetter(rng)
    top = int(rng.integers(0, 20))
    while top < height:
        kind = rng.choice(["text", "table", "form", "plot", "gap"], p=[0.55, 0.18, 0.1, 0.07, 0.1])
        tall = int(rng.integers(40, max(41, height // 2)))
        left, right = rng.integers(0, width // 5 + 1, 2).tolist()
        box = (left, top, width - right, top + tall)
        if kind == "text":
            _set_text(draw, typesetter, box)
        elif kind in ("table", "form"):
            _draw_table(draw, typesetter, box, form=kind == "form")
        elif kind == "plot":
            _draw_plot(rng, draw, box)
        if chance(rng, 0.6):
            typesetter.change()
        top += tall + int(rng.integers(0, 20))
    return np.asarray(page).copy()


def _set_text(draw: ImageDraw.ImageDraw, typesetter: Typesetter, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    rng = typesetter.rng
    leading = int(typesetter.size * rng.uniform(1.0, 1.8)) + 1
    ragged = float(rng.uniform(0.1, 1.0))
    for y in range(top, bottom, leading):
        full = (right - left) / typesetter.size / 3
        words = max(1, int(full if chance(rng, ragged) else full * rng.random()))
        draw.text((left, y), typesetter.make_line(words), fill=int(rng.integers(0, 60)), font=typesetter.font)


def _draw_table(
    draw: ImageDraw.ImageDraw, typesetter: Typesetter, box: tuple[int, int, int, int], form: bool
) -> None:
    """Draw cells with rules around them; a form's cells are mostly empty, some of them boxes."""
    left, top, right, bottom = box
    rng = typesetter.rng
    high = int(rng.integers(8, 40)) if form else int(typesetter.size * rng.uniform(1.2, 2.5)) + 2
    wide = int(rng.integers(8, 30)) if form else int(rng.integers(30, 140))
    rule, content = int(rng.integers(1, 4)), 0.15 if form else 0.8
    shade = int(rng.integers(0, 120))
    for y in range(top, bottom - high + 1, high):
        for x in range(left, right - wide + 1, wide):
            filled = form and chance(rng, 0.06)
            draw.rectangle((x, y, x + wide, y + high), outline=shade, width=rule, fill=0 if filled else None)
            if chance(rng, content):
                word = typesetter.make_line(1)[: max(1, wide // 8)]
                draw.text((x + 3, y + 2), word, fill=shade, font=typesetter.font)


def _draw_plot(rng: Rng, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    """Draw axes with curves, bars or marks."""
    left, top, right, bottom = box
    draw.rectangle(box, outline=0, width=int(rng.integers(1, 3)))
    steps = int(rng.integers(6, 50))
    x = np.linspace(left, right, steps)
    for _ in range(int(rng.integers(1, 4))):
        y = np.clip(bottom - np.abs(np.cumsum(rng.normal(size=steps))) * (bottom - top) / 8, top, bottom)
        kind = int(rng.integers(3))
        if kind == 0:
            draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=int(rng.integers(0, 120)), width=2)
        for px, py in zip(x.tolist(), y.tolist(), strict=True):
            if kind == 1:
                bar = (px, py, px + (right - left) / steps / 2, bottom)
                draw.rectangle(bar, fill=int(rng.integers(0, 200)))
            elif kind == 2:
                draw.rectangle((px - 3, py - 3, px + 3, py + 3), outline=0)


def print_on(rng: Rng, page: Gray) -> Gray:
    """Give a page's black and white the levels of some ink and paper; sometimes white on black."""
    ink, paper = float(rng.uniform(0, 110)), float(rng.uniform(170, 255))
    if chance(rng, 0.12):
        ink, paper = paper, ink
    return np.asarray(cv2.convertScaleAbs(page, None, (paper - ink) / 255, ink), np.float32)

"""The pictures that a profile is measured on: synthetic ones from a seed, or the user's own.

The synthetic pictures are simpler than real ones, and graded: each condition ranges from easy to the edge of
what can be read.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade.errors import OptionError
from qrcascade.image.formats import SUFFIXES

__all__ = ["CONDITIONS", "Picture", "draw", "make", "read_folder"]

Page = NDArray[np.float32]
_CELL = 8
_WORDS = ("INVOICE", "TOTAL", "VAT", "DATE", "ORDER", "CARD", "ITEM", "THANK YOU")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its truth: the condition's name, the bytes of the file, the texts of its codes."""

    condition: str
    file: bytes
    texts: tuple[str, ...]


# Corners of a square around the origin, from its top-left, clockwise.
_UNIT = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)


class _Sheet:
    """A printed page with symbols, and the camera that photographs it."""

    def __init__(self, random: np.random.Generator, text: str | None, width: int, height: int) -> None:
        self.random = random
        self.texts: list[str] = []
        self._first = text
        page = np.full((height, width), random.integers(225, 250), np.uint8)
        scale = width / 1600
        for y in range(60, height, max(30, round(60 * scale))):
            words = "  ".join(random.choice(_WORDS, int(random.integers(1, 6))))
            place = (int(random.integers(10, width // 3)), y)
            cv2.putText(page, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 50, max(1, round(2 * scale)))
        self.page: Page = page.astype(np.float32)

    def symbol(
        self,
        side: float,
        *,
        at: tuple[float, float] | None = None,
        level: str = "M",
        tilt: float = 0.03,
        turn: float = 8.0,
        length: int = 24,
        spoil: Callable[[Page], None] | None = None,
    ) -> _Sheet:
        """Add a symbol ``side`` pixels wide; ``spoil`` alters its print, with `_CELL` pixels per module."""
        import zxingcpp

        height, width = self.page.shape
        x, y = at or (self.random.uniform(side, n - side) for n in (width, height))
        text, self._first = self._first, None
        if text is None:
            text = f"https://example.com/verify?invoice={self.random.integers(10**6)}&t="
            text += self.random.bytes(length).hex()
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level)
        modules = np.pad(np.asarray(code.to_image(scale=1, add_quiet_zones=False)), 4, constant_values=255)
        art = np.kron(modules, np.ones((_CELL, _CELL))).clip(25, 245).astype(np.float32)
        if spoil:
            spoil(art[4 * _CELL : -4 * _CELL, 4 * _CELL : -4 * _CELL])
        angle = np.radians(self.random.uniform(-turn, turn))
        spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        outer = side / 2 * len(modules) / (len(modules) - 8)
        corners = _UNIT * outer * (1 + self.random.uniform(-tilt, tilt, (4, 1))) @ spin.T
        self._paint(art, (x, y), corners, outer)
        self.texts.append(text)
        return self

    def _paint(self, art: Page, at: tuple[float, float], corners: NDArray[np.float64], outer: float) -> None:
        """Paint a symbol's print onto the page, with its corners relative to a place."""
        x, y = at
        reach = len(art) / 2
        # Paint at three times the size and average, as the pixels of a camera do.
        half = int(outer * 1.6) + 2
        left, top = round(x) - half, round(y) - half
        box = np.s_[max(0, top) : top + 2 * half, max(0, left) : left + 2 * half]
        area = np.ascontiguousarray(self.page[box])
        offset = np.array([x - max(0, left), y - max(0, top)])
        matrix = cv2.getPerspectiveTransform(
            (_UNIT * reach + reach).astype(np.float32), ((corners + offset) * 3).astype(np.float32)
        )
        large = cv2.resize(area, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
        cv2.warpPerspective(art, matrix, large.shape[::-1], large, borderMode=cv2.BORDER_TRANSPARENT)
        self.page[box] = cv2.resize(large, area.shape[::-1], interpolation=cv2.INTER_AREA)

    def shoot(
        self,
        *,
        blur: float = 0.0,
        bend: float = 0.0,
        shade: float = 0.0,
        noise: float = 2.0,
        quality: int = 85,
    ) -> tuple[bytes, list[str]]:
        """Return the JPEG and its texts; bend and blur are in pixels, shade 0 to 1, noise in gray levels."""
        height, width = self.page.shape
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        page = self.page
        if bend:
            across, down = x + bend * np.sin(y / 70), y + bend * np.sin(x / 70)
            bent = cv2.remap(page, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            page = np.asarray(bent, np.float32)
        if blur:
            page = np.asarray(cv2.GaussianBlur(page, (0, 0), blur), np.float32)
        page = page * (1 - shade * (x / width + y / height) / 2)
        page = page + self.random.normal(0, noise, page.shape)
        gray = page.clip(0, 255).astype(np.uint8)
        color = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
        return cv2.imencode(".jpg", color, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes(), self.texts


def _cover(random: np.random.Generator, severity: float, art: Page) -> None:
    side = int(len(art) * (0.2 + 0.45 * severity))
    top, left = (int(random.uniform(0.35, 0.95) * (len(art) - side)) for _ in range(2))
    art[top : top + side, left : left + side] = random.choice([20, 130, 245])


def _damage(random: np.random.Generator, severity: float, art: Page) -> None:
    for _ in range(2 + round(10 * severity)):
        start, stop = (tuple(int(v) for v in random.integers(0, len(art), 2)) for _ in range(2))
        ink = float(random.choice([30, 240]))
        cv2.line(art, start, stop, ink, round(_CELL * (0.5 + severity / 2)))


_Shot = tuple[bytes, list[str]]
_NewSheet = Callable[[int, int], _Sheet]
_Spoil = Callable[[np.random.Generator, float, Page], None]


def _draw_several(sheet: _NewSheet, s: float) -> _Shot:
    page = sheet(1500, 2000)
    for place in ((350, 500), (1100, 600), (400, 1500), (1150, 1400)):
        page.symbol(260 - 180 * s, at=place, turn=180)
    return page.shoot(blur=0.7, shade=0.3 + 0.4 * s)


def _draw_spoiled(spoil: _Spoil, sheet: _NewSheet, s: float) -> _Shot:
    page = sheet(900, 1200)
    page.symbol(300, level="H", spoil=functools.partial(spoil, page.random, s))
    return page.shoot(blur=0.7, noise=4)


# Each condition makes a picture and its texts from a function that makes sheets, and the severity.
_CONDITIONS: dict[str, Callable[[_NewSheet, float], _Shot]] = {
    "sharp": lambda new, s: new(1200, 1600).symbol(400 - 300 * s, tilt=0.1 * s).shoot(quality=95),
    "blur": lambda new, s: new(900, 1200).symbol(260).shoot(blur=1 + 5 * s, noise=3),
    "small": lambda new, s: (
        new(1500, 2000).symbol(170 - 110 * s, length=60).shoot(blur=0.3 + 0.3 * s, quality=70)
    ),
    "shade": lambda new, s: (
        new(900, 1200).symbol(240).shoot(blur=1.5 + 2 * s, shade=0.5 + 0.48 * s, noise=4 + 8 * s)
    ),
    "covered": functools.partial(_draw_spoiled, _cover),
    "damaged": functools.partial(_draw_spoiled, _damage),
    "curved": lambda new, s: new(900, 1200).symbol(320).shoot(blur=1.0, bend=4 + 14 * s, noise=3),
    "several": _draw_several,
    "receipt": lambda new, s: (
        new(720, 1280)
        .symbol(180, level="L", length=120, turn=3)
        .shoot(blur=0.4 + 1.4 * s, shade=0.4, quality=round(75 - 35 * s))
    ),
    "invoice": lambda new, _: new(1240, 1754).symbol(350, tilt=0.01, turn=2).shoot(noise=1, quality=92),
    "phone": lambda new, s: (
        new(1536, 2048).symbol(250).shoot(blur=1.2 + 4.5 * s, shade=0.5 + 0.4 * s, noise=4, quality=75)
    ),
    "distant": lambda new, s: (
        new(2560, 1440).symbol(180 - 90 * s).shoot(blur=0.8 + s, shade=0.4, noise=4, quality=75)
    ),
    "unreadable": lambda new, s: (new(1536, 2048).symbol(130).shoot(blur=7 + 3 * s, noise=6)[0], []),
}
CONDITIONS = tuple(_CONDITIONS)


def _make_picture(name: str, severity: float, seed: list[int], text: str | None = None) -> Picture:
    """Return a picture of a condition, from 0 (easy) to 1 (hard); ``text`` is that of its first code."""
    random = np.random.default_rng([*seed, *name.encode()])
    file, texts = _CONDITIONS[name](functools.partial(_Sheet, random, text), severity)
    return Picture(name, file, tuple(texts))


def make(each: int, seed: int = 0) -> Iterator[Picture]:
    """Make ``each`` pictures of each condition, from easy to hard.

    They are the same on every machine with the same versions of numpy, OpenCV and zxing-cpp.
    """
    for name in CONDITIONS:
        for i in range(each):
            yield _make_picture(name, (i + 0.5) / each, [seed, i])


def draw(condition: str, severity: float, *, text: str | None = None, seed: int = 0) -> Picture:
    """Draw one picture of a condition.

    Parameters
    ----------
    condition : str
        One of `CONDITIONS`.
    severity : float
        0 (easy) to 1 (the edge of what can be read).
    text : str, optional
        Text of its symbol, or of the first of several; made up by default.
    seed : int
        0 or more; each makes another picture.

    Raises
    ------
    OptionError
        If the condition is unknown, a number is out of range, or the text fits no symbol.
    """
    if condition not in CONDITIONS:
        raise OptionError(f"condition must be one of {', '.join(CONDITIONS)}, got {condition!r}")
    if not 0 <= severity <= 1:
        raise OptionError(f"severity must be between 0 and 1, got {severity!r}")
    if seed < 0:
        raise OptionError(f"seed must be 0 or more, got {seed!r}")
    try:
        return _make_picture(condition, severity, [seed], text)
    except ValueError as error:
        start = repr(text)[:60]
        raise OptionError(f"no symbol can be made of the text that begins {start}: {error}") from error


def read_folder(path: Path) -> Iterator[Picture]:
    """Yield the user's pictures, each beside a ``.txt`` file with the texts of its codes, one per line.

    The condition of a picture is the name of its folder. Raises `OptionError` if there is no such picture.
    """
    found = False
    for file in sorted(path.rglob("*")):
        truth = file.with_suffix(".txt")
        if file.suffix.lower() in SUFFIXES and truth.is_file():
            found = True
            # Not `splitlines`: GS1 texts have separators that it would take for ends of lines.
            lines = truth.read_text("utf-8-sig").split("\n")
            yield Picture(file.parent.name, file.read_bytes(), tuple(line for line in lines if line))
    if not found:
        raise OptionError(f"no picture in {str(path)!r} has a .txt file of the same name beside it")

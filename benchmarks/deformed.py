"""Symbols that are damaged, bent or made wrong; each with its truth, by seed.

A drawing of the symbol is looked at through a slight perspective and, if asked, through a bend of the
paper: for every pixel it is computed where on the symbol it looks. Lengths on the paper are shares of the
symbol's side, from its middle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import symbols, synthetic
from benchmarks.symbols import Page, Random
from qrcascade import Quad
from qrcascade.image.frame import Gray
from qrcascade.symbology.layout import blocks, data_mask, layout

Points = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Bend = Callable[[Points, Points], tuple[Points, Points]]

# Pixels to a module of a drawing, gray levels, samples to a pixel of a picture, modules of a finder pattern.
_CELL, _DARK, _LIGHT, _OVERSAMPLE, _FINDER = 8, 25, 240, 3, 8


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A symbol as it should be; its modules are +1 where they are dark, -1 where light."""

    payload: bytes
    version: int
    level: str
    mask: int
    modules: NDArray[np.int8]

    @classmethod
    def of(cls, payload: bytes, version: int, level: str, mask: int) -> Symbol:
        """Return the symbol that says a payload, in bytes."""
        dark = symbols.dark(payload, version=version, error=level, mask=mask, mode="byte", boost_error=False)
        return cls(payload, version, level, mask, 2 * dark.astype(np.int8) - 1)

    @property
    def finders(self) -> Bools:
        """Return where its finder patterns are, with their separators."""
        return find_finders(len(self.modules), _FINDER)

    @property
    def data(self) -> Bools:
        """Return where its codewords are."""
        return ~layout(self.version).function

    @property
    def border(self) -> float:
        """Return the width of its drawing's quiet zone, as a share of its side."""
        return symbols.QUIET / len(self.modules)

    def _placement(self) -> tuple[tuple[Any, ...], Bools]:
        """Return the cells of its codewords in order, and which of them the mask inverts."""
        cells = tuple(layout(self.version).order.T)
        return cells, data_mask(self.mask, len(self.modules))[cells]

    def codewords(self) -> NDArray[np.uint8]:
        """Return its codewords in order of placement."""
        cells, masked = self._placement()
        return np.packbits((self.modules[cells] > 0) ^ masked)

    def saying(self, codewords: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Return its modules with other codewords."""
        cells, masked = self._placement()
        modules = self.modules.copy()
        modules[cells] = 2 * (np.unpackbits(codewords) ^ masked).astype(np.int8) - 1
        return modules

    def inverted(self, where: Bools) -> Page:
        """Return its drawing with some modules inverted."""
        return drawn(np.where(where, -self.modules, self.modules))


def find_finders(size: int, side: int) -> Bools:
    """Return where finder patterns are in a symbol of so many modules, if they are so many wide."""
    away = np.arange(size)
    low, high = away < side, away >= size - side
    where: Bools = (low[:, None] & (low | high)) | (high[:, None] & low)
    return where


def symbol(random: Random, versions: tuple[int, int] = (2, 10), level: str = "") -> Symbol:
    """Make a symbol of a version from one to another, filled with as much of an invoice's payload as fits."""
    version = int(random.integers(versions[0], versions[1] + 1))
    level = level or "LMQH"[int(random.integers(4))]
    mask = int(random.integers(8))
    room = sum(inner for _, inner in blocks(version, level)) - 3
    whole = b"\n".join(synthetic.payload(random) for _ in range(1 + room // 60))
    part = whole[: int(random.integers(room // 2, room + 1))]
    return Symbol.of(part.decode(errors="ignore").encode(), version, level, mask)


def drawn(modules: NDArray[np.int8]) -> Page:
    """Draw a drawing with its quiet zone."""
    return symbols.drawing(modules > 0, _CELL, _DARK, _LIGHT).astype(np.float32)


def shot(
    random: Random,
    art: Page,
    border: float,
    side: float,
    *,
    turn: float = 8.0,
    tilt: float = 0.03,
    bend: Bend | None = None,
) -> tuple[Page, Quad]:
    """Photograph a square drawing; return the corners of its inner square, ``side`` pixels wide, too.

    ``border`` is how much of the drawing lies around the inner square on each side, as a share of that
    square's; what lies beyond the drawing is as its edge. It is turned by ``turn`` degrees at most, and each
    corner is off by at most ``tilt`` of the side. ``bend`` goes from places (x, y) on the paper as it would
    be if it were flat to places on it as it is.
    """
    size = int(1.7 * side)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    angle = np.radians(random.uniform(-turn, turn))
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    seen = (corners + random.uniform(-tilt, tilt, (4, 2))) @ spin * side + size / 2 - 0.5
    matrix = cv2.getPerspectiveTransform(seen.astype(np.float32), corners)
    at = ((np.arange(size * _OVERSAMPLE) + 0.5) / _OVERSAMPLE - 0.5).astype(np.float32)
    x, y, w = (row[0] * at + row[1] * at[:, None] + row[2] for row in matrix.astype(np.float32))
    x, y = x / w, y / w
    if bend is not None:
        x, y = bend(x, y)
    inner = len(art) / (1 + 2 * border)
    u, v = (((a + 0.5 + border) * inner - 0.5).astype(np.float32) for a in (x, y))
    big = cv2.remap(art, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA)), Quad.of(seen)


def finished(random: Random, page: Page, noise: float) -> Gray:
    """Add noise of this many gray levels, and round."""
    noisy = page + random.normal(0, noise, page.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _blobs(random: Random, where: Bools, share: float, width: float) -> Bools:
    """Return some smooth blobs, about ``width`` pixels wide, over this share of the places allowed."""
    field = cv2.GaussianBlur(random.normal(0, 1, where.shape), (0, 0), width / 2)
    order = np.flatnonzero(where)
    order = order[np.argsort(-field.flat[order])]
    chosen = np.zeros(where.shape, bool)
    chosen.flat[order[: round(share * len(order))]] = True
    return chosen


def covered(random: Random, made: Symbol, share: float) -> Page:
    """Return a drawing with blobs of paint over this share of what is not a finder pattern."""
    art = drawn(made.modules)
    free = np.pad(np.kron(~made.finders, np.ones((_CELL, _CELL), bool)), symbols.QUIET * _CELL)
    art[_blobs(random, free, share, 4 * _CELL)] = random.choice([_DARK, 130, _LIGHT])
    return art


def blurred(page: Page, sigma: float) -> Page:
    """Blur by a Gaussian of this many pixels."""
    return np.asarray(cv2.GaussianBlur(page, (0, 0), sigma)) if sigma > 0 else page


def photographed(
    random: Random,
    made: Symbol,
    art: Page,
    module: float,
    *,
    blur: float | None = None,
    noise: float | None = None,
) -> tuple[Gray, Quad]:
    """Return a drawing of a symbol at so many pixels a module, and its true outline.

    Blur in modules and noise in gray levels are small and at random if they are not given.
    """
    page, quad = shot(random, art, made.border, module * len(made.modules))
    page = blurred(page, module * (random.uniform(0, 0.4) if blur is None else blur))
    return finished(random, page, random.uniform(0, 8) if noise is None else noise), quad


def _flipped(random: Random, made: Symbol, amount: float) -> Page:
    """Invert modules of codewords one by one, up to 6 %: four codewords in ten."""
    return made.inverted(made.data & (random.random(made.modules.shape) < 0.06 * amount))


def _burst(random: Random, made: Symbol, amount: float) -> Page:
    """Set a run of codewords at random, up to 45 % of them."""
    words = made.codewords()
    count = round(0.45 * amount * len(words))
    start = int(random.integers(len(words) - count + 1))
    words[start : start + count] = random.integers(0, 256, count)
    return drawn(made.saying(words))


def _inverted(random: Random, made: Symbol, amount: float) -> Page:
    """Invert blobs of codewords, up to 30 %."""
    return made.inverted(_blobs(random, made.data, 0.3 * amount, 5.0))


DAMAGES: dict[str, Callable[[Random, Symbol, float], Page]] = {
    "flips": _flipped,
    "burst": _burst,
    # Of paint, up to 45 %.
    "blobs": lambda random, made, amount: covered(random, made, 0.45 * amount),
    "inverted": _inverted,
    # These two come after the drawing.
    "blur": lambda _, made, __: drawn(made.modules),
    "noise": lambda _, made, __: drawn(made.modules),
}


def damaged(random: Random, kind: str, made: Symbol, amount: float) -> tuple[Gray, Quad]:
    """Return a picture of a damaged symbol, and its true outline.

    The kind is a key of `DAMAGES`, the amount 0 (none) to 1 (beyond what can be corrected).
    """
    module = random.uniform(2.5, 5)
    art = DAMAGES[kind](random, made, amount)
    blur, noise = 1.5 * amount if kind == "blur" else None, 110 * amount if kind == "noise" else 4.0
    return photographed(random, made, art, module, blur=blur, noise=noise)


def cut(random: Random, size: int, low: float = -0.15, high: float = 0.15) -> Bools:
    """Return one side of a line at any angle, near a square's middle if ``low`` and ``high`` are near 0."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    side: Bools = np.cos(angle) * x + np.sin(angle) * y > random.uniform(low, high)
    return side

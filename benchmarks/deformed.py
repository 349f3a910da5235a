"""Symbols that are damaged, bent or made wrong; each with its truth, by seed.

A drawing of the symbol is looked at through a slight perspective and, if asked, through a bend of the
paper: for every pixel it is computed where on the symbol it looks. Lengths on the paper are shares of the
symbol's side, from its middle.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from benchmarks import synthetic
from qrcascade import Quad
from qrcascade.image.frame import Gray
from qrcascade.symbology.layout import blocks, data_mask, interleaving, layout

__all__ = [
    "DAMAGES",
    "WRONG",
    "WRONG_VERSIONS",
    "Bend",
    "Page",
    "Points",
    "Random",
    "Symbol",
    "Wrong",
    "blurred",
    "covered",
    "cut",
    "damaged",
    "drawn",
    "finished",
    "shot",
    "symbol",
]

Random = np.random.Generator
Page = NDArray[np.float32]
Points = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Wrong = tuple[NDArray[np.int8], tuple[bytes, ...]]
"""Modules that are no symbol, and payloads of symbols that they are large parts of."""
Bend = Callable[[Points, Points], tuple[Points, Points]]

# Pixels to a module of a drawing, modules around it, gray levels, samples to a pixel of a picture.
_CELL, _QUIET, _DARK, _LIGHT, _OVERSAMPLE = 8, 4, 25.0, 240.0, 3
_FINDER = 8

# What is made wrong is of these versions.
WRONG_VERSIONS = (1, 12)


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A symbol as it should be.

    Parameters
    ----------
    payload : bytes
        What it says.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    modules : ndarray of int8, shape (N, N)
        +1 dark, -1 light.
    """

    payload: bytes
    version: int
    level: str
    mask: int
    modules: NDArray[np.int8]

    @property
    def finders(self) -> Bools:
        """Where its finder patterns are, with their separators."""
        away = np.arange(len(self.modules))
        low, high = away < _FINDER, away >= len(away) - _FINDER
        where: Bools = (low[:, None] & low) | (low[:, None] & high) | (high[:, None] & low)
        return where

    @property
    def data(self) -> Bools:
        """Where its codewords are."""
        return ~layout(self.version).function

    def codewords(self) -> NDArray[np.uint8]:
        """Its codewords in order of placement."""
        cells = tuple(layout(self.version).order.T)
        masked = data_mask(self.mask, len(self.modules))[cells]
        return np.packbits((self.modules[cells] > 0) ^ masked)

    def saying(self, codewords: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Its modules with other codewords."""
        cells = tuple(layout(self.version).order.T)
        masked = data_mask(self.mask, len(self.modules))[cells]
        modules = self.modules.copy()
        modules[cells] = 2 * (np.unpackbits(codewords) ^ masked).astype(np.int8) - 1
        return modules


def symbol(random: Random, versions: tuple[int, int] = (2, 10), level: str = "") -> Symbol:
    """A symbol of a version from one to another, with as much of invoices' payloads as there is room for."""
    version = int(random.integers(versions[0], versions[1] + 1))
    level = level or "LMQH"[int(random.integers(4))]
    mask = int(random.integers(8))
    room = sum(inner for _, inner in blocks(version, level)) - 3
    whole = b"\n".join(synthetic.payload(random) for _ in range(1 + room // 60))
    part = whole[: int(random.integers(room // 2, room + 1))]
    payload = part.decode(errors="ignore").encode()
    code = segno.make(
        payload, version=version, error=level, mask=mask, mode="byte", boost_error=False, micro=False
    )
    modules = np.array([[2 * bool(dark) - 1 for dark in row] for row in code.matrix], np.int8)
    return Symbol(payload, version, level, mask, modules)


def drawn(modules: NDArray[np.int8]) -> tuple[Page, float]:
    """A drawing with its quiet zone, and how wide that is as a share of the symbol's side."""
    dark = np.pad(modules > 0, _QUIET)
    art = np.where(np.kron(dark, np.ones((_CELL, _CELL), bool)), _DARK, _LIGHT).astype(np.float32)
    return art, _QUIET / len(modules)


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
    """A picture of a square drawing, and where the corners of its inner square are.

    Parameters
    ----------
    random : Generator
    art : ndarray of float32
        The drawing; what lies beyond it is as its edge.
    border : float
        How much of it lies around the inner square on each side, as a share of that square's side.
    side : float
        Of the inner square in the picture, in pixels.
    turn, tilt : float
        At most so many degrees, and each corner off by at most this share of the side.
    bend : callable, optional
        From places (x, y) on the paper as it would be if it were flat to places on it as it is.
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
    """With noise of so many gray levels, and rounded."""
    noisy = page + random.normal(0, noise, page.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def _blobs(random: Random, where: Bools, share: float, width: float) -> Bools:
    """Some smooth blobs, about ``width`` pixels wide, over this share of the places allowed."""
    field = cv2.GaussianBlur(random.normal(0, 1, where.shape), (0, 0), width / 2)
    order = np.flatnonzero(where)
    order = order[np.argsort(-field.flat[order])]
    chosen = np.zeros(where.shape, bool)
    chosen.flat[order[: round(share * len(order))]] = True
    return chosen


def covered(random: Random, made: Symbol, share: float) -> Page:
    """A drawing with blobs of paint over this share of what is not a finder pattern."""
    art, _ = drawn(made.modules)
    free = np.pad(np.kron(~made.finders, np.ones((_CELL, _CELL), bool)), _QUIET * _CELL)
    art[_blobs(random, free, share, 4 * _CELL)] = random.choice([_DARK, 130.0, _LIGHT])
    return art


def blurred(page: Page, sigma: float) -> Page:
    """Blurred by a Gaussian of so many pixels."""
    return np.asarray(cv2.GaussianBlur(page, (0, 0), sigma)) if sigma > 0 else page


def _flipped(random: Random, made: Symbol, amount: float) -> Page:
    """Modules of codewords inverted one by one, up to 6 %: four codewords in ten."""
    wrong = made.data & (random.random(made.modules.shape) < 0.06 * amount)
    return drawn(np.where(wrong, -made.modules, made.modules))[0]


def _burst(random: Random, made: Symbol, amount: float) -> Page:
    """A run of codewords set at random, up to 45 % of them."""
    words = made.codewords()
    count = round(0.45 * amount * len(words))
    start = int(random.integers(len(words) - count + 1))
    words[start : start + count] = random.integers(0, 256, count)
    return drawn(made.saying(words))[0]


def _erased(random: Random, made: Symbol, amount: float) -> Page:
    """Blobs of paint, up to 45 %."""
    return covered(random, made, 0.45 * amount)


def _inverted(random: Random, made: Symbol, amount: float) -> Page:
    """Blobs of codewords inverted, up to 30 %."""
    wrong = _blobs(random, made.data, 0.3 * amount, 5.0)
    return drawn(np.where(wrong, -made.modules, made.modules))[0]


DAMAGES: dict[str, Callable[[Random, Symbol, float], Page]] = {
    "flips": _flipped,
    "burst": _burst,
    "blobs": _erased,
    "inverted": _inverted,
    "blur": lambda _, made, __: drawn(made.modules)[0],
    "noise": lambda _, made, __: drawn(made.modules)[0],
}


def damaged(random: Random, kind: str, made: Symbol, amount: float) -> tuple[Gray, Quad]:
    """A picture of a damaged symbol, and its true outline; "blur" and "noise" come after the drawing.

    Parameters
    ----------
    random : Generator
    kind : str
        A key of `DAMAGES`.
    made : Symbol
    amount : float
        0 (none) to 1 (beyond what can be corrected).
    """
    module = random.uniform(2.5, 5)
    art = DAMAGES[kind](random, made, amount)
    page, quad = shot(random, art, _QUIET / len(made.modules), module * len(made.modules))
    page = blurred(page, module * (1.5 * amount if kind == "blur" else random.uniform(0, 0.4)))
    return finished(random, page, 110 * amount if kind == "noise" else 4.0), quad


# What looks like a symbol and is none


def _finders(random: Random) -> Wrong:
    """Three finder patterns, and all else at random: no timing or alignment patterns."""
    made = symbol(random, WRONG_VERSIONS)
    coins = (2 * random.integers(0, 2, made.modules.shape) - 1).astype(np.int8)
    return np.where(made.finders, made.modules, coins), ()


def _scrambled(random: Random) -> Wrong:
    """All function patterns right, the data's modules in another order."""
    made = symbol(random, WRONG_VERSIONS)
    modules = made.modules.copy()
    modules[made.data] = random.permutation(modules[made.data])
    return modules, ()


def _stretched(random: Random) -> Wrong:
    """The data of one version under the function patterns of another."""
    made = symbol(random, WRONG_VERSIONS)
    others = [v for v in range(made.version - 2, made.version + 3) if v >= 1 and v != made.version]
    pattern = layout(int(random.choice(others))).pattern
    data = cv2.resize(made.modules, pattern.shape, interpolation=cv2.INTER_NEAREST)
    return np.where(pattern != 0, pattern, data), ()


def _wrong_words(how: str, random: Random) -> Wrong:
    """A symbol with wrong codewords.

    All at random; in another order; right data with parity at random; or one block of two or more at
    random and the others right.
    """
    made = symbol(random, WRONG_VERSIONS)
    while how == "block" and len(blocks(made.version, made.level)) == 1:
        made = symbol(random, WRONG_VERSIONS)
    words = made.codewords()
    chance = random.integers(0, 256, len(words), np.uint8)
    if how == "order":
        return made.saying(random.permutation(words)), ()
    block, _ = interleaving(made.version, made.level)
    # Parity comes after all data.
    inner = sum(data for _, data in blocks(made.version, made.level))
    wrong = {
        "all": np.ones(len(words), bool),
        "parity": np.arange(len(words)) >= inner,
        "block": block == random.integers(block.max() + 1),
    }
    return made.saying(np.where(wrong[how], chance, words)), ()


def cut(random: Random, size: int) -> Bools:
    """One side of a line at any angle near the middle of a square."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    side: Bools = np.cos(angle) * x + np.sin(angle) * y > random.uniform(-0.15, 0.15)
    return side


def _halves(random: Random) -> Wrong:
    """Parts of two symbols that have version and level in common."""
    one = symbol(random, WRONG_VERSIONS)
    other = symbol(random, (one.version, one.version), one.level)
    modules = np.where(cut(random, len(one.modules)), one.modules, other.modules)
    return modules, (one.payload, other.payload)


WRONG: dict[str, Callable[[Random], Wrong]] = {
    "finders": _finders,
    "scrambled": _scrambled,
    "stretched": _stretched,
    "random words": functools.partial(_wrong_words, "all"),
    "shuffled words": functools.partial(_wrong_words, "order"),
    "random parity": functools.partial(_wrong_words, "parity"),
    "random block": functools.partial(_wrong_words, "block"),
    "two halves": _halves,
}

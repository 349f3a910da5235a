"""Drawings of what is no symbol: textures, print, other symbologies, and symbols with wrong contents."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from benchmarks import synthetic
from benchmarks.deformed import Symbol, blurred, cut, drawn, symbol
from benchmarks.symbols import QUIET, Page, Random
from qrcascade.symbology.layout import blocks, interleaving, layout

# Drawings without modules: pixels of the inner square and of all, levels of ink and paper.
_INNER, _ALL = 200, 320
_INK, _PAPER = 25.0, 240.0
_MATRIX = ("Aztec", "AztecRune", "DataMatrix", "MaxiCode", "PDF417")
_BARS = ("Code128", "Code39", "Code93", "EAN13", "ITF")
_MICRO = ("MicroQRCode", "RMQRCode")


@dataclass(frozen=True, slots=True, eq=False)
class Impostor:
    """A square drawing of something that is no symbol.

    ``modules`` are its side where it has as many as a symbol, and a symbol's quiet zone. ``payloads`` are of
    symbols that it has large parts of: who reads one of these is not wrong.
    """

    art: Page
    modules: int = 0
    payloads: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, modules: NDArray[np.int8], *payloads: bytes) -> Impostor:
        """Return a drawing of modules that are no symbol."""
        return cls(drawn(modules), len(modules), payloads)

    @property
    def border(self) -> float:
        """See `benchmarks.deformed.shot`."""
        return QUIET / self.modules if self.modules else (_ALL - _INNER) / 2 / _INNER


# Regions without modules


def _noise(random: Random) -> Page:
    """Return a band of scales, soft or as black and white."""
    sigma = np.exp(random.uniform(0, np.log(20)))
    white = random.normal(0, 1, (_ALL, _ALL)).astype(np.float32)
    band = blurred(white, sigma) - blurred(white, 2 * sigma)
    steep = random.choice([0.5, 2.0, 20.0])
    return np.asarray(_PAPER - (_PAPER - _INK) / (1 + np.exp(-steep * band / band.std())), np.float32)


def _pattern(random: Random) -> Page:
    """Return squares, stripes, bricks or a halftone."""
    cell = random.uniform(3, 24)
    y, x = np.mgrid[:_ALL, :_ALL] / cell
    bricks = ((x + np.floor(y) % 2) % 2 < 0.3) | (y % 1 < 0.3)
    shade = cv2.GaussianBlur(random.normal(0, 1, x.shape), (0, 0), 40)
    dots = (x % 1 - 0.5) ** 2 + (y % 1 - 0.5) ** 2 < 0.16 + 0.08 * shade / shade.std()
    choices = [(np.floor(x) + np.floor(y)) % 2 > 0, x % 1 < random.uniform(0.2, 0.8), bricks, dots]
    return np.where(choices[int(random.integers(4))], _INK, _PAPER).astype(np.float32)


def _text(random: Random) -> Page:
    """Return lines of print of one size, capitals or mixed."""
    art = np.full((_ALL, _ALL), _PAPER, np.uint8)
    scale = float(np.exp(random.uniform(np.log(0.25), np.log(2.5))))
    signs = [string.ascii_uppercase, string.ascii_letters + "   ", string.digits + ",. "][random.integers(3)]
    for y in range(0, _ALL + 60, max(6, int(random.uniform(26, 40) * scale))):
        line = "".join(random.choice(list(signs), 80))
        thick = max(1, round(2 * scale))
        cv2.putText(art, line, (-5, y), int(random.integers(8)), scale, _INK, thick, cv2.LINE_AA)
    return art.astype(np.float32)


def _page(random: Random) -> Page:
    """Return a piece of a made page: print, boxes, bars and textures together."""
    whole = synthetic.page(int(random.integers(2**31)))[:, :, 0]
    y, x = (int(random.integers(size - _ALL + 1)) for size in whole.shape)
    return whole[y : y + _ALL, x : x + _ALL].astype(np.float32)


def _barcode(formats: Sequence[str], random: Random) -> Page:
    """Draw another symbology, half of the time stretched to a square."""
    name = formats[int(random.integers(len(formats)))]
    digits = "".join(random.choice(list(string.digits), 12))
    text = "".join(random.choice(list(string.ascii_uppercase), int(random.integers(3, 40))))
    fixed = {"AztecRune": digits[:2], "EAN13": digits, "ITF": digits, "MicroQRCode": digits}
    content = fixed.get(name, text[:12] if name in _BARS else text)
    made = zxingcpp.create_barcode(content, zxingcpp.barcode_format_from_str(name))
    image = np.asarray(zxingcpp.write_barcode_to_image(made, add_quiet_zones=False))
    shape = np.array(image.shape) * _INNER / max(image.shape)
    height, width = (_INNER, _INNER) if random.random() < 0.5 else np.maximum(8, shape).astype(int).tolist()
    art = np.full((_ALL, _ALL), _PAPER, np.float32)
    top, left = (_ALL - height) // 2, (_ALL - width) // 2
    dark = cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST) < 128
    art[top : top + height, left : left + width][dark] = _INK
    return art


# Symbols that say nothing that is right


def whole(random: Random) -> Symbol:
    """Return a symbol of the versions that are made wrong."""
    return symbol(random, (1, 12))


def _finders(random: Random) -> Impostor:
    """Return three finder patterns, and all else at random: no timing or alignment patterns."""
    made = whole(random)
    coins = (2 * random.integers(0, 2, made.modules.shape) - 1).astype(np.int8)
    return Impostor.of(np.where(made.finders, made.modules, coins))


def scrambled(random: Random, made: Symbol) -> NDArray[np.int8]:
    """Return the modules of a symbol, all function patterns right, the data's in another order."""
    modules = made.modules.copy()
    modules[made.data] = random.permutation(modules[made.data])
    return modules


def _scrambled(random: Random) -> Impostor:
    """Draw all function patterns right, and data that says nothing."""
    return Impostor.of(scrambled(random, whole(random)))


def _stretched(random: Random) -> Impostor:
    """Return the data of one version under the function patterns of another."""
    made = whole(random)
    others = [v for v in range(made.version - 2, made.version + 3) if v >= 1 and v != made.version]
    pattern = layout(int(random.choice(others))).pattern
    data = cv2.resize(made.modules, pattern.shape, interpolation=cv2.INTER_NEAREST)
    return Impostor.of(np.where(pattern != 0, pattern, data))


def _wrong_words(how: str, random: Random) -> Impostor:
    """Return a symbol with wrong codewords.

    All at random; in another order; right data with parity at random; or one block of two or more at
    random and the others right.
    """
    made = whole(random)
    while how == "block" and len(blocks(made.version, made.level)) == 1:
        made = whole(random)
    words = made.codewords()
    chance = random.integers(0, 256, len(words), np.uint8)
    if how == "order":
        return Impostor.of(made.saying(random.permutation(words)))
    block, _ = interleaving(made.version, made.level)
    # Parity comes after all data.
    inner = sum(data for _, data in blocks(made.version, made.level))
    wrong = {
        "all": np.ones(len(words), bool),
        "parity": np.arange(len(words)) >= inner,
        "block": block == random.integers(block.max() + 1),
    }
    return Impostor.of(made.saying(np.where(wrong[how], chance, words)))


def _halves(random: Random) -> Impostor:
    """Return parts of two symbols that have version and level in common."""
    one = whole(random)
    other = symbol(random, (one.version, one.version), one.level)
    modules = np.where(cut(random, len(one.modules)), one.modules, other.modules)
    return Impostor.of(modules, one.payload, other.payload)


def _half(random: Random) -> Impostor:
    """Return part of a symbol, and a texture for the rest."""
    made = whole(random)
    art = drawn(made.modules)
    texture = (_noise, _pattern, _text)[int(random.integers(3))](random)
    rest = cv2.resize(texture, art.shape, interpolation=cv2.INTER_AREA)
    return Impostor(np.where(cut(random, len(art)), art, rest), len(made.modules), (made.payload,))


_TEXTURES: dict[str, Callable[[Random], Page]] = {
    "noise": _noise,
    "pattern": _pattern,
    "text": _text,
    "page": _page,
    "matrix codes": functools.partial(_barcode, _MATRIX),
    "bar codes": functools.partial(_barcode, _BARS),
    "micro QR": functools.partial(_barcode, _MICRO),
}
_WRONG: dict[str, Callable[[Random], Impostor]] = {
    "finders": _finders,
    "scrambled": _scrambled,
    "stretched": _stretched,
    "random words": functools.partial(_wrong_words, "all"),
    "shuffled words": functools.partial(_wrong_words, "order"),
    "random parity": functools.partial(_wrong_words, "parity"),
    "random block": functools.partial(_wrong_words, "block"),
    "two halves": _halves,
    "half": _half,
}
KINDS: dict[str, Callable[[Random], Impostor]] = {
    **{kind: (lambda random, draw=draw: Impostor(draw(random))) for kind, draw in _TEXTURES.items()},  # type: ignore[misc]
    **_WRONG,
}
EXPENSIVE = frozenset(_WRONG)
"""Kinds with function patterns: the grid reader tries all that it can on most of them."""

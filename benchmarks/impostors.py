"""Drawings of what is no symbol: textures, print, other symbologies, and symbols with wrong contents."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp

from benchmarks import synthetic
from benchmarks.deformed import WRONG, WRONG_VERSIONS, Page, Random, Wrong, blurred, cut, drawn, symbol

__all__ = ["DEAR", "KINDS", "Impostor"]

# Drawings without modules: pixels of the inner square and of all, levels of ink and paper.
_INNER, _ALL = 200, 320
_INK, _PAPER = 25.0, 240.0
_MATRIX = ("Aztec", "AztecRune", "DataMatrix", "MaxiCode", "PDF417")
_BARS = ("Code128", "Code39", "Code93", "EAN13", "ITF")
_MICRO = ("MicroQRCode", "RMQRCode")


@dataclass(frozen=True, slots=True, eq=False)
class Impostor:
    """A drawing of something that is no symbol.

    Parameters
    ----------
    art : ndarray of float32
        Square.
    border : float
        As in `benchmarks.deformed.shot`.
    modules : int
        A side, where it has as many modules as a symbol.
    payloads : tuple of bytes
        Of symbols that it has large parts of: who reads one of these is not wrong.
    """

    art: Page
    border: float = (_ALL - _INNER) / 2 / _INNER
    modules: int = 0
    payloads: tuple[bytes, ...] = ()


# Regions without modules


def _noise(random: Random) -> Page:
    """A band of scales, soft or as black and white."""
    sigma = np.exp(random.uniform(0, np.log(20)))
    white = random.normal(0, 1, (_ALL, _ALL)).astype(np.float32)
    band = blurred(white, sigma) - blurred(white, 2 * sigma)
    steep = random.choice([0.5, 2.0, 20.0])
    return np.asarray(_PAPER - (_PAPER - _INK) / (1 + np.exp(-steep * band / band.std())), np.float32)


def _pattern(random: Random) -> Page:
    """Squares, stripes, bricks or a halftone."""
    cell = random.uniform(3, 24)
    y, x = np.mgrid[:_ALL, :_ALL] / cell
    bricks = ((x + np.floor(y) % 2) % 2 < 0.3) | (y % 1 < 0.3)
    shade = cv2.GaussianBlur(random.normal(0, 1, x.shape), (0, 0), 40)
    dots = (x % 1 - 0.5) ** 2 + (y % 1 - 0.5) ** 2 < 0.16 + 0.08 * shade / shade.std()
    choices = [(np.floor(x) + np.floor(y)) % 2 > 0, x % 1 < random.uniform(0.2, 0.8), bricks, dots]
    return np.where(choices[int(random.integers(4))], _INK, _PAPER).astype(np.float32)


def _text(random: Random) -> Page:
    """Lines of print of one size, capitals or mixed."""
    art = np.full((_ALL, _ALL), _PAPER, np.uint8)
    scale = float(np.exp(random.uniform(np.log(0.25), np.log(2.5))))
    signs = [string.ascii_uppercase, string.ascii_letters + "   ", string.digits + ",. "][random.integers(3)]
    for y in range(0, _ALL + 60, max(6, int(random.uniform(26, 40) * scale))):
        line = "".join(random.choice(list(signs), 80))
        thick = max(1, round(2 * scale))
        cv2.putText(art, line, (-5, y), int(random.integers(8)), scale, _INK, thick, cv2.LINE_AA)
    return art.astype(np.float32)


def _page(random: Random) -> Page:
    """A piece of a made page: print, boxes, bars and textures together."""
    whole = synthetic.page(int(random.integers(2**31)))[:, :, 0]
    y, x = (int(random.integers(size - _ALL + 1)) for size in whole.shape)
    return whole[y : y + _ALL, x : x + _ALL].astype(np.float32)


def _barcode(formats: Sequence[str], random: Random) -> Page:
    """Another symbology, half of the time stretched to a square."""
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


def _half(random: Random) -> Impostor:
    """Part of a symbol, and a texture for the rest."""
    made = symbol(random, WRONG_VERSIONS)
    art, border = drawn(made.modules)
    texture = (_noise, _pattern, _text)[int(random.integers(3))](random)
    rest = cv2.resize(texture, art.shape, interpolation=cv2.INTER_AREA)
    art = np.where(cut(random, len(art)), art, rest)
    return Impostor(art, border, len(made.modules), (made.payload,))


def _plain(draw: Callable[[Random], Page], random: Random) -> Impostor:
    return Impostor(draw(random))


def _symbol(draw: Callable[[Random], Wrong], random: Random) -> Impostor:
    modules, payloads = draw(random)
    art, border = drawn(modules)
    return Impostor(art, border, len(modules), payloads)


KINDS: dict[str, Callable[[Random], Impostor]] = {
    "noise": functools.partial(_plain, _noise),
    "pattern": functools.partial(_plain, _pattern),
    "text": functools.partial(_plain, _text),
    "page": functools.partial(_plain, _page),
    "matrix codes": functools.partial(_plain, functools.partial(_barcode, _MATRIX)),
    "bar codes": functools.partial(_plain, functools.partial(_barcode, _BARS)),
    "micro QR": functools.partial(_plain, functools.partial(_barcode, _MICRO)),
    **{kind: functools.partial(_symbol, draw) for kind, draw in WRONG.items()},
    "half": _half,
}
DEAR = frozenset([*WRONG, "half"])
"""Kinds with function patterns: the grid reader tries all that it can on most of them."""

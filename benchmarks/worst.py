"""Pictures on which readers take longest, by kind and seed: thousands of things that look like codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.deformed import Symbol, symbol
from benchmarks.impostors import scrambled
from benchmarks.symbols import Random, dark
from qrcascade.image.frame import Gray

__all__ = ["SIZE", "WORST", "worst"]

SIZE = (4000, 3000)
"""Width and height of a picture of 12 MP."""

Size = tuple[int, int]
Maker = Callable[[Random, Size], Gray]

# Different symbols of one picture, and modules of light around each.
_SYMBOLS, _QUIET = 40, 2


def worst(kind: str, seed: int = 0, size: Size = SIZE) -> Gray:
    """Return a picture of a kind, of (width, height)."""
    return np.ascontiguousarray(WORST[kind](np.random.default_rng([seed, *kind.encode()]), size))


def _tiled(random: Random, size: Size, modules: list[NDArray[np.bool_]], px: int) -> Gray:
    """Fill a page with symbols of one size, ``px`` pixels a module."""
    made = [np.kron(np.pad(one, _QUIET), np.ones((px, px), bool)) for one in modules]
    side = len(made[0])
    across, down = size[0] // side, size[1] // side
    rows = [np.hstack([made[i] for i in random.integers(0, len(made), across)]) for _ in range(down)]
    page = np.full(size[::-1], 255, np.uint8)
    page[: down * side, : across * side][np.vstack(rows)] = 0
    return page


def _fakes(px: int, version: int, random: Random, size: Size) -> Gray:
    """Return symbols with the right function patterns and data that says nothing."""
    made: list[Symbol] = [symbol(random, (version, version)) for _ in range(_SYMBOLS)]
    return _tiled(random, size, [scrambled(random, one) > 0 for one in made], px)


def _latin1(random: Random, size: Size) -> Gray:
    """Draw real symbols whose bytes are not UTF-8."""
    payloads = (bytes([0xE9, 0xE8, *random.integers(0xC0, 0xFF, 4).tolist()]) for _ in range(_SYMBOLS))
    return _tiled(random, size, [dark(one, mode="byte", error="m", version=1) for one in payloads], 3)


def _finders(px: int, _random: Random, size: Size) -> Gray:
    """Return a lattice of finder patterns."""
    ring = np.maximum(*np.abs(np.mgrid[-4:5, -4:5]))
    one = np.where((ring == 2) | (ring == 4), 255, 0).astype(np.uint8)
    return _fill(one.repeat(px, 0).repeat(px, 1), size)


def _board(cell: int, _random: Random, size: Size) -> Gray:
    """Return a chess board, whose rows are timing patterns."""
    return _fill(np.array([[0, 255], [255, 0]], np.uint8).repeat(cell, 0).repeat(cell, 1), size)


def _fill(tile: Gray, size: Size) -> Gray:
    width, height = size
    return np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))[:height, :width]


def _halftone(random: Random, size: Size, cell: float = 6.0) -> Gray:
    """Return dots whose size follows a soft shade."""
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32) / cell
    shade = cv2.GaussianBlur(random.normal(0, 1, (height // 8, width // 8)).astype(np.float32), (0, 0), 10)
    shade = cv2.resize(shade / shade.std(), size)
    return np.where((x % 1 - 0.5) ** 2 + (y % 1 - 0.5) ** 2 < 0.16 + 0.08 * shade, 20, 235).astype(np.uint8)


def _blots(random: Random, size: Size) -> Gray:
    """Draw black and white noise, some pixels wide."""
    noise = random.normal(0, 1, size[::-1]).astype(np.float32)
    return np.where(cv2.GaussianBlur(noise, (0, 0), 2.0) > 0, 255, 0).astype(np.uint8)


def _modules(random: Random, size: Size, px: int = 3) -> Gray:
    """Return modules at random, as of one huge symbol."""
    cells = random.integers(0, 2, (size[1] // px + 1, size[0] // px + 1)).astype(np.uint8) * 255
    return np.kron(cells, np.ones((px, px), np.uint8))[: size[1], : size[0]]


WORST: dict[str, Maker] = {
    "fakes, 2 px": partial(_fakes, 2, 1),
    "fakes, 3 px": partial(_fakes, 3, 1),
    "fakes, 6 px": partial(_fakes, 6, 1),
    "fakes of version 10": partial(_fakes, 3, 10),
    "Latin-1": _latin1,
    "finders, 1 px": partial(_finders, 1),
    "finders, 2 px": partial(_finders, 2),
    "finders, 3 px": partial(_finders, 3),
    "finders, 6 px": partial(_finders, 6),
    "board, 2 px": partial(_board, 2),
    "board, 4 px": partial(_board, 4),
    "halftone": _halftone,
    "blots": _blots,
    "modules": _modules,
}
"""A kind to what draws it."""

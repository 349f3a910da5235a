"""Two symbols drawn as one, and damaged symbols of several blocks; each with what its symbols say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks import deformed
from benchmarks.deformed import DAMAGES, Symbol, drawn
from benchmarks.harness import Task
from benchmarks.ruins import Ruin
from benchmarks.symbols import Page, Random
from qrcascade.symbology.layout import LEVELS, blocks

_OF_SEVERAL_BLOCKS = [(v, level) for v in range(3, 21) for level in LEVELS if len(blocks(v, level)) > 1]
# Characters that differ, mostly, and how often it may be any number.
_FEW, _MANY_SHARE = 12, 0.2
# Pixels to a module, and share of a module that a picture is blurred by.
_MODULE, _BLUR = (2.5, 5.0), 0.3
# Printable characters without the blank.
_CHARACTERS = np.arange(33, 127, dtype=np.uint8)


def _pair(random: Random) -> tuple[Symbol, Symbol]:
    """Return two symbols of one version, level and mask, whose payloads of one length differ."""
    version, level = _OF_SEVERAL_BLOCKS[random.integers(len(_OF_SEVERAL_BLOCKS))]
    room = sum(inner for _, inner in blocks(version, level)) - 3
    one = random.choice(_CHARACTERS, int(random.integers(room // 2, room + 1)))
    most = len(one) if random.random() < _MANY_SHARE else min(_FEW, len(one))
    count = int(random.integers(1, most + 1))
    start = int(random.integers(len(one) - count + 1))
    together = random.random() < 0.5
    where = np.arange(start, start + count) if together else random.choice(len(one), count, replace=False)
    other = one.copy()
    other[where] = random.choice(_CHARACTERS, count)
    mask = int(random.integers(8))
    return Symbol.of(one.tobytes(), version, level, mask), Symbol.of(other.tobytes(), version, level, mask)


def _by_module(share: Callable[[Random, int], Page], random: Random, one: Symbol, other: Symbol) -> Page:
    """Return modules of the second symbol where its share of them, 0 to 1 at random, is above a half."""
    return drawn(np.where(share(random, len(one.modules)) > 0.5, other.modules, one.modules))


def _scattered(random: Random, size: int) -> Page:
    return (random.random((size, size)) < random.uniform(0.01, 0.5)).astype(np.float32)


def _striped(random: Random, size: int) -> Page:
    rows = (np.arange(size) + random.integers(8)) // random.integers(1, 9) % 2
    return np.broadcast_to(rows, (size, size)).astype(np.float32)


def _in_cells(random: Random, size: int) -> Page:
    cell = int(random.integers(2, 7))
    coins = random.random((size, size)) < random.uniform(0.1, 0.5)
    return np.kron(coins, np.ones((cell, cell)))[:size, :size].astype(np.float32)


def _by_pixel(share: Callable[[Random, int], Any], random: Random, one: Symbol, other: Symbol) -> Page:
    """Return the drawings of both, of which a share is the first's."""
    art = drawn(one.modules)
    part = share(random, len(art))
    return np.asarray(part * art + (1 - part) * drawn(other.modules), np.float32)


def _patched(random: Random, size: int) -> Page:
    """Lay a part of one label on the other, at any pixel."""
    art = np.ones((size, size), np.float32)
    width, height = random.integers(size // 4, size, 2).tolist()
    x, y = int(random.integers(size - width + 1)), int(random.integers(size - height + 1))
    art[y : y + height, x : x + width] = 0
    return art


def _swept(random: Random, size: int) -> Page:
    """Return a screen that changes while its lines are read: one goes over into the other."""
    y = np.arange(size)[:, None] / size
    return np.clip((y - random.uniform(0.2, 0.8)) / random.uniform(0.05, 0.6) + 0.5, 0, 1)


def _codewords(random: Random, one: Symbol, other: Symbol) -> Page:
    """Take each codeword from one or from the other: no picture is like this, but most is read wrongly."""
    words = one.codewords()
    taken = random.random(len(words)) < random.uniform(0.3, 0.7)
    return drawn(one.saying(np.where(taken, words, other.codewords())))


MIXES: dict[str, Callable[[Random, Symbol, Symbol], Page]] = {
    "modules": partial(_by_module, _scattered),
    "cells": partial(_by_module, _in_cells),
    "columns": partial(_by_module, _striped),
    "rows": partial(_by_module, lambda random, size: _striped(random, size).T),
    "halves": partial(_by_pixel, deformed.cut),
    "patch": partial(_by_pixel, _patched),
    "averaged": partial(_by_pixel, lambda random, _: random.uniform(0.4, 0.6)),
    "sweep": partial(_by_pixel, _swept),
    "codewords": _codewords,
}
"""Ways to mix the drawings of two symbols."""


def draw_mixture(task: Task) -> tuple[Random, Symbol, Symbol, Page]:
    """Draw two symbols as one; return the random generator, both, and the drawing."""
    kind, seed = task
    random = np.random.default_rng([seed, *b"mixture", *kind.encode()])
    one, other = _pair(random)
    return random, one, other, MIXES[kind](random, one, other)


def mixture(task: Task) -> Ruin:
    """Return a picture of two symbols mixed, and what they say."""
    random, one, other, art = draw_mixture(task)
    module, blur = random.uniform(*_MODULE), random.uniform(0, _BLUR)
    return deformed.photographed(random, one, art, module, blur=blur)[0], (one.payload, other.payload)


def _scratched(random: Random, made: Symbol, amount: float) -> Page:
    """Draw lines across it, most of them along its rows: these reach few blocks."""
    art = drawn(made.modules)
    for _ in range(1 + int(4 * amount * random.random())):
        ends = random.integers(0, len(art), 2).tolist()
        slope = (0, ends[0]), (len(art), ends[0] + int(random.integers(-20, 21)))
        across = (ends[0], 0), (ends[1], len(art))
        start, end = slope if random.random() < 0.7 else across
        cv2.line(art, start, end, float(random.choice([25, 240])), int(random.integers(3, 16)))
    return art


def _shone_on(random: Random, made: Symbol, amount: float) -> Page:
    """Lay a highlight over it that whitens a part."""
    art = drawn(made.modules)
    y, x = np.mgrid[: len(art), : len(art)] / len(art) - random.uniform(0.2, 0.8, 2)[:, None, None]
    light = 255 * np.exp(-(x**2 + y**2) / (2 * (0.03 + 0.12 * amount) ** 2))
    return np.asarray(np.minimum(255, art + light), np.float32)


BLOCK_DAMAGES = {**DAMAGES, "scratches": _scratched, "highlight": _shone_on}


def damaged(task: Task) -> Ruin:
    """Return a picture of one damaged symbol of several blocks, and what it says."""
    kind, seed = task
    random = np.random.default_rng([seed, *b"several blocks", *kind.encode()])
    version, level = _OF_SEVERAL_BLOCKS[random.integers(len(_OF_SEVERAL_BLOCKS))]
    made = deformed.symbol(random, (version, version), level)
    amount = random.random()
    if kind in DAMAGES:
        return deformed.damaged(random, kind, made, amount)[0], (made.payload,)
    art = BLOCK_DAMAGES[kind](random, made, amount)
    return deformed.photographed(random, made, art, random.uniform(*_MODULE))[0], (made.payload,)

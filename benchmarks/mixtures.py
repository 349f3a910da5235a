"""What cascades say of two symbols mixed in one picture, and of damaged symbols of several blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import numpy as np

from benchmarks import deformed, harness, options, symbols
from benchmarks.canvas import Page, Random
from benchmarks.deformed import DAMAGES, Symbol, drawn
from benchmarks.harness import Task, in_rounds
from benchmarks.options import option, saves
from benchmarks.render import by_kind, mean, publish
from benchmarks.ruins import Ruin
from benchmarks.safety_pictures import Said, Seen, looked
from benchmarks.scoring import most
from qrcascade.engines import engine
from qrcascade.engines.confidence import MIXED
from qrcascade.grid import codewords
from qrcascade.grid.codewords import Decoded
from qrcascade.symbology.layout import LEVELS, blocks

_SURE = 0.7
_NOTE = """\
Two symbols of one version (3 to 20, of several blocks), level and mask, whose payloads differ in a few
characters or in many, are drawn as one. "Decoded as they are": zxing-cpp sees the drawing, and the grid's
decoder its modules with noise; the readings of both are counted. The pictures are of drawings as a camera
sees them, read by a whole cascade. No picture is mixed codeword by codeword, but most is read wrongly of
such. Times are of a machine that may have been busy."""
_VERSIONS = range(3, 21)
_OF_SEVERAL_BLOCKS = [(v, level) for v in _VERSIONS for level in LEVELS if len(blocks(v, level)) > 1]
# Characters that differ, mostly, and how often it may be any number.
_FEW, _MANY_SHARE = 12, 0.2
# Pixels to a module, and share of a module that a picture is blurred by.
_MODULE, _BLUR = (2.5, 5.0), 0.3
# Without a camera: size of the drawing that zxing-cpp sees, as a share, and noise of the soft modules.
_FLAT, _MOST_NOISE = 3 / 8, 0.4
_QR = frozenset(["QRCode"])
# Printable characters without the blank.
_CHARACTERS = np.arange(33, 127, dtype=np.uint8)


# Mixtures


def _pair(random: Random) -> tuple[Symbol, Symbol]:
    """Two symbols of one version, level and mask, whose payloads of one length differ."""
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
    made = []
    for payload in (one.tobytes(), other.tobytes()):
        dark = symbols.dark(payload, version=version, error=level, mask=mask, mode="byte", boost_error=False)
        made.append(Symbol(payload, version, level, mask, 2 * dark.astype(np.int8) - 1))
    return made[0], made[1]


def _by_module(share: Callable[[Random, int], Page]) -> Callable[[Random, Symbol, Symbol], Page]:
    """What takes modules of the second symbol where its share of them, 0 to 1 at random, is above a half."""

    def mix(random: Random, one: Symbol, other: Symbol) -> Page:
        return drawn(np.where(share(random, len(one.modules)) > 0.5, other.modules, one.modules))

    return mix


def _scattered(random: Random, size: int) -> Page:
    return (random.random((size, size)) < random.uniform(0.01, 0.5)).astype(np.float32)


def _striped(random: Random, size: int) -> Page:
    rows = (np.arange(size) + random.integers(8)) // random.integers(1, 9) % 2
    return np.broadcast_to(rows, (size, size)).astype(np.float32)


def _in_cells(random: Random, size: int) -> Page:
    cell = int(random.integers(2, 7))
    coins = random.random((size, size)) < random.uniform(0.1, 0.5)
    return np.kron(coins, np.ones((cell, cell)))[:size, :size].astype(np.float32)


def _halved(random: Random, one: Symbol, other: Symbol) -> Page:
    art = drawn(one.modules)
    return np.where(deformed.cut(random, len(art)), art, drawn(other.modules)).astype(np.float32)


def _patched(random: Random, one: Symbol, other: Symbol) -> Page:
    """A part of one label on the other, at any pixel."""
    art, above = drawn(one.modules), drawn(other.modules)
    size = len(art)
    width, height = random.integers(size // 4, size, 2).tolist()
    x, y = int(random.integers(size - width + 1)), int(random.integers(size - height + 1))
    art[y : y + height, x : x + width] = above[y : y + height, x : x + width]
    return art


def _averaged(random: Random, one: Symbol, other: Symbol) -> Page:
    share = random.uniform(0.4, 0.6)
    return (share * drawn(one.modules) + (1 - share) * drawn(other.modules)).astype(np.float32)


def _swept(random: Random, one: Symbol, other: Symbol) -> Page:
    """A screen that changes while its lines are read: one goes over into the other."""
    art = drawn(one.modules)
    y = np.arange(len(art))[:, None] / len(art)
    share = np.clip((y - random.uniform(0.2, 0.8)) / random.uniform(0.05, 0.6) + 0.5, 0, 1)
    return np.asarray(share * art + (1 - share) * drawn(other.modules), np.float32)


def _codewords(random: Random, one: Symbol, other: Symbol) -> Page:
    """Each codeword of one or of the other: no picture is so, but most is read wrongly of this."""
    words = one.codewords()
    taken = random.random(len(words)) < random.uniform(0.3, 0.7)
    return drawn(one.saying(np.where(taken, words, other.codewords())))


MIXES: dict[str, Callable[[Random, Symbol, Symbol], Page]] = {
    "modules": _by_module(_scattered),
    "cells": _by_module(_in_cells),
    "columns": _by_module(_striped),
    "rows": _by_module(lambda random, size: _striped(random, size).T),
    "halves": _halved,
    "patch": _patched,
    "averaged": _averaged,
    "sweep": _swept,
    "codewords": _codewords,
}
"""Ways to mix the drawings of two symbols."""


def draw_mixture(task: Task) -> tuple[Random, Symbol, Symbol, Page]:
    """What made it, the two symbols, and their drawing as one."""
    kind, seed = task
    random = np.random.default_rng([seed, *b"mixture", *kind.encode()])
    one, other = _pair(random)
    return random, one, other, MIXES[kind](random, one, other)


def mixture(task: Task) -> Ruin:
    """A picture of two symbols mixed, and what they say."""
    random, one, other, art = draw_mixture(task)
    module, blur = random.uniform(*_MODULE), random.uniform(0, _BLUR)
    return deformed.photographed(random, one, art, module, blur=blur)[0], (one.payload, other.payload)


def decoded(task: Task) -> Seen:
    """What zxing-cpp and the module grid's decoder make of a mixture's drawing, without a camera between."""
    random, one, other, art = draw_mixture(task)
    flat = np.asarray(cv2.resize(art, None, fx=_FLAT, fy=_FLAT, interpolation=cv2.INTER_AREA))
    codes: list[Said] = []

    def say(engine: str, data: bytes | None, confidence: float) -> None:
        verdict = "right" if data in (one.payload, other.payload) else "wrong"
        codes.append((round(confidence, 5), verdict, engine, ""))

    for code in engine("zxing").read(np.round(flat).astype(np.uint8), _QR).codes:
        say("zxing", code.data, code.confidence)
    size = len(one.modules) + 2 * symbols.QUIET
    levels = cv2.resize(art, (size, size), interpolation=cv2.INTER_AREA)
    inner = levels[symbols.QUIET : -symbols.QUIET, symbols.QUIET : -symbols.QUIET]
    soft = 1 - 2 * (inner - levels.min()) / (levels.max() - levels.min())
    noise = random.normal(0, random.uniform(0, _MOST_NOISE), soft.shape)
    found = codewords.decode(soft + noise, one.version)
    if isinstance(found, Decoded):
        say("grid", found.payload.data, found.confidence)
    return Seen(*task, codes, [], 0, [], 0.0)


# Damaged symbols


def _scratched(random: Random, made: Symbol, amount: float) -> Page:
    """Lines across it, most of them along its rows: these reach few blocks."""
    art = drawn(made.modules)
    for _ in range(1 + int(4 * amount * random.random())):
        ends = random.integers(0, len(art), 2).tolist()
        slope = (0, ends[0]), (len(art), ends[0] + int(random.integers(-20, 21)))
        across = (ends[0], 0), (ends[1], len(art))
        start, end = slope if random.random() < 0.7 else across
        cv2.line(art, start, end, float(random.choice([25, 240])), int(random.integers(3, 16)))
    return art


def _shone_on(random: Random, made: Symbol, amount: float) -> Page:
    """A highlight that whitens a part."""
    art = drawn(made.modules)
    y, x = np.mgrid[: len(art), : len(art)] / len(art) - random.uniform(0.2, 0.8, 2)[:, None, None]
    light = 255 * np.exp(-(x**2 + y**2) / (2 * (0.03 + 0.12 * amount) ** 2))
    return np.asarray(np.minimum(255, art + light), np.float32)


_DAMAGES = {**DAMAGES, "scratches": _scratched, "highlight": _shone_on}


def damaged(task: Task) -> Ruin:
    """A picture of one damaged symbol of several blocks, and what it says."""
    kind, seed = task
    random = np.random.default_rng([seed, *b"several blocks", *kind.encode()])
    version, level = _OF_SEVERAL_BLOCKS[random.integers(len(_OF_SEVERAL_BLOCKS))]
    made = deformed.symbol(random, (version, version), level)
    amount = random.random()
    if kind in DAMAGES:
        return deformed.damaged(random, kind, made, amount)[0], (made.payload,)
    art = _DAMAGES[kind](random, made, amount)
    return deformed.photographed(random, made, art, random.uniform(*_MODULE))[0], (made.payload,)


# The report


def _count(verdict: str, least: float = 0.0, most: float = 1.0) -> Callable[[Sequence[Seen]], int]:
    return lambda seen: sum(
        said[1] == verdict and least <= said[0] <= most for one in seen for said in one.codes
    )


_FIGURES: dict[str, Callable[[Sequence[Seen]], object]] = {
    "pictures": len,
    "nothing": lambda seen: sum(not one.codes for one in seen),
    f"right, {_SURE} or more": _count("right", _SURE),
    "right, doubted": _count("right", most=MIXED),
    "wrong": _count("wrong"),
    f"wrong, {_SURE} or more": _count("wrong", _SURE),
    "mean ms {:.0f}": mean("ms"),
}


def _said_wrong(seen: Sequence[Seen]) -> str:
    wrong = [
        f"{one.kind} {one.seed} at {said[0]:.3f} by {said[2]}"
        for one in seen
        for said in one.codes
        if said[1] == "wrong" and said[0] >= _SURE
    ]
    return f"Wrong with {_SURE} or more, by kind and seed: {'; '.join(wrong)}." if wrong else ""


def _on_mixtures(seen: Sequence[Seen]) -> str:
    wrong = _count("wrong", _SURE)(seen)
    return (
        "Right is what one of the two says; doubted is what was found to be a mixture. "
        f"Wrong with a confidence of {_SURE} or more were {wrong} of {len(seen)} mixtures: with 95 % "
        f"confidence at most {most(wrong, len(seen)):.1e} of them."
    )


def _on_damaged(seen: Sequence[Seen]) -> str:
    sure, doubted = _count("right", _SURE)(seen), _count("right", most=MIXED)(seen)
    return (
        f"Right and doubted as a mixture were {doubted} of {sure + doubted}: with 95 % confidence at most "
        f"{most(doubted, sure + doubted):.1e} of them."
    )


@click.command()
@option("--decoded", "drawings", default=20_000, text="Mixtures that the decoders are given.")
@option("--mixed", default=5_000, text="Pictures of mixtures.")
@option("--damaged", "ruined", default=5_000, text="Pictures of damaged symbols of several blocks.")
@option("--reader", default="classical", text="The preset that reads them.")
@options.workers
@options.record
@saves("mixtures")
def mixtures(
    drawings: int, mixed: int, ruined: int, reader: str, workers: int, record: Path | None, save: bool
) -> None:
    """What decoders and cascades say of two symbols mixed in one picture, and of damaged ones."""
    parts: list[str] = []
    for title, name, kinds, look, number, said in (
        ("Mixtures, decoded as they are", "decoded", MIXES, decoded, drawings, _on_mixtures),
        (
            "Pictures of mixtures",
            "mixed",
            MIXES,
            functools.partial(looked, mixture, reader),
            mixed,
            _on_mixtures,
        ),
        (
            "Damaged symbols",
            "damaged",
            _DAMAGES,
            functools.partial(looked, damaged, reader),
            ruined,
            _on_damaged,
        ),
    ):
        if number:
            file = record and record / f"{name}.jsonl"
            seen = harness.outcomes(look, Seen, in_rounds(kinds, number), workers, file, name=name)
            parts += [f"## {title}", by_kind("kind", seen, _FIGURES), said(seen), _said_wrong(seen)]
    publish("mixtures", parts, save=save, head=[_NOTE], title="mixtures of two symbols")

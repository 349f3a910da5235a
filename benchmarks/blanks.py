"""Pictures without a code that can be read: made ones by kind and seed, and the negatives of the corpora."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from benchmarks import corpora, synthetic
from benchmarks.deformed import WRONG_VERSIONS, Page, Random, blurred, drawn, finished, shot, symbol
from benchmarks.impostors import DEAR, KINDS, Impostor
from benchmarks.resumed import Task
from qrcascade import Frame
from qrcascade.image.frame import Gray
from qrcascade.symbology.layout import data_mask

__all__ = ["BLANKS", "blank", "blank_tasks"]

# Pixels of a side, and of one of the things in it.
_SIDES, _THINGS = (320, 640), (70, 220)
# Kinds that hold function patterns of symbols come in every so manieth round: they are the dear ones.
_SELDOM = 40
# Pages that pieces are taken of.
_PAGES = 60
# Kinds that may fill the whole picture.
_TEXTURES = ("noise", "pattern", "text", "page")
_NEGATIVES = ("negatives", "pages")


def _bare_mask(random: Random) -> Impostor:
    """A symbol whose data is the mask alone: stripes or checks. Its codewords are all 0, and so valid."""
    made = symbol(random, WRONG_VERSIONS)
    bare = 2 * data_mask(made.mask, len(made.modules)).astype(np.int8) - 1
    modules = np.where(made.data, bare, made.modules)
    art, border = drawn(modules)
    return Impostor(art, border, len(modules))


def _cropped(random: Random) -> Impostor:
    """A strip of a symbol, at most a third of it, on plain paper: too little for any correction."""
    made = symbol(random, WRONG_VERSIONS)
    art, border = drawn(made.modules)
    y, x = np.mgrid[: len(art), : len(art)] / len(art) - 0.5
    angle = random.uniform(0, 2 * np.pi)
    gone = np.cos(angle) * x + np.sin(angle) * y > random.uniform(-0.35, -0.15)
    return Impostor(
        np.where(gone, art.max(), art).astype(np.float32), border, len(made.modules), (made.payload,)
    )


BLANKS: dict[str, Callable[[Random], Impostor]] = {**KINDS, "bare mask": _bare_mask, "cropped": _cropped}
"""A kind to what draws one thing of it."""


def blank(task: Task) -> tuple[Gray, tuple[bytes, ...]]:
    """A picture without a code, and payloads of which it shows parts."""
    kind, seed = task
    if kind in _NEGATIVES:
        return Frame.load(_negatives(kind)[seed].rgb()).gray, ()
    random = np.random.default_rng([seed, *b"picture", *kind.encode()])
    page = _ground(random)
    payloads: list[bytes] = []
    if kind in _TEXTURES and random.random() < 0.5:
        page = np.asarray(cv2.resize(BLANKS[kind](random).art, page.shape[::-1]))
    for _ in range(int(random.integers(1, 4))):
        thing = BLANKS[kind](random)
        payloads += thing.payloads
        side = max(random.uniform(*_THINGS), 2.2 * thing.modules)
        piece, _ = shot(random, thing.art, thing.border, side, turn=float(random.choice([5, 180])), tilt=0.05)
        _paste(random, page, piece)
    page = blurred(page, random.choice([0.0, random.uniform(0, 1.5)]))
    gray = finished(random, page, random.uniform(0, 10))
    if random.random() < 0.5:
        coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 95))])[1]
        gray = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return gray, tuple(payloads)


def _ground(random: Random) -> Page:
    """Plain paper, or a piece of a made page."""
    height, width = (int(n) for n in random.integers(*_SIDES, 2))
    if random.random() < 0.5:
        return np.full((height, width), random.uniform(180, 250), np.float32)
    whole = _printed(int(random.integers(_PAGES)))
    top, left = (
        int(random.integers(max(1, n - size + 1)))
        for n, size in zip(whole.shape, (height, width), strict=True)
    )
    return whole[top : top + height, left : left + width].astype(np.float32)


@functools.cache
def _printed(seed: int) -> Gray:
    return np.ascontiguousarray(synthetic.page(seed)[:, :, 0])


def _paste(random: Random, page: Page, piece: Page) -> None:
    """Somewhere on the page, perhaps over its edge."""
    top, left = (
        int(random.integers(-n // 4, max(1, size - n // 2)))
        for n, size in zip(piece.shape, page.shape, strict=True)
    )
    into = page[max(0, top) : top + len(piece), max(0, left) : left + piece.shape[1]]
    y, x = max(0, -top), max(0, -left)
    into[:] = piece[y : y + into.shape[0], x : x + into.shape[1]]


@functools.cache
def _negatives(corpus: str) -> list[corpora.Picture]:
    return corpora.load(corpus)


def blank_tasks(number: int) -> Iterator[Task]:
    """Every negative of the corpora that are at hand, then made ones until there are so many."""
    left = number
    for corpus in _NEGATIVES:
        if corpus == "negatives" and not (corpora.root() / corpus).is_dir():
            continue
        there = min(left, len(_negatives(corpus)))
        yield from ((corpus, i) for i in range(there))
        left -= there
    seldom = DEAR | {"bare mask"}
    rounds = (
        (kind, seed)
        for seed in itertools.count()
        for kind in BLANKS
        if kind not in seldom or seed % _SELDOM == 0
    )
    yield from itertools.islice(rounds, left)

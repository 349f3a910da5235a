"""Pictures by kind and seed with what may be read of each: damaged symbols, and pictures without a code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import cv2
import numpy as np

from benchmarks import conditions, corpora, deformed, synthetic
from benchmarks.deformed import DAMAGES, Symbol, blurred, cut, drawn, finished, shot, symbol
from benchmarks.harness import Task, in_rounds
from benchmarks.impostors import EXPENSIVE, KINDS, Impostor, whole
from benchmarks.symbols import Page, Random, compressed
from qrcascade import Frame
from qrcascade.image.frame import Gray
from qrcascade.symbology.layout import data_mask

Ruin = tuple[Gray, tuple[bytes, ...]]
_VERSIONS = (1, 10)


def _damaged(kind: str, random: Random) -> Ruin:
    made = symbol(random, _VERSIONS)
    return deformed.damaged(random, kind, made, random.random())[0], (made.payload,)


def _worsened(condition: str, random: Random) -> Ruin:
    gray, payload = conditions.CONDITIONS[condition](random, random.random())
    return gray, (payload,)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A symbol that is drawn in some way, at so many pixels a module, and changed after that."""

    draw: Callable[[Random, Symbol], Page]
    module: tuple[float, float] = (2.5, 5.0)
    after: Callable[[Random, Gray], Gray] = lambda _, gray: gray
    versions: tuple[int, int] = _VERSIONS
    level: str = ""

    def __call__(self, random: Random) -> Ruin:
        made = symbol(random, self.versions, self.level)
        art = self.draw(random, made)
        gray, _ = deformed.photographed(random, made, art, random.uniform(*self.module))
        return self.after(random, gray), (made.payload,)


def _weak(random: Random, made: Symbol) -> Page:
    """Return modules flipped to what is corrected and past."""
    return made.inverted(made.data & (random.random(made.modules.shape) < random.uniform(0.005, 0.04)))


def _anywhere(random: Random, made: Symbol) -> Page:
    """Return modules inverted anywhere, function patterns and format bits included."""
    return made.inverted(random.random(made.modules.shape) < random.uniform(0, 0.06))


def _part(random: Random, made: Symbol) -> Page:
    """Fill what is beyond a line with paper, ink or gray."""
    art = drawn(made.modules)
    keep = cut(random, len(art)) | cut(random, len(art))
    return np.where(keep, art, random.choice([20.0, 130.0, 240.0])).astype(np.float32)


def _painted(random: Random, made: Symbol) -> Page:
    return deformed.covered(random, made, random.uniform(0, 0.3))


def _in_blocks(random: Random, gray: Gray) -> Gray:
    """Compress until it falls into blocks."""
    return compressed(gray, int(random.integers(3, 40)))


def _neighbours(random: Random) -> Ruin:
    """Draw four painted symbols side by side: finder patterns of different ones may be taken together."""
    pictures, said = [], []
    version = int(random.integers(1, 6))
    for _ in range(4):
        made = symbol(random, (version, version))
        pictures.append(_painted(random, made))
        said.append(made.payload)
    art = np.vstack([np.hstack(pictures[:2]), np.hstack(pictures[2:])])
    size = int(len(art) * random.uniform(0.25, 0.6))
    page = np.asarray(cv2.resize(art, (size, size), interpolation=cv2.INTER_AREA), np.float32)
    page = blurred(page, random.uniform(0, 1.2))
    return finished(random, page, random.uniform(0, 8)), tuple(said)


RUINS: dict[str, Callable[[Random], Ruin]] = {
    **{kind: partial(_damaged, kind) for kind in DAMAGES},
    **{kind: partial(_worsened, kind) for kind in ("cylinder", "crumple", "motion", "glare")},
    # The least redundant.
    "weak": _Drawn(_weak, versions=(1, 2), level="L"),
    "anywhere": _Drawn(_anywhere),
    "part": _Drawn(_part),
    "jpeg": _Drawn(lambda _, made: drawn(made.modules), (2, 4), after=_in_blocks),
    "small": _Drawn(lambda _, made: drawn(made.modules), (1, 2.5)),
    "mirrored": _Drawn(_painted, after=lambda _, gray: np.ascontiguousarray(gray[:, ::-1])),
    "neighbours": _neighbours,
}
"""A kind of damage to what makes a picture of it."""


def ruin(task: Task) -> Ruin:
    """Return a picture, and what its symbols say."""
    kind, seed = task
    return RUINS[kind](np.random.default_rng([seed, *b"ruin", *kind.encode()]))


def ruin_tasks(number: int) -> list[Task]:
    """Yield the kinds in turn."""
    return in_rounds(RUINS, number)


# Without a code

# Pixels of a side, and of one of the things in it.
_SIDES, _THINGS = (320, 640), (70, 220)
# Rounds of which the expensive kinds, those with function patterns of symbols, are in one.
_SELDOM = 40
# Pages that pieces are taken of.
_PAGES = 60
# Kinds that may fill the whole picture.
_TEXTURES = ("noise", "pattern", "text", "page")
_NEGATIVES = ("negatives", "pages")


def _bare_mask(random: Random) -> Impostor:
    """Draw a symbol whose data is the mask alone: stripes or checks. All its codewords are 0: valid."""
    made = whole(random)
    bare = 2 * data_mask(made.mask, len(made.modules)).astype(np.int8) - 1
    return Impostor.of(np.where(made.data, bare, made.modules))


def _cropped(random: Random) -> Impostor:
    """Return a strip of a symbol, at most a third of it, on plain paper: too little for any correction."""
    made = whole(random)
    art = drawn(made.modules)
    gone = cut(random, len(art), -0.35, -0.15)
    return Impostor(np.where(gone, art.max(), art), len(made.modules), (made.payload,))


BLANKS: dict[str, Callable[[Random], Impostor]] = {**KINDS, "bare mask": _bare_mask, "cropped": _cropped}
"""A kind to what draws one thing of it."""


def blank(task: Task) -> tuple[Gray, tuple[bytes, ...]]:
    """Return a picture without a code, and payloads of which it shows parts."""
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
        gray = compressed(gray, int(random.integers(40, 95)))
    return gray, tuple(payloads)


def _ground(random: Random) -> Page:
    """Return plain paper, or a piece of a made page."""
    height, width = (int(n) for n in random.integers(*_SIDES, 2))
    if random.random() < 0.5:
        return np.full((height, width), random.uniform(180, 250), np.float32)
    whole = _printed(int(random.integers(_PAGES)))
    spare = np.subtract(whole.shape, (height, width))
    top, left = (int(random.integers(max(1, n + 1))) for n in spare)
    return whole[top : top + height, left : left + width].astype(np.float32)


@cache
def _printed(seed: int) -> Gray:
    return np.ascontiguousarray(synthetic.page(seed)[:, :, 0])


def _paste(random: Random, page: Page, piece: Page) -> None:
    """Paste it somewhere on the page, perhaps over its edge."""
    sizes = zip(piece.shape, page.shape, strict=True)
    top, left = (int(random.integers(-n // 4, max(1, size - n // 2))) for n, size in sizes)
    into = page[max(0, top) : top + len(piece), max(0, left) : left + piece.shape[1]]
    y, x = max(0, -top), max(0, -left)
    into[:] = piece[y : y + into.shape[0], x : x + into.shape[1]]


@cache
def _negatives(corpus: str) -> list[corpora.Picture]:
    return corpora.load(corpus)


def blank_tasks(number: int) -> Iterator[Task]:
    """Yield every negative of the corpora that are at hand, then made ones until there are so many."""
    left = number
    for corpus in _NEGATIVES:
        if corpus == "negatives" and not (corpora.root() / corpus).is_dir():
            continue
        there = min(left, len(_negatives(corpus)))
        yield from ((corpus, i) for i in range(there))
        left -= there
    yield from in_rounds(BLANKS, left, EXPENSIVE | {"bare mask"}, _SELDOM)

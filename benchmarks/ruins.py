"""Pictures of symbols that are damaged at random, by kind and seed, each with what its symbols say."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks import conditions, deformed
from benchmarks.canvas import Page, Random
from benchmarks.deformed import DAMAGES, Symbol, drawn, symbol
from benchmarks.harness import Task, in_rounds
from benchmarks.symbols import compressed
from qrcascade.image.frame import Gray

Ruin = tuple[Gray, tuple[bytes, ...]]
_VERSIONS, _MODULE = (1, 10), (2.5, 5.0)


def _damaged(kind: str) -> Callable[[Random], Ruin]:
    def make(random: Random) -> Ruin:
        made = symbol(random, _VERSIONS)
        return deformed.damaged(random, kind, made, random.random())[0], (made.payload,)

    return make


def _curve(condition: str) -> Callable[[Random], Ruin]:
    def make(random: Random) -> Ruin:
        gray, payload = conditions.CONDITIONS[condition](random, random.random())
        return gray, (payload,)

    return make


def _drawn(
    draw: Callable[[Random, Symbol], Page],
    module: tuple[float, float] = _MODULE,
    after: Callable[[Random, Gray], Gray] = lambda _, gray: gray,
    versions: tuple[int, int] = _VERSIONS,
    level: str = "",
) -> Callable[[Random], Ruin]:
    """A symbol that is drawn in some way, at so many pixels a module, and changed after that."""

    def make(random: Random) -> Ruin:
        made = symbol(random, versions, level)
        art = draw(random, made)
        gray, _ = deformed.photographed(random, made, art, random.uniform(*module))
        return after(random, gray), (made.payload,)

    return make


def _weak(random: Random, made: Symbol) -> Page:
    """Modules flipped to what is corrected and past."""
    return made.inverted(made.data & (random.random(made.modules.shape) < random.uniform(0.005, 0.04)))


def _anywhere(random: Random, made: Symbol) -> Page:
    """Modules inverted anywhere, function patterns and format bits included."""
    return made.inverted(random.random(made.modules.shape) < random.uniform(0, 0.06))


def _part(random: Random, made: Symbol) -> Page:
    """What is beyond a line is paper, ink or gray."""
    art = drawn(made.modules)
    keep = deformed.cut(random, len(art)) | deformed.cut(random, len(art))
    return np.where(keep, art, random.choice([20.0, 130.0, 240.0])).astype(np.float32)


def _whole(_: Random, made: Symbol) -> Page:
    return drawn(made.modules)


def _painted(random: Random, made: Symbol) -> Page:
    return deformed.covered(random, made, random.uniform(0, 0.3))


def _in_blocks(random: Random, gray: Gray) -> Gray:
    """Compressed until it falls into blocks."""
    return compressed(gray, int(random.integers(3, 40)))


def _mirrored(_: Random, gray: Gray) -> Gray:
    return np.ascontiguousarray(gray[:, ::-1])


def _neighbours(random: Random) -> Ruin:
    """Four symbols side by side, each with paint: finder patterns of different ones may be taken together."""
    pictures, said = [], []
    version = int(random.integers(1, 6))
    for _ in range(4):
        made = symbol(random, (version, version))
        pictures.append(_painted(random, made))
        said.append(made.payload)
    art = np.vstack([np.hstack(pictures[:2]), np.hstack(pictures[2:])])
    size = int(len(art) * random.uniform(0.25, 0.6))
    page = np.asarray(cv2.resize(art, (size, size), interpolation=cv2.INTER_AREA), np.float32)
    return deformed.finished(
        random, deformed.blurred(page, random.uniform(0, 1.2)), random.uniform(0, 8)
    ), tuple(said)


RUINS: dict[str, Callable[[Random], Ruin]] = {
    **{kind: _damaged(kind) for kind in DAMAGES},
    **{kind: _curve(kind) for kind in ("cylinder", "crumple", "motion", "glare")},
    # The least redundant.
    "weak": _drawn(_weak, versions=(1, 2), level="L"),
    "anywhere": _drawn(_anywhere),
    "part": _drawn(_part),
    "jpeg": _drawn(_whole, (2, 4), after=_in_blocks),
    "small": _drawn(_whole, (1, 2.5)),
    "mirrored": _drawn(_painted, after=_mirrored),
    "neighbours": _neighbours,
}
"""A kind of damage to what makes a picture of it."""


def ruin(task: Task) -> Ruin:
    """A picture, and what its symbols say."""
    kind, seed = task
    return RUINS[kind](np.random.default_rng([seed, *b"ruin", *kind.encode()]))


def ruin_tasks(number: int) -> list[Task]:
    """Kinds in turn."""
    return in_rounds(RUINS, number)

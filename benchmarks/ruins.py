"""Pictures of symbols that are damaged at random, by kind and seed, each with what its symbols say."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks import curves
from benchmarks.deformed import (
    DAMAGES,
    Page,
    Random,
    Symbol,
    blurred,
    covered,
    cut,
    damaged,
    drawn,
    finished,
    shot,
    symbol,
)
from benchmarks.resumed import Task
from qrcascade.image.frame import Gray

__all__ = ["RUINS", "ruin", "ruin_tasks"]

Ruin = tuple[Gray, tuple[bytes, ...]]
_VERSIONS = (1, 10)


def _damaged(kind: str) -> Callable[[Random], Ruin]:
    def make(random: Random) -> Ruin:
        made = symbol(random, _VERSIONS)
        return damaged(random, kind, made, random.random())[0], (made.payload,)

    return make


def _curve(condition: str) -> Callable[[Random], Ruin]:
    def make(random: Random) -> Ruin:
        gray, payload = curves.CONDITIONS[condition](random, random.random())
        return gray, (payload,)

    return make


def _photographed(random: Random, made: Symbol, art: Page, module: float) -> Gray:
    """A drawing of a symbol at so many pixels a module."""
    border = (len(art) / len(drawn(made.modules)[0])) * drawn(made.modules)[1]
    page, _ = shot(random, art, border, module * len(made.modules))
    return finished(random, blurred(page, module * random.uniform(0, 0.4)), random.uniform(0, 8))


def _weak(random: Random) -> Ruin:
    """Versions 1 and 2 at level L, the least redundant, modules flipped to what is corrected and past."""
    made = symbol(random, (1, 2), "L")
    wrong = made.data & (random.random(made.modules.shape) < random.uniform(0.005, 0.04))
    art, _ = drawn(np.where(wrong, -made.modules, made.modules))
    return _photographed(random, made, art, random.uniform(2.5, 5)), (made.payload,)


def _format(random: Random) -> Ruin:
    """Modules inverted anywhere, function patterns and format bits included."""
    made = symbol(random, _VERSIONS)
    wrong = random.random(made.modules.shape) < random.uniform(0, 0.06)
    art, _ = drawn(np.where(wrong, -made.modules, made.modules))
    return _photographed(random, made, art, random.uniform(2.5, 5)), (made.payload,)


def _part(random: Random) -> Ruin:
    """What is beyond a line is paper, ink or gray."""
    made = symbol(random, _VERSIONS)
    art, _ = drawn(made.modules)
    keep = cut(random, len(art)) | cut(random, len(art))
    art = np.where(keep, art, random.choice([20.0, 130.0, 240.0])).astype(np.float32)
    return _photographed(random, made, art, random.uniform(2.5, 5)), (made.payload,)


def _jpeg(random: Random) -> Ruin:
    """Compressed until it falls into blocks."""
    made = symbol(random, _VERSIONS)
    gray = _photographed(random, made, drawn(made.modules)[0], random.uniform(2, 4))
    coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(3, 40))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8), (made.payload,)


def _small(random: Random) -> Ruin:
    """1 to 2.5 pixels a module."""
    made = symbol(random, _VERSIONS)
    return _photographed(random, made, drawn(made.modules)[0], random.uniform(1, 2.5)), (made.payload,)


def _mirrored(random: Random) -> Ruin:
    """In a mirror, with paint."""
    made = symbol(random, _VERSIONS)
    gray = _photographed(random, made, covered(random, made, random.uniform(0, 0.3)), random.uniform(2.5, 5))
    return np.ascontiguousarray(gray[:, ::-1]), (made.payload,)


def _neighbours(random: Random) -> Ruin:
    """Four symbols side by side, each with paint: finder patterns of different ones may be taken together."""
    pictures, said = [], []
    version = int(random.integers(1, 6))
    for _ in range(4):
        made = symbol(random, (version, version))
        pictures.append(covered(random, made, random.uniform(0, 0.3)))
        said.append(made.payload)
    art = np.vstack([np.hstack(pictures[:2]), np.hstack(pictures[2:])])
    size = int(len(art) * random.uniform(0.25, 0.6))
    page = np.asarray(cv2.resize(art, (size, size), interpolation=cv2.INTER_AREA), np.float32)
    return finished(random, blurred(page, random.uniform(0, 1.2)), random.uniform(0, 8)), tuple(said)


RUINS: dict[str, Callable[[Random], Ruin]] = {
    **{kind: _damaged(kind) for kind in DAMAGES},
    **{kind: _curve(kind) for kind in ("cylinder", "crumple", "motion", "glare")},
    "weak": _weak,
    "anywhere": _format,
    "part": _part,
    "jpeg": _jpeg,
    "small": _small,
    "mirrored": _mirrored,
    "neighbours": _neighbours,
}
"""A kind of damage to what makes a picture of it."""


def ruin(task: Task) -> Ruin:
    """A picture, and what its symbols say."""
    kind, seed = task
    return RUINS[kind](np.random.default_rng([seed, *b"ruin", *kind.encode()]))


def ruin_tasks(number: int) -> list[Task]:
    """Kinds in turn, with seeds from 0."""
    kinds = list(RUINS)
    return [(kinds[i % len(kinds)], i // len(kinds)) for i in range(number)]

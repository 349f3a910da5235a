"""Where to look closer in a large picture: overlapping tiles of all its pixels, the likeliest first.

A detector sees a picture at 640 pixels: a symbol 180 pixels wide in one of 3840 x 2160 is 30 pixels to it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Iterator

from qrcascade.engines import engine
from qrcascade.engines.texture import TextureEngine
from qrcascade.image.quad import Quad
from qrcascade.image.views import View, crop, limit
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Step
from qrcascade.results import Attempt

__all__ = ["MOST", "SEARCH", "SIDE", "is_large", "is_missing_something", "likeliest"]

SIDE = 1280
"""Pixels of a tile's side: twice the detector's input."""

# In a picture that is not longer than one and a half tiles a symbol gains little by a tile.
_LARGE = 1.5 * SIDE
# Wider than what the first look misses, some 45 of the detector's 640 pixels, is in 12 MP.
_OVERLAP = 320
MOST = 12
"""Tiles of one picture at most: those that cover 12 MP."""

# Where nothing is expected only tiles with a sign of a symbol are looked at, so many at most.
_MOST_SIGNS = 4

SEARCH = Step.look(engine("finders"), limit(2048))
"""What looks for signs: finer than the classical tier's, and a quarter of a detection in price."""

# So low that no tier tries to read what it locates: it only puts the tiles in order.
_HINT = 0.1
_TEXTURE = Step.look(TextureEngine(side=SIDE, score=_HINT), limit(SIDE))


def is_large(scan: Scan) -> bool:
    """Whether a picture is so large that the detector may miss what can be read in it."""
    width, height = scan.frame.size
    return bool(max(width, height) > _LARGE)


def is_missing_something(scan: Scan) -> bool:
    """Whether fewer symbols are read or credibly located than there should be: one, or what is expected."""
    wanted = scan.expect if isinstance(scan.expect, int) else 1
    read = sum(code.confidence >= scan.threshold for code in scan.accepted)
    return read + len(scan.credible) < wanted


def likeliest(scan: Scan) -> Generator[Step, Attempt, list[View]]:
    """Plan the search for the tiles of a picture that are worth a look, and return them, the best first.

    Those with a sign of a symbol: something located, be it a single finder pattern, or read with doubt.
    Texture is none, for print has it too. Where the caller expects codes, also all other tiles, those with
    strong texture before the rest.
    """
    signs = [region.quad for region in scan.regions if region.source != TextureEngine.name]
    signs += [code.quad for code in scan.codes if code.confidence < scan.threshold]
    width, height = scan.frame.size
    corners = list(itertools.product(_starts(width), _starts(height)))
    if scan.expect is None:
        chosen = _around(signs, corners, (width, height))[:_MOST_SIGNS]
    else:
        known = (a for a in scan.attempts if (a.engine, a.view) == (_TEXTURE.engine, _TEXTURE.view))
        attempt = next(known, None) or (yield _TEXTURE)
        lively = [*signs, *(region.quad for region in attempt.regions)]
        chosen = list(dict.fromkeys([*_around(lively, corners, (width, height)), *corners]))[:MOST]
    across, down = min(SIDE, width), min(SIDE, height)
    return [crop(left, top, across, down) for left, top in chosen]


def _starts(length: int) -> Iterator[int]:
    """Where tiles begin along a side: evenly spread, the last at its end."""
    if length <= SIDE:
        yield 0
        return
    steps = math.ceil((length - SIDE) / (SIDE - _OVERLAP))
    yield from (round(i * (length - SIDE) / steps) for i in range(steps + 1))


def _around(
    quads: Iterable[Quad], corners: list[tuple[int, int]], size: tuple[int, int]
) -> list[tuple[int, int]]:
    """Of each quad the tile in whose middle it is most; each tile once."""
    middle = tuple(min(SIDE, n) / 2 for n in size)

    def away(corner: tuple[int, int], center: tuple[float, float]) -> float:
        return max(abs(at + half - c) for at, half, c in zip(corner, middle, center, strict=True))

    return list(dict.fromkeys(min(corners, key=lambda c: away(c, quad.center)) for quad in quads))

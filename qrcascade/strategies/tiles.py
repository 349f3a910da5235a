"""Where to look closer in a large picture: overlapping tiles at full resolution, the likeliest first.

A detector sees a picture at 640 pixels: a symbol 180 pixels wide in 3840 x 2160 shrinks to 30 pixels.
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

__all__ = ["MOST", "SEARCH", "SIDE", "choose_likeliest", "is_large", "is_missing_something"]

SIDE = 1280
"""Side of a tile in pixels: twice the detector's input."""

# In a picture of at most one and a half tiles, a tile enlarges a symbol too little to help.
_LARGE = 1.5 * SIDE
# Wider than the symbols that the first look misses in 12 MP: about 45 of the detector's 640 pixels.
_OVERLAP = 320
MOST = 12
"""Maximum number of tiles per picture, which cover 12 MP."""

# Without ``expect``, only tiles with a sign of a symbol are looked at, and at most this many.
_MOST_SIGNS = 4

SEARCH = Step.look(engine("finders"), limit(2048))
"""The search for signs: finer than the classical tier's, at a quarter of the cost of a detection."""

# So low that no tier tries to read these regions: they only order the tiles.
_HINT = 0.1
_TEXTURE = Step.look(TextureEngine(side=SIDE, score=_HINT), limit(SIDE))


def is_large(scan: Scan) -> bool:
    """Return whether a picture is so large that the detector may miss readable symbols."""
    width, height = scan.frame.size
    return bool(max(width, height) > _LARGE)


def is_missing_something(scan: Scan) -> bool:
    """Return whether fewer symbols are read or credibly located than expected; by default one."""
    wanted = scan.expect if isinstance(scan.expect, int) else 1
    read = sum(code.confidence >= scan.threshold for code in scan.accepted)
    return read + len(scan.credible) < wanted


def choose_likeliest(scan: Scan) -> Generator[Step, Attempt, list[View]]:
    """Plan the search for the tiles of a picture that are worth a look, and return them, the best first.

    These are the tiles with a sign of a symbol: something located, even a single finder pattern, or read
    with doubt. Texture is not a sign, since print has it too. If the caller expects codes, all other tiles
    follow, those with strong texture first.
    """
    signs = [region.quad for region in scan.regions if region.source != TextureEngine.name]
    signs += [code.quad for code in scan.codes if code.confidence < scan.threshold]
    width, height = scan.frame.size
    corners = list(itertools.product(_spread_tiles(width), _spread_tiles(height)))
    if scan.expect is None:
        chosen = _pick_around(signs, corners, (width, height))[:_MOST_SIGNS]
    else:
        known = (a for a in scan.attempts if (a.engine, a.view) == (_TEXTURE.engine, _TEXTURE.view))
        attempt = next(known, None) or (yield _TEXTURE)
        lively = [*signs, *(region.quad for region in attempt.regions)]
        chosen = list(dict.fromkeys([*_pick_around(lively, corners, (width, height)), *corners]))[:MOST]
    across, down = min(SIDE, width), min(SIDE, height)
    return [crop(left, top, across, down) for left, top in chosen]


def _spread_tiles(length: int) -> Iterator[int]:
    """Yield where tiles begin along a side: evenly spread, the last one ending with the side."""
    if length <= SIDE:
        yield 0
        return
    steps = math.ceil((length - SIDE) / (SIDE - _OVERLAP))
    yield from (round(i * (length - SIDE) / steps) for i in range(steps + 1))


def _pick_around(
    quads: Iterable[Quad], corners: list[tuple[int, int]], size: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return for each quad the tile in which it is most central; each tile once."""
    middle = tuple(min(SIDE, n) / 2 for n in size)

    def away(corner: tuple[int, int], center: tuple[float, float]) -> float:
        return max(abs(at + half - c) for at, half, c in zip(corner, middle, center, strict=True))

    return list(dict.fromkeys(min(corners, key=lambda c: away(c, quad.center)) for quad in quads))

"""Find the places to explain: what a reading left unread, or, if it located nothing, what shows now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qrcascade.engines import DetectorEngine
from qrcascade.engines.finders import Located, search
from qrcascade.grid.canvas import Canvas
from qrcascade.grid.locate import find_poses
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.image.views import crop, limit, to_source, view
from qrcascade.report.grids import Grid, fit_grid
from qrcascade.report.symptoms import (
    NOTHING_LOST,
    Lost,
    Sharpness,
    measure_lost,
    measure_outside,
    measure_sharpness,
)
from qrcascade.results import Region
from qrcascade.strategies.regions import is_credible_outline

__all__ = ["MOST", "Place", "find_places", "search_picture"]

MOST = 5
"""Most places that are measured: the first ones."""

# A match of three finder patterns that is not chance: text and foliage give 0.3 to 0.45, a symbol blurred
# by a whole module 0.53.
_MATCH = 0.5
# Pixels per module down to which this is tried.
_FINEST = 0.8
# Larger pictures are reduced for the search. Smaller ones are also searched at double size: of 32 symbols
# with 1.3 to 1.5 pixels per module that shows the finder patterns of 25; without sharpening, of 8.
_SEARCH_SIDE, _DOUBLED_SIDE = 2048, 1600
_DOUBLED = view("x2+unsharp+unsharp")
# How far around a region its finder patterns are searched, as a share of its side. Chosen.
_AROUND = 0.5
# Least score of what the detector sees here: in the 51 pictures without a code the most is 0.74, and of 36
# made ones that are too small, blurred or faint by more than 3 gray levels, the least is 0.90.
_SURE = 0.85
# How near to the picture's edge, in modules, two finder patterns without the third must come: elsewhere two
# printed letters look like them. Chosen.
_NEAR_EDGE = -1.5
# How much larger the outline of finder patterns must be than that of a region to be preferred. Chosen: the
# detector's outline may be off by a few hundredths of the side.
_LARGER = 1.05


@dataclass(frozen=True, slots=True)
class Place:
    """An unread place.

    Parameters
    ----------
    region : Region
        Where it is, and what located it.
    patterns : int
        Finder patterns found there, 0 to 3.
    module : float, optional
        Pixels per module; None if nothing there shows it.
    seen : Sharpness
        How sharp it is.
    outside : float
        How far it extends beyond the picture, in modules; negative if it ends inside the picture. 0 if
        ``module`` is None.
    lost : Lost
        Shares of it that show no modules.
    grid : Grid, optional
        What its modules show; None if no grid could be fitted.
    """

    region: Region
    patterns: int
    module: float | None
    seen: Sharpness
    outside: float = 0.0
    lost: Lost = NOTHING_LOST
    grid: Grid | None = None


def find_places(
    frame: Frame, regions: Sequence[Region], known: Sequence[Quad] = (), *, survey: bool = True
) -> list[Place]:
    """Measure what a reading left unread, or, if it located nothing, what can be located now.

    Parameters
    ----------
    frame : Frame
        The picture.
    regions : sequence of Region
        What was located but not read.
    known : sequence of Quad
        Outlines that the search leaves out.
    survey : bool
        Whether the detector is to look at the picture, since the reading did not ask it.

    Returns
    -------
    list of Place
        `MOST` places at most; those of the regions in their order.
    """
    if not regions:
        regions = search_picture(frame, known, survey)
    return [_measure_region(frame, region) for region in regions[:MOST]]


def search_picture(frame: Frame, known: Sequence[Quad], survey: bool) -> list[Region]:
    """Locate symbols with the detector and by their finder patterns; leave known places out."""
    seen = DetectorEngine().locate(frame.gray, known).regions if survey else ()
    found = [region for region in seen if region.score >= _SURE]
    for at in _search_finders(frame):
        if at.patterns == 3 or (at.patterns == 2 and _reaches_edge(frame, at)):
            found.append(Region(at.quad, at.score, "finders", at.module))
    kept: list[Region] = []
    for region in found:
        taken = [*known, *(other.quad for other in kept)]
        if len(kept) < MOST and is_credible_outline(region.quad, frame) and not _is_known(region.quad, taken):
            kept.append(region)
    return kept


def _reaches_edge(frame: Frame, at: Located) -> bool:
    return measure_outside(frame, at.quad) > _NEAR_EDGE * at.module


def _is_known(quad: Quad, others: Sequence[Quad]) -> bool:
    """Return whether a quad is one of the others, part of one, or around one."""
    return any(quad.same_place(other) or quad.covers(other) or other.covers(quad) for other in others)


def _search_finders(frame: Frame) -> list[Located]:
    """Find finder patterns in a picture, and in a small one at double size too, the best first."""
    looks = [limit(_SEARCH_SIDE)(frame)]
    if max(frame.size) <= _DOUBLED_SIDE:
        looks.append(_DOUBLED(frame))
    found: list[Located] = []
    for seen in looks:
        for at in search(seen.gray):
            quad = to_source(seen, at.quad)
            found.append(Located(quad, at.score, at.patterns, at.module * quad.side / at.quad.side))
    return sorted(found, key=lambda at: (-at.patterns, -at.score))


def _measure_region(frame: Frame, region: Region) -> Place:
    """Measure a region, by its own outline or by that of the finder patterns there."""
    quad = region.quad
    if not is_credible_outline(quad, frame):
        return Place(region, 0, None, measure_sharpness(frame, quad) if quad.convex else Sharpness(0, np.nan))
    own = _search_around(frame, quad)
    pair = own if own is not None and own.patterns > 1 else None
    # An outline may end at the picture's edge, or where something covers the symbol; finder patterns show how
    # it continues.
    if pair is not None and (measure_outside(frame, pair.quad) > 0 or pair.quad.side > _LARGER * quad.side):
        return _measure(frame, region, pair.quad, pair.patterns, pair.module)
    if (grid := fit_grid(frame, quad)) is not None:
        return _measure(frame, region, grid.quad, 3, grid.module, grid)
    if (module := _measure_module(frame, quad)) is not None:
        return _measure(frame, region, quad, 3, module)
    if pair is not None:
        return _measure(frame, region, pair.quad, pair.patterns, pair.module)
    module = region.module if own is None else own.module
    if module is None:
        return Place(region, 0, None, measure_sharpness(frame, quad))
    return _measure(frame, region, quad, 0 if own is None else 1, module)


def _measure(
    frame: Frame, region: Region, quad: Quad, patterns: int, module: float, grid: Grid | None = None
) -> Place:
    """Measure a region by an outline of its symbol."""
    seen, lost = measure_sharpness(frame, quad), measure_lost(frame, quad, module)
    return Place(region, patterns, module, seen, measure_outside(frame, quad) / module, lost, grid)


def _search_around(frame: Frame, quad: Quad) -> Located | None:
    """Return the best of what the finder search sees at a region."""
    left, top, right, bottom = quad.bounds
    more = _AROUND * quad.side
    x, y = max(0, int(left - more)), max(0, int(top - more))
    cut = crop(x, y, int(right + more) - x, int(bottom + more) - y)(frame)
    found = [at for at in _search_finders(cut) if _is_known(at.quad, [quad])]
    return found[0] if found else None


def _measure_module(frame: Frame, quad: Quad) -> float | None:
    """Return pixels per module, by the version whose finder patterns fit best; None if none fit."""
    canvas = replace(Canvas.of(frame, quad), finest=quad.side / _FINEST)
    found = find_poses(canvas, canvas.gray)
    return quad.side / found[0].size if found and found[0].score >= _MATCH else None

"""Fit a grid to an unread symbol: do its modules decode, and is its margin there?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.accept import accept_part
from qrcascade.grid.blocks import deinterleave, solve_blocks
from qrcascade.grid.formats import choose_formats, turn_upright
from qrcascade.grid.region import RegionReader
from qrcascade.grid.soft import sample_centres
from qrcascade.grid.variants import VARIANTS
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.image.views import map_points, rectify
from qrcascade.symbology.segments import parse

__all__ = ["Grid", "fit_grid"]

# Likeness to a symbol from which a fit is one: chance gives 0.4 to 0.7, what was read at least 1.06.
_SYMBOL = 1.0
# Pixels per module below which fits are chance.
_LEAST_MODULE = 1.6
# Pixels per module of the rectified symbol; modules of margin looked at, and how far from the symbol: the
# outline is about half a module off.
_PIXELS, _MARGIN, _NEAR = 4, 2, 0.75
# A painted margin: its width, and how far from the outline it begins, as shares of the side; then the side.
# Of 18 symbols without quiet zone, outlined by the detector, all were read so; with 0 for the second 18, with
# -0.015 five.
_PAINTED, _GROWN = 0.25, 0.015
_LEAST_SIDE, _MOST_SIDE = 150, 600


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid over an unread symbol.

    Parameters
    ----------
    quad : Quad
        The symbol's outline by its modules, in pixels of the picture.
    module : float
        Pixels per module.
    readable : bool
        Whether it decodes as it is: the reading did not try that.
    fault : str
        What is wrong with the message if the error correction finds nothing wrong: "no data" and the like.
    bare : float
        Share of its margin, on the side where it is greatest, that is as dark as its dark modules; 1 if it
        decodes once a margin is painted round it.
    """

    quad: Quad
    module: float
    readable: bool
    fault: str
    bare: float


def fit_grid(frame: Frame, quad: Quad) -> Grid | None:
    """Fit a grid to a region, as it is or with a painted margin; None if neither looks like a symbol."""
    plain = _fit(frame, frame, quad)
    if plain is not None and plain[1].readable:
        return plain[1]
    painted = _fit(frame, *_paint_margin(frame, quad))
    if painted is not None and painted[1].readable:
        # A margin is all that it lacks.
        return replace(painted[1], readable=False, bare=1.0)
    fits = [fit for fit in (plain, painted) if fit is not None]
    return max(fits, key=lambda fit: (bool(fit[1].fault), fit[0]))[1] if fits else None


def _paint_margin(frame: Frame, quad: Quad) -> tuple[Frame, Quad]:
    """Return a region whose surroundings are replaced by the level that they lack, and its outline there."""
    side = int(np.clip(quad.side, _LEAST_SIDE, _MOST_SIDE))
    square = rectify(frame, quad, side, _PAINTED)
    pixels = square.gray.copy()
    edge = (len(pixels) - side) // 2
    grown = round(_GROWN * side)
    start, end = edge - grown, edge + side + grown
    low, high = np.percentile(pixels[edge : edge + side, edge : edge + side], (5, 95))
    around = np.ones(pixels.shape, bool)
    around[start:end, start:end] = False
    pixels[around] = high if np.median(pixels[around]) < (low + high) / 2 else low
    first, last = edge - 0.5, edge + side - 0.5
    outline = Quad(((first, first), (last, first), (last, last), (first, last)))
    return Frame(pixels, square.to_source), outline


def _fit(source: Frame, frame: Frame, quad: Quad) -> tuple[float, Grid] | None:
    """Fit a grid to a region of a frame that shows the source; return its likeness to a symbol with it."""
    reader = RegionReader(frame, quad)
    reading = reader.fit(VARIANTS[0])
    fit = reader.current
    if fit is None or not reader.candidates or reader.candidates[-1].likeness < _SYMBOL:
        return None
    corners = map_points(reader.canvas.frame.to_source, fit.mesh()[[0, 0, -1, -1], [0, -1, -1, 0]])
    if not np.isfinite(corners).all() or not Quad.of(corners).convex:
        return None
    outline = Quad.of(corners)
    module = outline.side / fit.size
    if module < _LEAST_MODULE:
        return None
    soft = sample_centres(fit)
    fault = "" if reading else _find_fault(turn_upright(soft, fit.layout.version)[0], fit.layout.version)
    bare = _measure_bare(source, corners, soft)
    return reader.candidates[-1].likeness, Grid(outline, module, reading is not None, fault, bare)


def _find_fault(soft: NDArray[np.float32], version: int) -> str:
    """Return why the message is invalid if all of its blocks decode; "" if not."""
    for level, mask in choose_formats(soft, version):
        trial = solve_blocks(deinterleave(soft, version, level, mask, 1.0))
        blocks = [block.word for block in trial.found if block is not None]
        if len(blocks) < len(trial.found) or accept_part(trial) is None:
            continue
        try:
            parse(trial.plan.message(np.stack(blocks)), version)
        except ValueError as error:
            return str(error)
    return ""


def _measure_bare(frame: Frame, corners: NDArray[np.float64], soft: NDArray[np.float32]) -> float:
    """Return the share of the margin that is nearer to the dark modules' level than to the light ones'."""
    size = len(soft)
    # `Quad.of` might turn the corners the other way round, and so transpose the modules.
    first, second, third, fourth = ((float(x), float(y)) for x, y in corners)
    square = rectify(frame, Quad((first, second, third, fourth)), size * _PIXELS, _MARGIN / size)
    pixels = square.gray.astype(np.float32)
    edge = (len(pixels) - size * _PIXELS) // 2
    centres = pixels[edge:-edge, edge:-edge][_PIXELS // 2 :: _PIXELS, _PIXELS // 2 :: _PIXELS]
    if not (soft > 0).any() or not (soft < 0).any():
        return 0.0
    dark, light = (float(np.median(centres[where])) for where in (soft > 0, soft < 0))
    wide, along = edge - round(_NEAR * _PIXELS), np.s_[edge:-edge]
    sides = (pixels[:wide, along], pixels[-wide:, along], pixels[along, :wide], pixels[along, -wide:])
    return max(float((np.abs(side - dark) < np.abs(side - light)).mean()) for side in sides)

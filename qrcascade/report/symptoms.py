"""Measure an unread place: module size, blur, contrast, lost areas, and how much lies outside the picture.

This measures and does not judge; `qrcascade.report.explain` puts it into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.engines import TextureEngine
from qrcascade.engines.finders import Located, search
from qrcascade.grid.canvas import Canvas
from qrcascade.grid.locate import find_poses
from qrcascade.image.frame import Frame
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.image.views import limit, rectify, to_source, view
from qrcascade.reading.scan import CREDIBLE
from qrcascade.results import QRCode, Region
from qrcascade.strategies.regions import is_credible_outline

__all__ = ["Lost", "Place", "Sharpness", "find_places", "measure_sharpest", "measure_sharpness"]

Pixels = NDArray[np.float32]

# A match of three finder patterns that is not chance: text and foliage give 0.3 to 0.45, a symbol blurred
# by a whole module 0.53.
_MATCH = 0.5
# Pixels per module down to which this is tried.
_FINEST = 0.8
# Larger pictures are reduced for the search. Smaller ones are also searched at double size: of 32 symbols
# with 1.3 to 1.5 pixels per module that shows the finder patterns of 25; without sharpening, of 8.
_SEARCH_SIDE, _DOUBLED_SIDE = 2048, 1600
_DOUBLED = view("x2+unsharp+unsharp")
# Side in pixels at which a place is measured, and the margin around it as a share of its side.
_LEAST_SIDE, _MOST_SIDE, _MARGIN = 60, 600, 0.06
# Pixels of the parts of a picture whose sharpness is compared.
_TILE = 96
# Blur that removes noise before slopes are measured, and the blur of the Sobel kernel, in pixels.
_SOFTENED, _SOBEL = 0.7, 0.7
# Modules of the window in which something must change: no symbol is plain over this many.
_WINDOW = 5
# Change in a window, in gray levels and as a share of the symbol's, below which modules are lost there.
_LEAST_CHANGE, _SHARE_OF_CHANGE = 10.0, 0.15
# Pixels per module at which lost areas are measured.
_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How sharp a place is.

    Parameters
    ----------
    contrast : float
        Gray levels between dark and light, 0 to 255.
    blur : float
        Standard deviation, in pixels of the picture, of the Gaussian that would make a sharp edge as soft
        as the sharpest edges there, in the softer of the two directions. NaN without contrast.
    """

    contrast: float
    blur: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Shares of a symbol's area without visible modules: as light as paper, as dark as ink, in between."""

    light: float
    dark: float
    gray: float


@dataclass(frozen=True, slots=True)
class Place:
    """An unread place.

    Parameters
    ----------
    quad : Quad
        Its outline in pixels of the picture.
    source : str
        What located it.
    patterns : int
        Finder patterns found there, 0 to 3. The outline of a lone one is its own square.
    module : float, optional
        Pixels per module; None if no finder pattern was found.
    seen : Sharpness
        How sharp it is.
    outside : float
        How far it extends beyond the picture, in modules; negative if it ends inside the picture. 0 if
        ``module`` is None.
    lost : Lost
        Shares of it that show no modules.
    """

    quad: Quad
    source: str
    patterns: int
    module: float | None
    seen: Sharpness
    outside: float
    lost: Lost = Lost(0, 0, 0)


def find_places(frame: Frame, regions: Sequence[Region], codes: Sequence[QRCode]) -> list[Place]:
    """Find every place that may hold an unread symbol, the likeliest first.

    Parameters
    ----------
    frame : Frame
        The picture.
    regions : sequence of Region
        What was located but not read.
    codes : sequence of QRCode
        What was read; their places are left out.
    """
    taken = [code.quad for code in codes]
    located = [at for at in _search_finders(frame) if not _is_known(at.quad, taken)]
    whole, lone = ([at for at in located if (at.patterns > 1) == wanted] for wanted in (True, False))
    found = []
    for region in regions:
        quad = region.quad
        if region.score >= CREDIBLE and is_credible_outline(quad, frame) and not _is_known(quad, taken):
            own = next((at for at in whole if at.quad.same_place(quad)), None)
            own = own or next((at for at in lone if quad.covers(at.quad)), None)
            found.append(_measure_place(frame, quad, region.source, own))
            taken += [quad] if own is None else [quad, own.quad]
    for at in whole:
        if not _is_known(at.quad, taken):
            found.append(_measure_whole(frame, at.quad, "finders", at.patterns, at.module))
            taken.append(at.quad)
    for patch in TextureEngine().read(frame.gray, frozenset(["QRCode"])).regions:
        if is_credible_outline(patch.quad, frame) and not _is_known(patch.quad, taken):
            own = next((at for at in lone if patch.quad.covers(at.quad)), None)
            found.append(_measure_place(frame, patch.quad, patch.source, own))
            taken.append(patch.quad)
    for at in lone:
        if not _is_known(at.quad, taken):
            found.append(_measure_partial(frame, at.quad, "finders", at))
    return sorted(found, key=lambda place: (place.module is None, -place.patterns))


def _measure_place(frame: Frame, quad: Quad, source: str, own: Located | None) -> Place:
    """Measure an outline that another locator drew, with what this module's search found there."""
    module = _measure_module(frame, quad)
    # An outline ends at the picture's edge; two finder patterns show how a symbol continues beyond it.
    if own is not None and own.patterns > 1 and (module is None or _measure_outside(frame, own.quad) > 0):
        return _measure_whole(frame, own.quad, source, own.patterns, own.module)
    if module is not None:
        return _measure_whole(frame, quad, source, 3, module)
    if own is not None:
        return _measure_partial(frame, quad, source, own)
    return Place(quad, source, 0, None, measure_sharpness(frame, quad), 0.0)


def _measure_partial(frame: Frame, quad: Quad, source: str, pattern: Located) -> Place:
    """Measure a place with only one certain finder pattern: the rest may not be a symbol."""
    outside = _measure_outside(frame, quad) / pattern.module
    return Place(quad, source, 1, pattern.module, measure_sharpness(frame, pattern.quad), outside)


def _measure_whole(frame: Frame, quad: Quad, source: str, patterns: int, module: float) -> Place:
    outside = _measure_outside(frame, quad) / module
    return Place(
        quad,
        source,
        patterns,
        module,
        measure_sharpness(frame, quad),
        outside,
        _measure_lost(frame, quad, module),
    )


def _is_known(quad: Quad, others: Sequence[Quad]) -> bool:
    """Return whether a quad is one of the others, part of one, or around one."""
    return any(quad.same_place(other) or quad.covers(other) or other.covers(quad) for other in others)


def _search_finders(frame: Frame) -> list[Located]:
    """Find finder patterns in the picture, and in a small one at double size, each place once."""
    looks = [limit(_SEARCH_SIDE)(frame)]
    if max(frame.size) <= _DOUBLED_SIDE:
        looks.append(_DOUBLED(frame))
    found: list[Located] = []
    for seen in looks:
        for at in search(seen.gray):
            quad = to_source(seen, at.quad)
            scale = quad.side / at.quad.side
            here = Located(quad, at.score, at.patterns, at.module * scale)
            if not _is_known(quad, [other.quad for other in found]):
                found.append(here)
    return sorted(found, key=lambda at: -at.score)


def _measure_module(frame: Frame, quad: Quad) -> float | None:
    """Return pixels per module, by the version whose finder patterns fit best; None if none fit."""
    canvas = Canvas.of(frame, quad)
    canvas = Canvas(canvas.frame, canvas.side, canvas.origin, quad.side / _FINEST)
    found = find_poses(canvas, canvas.gray)
    return quad.side / found[0].size if found and found[0].score >= _MATCH else None


def _measure_outside(frame: Frame, quad: Quad) -> float:
    """Return by how many pixels an outline extends beyond the picture; negative if it ends inside."""
    corners = np.asarray(quad)
    low, high = corners.min(axis=0) + 0.5, corners.max(axis=0) + 0.5 - frame.size
    return float(max(*-low, *high))


def measure_sharpness(frame: Frame, quad: Quad) -> Sharpness:
    """Measure how sharp a place is, along both sides of its outline."""
    square, inside = _cut_square(frame, quad, int(np.clip(quad.side, _LEAST_SIDE, _MOST_SIDE)))
    return _measure_pixels(square, inside, quad.side * (1 + 2 * _MARGIN) / len(square))


def measure_sharpest(frame: Frame) -> Sharpness:
    """Measure the sharpest part of a picture; a large picture is reduced first."""
    seen = limit(_SEARCH_SIDE)(frame)
    gray = seen.gray.astype(np.float32)
    scale = frame.size[0] / seen.size[0]
    # Spread so that the last tiles end at the picture's edge.
    rows, columns = (np.linspace(0, max(0, n - _TILE), -(-n // _TILE), dtype=int) for n in gray.shape)
    tiles = [
        _measure_pixels(gray[top : top + _TILE, left : left + _TILE], None, scale)
        for top in rows
        for left in columns
    ]
    most = max(tile.contrast for tile in tiles)
    clear = [tile.blur for tile in tiles if tile.contrast >= most / 2 and tile.blur == tile.blur]
    return Sharpness(most, min(clear, default=float("nan")))


def _measure_pixels(pixels: Pixels, inside: NDArray[np.bool_] | None, scale: float) -> Sharpness:
    """Measure the sharpness of pixels that are ``scale`` picture pixels wide: of all, or those inside.

    A Gaussian edge of contrast C and deviation s has the slope C / (s sqrt(2 pi)) in its middle.
    """
    soft = cv2.GaussianBlur(pixels, (0, 0), _SOFTENED)
    inside = np.ones(soft.shape, bool) if inside is None else inside
    if not inside.any():
        return Sharpness(0.0, float("nan"))
    contrast = float(np.subtract(*np.percentile(soft[inside], (98, 2))))
    slopes = [np.abs(cv2.Sobel(soft, cv2.CV_32F, *order, scale=1 / 8))[inside] for order in ((1, 0), (0, 1))]
    steepest = min(float(np.percentile(slope, 99.6)) for slope in slopes)
    if contrast < 1 or steepest <= 0:
        return Sharpness(contrast, float("nan"))
    widest = contrast / (steepest * np.sqrt(2 * np.pi))
    return Sharpness(contrast, float(scale * np.sqrt(max(0.0, widest**2 - _SOFTENED**2 - _SOBEL**2))))


def _cut_square(frame: Frame, quad: Quad, side: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """Return a place as a square with a margin, and which of its pixels lie in the picture."""
    square = rectify(frame, quad, side, _MARGIN)
    y, x = np.mgrid[: square.size[1], : square.size[0]]
    points = np.stack([x, y, np.ones_like(x)], axis=-1) @ square.to_source.T
    # In strong perspective the margin may reach the horizon, which maps to infinity.
    with np.errstate(divide="ignore", invalid="ignore"):
        at = points[..., :2] / points[..., 2:]
    # Pixels near the border are averaged with what lies beyond it.
    fringe = 2 * max(1.0, quad.side / side)
    within = (at >= fringe) & (at <= np.array(frame.size) - 1 - fringe)
    return square.gray.astype(np.float32), within[..., 0] & within[..., 1]


def _measure_lost(frame: Frame, quad: Quad, module: float) -> Lost:
    """Measure the areas in which nothing changes over some modules, by how light they are."""
    size = max(1, round(quad.side / module))
    square, inside = _cut_square(frame, quad, size * _PIXELS)
    margin = (len(square) - size * _PIXELS) // 2
    inner = np.s_[margin:-margin, margin:-margin]
    window = np.ones((_WINDOW * _PIXELS,) * 2, np.uint8)
    soft = cv2.GaussianBlur(square, (0, 0), _PIXELS / 4)
    change = (cv2.dilate(soft, window) - cv2.erode(soft, window))[inner]
    soft, inside = soft[inner], inside[inner]
    if not inside.any():
        return Lost(0, 0, 0)
    low, high = np.percentile(soft[inside], (5, 95))
    least = max(_LEAST_CHANGE, _SHARE_OF_CHANGE * float(np.percentile(change[inside], 90)))
    plain = inside & (change < least)
    # The window takes in its surroundings, so plain areas extend that much further.
    plain = inside & (cv2.dilate(plain.astype(np.uint8), window) > 0)
    light, dark = soft > low + 0.8 * (high - low), soft < low + 0.2 * (high - low)
    total = inside.sum()
    shares = [float((plain & kind).sum() / total) for kind in (light, dark, ~(light | dark))]
    return Lost(*shares)

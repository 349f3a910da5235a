"""What the pixels of an unread place say: module size, blur, contrast, what is lost, what lies outside.

It measures and does not judge; `qrcascade.report.explain` puts it into words.
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

__all__ = ["Lost", "Place", "Sharpness", "places", "sharpest", "sharpness"]

Pixels = NDArray[np.float32]

# A match of three finder patterns that is no chance: text and foliage give 0.3 to 0.45, a symbol that is
# blurred by a whole module 0.53.
_MATCH = 0.5
# Pixels to a module down to which that is tried.
_FINEST = 0.8
# Larger pictures are reduced for the search. Smaller ones are also looked at in double size: of 32 symbols
# with 1.3 to 1.5 pixels to a module that shows the finder patterns of 25, without sharpening of 8.
_SEARCH_SIDE, _DOUBLED_SIDE = 2048, 1600
_DOUBLED = view("x2+unsharp+unsharp")
# Pixels of a place when it is measured, and how much is shown around it, as a share of its side.
_LEAST_SIDE, _MOST_SIDE, _MARGIN = 60, 600, 0.06
# Pixels of the parts of a picture whose sharpness is compared.
_TILE = 96
# What is taken off noise before slopes are measured, and the blur of the Sobel kernel, in pixels.
_SOFTENED, _SOBEL = 0.7, 0.7
# Modules of the window in which something must change: no symbol is plain over so many.
_WINDOW = 5
# Change in a window, in gray levels and against the symbol's, under which nothing can be told there.
_LEAST_CHANGE, _SHARE_OF_CHANGE = 10.0, 0.15
# Gray levels to a module at which what is lost is looked for.
_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How clearly a place is seen.

    Parameters
    ----------
    contrast : float
        Gray levels from its dark to its light, 0 to 255.
    blur : float
        Standard deviation, in pixels of the picture, of the Gaussian that would make a sharp edge as soft
        as the sharpest ones there, in the direction in which they are softer. NaN without contrast.
    """

    contrast: float
    blur: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Shares of a symbol's area in which nothing changes: as light as paper, as dark as ink, in between."""

    light: float
    dark: float
    gray: float


@dataclass(frozen=True, slots=True)
class Place:
    """An unread place.

    Parameters
    ----------
    quad : Quad
        Where, in pixels of the picture.
    source : str
        Who located it.
    patterns : int
        Finder patterns that were seen there, 0 to 3. A lone one's place is its own square.
    module : float, optional
        Pixels to a module; None where no finder pattern was seen.
    seen : Sharpness
        How clearly.
    outside : float
        How far it reaches beyond the picture, in modules; negative where it ends before the picture's edge.
        0 where there is no module.
    lost : Lost
        What of it cannot be told.
    """

    quad: Quad
    source: str
    patterns: int
    module: float | None
    seen: Sharpness
    outside: float
    lost: Lost = Lost(0, 0, 0)


def places(frame: Frame, regions: Sequence[Region], codes: Sequence[QRCode]) -> list[Place]:
    """Every place that may hold an unread symbol, the likeliest first.

    Parameters
    ----------
    frame : Frame
        The picture.
    regions : sequence of Region
        What was located and not read.
    codes : sequence of QRCode
        What was read: no place is one of theirs.
    """
    taken = [code.quad for code in codes]
    located = [at for at in _searched(frame) if not _is_any(at.quad, taken)]
    whole, lone = ([at for at in located if (at.patterns > 1) == wanted] for wanted in (True, False))
    found = []
    for region in regions:
        quad = region.quad
        if region.score >= CREDIBLE and is_credible_outline(quad, frame) and not _is_any(quad, taken):
            own = next((at for at in whole if at.quad.same_place(quad)), None)
            found.append(_place(frame, quad, region.source, own))
            taken += [quad] if own is None else [quad, own.quad]
    for at in whole:
        if not _is_any(at.quad, taken):
            found.append(_whole(frame, at.quad, "finders", at.patterns, at.module))
            taken.append(at.quad)
    for patch in TextureEngine().read(frame.gray, frozenset(["QRCode"])).regions:
        if is_credible_outline(patch.quad, frame) and not _is_any(patch.quad, taken):
            own = next((at for at in lone if patch.quad.covers(at.quad)), None)
            found.append(_place(frame, patch.quad, patch.source, own))
            taken.append(patch.quad)
    for at in lone:
        if not _is_any(at.quad, taken):
            found.append(_partly(frame, at.quad, "finders", at))
    return sorted(found, key=lambda place: (place.module is None, -place.patterns))


def _place(frame: Frame, quad: Quad, source: str, own: Located | None) -> Place:
    """An outline that another locator drew, with what the own search saw there."""
    module = _module(frame, quad)
    # An outline ends with the picture; two finder patterns tell how a symbol goes on beyond it.
    if own is not None and own.patterns > 1 and (module is None or _outside(frame, own.quad) > 0):
        return _whole(frame, own.quad, source, own.patterns, own.module)
    if module is not None:
        return _whole(frame, quad, source, 3, module)
    if own is not None:
        return _partly(frame, quad, source, own)
    return Place(quad, source, 0, None, sharpness(frame, quad), 0.0)


def _partly(frame: Frame, quad: Quad, source: str, pattern: Located) -> Place:
    """A place of which only one finder pattern is sure: what else lies there may be no symbol."""
    outside = _outside(frame, quad) / pattern.module
    return Place(quad, source, 1, pattern.module, sharpness(frame, pattern.quad), outside)


def _whole(frame: Frame, quad: Quad, source: str, patterns: int, module: float) -> Place:
    outside = _outside(frame, quad) / module
    return Place(quad, source, patterns, module, sharpness(frame, quad), outside, _lost(frame, quad, module))


def _is_any(quad: Quad, others: Sequence[Quad]) -> bool:
    """Whether it is one of the others, or a part of one, or around one."""
    return any(quad.same_place(other) or quad.covers(other) or other.covers(quad) for other in others)


def _searched(frame: Frame) -> list[Located]:
    """What finder patterns say of the picture as it is, and of small ones in double size, once each."""
    looks = [limit(_SEARCH_SIDE)(frame)]
    if max(frame.size) <= _DOUBLED_SIDE:
        looks.append(_DOUBLED(frame))
    found: list[Located] = []
    for seen in looks:
        for at in search(seen.gray):
            quad = to_source(seen, at.quad)
            scale = quad.side / at.quad.side
            here = Located(quad, at.score, at.patterns, at.module * scale)
            if not _is_any(quad, [other.quad for other in found]):
                found.append(here)
    return sorted(found, key=lambda at: -at.score)


def _module(frame: Frame, quad: Quad) -> float | None:
    """Pixels to a module, by the version whose finder patterns fit an outline best; None where none fit."""
    canvas = Canvas.of(frame, quad)
    canvas = Canvas(canvas.frame, canvas.side, canvas.origin, quad.side / _FINEST)
    found = find_poses(canvas, canvas.gray)
    return quad.side / found[0].size if found and found[0].score >= _MATCH else None


def _outside(frame: Frame, quad: Quad) -> float:
    """Pixels by which an outline reaches beyond the picture; negative where it ends before its edge."""
    corners = np.asarray(quad)
    low, high = corners.min(axis=0) + 0.5, corners.max(axis=0) + 0.5 - frame.size
    return float(max(*-low, *high))


def sharpness(frame: Frame, quad: Quad) -> Sharpness:
    """Measure how clearly a place is seen, along both sides of its outline."""
    square, inside = _square(frame, quad, int(np.clip(quad.side, _LEAST_SIDE, _MOST_SIDE)))
    return _sharpness(square, inside, quad.side * (1 + 2 * _MARGIN) / len(square))


def sharpest(frame: Frame) -> Sharpness:
    """Measure how clearly the clearest part of a picture is seen; of a large one in a reduced picture."""
    seen = limit(_SEARCH_SIDE)(frame)
    gray = seen.gray.astype(np.float32)
    scale = frame.size[0] / seen.size[0]
    # Spread so that the last ones end with the picture.
    rows, columns = (np.linspace(0, max(0, n - _TILE), -(-n // _TILE), dtype=int) for n in gray.shape)
    tiles = [
        _sharpness(gray[top : top + _TILE, left : left + _TILE], None, scale)
        for top in rows
        for left in columns
    ]
    most = max(tile.contrast for tile in tiles)
    clear = [tile.blur for tile in tiles if tile.contrast >= most / 2 and tile.blur == tile.blur]
    return Sharpness(most, min(clear, default=float("nan")))


def _sharpness(pixels: Pixels, inside: NDArray[np.bool_] | None, scale: float) -> Sharpness:
    """The same of pixels, each as wide as so many of the picture; of all of them or of those inside.

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


def _square(frame: Frame, quad: Quad, side: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """A place as a square with what is around it, and which of its pixels lie in the picture."""
    square = rectify(frame, quad, side, _MARGIN)
    y, x = np.mgrid[: square.size[1], : square.size[0]]
    points = np.stack([x, y, np.ones_like(x)], axis=-1) @ square.to_source.T
    # In strong perspective the margin may reach the horizon, which is nowhere.
    with np.errstate(divide="ignore", invalid="ignore"):
        at = points[..., :2] / points[..., 2:]
    # Pixels beside the border are averaged with what is beyond it.
    fringe = 2 * max(1.0, quad.side / side)
    within = (at >= fringe) & (at <= np.array(frame.size) - 1 - fringe)
    return square.gray.astype(np.float32), within[..., 0] & within[..., 1]


def _lost(frame: Frame, quad: Quad, module: float) -> Lost:
    """Where nothing changes over some modules, and how light it is there."""
    size = max(1, round(quad.side / module))
    square, inside = _square(frame, quad, size * _PIXELS)
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
    # The window takes in what is around: what is plain reaches so much further.
    plain = inside & (cv2.dilate(plain.astype(np.uint8), window) > 0)
    light, dark = soft > low + 0.8 * (high - low), soft < low + 0.2 * (high - low)
    total = inside.sum()
    shares = [float((plain & kind).sum() / total) for kind in (light, dark, ~(light | dark))]
    return Lost(*shares)

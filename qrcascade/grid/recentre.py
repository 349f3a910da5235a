"""Improve a rough outline: fit each finder pattern by a separate affine map.

Templates match with little shear and stretch, and a corner that is 6 % of the side off brings more. So where
no match is clear, the patterns of the best ones are fitted (Lucas-Kanade, six parameters each). Their
centres, modules and directions give all four corners: the fourth is where the sides from its two neighbours
meet.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import MODULE, Canvas, Pixels, normalize_contrast
from qrcascade.grid.fields import measure_slopes
from qrcascade.grid.locate import FINDER, Pose, adjacent_versions, find_poses
from qrcascade.grid.step import list_terms
from qrcascade.image.frame import Frame
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.image.views import to_source
from qrcascade.symbology.layout import FINDER_CENTRE, symbol_size

__all__ = ["recentre_outline"]

Vector = NDArray[np.float64]

# Thresholds, all chosen.
# Correlations: above the first a match needs no better outline, below the second it is hopeless; below the
# third a fitted pattern is not a finder pattern.
_CLEAR, _HOPELESS, _LEAST_MATCH = 0.75, 0.4, 0.5
# Poses between clear and hopeless that are looked into.
_DOUBTFUL = 3
# Steps of a pattern's fit.
_STEPS = 10
# Modules per side of the window in which gray levels are compared.
_WINDOW = 8
# Modules, the standard deviations of the blurs of picture and drawing.
_SEEN_BLUR, _DRAWN_BLUR = 0.3, 0.4
# Least contrast to compare, against division by zero.
_LEAST_CONTRAST = 1e-3
# Largest difference that counts: anything larger is not just a misplaced pattern.
_MOST_ERROR = 1.0
# How much a step is held back, as a share of the evidence.
_STIFFNESS = 0.02
# The most of a step: modules, and share of stretch and shear.
_LONGEST, _MOST_STRETCH = 1.0, 0.2
# How far the fourth corner may be from that of a parallelogram, in sides.
_CORNER_REACH = 0.15
# Sides in a square's diagonal, about.
_DIAGONAL = 1.4
_LEAST_LENGTH = 1e-6

# Modules at which a pattern is compared, row by row: its own 7 and the light around them.
_AT = (np.arange(len(FINDER)) + 0.5) / MODULE - len(FINDER) / MODULE / 2
_PLACES = np.stack(np.meshgrid(_AT, _AT), axis=-1).reshape(-1, 2)
_POWERS = np.vander(_AT, 3, increasing=True)
# A quarter turn clockwise, as rows count down.
_QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
# Where the symbol's corners are from the centres of the patterns, in modules.
_CORNERS = FINDER_CENTRE * np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])


class _Patterns(NamedTuple):
    """Finder patterns at top-left, top-right and bottom-left.

    Centres have shape (3, 2); the columns of each of the modules, (3, 2, 2), are one module right and down.
    """

    center: Vector
    module: Vector


def recentre_outline(frame: Frame, quad: Quad, module: float | None = None) -> tuple[Canvas, list[Pose]]:
    """Return a canvas for a rough outline, moved if need be, and what may lie in it.

    Parameters
    ----------
    frame : Frame
        The picture.
    quad : Quad
        The outline, corners up to 6 % of the side off.
    module : float, optional
        Rough width of a module in pixels, where it is known.
    """
    canvas = Canvas.of(frame, quad, module)
    found = find_poses(canvas, canvas.gray)
    if not found or found[0].score >= _CLEAR:
        return canvas, found
    best = canvas, found
    if painted := canvas.paint_margin():
        best = max(best, (painted, find_poses(painted, painted.gray)), key=_rate)
        canvas, found = best
    if not _HOPELESS <= found[0].score < _CLEAR:
        return best
    for versions, outline in _improve_outlines(canvas, found[:_DOUBTFUL]):
        moved = Canvas.of(frame, outline, module)
        best = max(best, (moved, find_poses(moved, moved.gray, versions)), key=_rate)
        if _rate(best) >= _CLEAR:
            break
    return best


def _rate(located: tuple[Canvas, list[Pose]]) -> float:
    """Return the score of the best pose."""
    return located[1][0].score if located[1] else -1.0


def _improve_outlines(canvas: Canvas, poses: list[Pose]) -> Iterator[tuple[set[int], Quad]]:
    """Yield better outlines, and the versions that they may be of."""
    for pose in poses:
        patterns = _fit_patterns(canvas, pose)
        outline = None if patterns is None else _complete_outline(patterns)
        if patterns is not None and outline is not None and outline.convex:
            versions = adjacent_versions(pose.version, _estimate_version(patterns))
            yield versions, to_source(canvas.frame, outline)


def _fit_patterns(canvas: Canvas, pose: Pose) -> _Patterns | None:
    """Return the finder patterns of a pose in the canvas's pixels; None if one of them fits nowhere."""
    gray = canvas.gray
    scaled = canvas.scale(255 - gray if pose.inverted else gray, pose.size)
    # What is finer than the samples is noise.
    even = cv2.GaussianBlur(normalize_contrast(scaled, _WINDOW * MODULE), (0, 0), _SEEN_BLUR * MODULE)
    scale = len(scaled) / len(gray)
    module = np.linalg.matrix_power(_QUARTER, pose.turn) * MODULE
    patterns = _Patterns((pose.finders(canvas) + 0.5) * scale - 0.5, np.stack([module] * 3))
    for _ in range(_STEPS):
        seen = _sample(even, patterns)
        # Beyond the picture all is one level.
        if not seen.std(1).all():
            return None
        patterns = _step(seen, patterns)
    if not (_correlate(_sample(even, patterns)) >= _LEAST_MATCH).all():
        return None
    return _Patterns((patterns.center + 0.5) / scale - 0.5, patterns.module / scale)


@functools.cache
def _draw_finder() -> Pixels:
    """Return a finder pattern as a camera sees it, row by row."""
    return np.asarray(cv2.GaussianBlur(FINDER, (0, 0), _DRAWN_BLUR * MODULE)).ravel()


def _sample(even: Pixels, patterns: _Patterns) -> Pixels:
    """Return what each pattern shows, shape (3, pixels)."""
    at = patterns.center[:, None] + _PLACES @ patterns.module.transpose(0, 2, 1)
    seen = cv2.remap(even, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen)


def _correlate(seen: Pixels) -> Vector:
    seen, drawn = seen - seen.mean(1, keepdims=True), _draw_finder() - _draw_finder().mean()
    with np.errstate(invalid="ignore"):
        return np.asarray(seen @ drawn / np.sqrt((seen * seen).sum(1) * (drawn @ drawn)), float)


def _step(seen: Pixels, patterns: _Patterns) -> _Patterns:
    """Move each pattern to where the picture agrees better with the drawing."""
    drawn = _draw_finder()
    # The contrast around is not the pattern's own.
    contrast = np.maximum(seen.std(1, keepdims=True), _LEAST_CONTRAST)
    scaled = (seen - seen.mean(1, keepdims=True)) / contrast * drawn.std() + drawn.mean()
    error = np.clip(drawn - scaled, -_MOST_ERROR, _MOST_ERROR).reshape(-1, *FINDER.shape)
    gy, gx = measure_slopes((scaled + drawn).reshape(error.shape) * (MODULE / 2))
    sums = np.stack([gx * gx, gx * gy, gy * gy, gx * error, gy * error], axis=1)
    moments = (_POWERS.T @ sums @ _POWERS).reshape(len(seen), -1)
    # An affine map is a polynomial of degree 1.
    affine = list_terms(1)
    normal, right = moments[:, affine.products], moments[:, affine.errors, None]
    hold = _STIFFNESS * np.trace(normal, axis1=1, axis2=2)[:, None, None] / len(affine.errors)
    move = np.linalg.solve(normal + hold * np.eye(len(affine.errors)), right).reshape(-1, 2, 3)
    length = np.maximum(np.hypot(*move[..., 0].T), _LEAST_LENGTH)
    move *= np.minimum(1.0, _LONGEST / length)[:, None, None]
    stretch = np.eye(2) + np.clip(move[..., 1:], -_MOST_STRETCH, _MOST_STRETCH)
    return _Patterns(patterns.center + (patterns.module @ move[..., :1])[..., 0], patterns.module @ stretch)


def _estimate_version(patterns: _Patterns) -> int:
    """Estimate the version from the patterns' distances and module sizes."""
    center, module = patterns
    sides = np.hypot(*(center[1:] - center[0]).T)
    # One module along the side between both patterns.
    steps = [(module[0] + module[1])[:, 0] / 2, (module[0] + module[2])[:, 1] / 2]
    size = float(np.mean(sides / np.maximum(np.hypot(*np.transpose(steps)), _LEAST_LENGTH)))
    return round((size + 2 * FINDER_CENTRE - symbol_size(0)) / (symbol_size(1) - symbol_size(0)))


def _complete_outline(patterns: _Patterns) -> Quad | None:
    """Return four corners by three patterns, the fourth where the lines along the far sides meet."""
    first, second, fourth = patterns.center + (patterns.module @ _CORNERS[..., None])[..., 0]
    down, right = patterns.module[1, :, 1], patterns.module[2, :, 0]
    flat = second + fourth - first
    try:
        ways = np.linalg.solve(np.stack([down, -right], axis=1), fourth - second)
    except np.linalg.LinAlgError:
        return None
    # A direction that is a little off is far off at the end: the flat symbol's corner bounds it.
    side = float(np.hypot(*(flat - first))) / _DIAGONAL
    off = second + ways[0] * down - flat
    third = flat + off * min(1.0, _CORNER_REACH * side / max(float(np.hypot(*off)), _LEAST_LENGTH))
    return Quad.of(np.array([first, second, third, fourth]))

"""Improve a rough outline: fit each finder pattern by a separate affine map.

Templates match with little shear and stretch, and a corner that is 6 % of the side off brings more.
So where no match is clear, the patterns of the best ones are fitted one by one (Lucas-Kanade, six
parameters). Their centres, modules and directions then give all four corners: the fourth is where the
sides from its two neighbours meet.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import MODULE, Canvas, Pixels, normalize_contrast
from qrcascade.grid.locate import FINDER, Pose, adjacent_versions, find_poses
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

# Parameters of an affine map.
_PARAMETERS = 6
# Modules at which a pattern is compared: its own 7 and the light around them.
_AT = (np.arange(len(FINDER)) + 0.5) / MODULE - len(FINDER) / MODULE / 2
_U, _V = np.meshgrid(_AT, _AT)
_PLACES = np.stack([_U, _V], axis=-1)
_TERMS = np.stack([np.ones_like(_U), _U, _V], axis=-1).reshape(-1, _PARAMETERS // 2)
# A quarter turn clockwise, as rows count down.
_QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class _Pattern:
    """A finder pattern: its centre, and the columns of ``module`` are one module right and down."""

    center: Vector
    module: Vector
    match: float = -1.0


def recentre_outline(frame: Frame, quad: Quad) -> tuple[Canvas, list[Pose]]:
    """Return a canvas for a rough outline, moved if need be, and what may lie in it.

    Parameters
    ----------
    frame : Frame
        The picture.
    quad : Quad
        The outline, corners up to 6 % of the side off.
    """
    canvas = Canvas.of(frame, quad)
    found = find_poses(canvas, canvas.gray)
    if not found or not _HOPELESS <= found[0].score < _CLEAR:
        return canvas, found
    best = canvas, found
    for versions, outline in _improve_outlines(canvas, found[:_DOUBTFUL]):
        moved = Canvas.of(frame, outline)
        again = find_poses(moved, moved.gray, versions)
        if again and again[0].score > best[1][0].score:
            best = moved, again
            if again[0].score >= _CLEAR:
                break
    return best


def _improve_outlines(canvas: Canvas, poses: list[Pose]) -> Iterator[tuple[set[int], Quad]]:
    """Yield better outlines, and the versions that they may be of."""
    for pose in poses:
        patterns = _fit_patterns(canvas, pose)
        if len(patterns) < 3:
            continue
        outline = _complete_outline(*patterns)
        if outline is not None and outline.convex:
            versions = adjacent_versions(pose.version, _estimate_version(*patterns))
            yield versions, to_source(canvas.frame, outline)


def _fit_patterns(canvas: Canvas, pose: Pose) -> list[_Pattern]:
    """Return the finder patterns of a pose in the canvas's pixels, up to the first that fails to fit."""
    gray = 255 - canvas.gray if pose.inverted else canvas.gray
    scaled, _ = canvas.scale(gray, pose.size)
    # What is finer than the samples is noise.
    even = cv2.GaussianBlur(normalize_contrast(scaled, _WINDOW * MODULE), (0, 0), _SEEN_BLUR * MODULE)
    scale = len(scaled) / len(gray)
    module = np.eye(2) * MODULE
    for _ in range(pose.turn):
        module = _QUARTER @ module
    patterns = []
    for center in pose.finders(canvas):
        found = _fit_pattern(even, _Pattern((center + 0.5) * scale - 0.5, module))
        if found.match < _LEAST_MATCH:
            break
        patterns.append(_Pattern((found.center + 0.5) / scale - 0.5, found.module / scale, found.match))
    return patterns


@functools.cache
def _draw_finder() -> Pixels:
    """Return a finder pattern as a camera sees it."""
    return np.asarray(cv2.GaussianBlur(FINDER, (0, 0), _DRAWN_BLUR * MODULE))


def _fit_pattern(even: Pixels, pattern: _Pattern) -> _Pattern:
    """Move a pattern to where the picture agrees with the drawing, and match it there."""
    for _ in range(_STEPS):
        seen = _sample(even, pattern)
        if not np.isfinite(_correlate(seen)):
            return pattern
        pattern = _step(seen, pattern)
    match = _correlate(_sample(even, pattern))
    return _Pattern(pattern.center, pattern.module, match if np.isfinite(match) else -1.0)


def _sample(even: Pixels, pattern: _Pattern) -> Pixels:
    x, y = np.moveaxis(pattern.center + _PLACES @ pattern.module.T, 2, 0).astype(np.float32)
    return np.asarray(cv2.remap(even, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _correlate(seen: Pixels) -> float:
    # Beyond the picture all is one level, which correlates with nothing: NaN.
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(seen.ravel(), _draw_finder().ravel())[0, 1])


def _step(seen: Pixels, pattern: _Pattern) -> _Pattern:
    drawn = _draw_finder()
    # The contrast around is not the pattern's own.
    scaled = (seen - seen.mean()) / max(float(seen.std()), _LEAST_CONTRAST) * drawn.std() + drawn.mean()
    down, right = np.gradient(scaled + drawn, 1 / MODULE)
    columns = np.concatenate([_TERMS * right.reshape(-1, 1), _TERMS * down.reshape(-1, 1)], axis=1) / 2
    error = np.clip(drawn - scaled, -_MOST_ERROR, _MOST_ERROR).ravel()
    normal = columns.T @ columns
    hold = _STIFFNESS * np.trace(normal) / _PARAMETERS
    move = np.linalg.solve(normal + hold * np.eye(_PARAMETERS), columns.T @ error).reshape(2, -1)
    move *= min(1.0, _LONGEST / max(float(np.hypot(*move[:, 0])), _LEAST_LENGTH))
    center = pattern.center + pattern.module @ move[:, 0]
    return _Pattern(
        center, pattern.module @ (np.eye(2) + np.clip(move[:, 1:], -_MOST_STRETCH, _MOST_STRETCH))
    )


def _estimate_version(corner: _Pattern, right: _Pattern, down: _Pattern) -> int:
    """Return the version that the patterns' distances and modules make."""

    def modules(a: _Pattern, b: _Pattern, along: int) -> float:
        module = float(np.hypot(*(a.module + b.module)[:, along])) / 2
        return float(np.hypot(*(b.center - a.center))) / max(module, _LEAST_LENGTH)

    size = (modules(corner, right, 0) + modules(corner, down, 1)) / 2 + 2 * FINDER_CENTRE
    return round((size - symbol_size(0)) / (symbol_size(1) - symbol_size(0)))


def _complete_outline(corner: _Pattern, right: _Pattern, down: _Pattern) -> Quad | None:
    """Return four corners by three patterns, the fourth where the lines along the far sides meet."""
    first = corner.center - corner.module @ np.array([FINDER_CENTRE, FINDER_CENTRE])
    second = right.center + right.module @ np.array([FINDER_CENTRE, -FINDER_CENTRE])
    fourth = down.center + down.module @ np.array([-FINDER_CENTRE, FINDER_CENTRE])
    flat = second + fourth - first
    try:
        ways = np.linalg.solve(np.stack([right.module[:, 1], -down.module[:, 0]], axis=1), fourth - second)
    except np.linalg.LinAlgError:
        return None
    met = second + ways[0] * right.module[:, 1]
    # A direction that is a little off is far off at the end: the flat symbol's corner bounds it.
    side = float(np.hypot(*(flat - first))) / _DIAGONAL
    off = met - flat
    third = flat + off * min(1.0, _CORNER_REACH * side / max(float(np.hypot(*off)), _LEAST_LENGTH))
    return Quad.of(np.array([first, second, third, fourth]))

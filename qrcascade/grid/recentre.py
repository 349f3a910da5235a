"""A better outline from a rough one: each finder pattern fitted by an affine map of its own.

Templates bear little shear and stretch, and a corner that is 6 % of the side off brings more than that.
So where no match is clear, the patterns of the best ones are fitted one by one (Lucas-Kanade, six
parameters). Their centres, modules and directions then tell all four corners: the fourth is where the
sides from its two neighbours meet.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.frame import Frame
from qrcascade.grid.locate import FINDER, MODULE, Canvas, Pixels, Start, around, evened, starts
from qrcascade.quad import Quad
from qrcascade.views import opencv, to_source

__all__ = ["recentred"]

Vector = NDArray[np.float64]

# A match that needs no better outline; one that is hopeless; how many between them are looked into.
_CLEAR, _HOPELESS, _DOUBTFUL = 0.75, 0.4, 3
_STEPS = 10
# A fitted pattern that correlates less is none.
_LEAST_MATCH = 0.5
# Modules at which a pattern is compared: its own 7 and the light around them.
_AT = (np.arange(len(FINDER)) + 0.5) / MODULE - len(FINDER) / MODULE / 2
_U, _V = np.meshgrid(_AT, _AT)
_TERMS = np.stack([np.ones_like(_U), _U, _V], axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A finder pattern: its centre, and the columns of ``module`` are one module right and down."""

    center: Vector
    module: Vector
    match: float


def recentred(frame: Frame, quad: Quad) -> tuple[Canvas, list[Start]]:
    """A canvas for a rough outline, and what may lie in it, the outline moved to fit if need be."""
    canvas = Canvas.of(frame, quad)
    found = starts(canvas, canvas.gray)
    if not found or not _HOPELESS <= found[0].score < _CLEAR:
        return canvas, found
    best = canvas, found
    for versions, outline in _outlines(canvas, found[:_DOUBTFUL]):
        moved = Canvas.of(frame, outline)
        again = starts(moved, moved.gray, versions)
        if again and again[0].score > best[1][0].score:
            best = moved, again
            if again[0].score >= _CLEAR:
                break
    return best


def _outlines(canvas: Canvas, found: list[Start]) -> Iterator[tuple[set[int], Quad]]:
    """Better outlines, and the versions that they may be of."""
    for start in found:
        patterns = _fitted(canvas, start)
        if len(patterns) < 3:
            continue
        outline = _outline(*patterns)
        if outline is not None and outline.convex:
            versions = around(start.version, _version(*patterns))
            yield versions, to_source(canvas.frame, outline)


def _fitted(canvas: Canvas, start: Start) -> list[_Pattern]:
    """The finder patterns of a start in the canvas's pixels, up to the first that is none."""
    cv2 = opencv()
    gray = 255 - canvas.gray if start.inverted else canvas.gray
    scaled, _ = canvas.scaled(gray, start.size)
    # What is finer than the samples is noise.
    even = cv2.GaussianBlur(evened(scaled, 8 * MODULE), (0, 0), 0.3 * MODULE)
    scale = len(scaled) / len(gray)
    first = np.eye(2) * MODULE
    for _ in range(start.turn):
        first = np.array([[0.0, -1.0], [1.0, 0.0]]) @ first
    patterns = []
    for center in canvas.finders(start):
        found = _fit(even, (center + 0.5) * scale - 0.5, first)
        if found.match < _LEAST_MATCH:
            break
        patterns.append(_Pattern((found.center + 0.5) / scale - 0.5, found.module / scale, found.match))
    return patterns


@functools.cache
def _drawn() -> Pixels:
    """A finder pattern as a camera sees it."""
    return np.asarray(opencv().GaussianBlur(FINDER, (0, 0), 0.4 * MODULE))


def _fit(even: Pixels, center: Vector, module: Vector) -> _Pattern:
    cv2, drawn = opencv(), _drawn()
    match = -1.0
    for step in range(_STEPS + 1):
        x, y = np.moveaxis(center + np.stack([_U, _V], axis=-1) @ module.T, 2, 0).astype(np.float32)
        seen = cv2.remap(even, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # Beyond the picture all is one level, which correlates with nothing: NaN.
        with np.errstate(invalid="ignore"):
            match = float(np.corrcoef(seen.ravel(), drawn.ravel())[0, 1])
        if step == _STEPS or not np.isfinite(match):
            break
        # The contrast around is not the pattern's own.
        scaled = (seen - seen.mean()) / max(float(seen.std()), 1e-3) * drawn.std() + drawn.mean()
        down, right = np.gradient(scaled + drawn, 1 / MODULE)
        columns = np.concatenate([_TERMS * right.reshape(-1, 1), _TERMS * down.reshape(-1, 1)], axis=1) / 2
        error = np.clip(drawn - scaled, -1, 1).ravel()
        normal = columns.T @ columns
        hold = 0.02 * np.trace(normal) / 6
        move = np.linalg.solve(normal + hold * np.eye(6), columns.T @ error).reshape(2, 3)
        move *= min(1.0, 1.0 / max(float(np.hypot(*move[:, 0])), 1e-6))
        center = center + module @ move[:, 0]
        module = module @ (np.eye(2) + np.clip(move[:, 1:], -0.2, 0.2))
    return _Pattern(center, module, match if np.isfinite(match) else -1.0)


def _version(corner: _Pattern, right: _Pattern, down: _Pattern) -> int:
    """The version that the patterns' distances and modules make."""

    def modules(a: _Pattern, b: _Pattern, along: int) -> float:
        module = float(np.hypot(*(a.module + b.module)[:, along])) / 2
        return float(np.hypot(*(b.center - a.center))) / max(module, 1e-6)

    between = (modules(corner, right, 0) + modules(corner, down, 1)) / 2
    return round((between + 7 - 17) / 4)


def _outline(corner: _Pattern, right: _Pattern, down: _Pattern) -> Quad | None:
    """Four corners by three patterns, the fourth where the lines along the far sides meet."""
    first = corner.center - corner.module @ np.array([3.5, 3.5])
    second = right.center + right.module @ np.array([3.5, -3.5])
    fourth = down.center + down.module @ np.array([-3.5, 3.5])
    flat = second + fourth - first
    try:
        ways = np.linalg.solve(np.stack([right.module[:, 1], -down.module[:, 0]], axis=1), fourth - second)
    except np.linalg.LinAlgError:
        return None
    met = second + ways[0] * right.module[:, 1]
    # A direction that is a little off is far off at the end: the flat symbol's corner bounds it.
    side = float(np.hypot(*(flat - first))) / 1.4
    off = met - flat
    third = flat + off * min(1.0, 0.15 * side / max(float(np.hypot(*off)), 1e-6))
    return Quad.of(np.array([first, second, third, fourth]))

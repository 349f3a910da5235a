"""A grid of modules over a symbol that is not flat, and how the symbol looks through it.

A symbol on curled or crumpled paper is not a homography of a square. Here every module has its own place. A
fit is a value: each step in `qrcascade.grid.grow` takes one and returns another.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import MODULE, Canvas, Pixels, normalize_contrast
from qrcascade.grid.fields import QUIET, SAMPLES, Field, average, average_centres, smooth
from qrcascade.grid.locate import Pose
from qrcascade.image.opencv import cv2
from qrcascade.symbology.layout import FINDER_CENTRE, Layout, layout

__all__ = [
    "ALL",
    "Fit",
    "Part",
    "Patch",
    "add_known",
    "coordinates",
    "estimate_levels",
    "lay_grid",
    "measure_move",
]

Part = tuple[slice, slice]
"""Rows and columns of modules."""

ALL: Part = np.s_[:, :]

# Thresholds, all chosen.
# Modules per side of the window in which gray levels are compared before any are taken from the symbol.
_WINDOW = 8
# How fast a module is decided as its value leaves 0: the factor in tanh.
_GAIN = 2.5
# Largest value of a sample against the light and dark levels; 1 is a level.
_MOST_VALUE = 1.5
# Share that a module's middle has in its level; the rest is the mean of all of it.
_MIDDLE_SHARE = 0.6
# Modules, the standard deviations of the windows in which levels are averaged: near, and far with a small
# weight, for where nothing near has that colour.
_NEAR, _FAR, _FAR_WEIGHT = 3.0, 12.0, 1e-3
_LEAST_WEIGHT = 1e-6
# Least difference of light and dark, as a share of the median one, and in gray levels.
_LEAST_CONTRAST, _LEAST_LEVELS = 0.1, 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The pixels of a canvas that a grid is laid over, `MODULE` pixels per module.

    Attributes
    ----------
    layout : Layout
        Of the symbol's version.
    gray, even : ndarray of float32, shape (H, H)
        The symbol dark on light: gray levels, and the same by `normalize_contrast`.
    scale : float
        Pixels to a pixel of the canvas.
    """

    layout: Layout
    gray: Pixels
    even: Pixels
    scale: float

    @classmethod
    def cut(cls, canvas: Canvas, pixels: Pixels, pose: Pose) -> Patch:
        """Scale what a canvas shows, 0 to 255, for a symbol of the pose's version and polarity."""
        form = layout(pose.version)
        gray = canvas.scale(255 - pixels if pose.inverted else pixels, form.size)
        return cls(form, gray, normalize_contrast(gray, _WINDOW * MODULE), len(gray) / len(pixels))


@dataclass(frozen=True, eq=False)
class Fit:
    """A grid over a patch, and what is known about the symbol.

    Fields over modules have shape (M, M), where M is the symbol's size and `QUIET` on either side; fields
    over samples have `SAMPLES` times as many rows and columns. No array is ever written to.

    Attributes
    ----------
    patch : Patch
        What it is laid over.
    places : ndarray, shape (2, M, M)
        Where the modules' centres are: x and y in the patch's pixels.
    known : ndarray of float32, shape (M, M)
        +1 dark, -1 light, 0 unknown: quiet zone, function patterns and decoded modules.
    far : ndarray, shape (M, M)
        Modules to the nearest pattern that was found in the picture.
    levels : pair of ndarray of float32, optional
        Light and dark gray levels by sample, estimated from this fit's modules.
    """

    patch: Patch
    places: Field
    known: Pixels
    far: Field
    levels: tuple[Pixels, Pixels] | None = None

    @property
    def layout(self) -> Layout:
        """Layout of the symbol."""
        return self.patch.layout

    @property
    def size(self) -> int:
        """Modules per side, without quiet zone."""
        return self.patch.layout.size

    @functools.cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """Modules that are known."""
        return np.asarray(self.known != 0)

    @functools.cached_property
    def gray(self) -> Pixels:
        """Gray levels of the samples."""
        return self.unwrap(self.patch.gray)

    @functools.cached_property
    def values(self) -> Pixels:
        """How dark the samples are: about -1 (light) to 1 (dark)."""
        if self.levels is None:
            return self.unwrap(self.patch.even)
        light, dark = self.levels
        half = (light - dark) / 2
        return np.clip(((light + dark) / 2 - self.gray) / half, -_MOST_VALUE, _MOST_VALUE)

    @functools.cached_property
    def agreement(self) -> float:
        """How well the function patterns are seen, about -2 to 2: timing patterns count most."""
        seen = np.clip(self.inner(average_centres(self.values)), -1, 1) * self.layout.pattern
        timing = seen[self.layout.timing].mean()
        return float(timing + seen[self.layout.pattern != 0].mean())

    def unwrap(self, pixels: Pixels, part: Part = ALL) -> Pixels:
        """Return pixels of the patch through the grid, or a part of it, as a field over samples."""
        rows, columns = part
        places = np.ascontiguousarray(self.places[:, rows, columns].transpose(1, 2, 0), np.float32)
        size = places.shape[1] * SAMPLES, places.shape[0] * SAMPLES
        at = cv2.resize(places, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.remap(pixels, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def decide(self, values: Pixels, gain: float = _GAIN) -> Pixels:
        """Return how dark the modules seem to be, -1 to 1; known ones as known."""
        return decide(values, self.known, gain)

    def inner(self, field: Pixels) -> Pixels:
        """Return a field over modules without the quiet zone."""
        return field[QUIET:-QUIET, QUIET:-QUIET]

    def mesh(self) -> NDArray[np.float64]:
        """Return the corners (x, y) of the modules in the canvas's pixels, shape (N + 1, N + 1, 2)."""
        near = self.places[:, QUIET - 1 : 1 - QUIET, QUIET - 1 : 1 - QUIET].transpose(1, 2, 0)
        corners = (near[:-1, :-1] + near[1:, :-1] + near[:-1, 1:] + near[1:, 1:]) / 4
        return np.asarray((corners + 0.5) / self.patch.scale - 0.5)


def decide(values: Pixels, known: Pixels, gain: float = _GAIN) -> Pixels:
    """Return how dark modules seem by their samples, -1 to 1; those that are known (not 0) as known."""
    seeming = np.tanh(gain * average_centres(values))
    return np.where(known != 0, known, seeming).astype(np.float32)


def lay_grid(canvas: Canvas, patch: Patch, pose: Pose, *, corner: bool = False) -> Fit:
    """Lay a flat grid where the finder patterns were found.

    Parameters
    ----------
    canvas : Canvas
        Where the symbol is.
    patch : Patch
        What the canvas shows, cut for the pose.
    pose : Pose
        Version, turn, polarity and first place.
    corner : bool
        Whether the outline's fourth corner is believed; otherwise the three finder patterns alone.
    """
    form, origin = patch.layout, (canvas.origin + 0.5) * patch.scale - 0.5
    u, v = coordinates(form.size)
    places = _interpolate(u, v, pose, corner)
    known = np.full(u.shape, -1, np.float32)
    known[QUIET:-QUIET, QUIET:-QUIET] = form.pattern
    far = np.min([np.hypot(u - a, v - b) for a, b in _finder_centres(form.size)], axis=0)
    fit = Fit(patch, origin + MODULE * places, known, far)
    beyond = np.ones(u.shape, bool)
    beyond[QUIET:-QUIET, QUIET:-QUIET] = False
    if np.median(average_centres(fit.values)[beyond]) > 0:
        # There is no quiet zone: what lies around is as dark as the modules.
        return replace(fit, known=np.where(beyond, np.float32(0), known))
    return fit


def coordinates(size: int) -> tuple[Field, Field]:
    """Return the columns and rows of the modules' centres in modules of the symbol, shape (M, M) each."""
    u, v = np.meshgrid(*[np.arange(size + 2 * QUIET) + 0.5 - QUIET] * 2)
    return u, v


def _finder_centres(size: int) -> list[tuple[float, float]]:
    far = size - FINDER_CENTRE
    return [(FINDER_CENTRE, FINDER_CENTRE), (far, FINDER_CENTRE), (FINDER_CENTRE, far)]


def measure_move(fit: Fit, canvas: Canvas, pose: Pose, *, corner: bool = False) -> float:
    """Return how far the modules of a fit are at most from where `lay_grid` would lay them, in modules."""
    pitch = canvas.side / fit.size
    laid = canvas.origin + pitch * _interpolate(*coordinates(fit.size), pose, corner)
    return float(np.abs((fit.places + 0.5) / fit.patch.scale - 0.5 - laid).max() / pitch)


def _interpolate(u: Field, v: Field, pose: Pose, corner: bool) -> Field:
    """Return where the outline has the modules, moved with the finder patterns; in modules of the canvas."""
    size = pose.size
    a, b = u / size - 0.5, v / size - 0.5
    for _ in range(pose.turn):
        a, b = -b, a
    anchors, shifts = _finder_centres(size), pose.shifts

    def terms(u: Field, v: Field) -> Field:
        full = [np.ones_like(u), u, v, u * v]
        return np.stack(full if corner else full[:3], axis=-1)

    if corner:
        anchors = [*anchors, (float(size), float(size))]
        shifts = np.vstack([shifts, np.zeros(2)])
    moved = terms(u, v) @ np.linalg.solve(terms(*np.array(anchors).T), shifts)
    return size * (np.stack([a, b]) + 0.5) + moved.transpose(2, 0, 1)


def add_known(fit: Fit, modules: NDArray[np.int8]) -> Fit:
    """Return a fit to which more modules are known: +1 dark, -1 light, 0 for the others; shape (N, N)."""
    known = fit.known.copy()
    inner = known[QUIET:-QUIET, QUIET:-QUIET]
    inner[modules != 0] = modules[modules != 0]
    return replace(fit, known=known)


def estimate_levels(fit: Fit) -> Fit:
    """Return a fit with light and dark levels by its modules as they seem: shade within the symbol."""
    modules = fit.decide(fit.values)
    level = _MIDDLE_SHARE * average_centres(fit.gray) + (1 - _MIDDLE_SHARE) * average(fit.gray)

    weights = [np.maximum(-modules, 0), np.maximum(modules, 0)]
    sums = np.stack([level * weights[0], level * weights[1], *weights], axis=-1)
    sums = smooth(sums, _NEAR) + np.float32(_FAR_WEIGHT) * smooth(sums, _FAR)
    light, dark = (sums[..., :2] / np.maximum(sums[..., 2:], np.float32(_LEAST_WEIGHT))).transpose(2, 0, 1)
    least = max(_LEAST_CONTRAST * float(np.median(np.abs(light - dark))), _LEAST_LEVELS)
    middle, half = (light + dark) / 2, np.maximum(light - dark, least) / 2
    count = len(light) * SAMPLES
    high, low = (
        cv2.resize(a, (count, count), interpolation=cv2.INTER_LINEAR) for a in (middle + half, middle - half)
    )
    return replace(fit, levels=(high, low))

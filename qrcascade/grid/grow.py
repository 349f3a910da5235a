"""The steps of a fit: from three finder patterns outwards, until every module has its place.

A few parameters are fitted near the finder patterns first, then polynomials outwards along the timing
patterns and over the data, and finally a smooth local field. Each function returns a new fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import MODULE, Pixels
from qrcascade.grid.fields import QUIET, SAMPLES, smooth, spread
from qrcascade.grid.fit import Fit, Part, coordinates, estimate_levels
from qrcascade.grid.step import Polynomial, SmoothField, displace, sample_part, step, step_parts
from qrcascade.image.opencv import cv2
from qrcascade.symbology.layout import FINDER_CENTRE, TIMING

__all__ = [
    "find_alignment",
    "fit_data",
    "fit_finders",
    "fit_timing",
    "grow_outwards",
    "measure_finders",
    "pull_corner",
    "refine_locally",
]

# Thresholds, all chosen. Stiffness is that of `Polynomial` and `SmoothField`; function patterns weigh 1.
# Modules from its centre that a finder pattern reaches: half of it, its separator and a module of data.
_FINDER_REACH = 6.2
# Degrees of the steps by the finder patterns, one after another, and of those by the timing patterns.
_FINDER_DEGREES, _TIMING_DEGREE = (1, 1, 1, 2, 2, 2), 2
# Stiffness of both.
_PATTERN_STIFFNESS = 0.01
# Distance in modules from what is found within which modules are fitted, increasing; finally all of them.
_TIMING_REACHES, _GROWN_REACHES = (9, 12, 16, 22, 30), (9, 12, 16, 22, 30, 45)
# Reaches of more than this share of the symbol are left out.
_REACH_SHARE = 0.75
# Most steps at one reach; a step that moved no module further than this, in modules, needs no other.
_STEPS_A_REACH, _SETTLED = 2, 0.1
# Growing over data: the degree at reaches below this many modules, and from there on.
_GROWN_FROM, _GROWN_DEGREES = 12, (2, 3)
_GROWN_STIFFNESS, _GROWN_WEIGHT = 0.005, 0.35
# All modules: degrees of the steps, one after another, and steps for each estimate of the levels.
_DATA_DEGREES, _STEPS_A_LEVEL = (3, 3, 3, 4, 4, 4), 2
_DATA_STIFFNESS, _DATA_WEIGHT = 0.002, 0.6
# The local fit: modules of the windows, one after another, and steps for each.
_LOCAL_WIDTHS, _STEPS_A_WIDTH = (4.0, 3.0, 2.2), 4
_LOCAL_STIFFNESS, _LOCAL_WEIGHT = 0.05, 0.7
# How far the alignment pattern is searched: modules, and share of the symbol.
_SEARCH, _SEARCH_SHARE = 3.0, 0.06
# Modules, the standard deviation of its template's blur.
_TEMPLATE_BLUR = 0.3
# Correlation: its loss per module of distance, and its minimum.
_AWAY, _LEAST_MATCH = 0.05, 0.5
# How much is moved with it, at least and at most, where it moves by 1: behind the finder patterns and beyond.
_PULL = (-0.5, 1.6)

# Rows or columns of a finder pattern and its surroundings, from the edge of the quiet zone.
_NEAR = QUIET + 10
_FINDER_PARTS: tuple[Part, ...] = (np.s_[:_NEAR, :_NEAR], np.s_[:_NEAR, -_NEAR:], np.s_[-_NEAR:, :_NEAR])
_TIMING_PARTS: tuple[Part, ...] = (np.s_[:_NEAR, :], np.s_[_NEAR:, :_NEAR])
# Modules from an alignment pattern's centre to its edge (ISO/IEC 18004, 6.3.6).
_ALIGNMENT_RADIUS = 2


def fit_finders(fit: Fit) -> Fit:
    """Fit the finder patterns alone."""
    finders = _mask_finders(fit)
    for degree in _FINDER_DEGREES:
        fit = step_parts(fit, finders, Polynomial(degree, _PATTERN_STIFFNESS), [_FINDER_PARTS])
    return fit


def measure_finders(fit: Fit) -> float:
    """Return how well the finder patterns are seen, about -1 to 1."""
    finders = _mask_finders(fit)
    seen = [(sample_part(fit, part) * fit.known[part])[finders[part]] for part in _FINDER_PARTS]
    return float(np.concatenate(seen).mean())


def _mask_finders(fit: Fit) -> NDArray[np.bool_]:
    return np.asarray(fit.fixed & (fit.far < _FINDER_REACH))


def fit_timing(fit: Fit) -> Fit:
    """Fit the function patterns outwards from the finder patterns, along the timing patterns."""
    along = np.zeros(fit.known.shape, bool)
    along[QUIET + TIMING, QUIET:-QUIET] = along[QUIET:-QUIET, QUIET + TIMING] = True
    patterns = _mask_finders(fit) | (fit.fixed & along)
    movement = Polynomial(_TIMING_DEGREE, _PATTERN_STIFFNESS)
    for reach in _choose_reaches(_TIMING_REACHES, fit.size):
        near = patterns & (fit.far < reach)
        groups = [[part] for part in _TIMING_PARTS]
        fit = _settle(fit, partial(step_parts, near=near, movement=movement, groups=groups))
    offset = find_alignment(fit)
    return fit if offset is None else pull_corner(fit, offset)


def grow_outwards(fit: Fit) -> Fit:
    """Continue with data modules as they appear, also growing outwards from those that are certain."""
    weight = np.where(fit.fixed, 1.0, _GROWN_WEIGHT)
    for reach in _choose_reaches(_GROWN_REACHES, fit.size):
        near = (weight * (fit.far < reach)).astype(np.float32)
        movement = Polynomial(_GROWN_DEGREES[reach >= _GROWN_FROM], _GROWN_STIFFNESS)
        fit = _settle(fit, partial(step, weight=near, movement=movement))
    return fit


def _settle(fit: Fit, move: Callable[[Fit], Fit]) -> Fit:
    """Move a fit for one reach, until it moves little."""
    for _ in range(_STEPS_A_REACH):
        before, fit = fit, move(fit)
        if np.abs(fit.places - before.places).max() < _SETTLED * MODULE:
            break
    return fit


def _choose_reaches(reaches: tuple[int, ...], size: int) -> list[float]:
    """Return the distances to grow to, ending with the whole symbol."""
    return [r for r in reaches if r <= _REACH_SHARE * size] + [np.inf]


def fit_data(fit: Fit) -> Fit:
    """Fit all modules, data as they seem, by polynomials."""
    weight = _weigh(fit, _DATA_WEIGHT)
    for i, degree in enumerate(_DATA_DEGREES):
        if i % _STEPS_A_LEVEL == 0:
            fit = estimate_levels(fit)
        fit = step(fit, weight, Polynomial(degree, _DATA_STIFFNESS))
    return fit


def refine_locally(fit: Fit, widths: tuple[float, ...] = _LOCAL_WIDTHS) -> Fit:
    """Fit all modules by a smooth field, in Gaussian windows of these widths (modules) in turn."""
    weight = _weigh(fit, _LOCAL_WEIGHT)
    for width in widths:
        fit = estimate_levels(fit)
        for _ in range(_STEPS_A_WIDTH):
            fit = step(fit, weight, SmoothField(width, _LOCAL_STIFFNESS))
    return estimate_levels(fit)


def _weigh(fit: Fit, data: float) -> Pixels:
    """Return each module's weight; that of known ones is 1."""
    return np.where(fit.fixed, 1.0, data).astype(np.float32)


def find_alignment(fit: Fit) -> tuple[float, float] | None:
    """Find the alignment pattern at the bottom right.

    Returns
    -------
    (float, float) or None
        Offset (x, y) in modules from its place in the grid to where it is; None if it is not found.
    """
    if not fit.layout.alignment:
        return None
    first = fit.layout.alignment[-1] - _ALIGNMENT_RADIUS + QUIET
    own = slice(first, first + 2 * _ALIGNMENT_RADIUS + 1)
    pattern = spread(fit.known[own, own])
    margin = int((_SEARCH + _SEARCH_SHARE * fit.size) * SAMPLES)
    begin = first * SAMPLES - margin
    around = slice(begin, begin + len(pattern) + 2 * margin)
    template = smooth(pattern, _TEMPLATE_BLUR * SAMPLES)
    scores = cv2.matchTemplate(fit.values[around, around], template, cv2.TM_CCOEFF_NORMED)
    rows, columns = np.mgrid[: scores.shape[0], : scores.shape[1]]
    away = np.hypot(rows - margin, columns - margin) / SAMPLES
    row, column = np.unravel_index(np.argmax(scores - _AWAY * away), scores.shape)
    if scores[row, column] < _LEAST_MATCH:
        return None
    return (column - margin) / SAMPLES, (row - margin) / SAMPLES


def pull_corner(fit: Fit, offset: tuple[float, float]) -> Fit:
    """Move the quarter of the grid at the bottom right with its alignment pattern, by (x, y) modules."""
    u, v = coordinates(fit.size)
    centre = fit.layout.alignment[-1] + 0.5
    # Nothing moves on the sides between the finder patterns.
    share = (u - FINDER_CENTRE) * (v - FINDER_CENTRE) / (centre - FINDER_CENTRE) ** 2
    share = np.clip(share, *_PULL)
    moved = displace(fit, np.multiply.outer(offset, share))
    return replace(moved, far=np.minimum(fit.far, np.hypot(u - centre, v - centre)))

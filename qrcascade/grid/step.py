"""One step of a fit: the grid moves to where the picture and a drawing of the symbol agree better.

After Lucas and Kanade, "An iterative image registration technique" (1981), with the gradients of both
pictures averaged (Benhimane and Malis, 2004). The drawing has function patterns as they must be, and data as
they seem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import Pixels
from qrcascade.grid.fields import (
    QUIET,
    SAMPLES,
    Field,
    average_centres,
    correlate_gradients,
    monomials,
    smooth,
    spread,
)
from qrcascade.grid.fit import ALL, Fit, Part

__all__ = [
    "Movement",
    "Polynomial",
    "SmoothField",
    "approach",
    "displace",
    "sample_part",
    "step",
    "step_parts",
]

Sums = list[Pixels]
"""By `correlate_gradients`, weighted."""

Shift = NDArray[np.floating[Any]]
"""Modules by which each module is to move along rows or columns."""

# Thresholds, all chosen.
# Modules, the standard deviations of the blurs of drawing and picture: as soft as a sharp camera's, and no
# more than a sample of noise.
_DRAWN_BLUR, _SEEN_BLUR = 0.35, 0.25
# Modules of a step; further, the gradients mean nothing.
_LONGEST = 0.5
# How much terms of degree 0 and 1 are held back; those of a higher degree are by their degree.
_AFFINE_HOLD = 0.2
# How far a smooth field is blurred again, in widths of its windows.
_BLUR_AGAIN = 1 / 2
# Against division by zero.
_RIDGE, _LEAST_HOLD, _LEAST_LENGTH = 1e-9, 1e-6, 1e-6


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A movement that is polynomial in rows and columns.

    Parameters
    ----------
    degree : int
        Of the polynomials.
    stiffness : float
        How much movement is held back, as a share of the evidence; more for higher degrees.
    """

    degree: int
    stiffness: float

    def solve(self, sums: Sequence[tuple[Part, Sums]], size: int) -> tuple[Shift, Shift]:
        """Return the movement that explains the sums of some parts best."""
        terms, degrees = monomials(size, QUIET, self.degree)
        count = len(degrees)
        normal, right = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
        for part, each in sums:
            flat = terms[part].reshape(-1, count)
            xx, xy, yy = ((flat * s.reshape(-1, 1)).T @ flat for s in each[:3])
            normal += np.block([[xx, xy], [xy.T, yy]])
            right += np.concatenate([flat.T @ s.ravel() for s in each[3:]])
        typical = self.stiffness * np.trace(normal) / len(normal)
        hold = typical * np.where(degrees <= 1, _AFFINE_HOLD, degrees)
        found = np.linalg.solve(normal + np.diag(np.tile(hold, 2) + _RIDGE), right)
        return terms @ found[:count], terms @ found[count:]


@dataclass(frozen=True, slots=True)
class SmoothField:
    """A movement that is about the same within a Gaussian window around each module.

    Parameters
    ----------
    width : float
        Modules, the window's standard deviation.
    stiffness : float
        How much movement is held back, as a share of the evidence.
    """

    width: float
    stiffness: float

    def solve(self, sums: Sums) -> tuple[Shift, Shift]:
        """Return the movement that explains the sums best around every module."""
        xx, xy, yy, xe, ye = (smooth(s, self.width) for s in sums)
        hold = self.stiffness * float(np.mean(xx + yy)) + _LEAST_HOLD
        xx, yy = xx + hold, yy + hold
        det = xx * yy - xy * xy
        ways = (np.asarray(a / det, np.float32) for a in (yy * xe - xy * ye, xx * ye - xy * xe))
        du, dv = (smooth(way, self.width * _BLUR_AGAIN) for way in ways)
        return du, dv


Movement = Polynomial | SmoothField


def step(fit: Fit, weight: Pixels, movement: Movement) -> Fit:
    """Move the grid once to where the picture agrees better with the drawing.

    Parameters
    ----------
    fit : Fit
        Where the grid is.
    weight : ndarray of float32, shape (M, M)
        What each module counts.
    movement : Movement
        How it may move.
    """
    drawing = _draw(fit.decide(fit.values))
    return approach(fit, smooth(fit.values, _SEEN_BLUR * SAMPLES), drawing, weight, movement)


def approach(fit: Fit, values: Pixels, drawing: Pixels, weight: Pixels, movement: Movement) -> Fit:
    """Move the grid once for a given picture and drawing of it, both fields over samples."""
    sums = [a * weight for a in correlate_gradients(values, drawing)]
    if isinstance(movement, Polynomial):
        return _move(fit, *movement.solve([(ALL, sums)], fit.size))
    return _move(fit, *movement.solve(sums))


def step_parts(fit: Fit, near: NDArray[np.bool_], movement: Polynomial, parts: Sequence[Part]) -> Fit:
    """Move the grid once by some known modules, looking only at the parts of the grid where they are."""
    sums = []
    for part in parts:
        outer, inner = _frame_part(part, len(fit.x))
        values = fit.unwrap(fit.patch.even, outer)
        drawing = _draw(fit.decide(values, part=outer))
        found = correlate_gradients(smooth(values, _SEEN_BLUR * SAMPLES), drawing)
        sums.append((part, [a[inner] * near[part] for a in found]))
    return _move(fit, *movement.solve(sums, fit.size))


def sample_part(fit: Fit, part: Part) -> Pixels:
    """Return how dark the modules of a part are, before any levels are taken from the symbol."""
    outer, inner = _frame_part(part, len(fit.x))
    return average_centres(fit.unwrap(fit.patch.even, outer))[inner]


def displace(fit: Fit, du: Shift, dv: Shift) -> Fit:
    """Move each module along its row and its column, by modules."""
    x, y = (_displace(a, du, dv) for a in (fit.x, fit.y))
    return replace(fit, x=x, y=y)


def _displace(places: Field, du: Shift, dv: Shift) -> Field:
    along_v, along_u = np.gradient(places)
    moved: Field = places + along_u * du + along_v * dv
    return moved


def _draw(modules: Pixels) -> Pixels:
    """Draw modules as a camera sees them, as a field over samples."""
    return smooth(spread(modules), _DRAWN_BLUR * SAMPLES)


def _move(fit: Fit, du: Shift, dv: Shift) -> Fit:
    """Move each module, `_LONGEST` at most."""
    shorten = np.minimum(1, _LONGEST / np.maximum(np.hypot(du, dv), _LEAST_LENGTH))
    return displace(fit, du * shorten, dv * shorten)


def _frame_part(part: Part, count: int) -> tuple[Part, Part]:
    """Return a part with a module around it, as far as there is one, and where the part is in that."""
    outer, inner = [], []
    for one in part:
        first, last, _ = one.indices(count)
        begin, end = max(0, first - 1), min(count, last + 1)
        outer.append(slice(begin, end))
        inner.append(slice(first - begin, last - begin))
    return (outer[0], outer[1]), (inner[0], inner[1])

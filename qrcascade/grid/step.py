"""One step of a fit: the grid moves to where the picture and a drawing of the symbol agree better.

After Lucas and Kanade, "An iterative image registration technique" (1981), with the gradients of both
pictures averaged (Benhimane and Malis, 2004). The drawing has function patterns as they must be, and data as
they seem.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import Pixels
from qrcascade.grid.fields import (
    SAMPLES,
    Field,
    average_centres,
    correlate_gradients,
    list_powers,
    measure_slopes,
    smooth,
    spread,
)
from qrcascade.grid.fit import ALL, Fit, Part, decide

__all__ = [
    "Movement",
    "Polynomial",
    "SmoothField",
    "approach",
    "displace",
    "list_terms",
    "sample_part",
    "step",
    "step_parts",
]

Shift = NDArray[np.floating[Any]]
"""Modules by which each module is to move along its row and its column, shape (2, M, M)."""

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

Ints = NDArray[np.intp]


class Terms(NamedTuple):
    """The terms of a polynomial movement along rows and columns.

    Attributes
    ----------
    v, u : ndarray of int, shape (terms,)
        Exponents of rows and of columns.
    hold : ndarray, shape (2 * terms,)
        How much each is held back, for both axes.
    products, errors : ndarray of int, shapes (2 * terms, 2 * terms) and (2 * terms,)
        Flat indices of the moments of `correlate_gradients` that the normal equations consist of.
    """

    v: Ints
    u: Ints
    hold: Field
    products: Ints
    errors: Ints


@functools.cache
def list_terms(degree: int) -> Terms:
    """Return the terms up to a degree; moments are by sum, power of rows and power of columns."""
    v, u = np.array([(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]).T
    flat = np.arange(5 * (2 * degree + 1) ** 2).reshape(5, 2 * degree + 1, -1)
    # Of the five sums, three stand in the normal equations by pairs of axes, two on the right.
    pairs = flat[np.array([[0, 1], [1, 2]])][..., v[:, None] + v, u[:, None] + u]
    hold = np.where(u + v <= 1, _AFFINE_HOLD, u + v)
    products = pairs.transpose(0, 2, 1, 3).reshape(2 * len(u), -1)
    return Terms(v, u, np.tile(hold, 2), products, flat[3:, v, u].ravel())


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

    def solve(self, sums: Sequence[tuple[Part, Pixels]], size: int) -> Shift:
        """Return the movement that explains the sums (`correlate_gradients`, weighted) of some parts best."""
        powers = list_powers(size, 2 * self.degree)
        # What the normal equations hold are moments of the sums.
        moments = np.sum([powers[rows].T @ each @ powers[columns] for (rows, columns), each in sums], axis=0)
        terms = list_terms(self.degree)
        normal, right = moments.take(terms.products), moments.take(terms.errors)
        hold = self.stiffness * np.trace(normal) / len(normal) * terms.hold + _RIDGE
        normal.flat[:: len(normal) + 1] += hold
        factors = np.zeros((2, self.degree + 1, self.degree + 1))
        factors[:, terms.v, terms.u] = np.linalg.solve(normal, right).reshape(2, -1)
        shift: Shift = powers[:, : self.degree + 1] @ factors @ powers[:, : self.degree + 1].T
        return shift


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

    def solve(self, sums: Pixels) -> Shift:
        """Return the movement that explains the sums (as in `Polynomial.solve`) best at every module."""
        xx, xy, yy, xe, ye = self._smooth(sums, self.width)
        hold = self.stiffness * float(np.mean(xx + yy)) + _LEAST_HOLD
        xx, yy = xx + hold, yy + hold
        det = xx * yy - xy * xy
        ways = np.stack([(yy * xe - xy * ye) / det, (xx * ye - xy * xe) / det])
        return self._smooth(ways, self.width * _BLUR_AGAIN)

    @staticmethod
    def _smooth(fields: Pixels, sigma: float) -> Pixels:
        return smooth(np.ascontiguousarray(fields.transpose(1, 2, 0)), sigma).transpose(2, 0, 1)


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
    sums = correlate_gradients(values, drawing) * weight
    if isinstance(movement, Polynomial):
        return _move(fit, movement.solve([(ALL, sums)], fit.size))
    return _move(fit, movement.solve(sums))


def step_parts(
    fit: Fit, near: NDArray[np.bool_], movement: Polynomial, groups: Sequence[Sequence[Part]]
) -> Fit:
    """Move the grid once by some known modules, looking only at the parts of the grid where they are.

    The parts of a group have the same shape, and are looked at together.
    """
    sums = []
    for parts in groups:
        framed = [_frame_part(part, len(fit.known)) for part in parts]
        values = _stack([fit.unwrap(fit.patch.even, outer) for outer, _ in framed])
        drawing = _draw(decide(values, _stack([fit.known[outer] for outer, _ in framed])))
        found = correlate_gradients(smooth(values, _SEEN_BLUR * SAMPLES), drawing)
        found = found.reshape(*found.shape[:3], -1)
        for i, (part, (_, (rows, columns))) in enumerate(zip(parts, framed, strict=True)):
            sums.append((part, found[:, rows, columns, i] * near[part]))
    return _move(fit, movement.solve(sums, fit.size))


def _stack(fields: list[Pixels]) -> Pixels:
    """Return fields along a last axis; OpenCV has none for a single one."""
    return fields[0] if len(fields) == 1 else np.stack(fields, axis=-1)


def sample_part(fit: Fit, part: Part) -> Pixels:
    """Return how dark the modules of a part are, before any levels are taken from the symbol."""
    outer, inner = _frame_part(part, len(fit.known))
    return average_centres(fit.unwrap(fit.patch.even, outer))[inner]


def displace(fit: Fit, shift: Shift) -> Fit:
    """Move each module along its row and its column."""
    along_v, along_u = measure_slopes(fit.places)
    places: Field = fit.places + along_u * shift[0] + along_v * shift[1]
    return replace(fit, places=places)


def _draw(modules: Pixels) -> Pixels:
    """Draw modules as a camera sees them, as a field over samples."""
    return smooth(spread(modules), _DRAWN_BLUR * SAMPLES)


def _move(fit: Fit, shift: Shift) -> Fit:
    """Move each module, `_LONGEST` at most."""
    return displace(fit, shift * np.minimum(1, _LONGEST / np.maximum(np.hypot(*shift), _LEAST_LENGTH)))


def _frame_part(part: Part, count: int) -> tuple[Part, Part]:
    """Return a part with a module around it, as far as there is one, and where the part is in that."""
    outer, inner = [], []
    for one in part:
        first, last, _ = one.indices(count)
        begin, end = max(0, first - 1), min(count, last + 1)
        outer.append(slice(begin, end))
        inner.append(slice(first - begin, last - begin))
    return (outer[0], outer[1]), (inner[0], inner[1])

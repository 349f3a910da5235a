"""Fitting a grid of modules to a symbol that is not flat: Lucas-Kanade against what is known of it.

A symbol on curled or crumpled paper is no homography of a square. Here every module has a place of its
own. It starts from three finder patterns; the picture, unwrapped by the present grid, is compared with a
drawing of the symbol (function patterns as they must be, data as they seem), and the grid is moved to
where they agree: first by few parameters near the finder patterns, then by polynomials outwards along
the timing patterns, at last by a smooth local field. After Lucas and Kanade, "An iterative image
registration technique" (1981), with the gradients of both pictures averaged (Benhimane and Malis, 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.fields import (
    SAMPLES,
    Field,
    centres,
    local_movement,
    means,
    monomials,
    slopes,
    smooth,
    spread,
)
from qrcascade.grid.layout import Layout, layout
from qrcascade.grid.locate import MODULE, Canvas, Pixels, Start, evened
from qrcascade.views import opencv

__all__ = ["QUIET", "Fit"]

Part = tuple[slice, slice]
"""Rows and columns of modules."""

# Modules of the quiet zone that are fitted too.
QUIET = 2
# Half a finder pattern with its separator and a module of data.
_FINDER_REACH = 6.2
# Modules, the standard deviation of the Gaussian that the drawing is blurred with.
_DRAWN_BLUR = 0.35
_ALL: Part = np.s_[:, :]
# Rows or columns that a finder pattern and what is near it take, from the edge of the quiet zone.
_NEAR = QUIET + 10
_FINDER_PARTS: tuple[Part, ...] = (np.s_[:_NEAR, :_NEAR], np.s_[:_NEAR, -_NEAR:], np.s_[-_NEAR:, :_NEAR])
_TIMING_PARTS: tuple[Part, ...] = (np.s_[:_NEAR, :], np.s_[_NEAR:, :_NEAR])


class Fit:
    """A grid over a canvas, and what the canvas looks like through it.

    Fields over modules have shape (M, M), where M is the symbol's size and `QUIET` on either side; fields
    over samples have `SAMPLES` times as many rows and columns.

    Parameters
    ----------
    canvas : Canvas
        Where the symbol is.
    pixels : ndarray of float32
        What the canvas shows, 0 to 255, in gray or another channel.
    start : Start
        Version, turn, polarity and first place.
    corner : bool
        Whether the outline's fourth corner is believed; otherwise the three finder patterns alone.

    Attributes
    ----------
    x, y : ndarray, shape (M, M)
        Where the modules' centres are, in the pixels of `sheet`.
    known : ndarray of float32, shape (M, M)
        +1 dark, -1 light, 0 not known: quiet zone and function patterns, and what was decoded.
    """

    def __init__(self, canvas: Canvas, pixels: Pixels, start: Start, *, corner: bool = False) -> None:
        self.layout: Layout = layout(start.version)
        self.score = 0.0
        dark_on_light = 255 - pixels if start.inverted else pixels
        self.sheet, self._origin = canvas.scaled(dark_on_light, self.layout.size)
        self._even = evened(self.sheet, 8 * MODULE)
        self._levels: tuple[Pixels, Pixels] | None = None
        count = self.layout.size + 2 * QUIET
        self.known: Pixels = np.full((count, count), -1, np.float32)
        self.known[QUIET:-QUIET, QUIET:-QUIET] = self.layout.pattern
        self.u, self.v = np.meshgrid(*[np.arange(count) + 0.5 - QUIET] * 2)
        self.x, self.y = self._first(start, corner)
        near = np.array([[3.5, 3.5], [self.layout.size - 3.5, 3.5], [3.5, self.layout.size - 3.5]])
        self._far: Field = np.min([np.hypot(self.u - a, self.v - b) for a, b in near], axis=0)

    @property
    def size(self) -> int:
        """Modules a side, without quiet zone."""
        return self.layout.size

    def _first(self, start: Start, corner: bool) -> tuple[Field, Field]:
        """The grid that the outline gives, moved so that the finder patterns are where they were found."""
        size = self.size
        a, b = self.u / size - 0.5, self.v / size - 0.5
        for _ in range(start.turn):
            a, b = -b, a
        anchors = [(3.5, 3.5), (size - 3.5, 3.5), (3.5, size - 3.5)]
        shifts = start.shifts

        def terms(u: Field, v: Field) -> Field:
            full = [np.ones_like(u), u, v, u * v]
            return np.stack(full if corner else full[:3], axis=-1)

        if corner:
            anchors.append((float(size), float(size)))
            shifts = np.vstack([shifts, np.zeros(2)])
        points = np.array(anchors)
        spread = terms(self.u, self.v) @ np.linalg.solve(terms(points[:, 0], points[:, 1]), shifts)
        x = self._origin + MODULE * (size * (a + 0.5) + spread[..., 0])
        y = self._origin + MODULE * (size * (b + 0.5) + spread[..., 1])
        return x, y

    # What the canvas looks like

    def unwrapped(self, pixels: Pixels, part: Part = _ALL) -> Pixels:
        """Pixels of `sheet` through the grid, or a part of it: a field over samples."""
        cv2 = opencv()
        rows, columns = self.x[part].shape
        size = columns * SAMPLES, rows * SAMPLES
        x, y = (
            cv2.resize(a[part].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
            for a in (self.x, self.y)
        )
        return np.asarray(cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def values(self) -> Pixels:
        """How dark the samples are: about -1 (light) to 1 (dark)."""
        if self._levels is None:
            return self.unwrapped(self._even)
        light, dark = self._levels
        half = (light - dark) / 2
        return np.clip(((light + dark) / 2 - self.unwrapped(self.sheet)) / half, -1.5, 1.5)

    def decided(self, values: Pixels, gain: float = 2.5, part: Part = _ALL) -> Pixels:
        """What the modules, or those of a part, seem to be, -1 to 1; known ones as they are known."""
        known = self.known[part]
        return np.where(known != 0, known, np.tanh(gain * centres(values))).astype(np.float32)

    def relevel(self) -> None:
        """Take the light and dark levels from the modules as they seem: shade within the symbol."""
        cv2 = opencv()
        modules = self.decided(self.values())
        gray = self.unwrapped(self.sheet)
        level = 0.6 * centres(gray) + 0.4 * means(gray)

        def field(weight: Pixels) -> Pixels:
            near = [smooth(a, 3.0) + 1e-3 * smooth(a, 12.0) for a in (level * weight, weight)]
            return np.asarray(near[0] / np.maximum(near[1], 1e-6), np.float32)

        light, dark = field(np.clip(-modules, 0, 1)), field(np.clip(modules, 0, 1))
        least = max(0.1 * float(np.median(np.abs(light - dark))), 1e-3)
        middle, half = (light + dark) / 2, np.maximum(light - dark, least) / 2
        count = len(light) * SAMPLES
        high, low = (
            cv2.resize(a, (count, count), interpolation=cv2.INTER_LINEAR)
            for a in (middle + half, middle - half)
        )
        self._levels = high, low

    # Moving the grid

    def by_finders(self) -> float:
        """Fit the finder patterns alone; how well they are seen then, about -1 to 1."""
        finders = self._finders()
        for degree, times in ((1, 3), (2, 3)):
            for _ in range(times):
                self._step_begun(finders, degree, _FINDER_PARTS)
        seen = [(self._seen(part) * self.known[part])[finders[part]] for part in _FINDER_PARTS]
        return float(np.concatenate(seen).mean())

    def _finders(self) -> NDArray[np.bool_]:
        return np.asarray((self.known != 0) & (self._far < _FINDER_REACH))

    def by_timing(self) -> None:
        """Fit the function patterns outwards from the finder patterns, along the timing patterns."""
        fixed, finders = self.known != 0, self._finders()
        for reach in self._reaches(9, 12, 16, 22, 30):
            near = (finders | (fixed & self._along_timing())) & (self._far < reach)
            for _ in range(2):
                self._step_begun(near, 2, _TIMING_PARTS)
        self._align()
        self.score = self._agreement()

    def outwards(self) -> None:
        """Go on with data modules as they seem, also outwards from what is sure."""
        fixed = self.known != 0
        for reach in self._reaches(9, 12, 16, 22, 30, 45):
            near = np.where(fixed, 1.0, 0.35) * (self._far < reach)
            for _ in range(2):
                self.step(near.astype(np.float32), 2 if reach < 12 else 3, stiffness=0.005)
        self.score = self._agreement()

    def _reaches(self, *reaches: int) -> list[float]:
        """Distances to grow to, ending with the whole symbol."""
        return [r for r in reaches if r <= 0.75 * self.size] + [np.inf]

    def _along_timing(self) -> NDArray[np.bool_]:
        along = np.zeros(self.known.shape, bool)
        along[QUIET + 6, QUIET:-QUIET] = along[QUIET:-QUIET, QUIET + 6] = True
        return along

    def by_data(self) -> None:
        """Fit all modules, data as they seem, by polynomials."""
        weight = np.where(self.known != 0, 1.0, 0.6).astype(np.float32)
        for i in range(6):
            if i % 2 == 0:
                self.relevel()
            self.step(weight, 3 if i < 3 else 4, stiffness=0.002)

    def locally(self, widths: tuple[float, ...] = (4.0, 3.0, 2.2)) -> None:
        """Fit all modules by a smooth field, in windows of so many modules (Gaussian)."""
        weight = np.where(self.known != 0, 1.0, 0.7).astype(np.float32)
        for width in widths:
            self.relevel()
            for _ in range(4):
                self.step(weight, width=width, stiffness=0.05)
        self.relevel()

    def step(self, weight: Pixels, degree: int = 0, *, width: float = 0.0, stiffness: float) -> None:
        """Move the grid once to where the picture agrees better with the drawing.

        Parameters
        ----------
        weight : ndarray of float32, shape (M, M)
            What each module counts.
        degree : int
            Of the polynomials that the movement is; 0 for a smooth field instead.
        width : float
            Modules, the standard deviation of the windows of the smooth field.
        stiffness : float
            How much movement is held back, as a share of the evidence.
        """
        values = self.values()
        drawing = smooth(spread(self.decided(values)), _DRAWN_BLUR * SAMPLES)
        self.approach(smooth(values, 0.25 * SAMPLES), drawing, weight, degree, width, stiffness)

    def approach(
        self, values: Pixels, drawing: Pixels, weight: Pixels, degree: int, width: float, stiffness: float
    ) -> None:
        """One step of `step` for a given picture and drawing of it, both fields over samples."""
        sums = [a * weight for a in slopes(values, drawing)]
        if degree:
            self._move(*self._polynomial([(_ALL, sums)], degree, stiffness))
        else:
            self._move(*local_movement(sums, width, stiffness))

    def _step_begun(self, near: NDArray[np.bool_], degree: int, parts: Sequence[Part]) -> None:
        """One step by some of the known modules, looking only at the parts of the grid where they are."""
        sums = []
        for part in parts:
            outer, inner = self._framed(part)
            values = self.unwrapped(self._even, outer)
            drawing = smooth(spread(self.decided(values, part=outer)), _DRAWN_BLUR * SAMPLES)
            found = slopes(smooth(values, 0.25 * SAMPLES), drawing)
            sums.append((part, [a[inner] * near[part] for a in found]))
        self._move(*self._polynomial(sums, degree, 0.01))

    def _framed(self, part: Part) -> tuple[Part, Part]:
        """A part with a module around it, as far as there is one, and where it is in that."""
        outer, inner = [], []
        for one in part:
            first, last, _ = one.indices(len(self.x))
            begin, end = max(0, first - 1), min(len(self.x), last + 1)
            outer.append(slice(begin, end))
            inner.append(slice(first - begin, last - begin))
        return (outer[0], outer[1]), (inner[0], inner[1])

    def _seen(self, part: Part) -> Pixels:
        """How dark the modules of a part are, before any levels were taken from the symbol."""
        outer, inner = self._framed(part)
        return centres(self.unwrapped(self._even, outer))[inner]

    def _move(self, du: NDArray[np.floating[Any]], dv: NDArray[np.floating[Any]]) -> None:
        # Half a module at a time: further, the gradients mean nothing.
        shorten = np.minimum(1, 0.5 / np.maximum(np.hypot(du, dv), 1e-6))
        du, dv = du * shorten, dv * shorten
        moved = []
        for a in (self.x, self.y):
            along_v, along_u = np.gradient(a)
            moved.append(a + along_u * du + along_v * dv)
        self.x, self.y = moved

    def _polynomial(
        self, sums: Sequence[tuple[Part, list[Pixels]]], degree: int, stiffness: float
    ) -> tuple[Field, Field]:
        """The movement that explains the sums of some parts best among polynomials of a degree."""
        terms, degrees = monomials(self.size, QUIET, degree)
        count = len(degrees)
        normal, right = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
        for part, each in sums:
            flat = terms[part].reshape(-1, count)
            xx, xy, yy = ((flat * s.reshape(-1, 1)).T @ flat for s in each[:3])
            normal += np.block([[xx, xy], [xy.T, yy]])
            right += np.concatenate([flat.T @ s.ravel() for s in each[3:]])
        hold = stiffness * np.trace(normal) / len(normal) * np.where(degrees <= 1, 0.2, degrees)
        solved = np.linalg.solve(normal + np.diag(np.tile(hold, 2) + 1e-9), right)
        return terms @ solved[:count], terms @ solved[count:]

    def _align(self) -> None:
        """Find the alignment pattern at the bottom right, and move that quarter of the grid there."""
        if self.layout.version == 1:
            return
        cv2 = opencv()
        centre = self.layout.alignment[-1] + 0.5
        index = round(centre - 0.5) + QUIET
        pattern = spread(self.known[index - 2 : index + 3, index - 2 : index + 3])
        margin = int((3.0 + 0.06 * self.size) * SAMPLES)
        first = (index - 2) * SAMPLES - margin
        window = self.values()[first : first + len(pattern) + 2 * margin, first:][
            :, : len(pattern) + 2 * margin
        ]
        scores = cv2.matchTemplate(window, smooth(pattern, 0.3 * SAMPLES), cv2.TM_CCOEFF_NORMED)
        rows, columns = np.mgrid[: scores.shape[0], : scores.shape[1]]
        away = np.hypot(rows - margin, columns - margin) / SAMPLES
        row, column = np.unravel_index(np.argmax(scores - 0.05 * away), scores.shape)
        if scores[row, column] < 0.5:
            return
        # Nothing moves on the sides between the finder patterns.
        share = np.clip((self.u - 3.5) * (self.v - 3.5) / (centre - 3.5) ** 2, -0.5, 1.6)
        du, dv = share * (column - margin) / SAMPLES, share * (row - margin) / SAMPLES
        for a in (self.x, self.y):
            along_v, along_u = np.gradient(a)
            a += along_u * du + along_v * dv
        self._far = np.minimum(self._far, np.hypot(self.u - centre, self.v - centre))

    def _agreement(self) -> float:
        """How well the function patterns are seen, about -1 to 1: timing counts most."""
        seen = np.clip(self.inner(centres(self.values())), -1, 1) * self.layout.pattern
        timing = seen[self.layout.timing].mean()
        return float(timing + seen[self.layout.pattern != 0].mean())

    def inner(self, field: Pixels) -> Pixels:
        """A field over modules without the quiet zone."""
        return field[QUIET:-QUIET, QUIET:-QUIET]

    def mesh(self) -> NDArray[np.float64]:
        """Corners of the modules in the pixels of `sheet`, shape (N + 1, N + 1, 2), (x, y)."""
        low, high = QUIET - 1, len(self.x) - QUIET
        parts = [
            (a[low:high, low:high] + a[low + 1 : high + 1, low:high]
             + a[low:high, low + 1 : high + 1] + a[low + 1 : high + 1, low + 1 : high + 1]) / 4
            for a in (self.x, self.y)
        ]  # fmt: skip
        return np.stack(parts, axis=-1)

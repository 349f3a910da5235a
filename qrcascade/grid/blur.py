"""The camera's point spread function, from the finder patterns or from the whole symbol.

The picture through the grid is the symbol, a constant on every module, convolved with the camera's
point spread function. Which of a bank of them (out of focus: a disc; motion: a line; both softened) it is
shows in how well it explains the finder patterns. All is done on half modules.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from qrcascade.grid.canvas import Pixels
from qrcascade.grid.fields import QUIET, SAMPLES, smooth
from qrcascade.grid.fit import Fit
from qrcascade.image.opencv import cv2

__all__ = [
    "FINE",
    "Blur",
    "convolve",
    "enlarge",
    "estimate_blur",
    "filter_wide",
    "normalize_light",
    "rank_blurs",
    "reduce",
]

# Thresholds, all chosen.
# Parts per side of a module: halves are enough to see the effect of blur on modules.
FINE = 2
# The bank, in modules: standard deviations of Gaussians, radii of discs, lengths of lines.
_GAUSSIANS = (0.15, 0.25, 0.35, 0.5, 0.7)
_DISCS = (0.5, 0.65, 0.8, 0.95, 1.1, 1.25, 1.4, 1.6)
_LINES = (1.0, 1.5, 2.0, 2.6, 3.3)
# Directions of lines in half a turn.
_DIRECTIONS = 8
# Modules, the standard deviation that softens discs and lines.
_SOFTNESS = 0.2
# How finely a kernel is drawn, as parts of half a module, and how many standard deviations of it are kept.
_OVERSAMPLING, _DEVIATIONS = 8, 3
# Modules, the standard deviations of the windows in which light is removed: without and with a highpass.
_LIGHT, _LIGHT_FILTERED = 4.0, 5.0
# How much of the whole picture's regression of gray on the drawing is mixed into the local one.
_MIXED = 0.15
# The least slope, as a share of the whole picture's, and in gray levels.
_LEAST_SLOPE, _LEAST_LEVELS = 0.15, 1e-3
# Largest value of the picture in the drawing's terms, where 1 is dark.
_MOST_VALUE = 2.2
# Half modules to either side that the blind estimate has.
_REACH = 4
# How far modules are stretched before it, cut off at 1, so that sure ones count as decided.
_STRETCH = 1.5
# How much it is held to the blur that it begins with, as a share of the evidence.
_HOLD = 0.01
# Against division by zero.
_LEAST = 1e-6

# A sample is a mean over half a module. Derived: the mean over a cell of values linear between centres.
_SAMPLING = np.array([0.125, 0.75, 0.125], np.float32)
# Modules per side of a finder pattern (ISO/IEC 18004, 6.3.3).
_FINDER = 7


@dataclass(frozen=True, slots=True)
class Blur:
    """A point spread function on half modules; `kernel` has an odd side and sum 1."""

    name: str
    kernel: Pixels

    def measure_width(self) -> float:
        """Return its standard deviation in the direction in which it is widest, in modules."""
        at = (np.arange(len(self.kernel)) - len(self.kernel) // 2) / FINE
        x, y = np.meshgrid(at, at)
        moments = [[(self.kernel * a * b).sum() for a in (x, y)] for b in (x, y)]
        return float(np.sqrt(np.linalg.eigvalsh(moments)[-1]))


def _draw_kernel(length: float, angle: float, radius: float, soft: float) -> Pixels:
    """Draw a line or disc, softened by a Gaussian, on half modules; lengths in modules."""
    over = _OVERSAMPLING
    half = int(np.ceil((max(length / 2, radius) + _DEVIATIONS * soft) * FINE)) + 1
    at = (np.arange((2 * half + 1) * over) + 0.5) / over - half - 0.5
    x, y = np.meshgrid(at, at)
    along = np.abs(x * np.cos(angle) + y * np.sin(angle)) - length * FINE / 2
    across = np.abs(y * np.cos(angle) - x * np.sin(angle))
    reach = max(radius * FINE, 1.0 / over)
    shape = (np.hypot(np.maximum(along, 0), across) <= reach).astype(np.float32)
    shape = cv2.GaussianBlur(shape, (0, 0), soft * FINE * over)
    kernel = shape.reshape(2 * half + 1, over, 2 * half + 1, over).mean((1, 3))
    kernel = cv2.sepFilter2D(kernel, -1, _SAMPLING, _SAMPLING)
    return np.asarray(kernel / kernel.sum(), np.float32)


@functools.cache
def _draw_bank() -> tuple[Blur, ...]:
    """Return blurs of a soft lens, out of focus, and of motion."""
    gauss = [Blur(f"gauss {s}", _draw_kernel(0, 0, 0, s)) for s in _GAUSSIANS]
    disc = [Blur(f"disc {r}", _draw_kernel(0, 0, r, _SOFTNESS)) for r in _DISCS]
    lines = [
        Blur(
            f"line {length} {k * 180 / _DIRECTIONS:g}°",
            _draw_kernel(length, k * np.pi / _DIRECTIONS, 0.0, _SOFTNESS),
        )
        for length, k in itertools.product(_LINES, range(_DIRECTIONS))
    ]
    return (*gauss, *disc, *lines)


def rank_blurs(fit: Fit) -> list[Blur]:
    """Return the bank, the best first, by how much of the finder patterns each explains."""
    bank = _draw_bank()
    around = max(len(blur.kernel) for blur in bank) // 2
    # Dark is +1 drawn and low in gray.
    seen = _cut_finders(-reduce(fit.gray), 0).reshape(-1, 3)
    drawn = _cut_finders(enlarge(fit.known), around)
    inner = np.s_[around:-around, around:-around]
    # The patterns alone: the data beside them are unknown.
    shown = np.stack([convolve(drawn, blur.kernel)[inner].reshape(-1, 3) for blur in bank])
    seen, shown = seen - seen.mean(0), shown - shown.mean(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        fits = (shown * seen).sum(1) / np.sqrt((shown**2).sum(1) * (seen**2).sum(0))
    explained = (np.maximum(0.0, np.nan_to_num(fits)) ** 2).sum(1)
    return [bank[i] for i in np.argsort(-explained, kind="stable")]


def _cut_finders(field: Pixels, around: int) -> Pixels:
    """Return the three finder patterns with margins of this width, along a last axis, from half modules."""
    padded = np.pad(field, around, mode="edge")
    side = _FINDER * FINE + 2 * around
    first, last = QUIET * FINE, len(field) - (QUIET + _FINDER) * FINE
    corners = ((first, first), (first, last), (last, first))
    return np.dstack([padded[row : row + side, column : column + side] for row, column in corners])


def estimate_blur(fit: Fit, blur: Blur, modules: Pixels) -> Blur:
    """Estimate the point spread function from the whole symbol, beginning with a rough one.

    Least squares over `_REACH` half modules to either side, held to the given one; nowhere negative.

    Parameters
    ----------
    fit : Fit
        Where the modules are.
    blur : Blur
        The rough one.
    modules : ndarray of float32, shape (M, M)
        What the modules seem to be, -1 to 1.
    """
    drawn = enlarge(np.clip(_STRETCH * modules, -1, 1))
    picture = normalize_light(reduce(fit.gray), convolve(drawn, blur.kernel), 0.0)
    offsets = list(itertools.product(range(-_REACH, _REACH + 1), repeat=2))
    inner = np.s_[_REACH:-_REACH, _REACH:-_REACH]
    columns = np.stack([np.roll(drawn, o, (0, 1))[inner].ravel() for o in offsets])
    start = _cut_kernel(blur.kernel).ravel()
    normal = columns @ columns.T
    hold = _HOLD * np.trace(normal) / len(normal)
    change = np.linalg.solve(
        normal + hold * np.eye(len(normal)), columns @ (picture[inner].ravel() - start @ columns)
    )
    kernel = np.maximum(start + change, 0).reshape(2 * _REACH + 1, 2 * _REACH + 1)
    # filter2D correlates: the kernel is seen from the other side.
    kernel = kernel[::-1, ::-1]
    return Blur("blind", np.ascontiguousarray(kernel / max(kernel.sum(), _LEAST), np.float32))


def _cut_kernel(kernel: Pixels) -> Pixels:
    """Return the middle of a kernel, or the kernel with zeros around, turned as offsets of shifts go."""
    half = len(kernel) // 2
    padded = np.pad(kernel, max(0, _REACH - half))
    middle = len(padded) // 2
    own = slice(middle - _REACH, middle + _REACH + 1)
    return padded[own, own][::-1, ::-1]


def reduce(samples: Pixels) -> Pixels:
    """Return a field over samples on half modules."""
    side = len(samples) // SAMPLES * FINE
    return np.asarray(cv2.resize(samples, (side, side), interpolation=cv2.INTER_AREA))


def enlarge(field: Pixels) -> Pixels:
    """Return a field over modules on half modules."""
    return field.repeat(FINE, 0).repeat(FINE, 1)


def convolve(field: Pixels, kernel: Pixels) -> Pixels:
    """Return a field through a kernel, both on half modules."""
    return np.asarray(cv2.filter2D(field, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def filter_wide(field: Pixels, highpass: float) -> Pixels:
    """Remove structures wider than ``highpass`` modules from a field on half modules; 0 removes nothing."""
    return field - smooth(field, highpass * FINE) if highpass else field


def normalize_light(gray: Pixels, drawn: Pixels, highpass: float) -> Pixels:
    """Return a picture in the drawing's terms: a local regression of gray on it removes the light.

    Parameters
    ----------
    gray, drawn : ndarray of float32
        Gray levels, and the blurred modules, 1 for dark, on half modules.
    highpass : float
        What was left out of the drawing by `filter_wide`.
    """
    gray = -gray
    width = (_LIGHT_FILTERED if highpass else _LIGHT) * FINE
    if highpass:
        gray = filter_wide(gray, highpass)
        along, energy = smooth(drawn * gray, width), smooth(drawn * drawn, width)
    else:
        mean, middle = smooth(drawn, width), smooth(gray, width)
        along = smooth(drawn * gray, width) - mean * middle
        energy = smooth(drawn * drawn, width) - mean * mean
    share, typical = float(along.mean()), max(float(energy.mean()), _LEAST)
    slope = (along + _MIXED * share) / (energy + _MIXED * typical)
    slope = np.maximum(slope, max(_LEAST_SLOPE * share / typical, _LEAST_LEVELS))
    offset = 0.0 if highpass else middle - slope * mean
    return np.clip((gray - offset) / slope, -_MOST_VALUE, _MOST_VALUE).astype(np.float32)

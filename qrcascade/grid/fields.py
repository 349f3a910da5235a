"""Fields over a symbol's modules, and over samples of them.

A field over modules has a value for each module, one over samples `SAMPLES` by `SAMPLES` of them.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import Pixels
from qrcascade.image.opencv import cv2

__all__ = [
    "QUIET",
    "SAMPLES",
    "Field",
    "average",
    "average_centres",
    "correlate_gradients",
    "monomials",
    "smooth",
    "spread",
]

Field = NDArray[np.float64]

# Modules of the quiet zone that are fitted too. Chosen.
QUIET = 2
# Samples per side of each module. Chosen.
SAMPLES = 4
# What the 3 x 3 Sobel kernel makes of a slope of 1 a sample. Derived: weights 1, 2, 1 over two samples.
_SOBEL = 8
# Largest difference that counts: anything larger is not just a misplaced grid. Chosen.
_MOST_ERROR = 1.0


def spread(field: Pixels) -> Pixels:
    """Return a field over modules as one over samples."""
    size = (field.shape[1] * SAMPLES, field.shape[0] * SAMPLES)
    return np.asarray(cv2.resize(np.ascontiguousarray(field), size, interpolation=cv2.INTER_NEAREST))


def average(samples: Pixels) -> Pixels:
    """Average a field over samples over each module."""
    rows, columns = samples.shape
    size = columns // SAMPLES, rows // SAMPLES
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA))


def average_centres(samples: Pixels) -> Pixels:
    """Average a field over samples over the middle of each module: two by two samples."""
    middle = samples[1::SAMPLES] + samples[2::SAMPLES]
    return np.asarray((middle[:, 1::SAMPLES] + middle[:, 2::SAMPLES]) / 4, np.float32)


def smooth(field: Pixels, sigma: float) -> Pixels:
    """Blur a field by a Gaussian, reflected at its edges."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def correlate_gradients(values: Pixels, drawing: Pixels) -> list[Pixels]:
    """Return what least squares need of two fields over samples, averaged over each module.

    With the gradient (gx, gy) that both have in the mean, and the error e of the values: gx gx, gx gy, gy gy,
    gx e, gy e. Gradients are by module.
    """
    both = values + drawing
    scale = SAMPLES / (2 * _SOBEL)
    gx, gy = (cv2.Sobel(both, cv2.CV_32F, *order, scale=scale) for order in ((1, 0), (0, 1)))
    error = np.clip(drawing - values, -_MOST_ERROR, _MOST_ERROR)
    return [average(a) for a in (gx * gx, gx * gy, gy * gy, gx * error, gy * error)]


@functools.lru_cache(maxsize=32)
def monomials(size: int, quiet: int, degree: int) -> tuple[Field, Field]:
    """Return monomials up to a degree over modules and quiet zone, and each one's degree.

    The symbol is the square from -1 to 1; shapes are (M, M, terms) and (terms,).
    """
    at = (np.arange(size + 2 * quiet) + 0.5 - quiet) / size * 2 - 1
    u, v = np.meshgrid(at, at)
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([u**i * v**j for i, j in powers], axis=-1), np.array([i + j for i, j in powers], float)

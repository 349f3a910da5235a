"""Fields over a symbol's modules, and over samples of them.

A field over modules has a value for each module, one over samples `SAMPLES` by `SAMPLES` of them. Several
fields of the same shape can be taken together, along a last axis.
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
    "list_powers",
    "measure_slopes",
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
    rows, columns = samples.shape[:2]
    size = columns // SAMPLES, rows // SAMPLES
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA))


def average_centres(samples: Pixels) -> Pixels:
    """Average a field over samples over the middle of each module: two by two samples."""
    middle = samples[1::SAMPLES] + samples[2::SAMPLES]
    return np.asarray((middle[:, 1::SAMPLES] + middle[:, 2::SAMPLES]) / 4, np.float32)


def smooth(field: Pixels, sigma: float) -> Pixels:
    """Blur a field by a Gaussian, reflected at its edges."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def measure_slopes(fields: Field) -> tuple[Field, Field]:
    """Return how fields change by row and by column, along the last two axes, as `numpy.gradient` does."""
    both = []
    for along in (fields.swapaxes(-1, -2), fields):
        slope = np.empty_like(along)
        slope[..., 1:-1] = (along[..., 2:] - along[..., :-2]) / 2
        slope[..., 0], slope[..., -1] = along[..., 1] - along[..., 0], along[..., -1] - along[..., -2]
        both.append(slope)
    return both[0].swapaxes(-1, -2), both[1]


def correlate_gradients(values: Pixels, drawing: Pixels) -> Pixels:
    """Return the products of two fields over samples that least squares needs, averaged over each module.

    With the gradient (gx, gy) that both have in the mean, and the error e of the values: gx gx, gx gy, gy gy,
    gx e, gy e, along the first axis. Gradients are by module.
    """
    both = values + drawing
    scale = SAMPLES / (2 * _SOBEL)
    gx, gy = (cv2.Sobel(both, cv2.CV_32F, *order, scale=scale) for order in ((1, 0), (0, 1)))
    error = np.clip(drawing - values, -_MOST_ERROR, _MOST_ERROR)
    products = np.empty((5, *both.shape), np.float32)
    for product, one, other in zip(products, (gx, gx, gy, gx, gy), (gx, gy, gy, error, error), strict=True):
        np.multiply(one, other, out=product)
    # One above the other, they are averaged at once.
    means = average(products.reshape(-1, *products.shape[2:]))
    return means.reshape(len(products), -1, *means.shape[1:])


@functools.lru_cache(maxsize=128)
def list_powers(size: int, degree: int) -> Field:
    """Return powers 0 to ``degree`` of modules' places, shape (M, degree + 1); the symbol is from -1 to 1."""
    at = (np.arange(size + 2 * QUIET) + 0.5 - QUIET) / size * 2 - 1
    return np.vander(at, degree + 1, increasing=True)

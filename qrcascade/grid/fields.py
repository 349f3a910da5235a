"""Fields over a symbol's modules and over samples of them, and the movement that makes two pictures agree.

A field over modules has a value for each module, one over samples `SAMPLES` by `SAMPLES` of them.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.locate import Pixels
from qrcascade.views import opencv

__all__ = [
    "SAMPLES",
    "Field",
    "centres",
    "local_movement",
    "means",
    "monomials",
    "slopes",
    "smooth",
    "spread",
]

Field = NDArray[np.float64]

# Samples a side of each module.
SAMPLES = 4


def spread(field: Pixels) -> Pixels:
    """A field over modules as one over samples."""
    cv2 = opencv()
    size = (field.shape[1] * SAMPLES, field.shape[0] * SAMPLES)
    return np.asarray(cv2.resize(np.ascontiguousarray(field), size, interpolation=cv2.INTER_NEAREST))


def means(samples: Pixels) -> Pixels:
    """A field over samples, averaged over each module."""
    cv2 = opencv()
    rows, columns = samples.shape
    size = columns // SAMPLES, rows // SAMPLES
    return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA))


def centres(samples: Pixels) -> Pixels:
    """A field over samples, averaged over the middle of each module."""
    middle = samples[1::SAMPLES] + samples[2::SAMPLES]
    return np.asarray((middle[:, 1::SAMPLES] + middle[:, 2::SAMPLES]) / 4, np.float32)


def smooth(field: Pixels, sigma: float) -> Pixels:
    """A field blurred by a Gaussian, reflected at its edges."""
    cv2 = opencv()
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def slopes(values: Pixels, drawing: Pixels) -> list[Pixels]:
    """What least squares need of two fields over samples, averaged over each module.

    With the gradient (gx, gy) that both have in the mean, and the error e of the values: gx gx, gx gy, gy gy,
    gx e, gy e.
    """
    cv2 = opencv()
    both = values + drawing
    gx, gy = (cv2.Sobel(both, cv2.CV_32F, *order, scale=SAMPLES / 16) for order in ((1, 0), (0, 1)))
    error = np.clip(drawing - values, -1, 1)
    return [means(a) for a in (gx * gx, gx * gy, gy * gy, gx * error, gy * error)]


def local_movement(sums: list[Pixels], width: float, stiffness: float) -> tuple[Pixels, Pixels]:
    """The movement that explains the sums best around every module."""
    xx, xy, yy, xe, ye = (smooth(s, width) for s in sums)
    hold = stiffness * float(np.mean(xx + yy)) + 1e-6
    xx, yy = xx + hold, yy + hold
    det = xx * yy - xy * xy
    ways = (np.asarray(a / det, np.float32) for a in (yy * xe - xy * ye, xx * ye - xy * xe))
    du, dv = (smooth(way, width / 2) for way in ways)
    return du, dv


@functools.lru_cache(maxsize=32)
def monomials(size: int, quiet: int, degree: int) -> tuple[Field, Field]:
    """Monomials up to a degree over modules and quiet zone, shape (M, M, terms), and each one's degree."""
    at = (np.arange(size + 2 * quiet) + 0.5 - quiet) / size * 2 - 1
    u, v = np.meshgrid(at, at)
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([u**i * v**j for i, j in powers], axis=-1), np.array([i + j for i, j in powers], float)

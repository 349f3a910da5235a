"""Soft bits through blur: the modules that, once they are blurred, look like the picture.

Least squares in the box -1 to 1 by accelerated projected gradients (Beck and Teboulle, 2009), in turn with
the light and the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qrcascade.grid.blur import FINE, Blur, convolve, enlarge, filter_wide, normalize_light, reduce
from qrcascade.grid.canvas import Pixels
from qrcascade.grid.fields import SAMPLES, smooth
from qrcascade.grid.fit import Fit
from qrcascade.grid.step import SmoothField, approach
from qrcascade.image.opencv import cv2

__all__ = ["Deblurred", "deconvolve"]

# Thresholds, all chosen.
# Most steps of the gradient, the largest change of a module that ends them, and how often light, modules and
# grid are found in turn.
_ITERATIONS, _STILL, _ROUNDS = 40, 1e-3, 4
# How fast modules are decided, as the factor in tanh: at the beginning, and before the grid is moved.
_FIRST_GAIN, _MOVING_GAIN = 1.5, 2
# Largest difference that counts: anything larger is not noise (Huber).
_MOST_ERROR = 1.0
# The grid's steps: modules of the windows, in the first one and then.
_FIRST_WIDTH, _WIDTH = 4.0, 3.0
# Stiffness of these steps, and weight of data; known modules weigh 1.
_STIFFNESS, _DATA_WEIGHT = 0.05, 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Deblurred:
    """The outcome of a deconvolution.

    Attributes
    ----------
    fit : Fit
        The grid, moved along with the modules.
    soft : ndarray of float32, shape (N, N)
        Soft bits.
    modules : ndarray of float32, shape (M, M)
        The modules in the box, quiet zone included.
    """

    fit: Fit
    soft: Pixels
    modules: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class _Camera:
    """How modules look through a blur, at half a module's resolution.

    ``highpass`` is in modules: wider structures are left out; with 0, none are.
    """

    kernel: Pixels
    highpass: float

    def show(self, modules: Pixels) -> Pixels:
        """Return the image of modules."""
        return filter_wide(convolve(enlarge(modules), self.kernel), self.highpass)

    def trace(self, error: Pixels) -> Pixels:
        """Return what an error in the image means for each module: the adjoint of `show`."""
        count = len(error) // FINE
        turned = np.ascontiguousarray(self.kernel[::-1, ::-1])
        traced = convolve(filter_wide(error, self.highpass), turned)
        return np.asarray(cv2.resize(traced, (count, count), interpolation=cv2.INTER_AREA))

    def correct(self, modules: Pixels, picture: Pixels) -> Pixels:
        """Return the change of modules that the picture calls for."""
        return self.trace(np.clip(self.show(modules) - picture, -_MOST_ERROR, _MOST_ERROR))


def deconvolve(
    fit: Fit, blur: Blur, *, modules: Pixels | None = None, rounds: int = _ROUNDS, highpass: float = 0.0
) -> Deblurred:
    """Find modules that look like the picture through a blur, and move the grid along with them.

    Parameters
    ----------
    fit : Fit
        The initial grid.
    blur : Blur
        The blur between the modules and the picture.
    modules : ndarray of float32, shape (M, M), optional
        Initial modules; by default as the fit's modules seem to be.
    rounds : int
        Number of times that light, modules and grid are estimated in turn.
    highpass : float
        In modules: wider structures are left out of both, if light changes fast; with 0, none are.
    """
    camera = _Camera(blur.kernel, highpass)
    if modules is None:
        modules = fit.decide(fit.values, _FIRST_GAIN)
    modules = np.where(fit.fixed, fit.known, modules)
    for turn in range(rounds):
        if turn:
            fit = _move(fit, camera, modules, _FIRST_WIDTH if turn == 1 else _WIDTH)
        picture = normalize_light(reduce(fit.gray), camera.show(modules), highpass)
        modules = _solve(fit, modules, picture, camera)
    one = np.zeros_like(modules)
    one[len(one) // 2, len(one) // 2] = 1
    energy = float((camera.show(one) ** 2).sum()) / FINE**2
    soft = modules - camera.correct(modules, picture) / energy
    return Deblurred(fit, fit.inner(soft), modules)


def _solve(fit: Fit, modules: Pixels, picture: Pixels, camera: _Camera) -> Pixels:
    """Return the modules in the box that look like the picture; those that are known stay."""
    ahead, momentum = modules, 1.0
    for _ in range(_ITERATIONS):
        moved = np.clip(ahead - camera.correct(ahead, picture), -1, 1)
        moved = np.where(fit.fixed, fit.known, moved).astype(np.float32)
        following = (1 + np.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = moved + np.float32((momentum - 1) / following) * (moved - modules)
        still = np.abs(moved - modules).max() < _STILL
        modules, momentum = moved, following
        if still:
            break
    return modules


def _move(fit: Fit, camera: _Camera, modules: Pixels, width: float) -> Fit:
    """Move the grid to where the blurred modules agree with the picture."""
    side = len(modules) * SAMPLES
    sure = np.where(fit.fixed, fit.known, np.tanh(_MOVING_GAIN * modules)).astype(np.float32)
    drawn = camera.show(sure)
    gray = fit.gray
    if camera.highpass:
        gray = gray - smooth(gray, camera.highpass * SAMPLES)
    light = normalize_light(reduce(gray), drawn, 0.0)
    picture, drawing = (cv2.resize(a, (side, side), interpolation=cv2.INTER_LINEAR) for a in (light, drawn))
    weight = np.where(fit.fixed, 1.0, _DATA_WEIGHT).astype(np.float32)
    return approach(fit, picture, drawing, weight, SmoothField(width, _STIFFNESS))

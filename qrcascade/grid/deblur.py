"""Soft bits through blur: the point spread function from the finder patterns, modules by deconvolution.

The picture through the grid is the symbol, a constant on every module, convolved with the camera's
point spread function. Which of a bank of them (out of focus: a disc; motion: a line; both softened) is
told by how well it makes the finder patterns look as they do. Then the modules are found that, so
convolved, look like the picture: least squares in the box -1 to 1 by accelerated projected gradients
(Beck and Teboulle, 2009).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.fields import SAMPLES, smooth
from qrcascade.grid.fit import QUIET, Fit
from qrcascade.grid.locate import Pixels
from qrcascade.views import opencv

__all__ = ["Blur", "blind", "blurs", "deconvolved"]

# Half modules are enough to see what blur does to modules.
_FINE = 2
_ITERATIONS, _ROUNDS = 40, 4


@dataclass(frozen=True, slots=True)
class Blur:
    """A point spread function on half modules; `kernel` has an odd side and sum 1."""

    name: str
    kernel: Pixels


def _dense(length: float, angle: float, radius: float, soft: float) -> Pixels:
    """A line or disc, softened by a Gaussian, on half modules; lengths in modules."""
    cv2 = opencv()
    over = 8
    half = int(np.ceil((max(length / 2, radius) + 3 * soft) * _FINE)) + 1
    at = (np.arange((2 * half + 1) * over) + 0.5) / over - half - 0.5
    x, y = np.meshgrid(at, at)
    along = np.abs(x * np.cos(angle) + y * np.sin(angle)) - length * _FINE / 2
    across = np.abs(y * np.cos(angle) - x * np.sin(angle))
    reach = max(radius * _FINE, 1.0 / over)
    shape = (np.hypot(np.maximum(along, 0), across) <= reach).astype(np.float32)
    shape = cv2.GaussianBlur(shape, (0, 0), soft * _FINE * over)
    kernel = shape.reshape(2 * half + 1, over, 2 * half + 1, over).mean((1, 3))
    # Samples are themselves means over half modules.
    kernel = cv2.sepFilter2D(kernel, -1, *[np.array([0.125, 0.75, 0.125], np.float32)] * 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


@functools.cache
def _bank() -> tuple[Blur, ...]:
    """Out of focus, out of the lens, and moved in eight directions."""
    gauss = [Blur(f"gauss {s}", _dense(0, 0, 0, s)) for s in (0.15, 0.25, 0.35, 0.5, 0.7)]
    disc = [Blur(f"disc {r}", _dense(0, 0, r, 0.2)) for r in (0.5, 0.65, 0.8, 0.95, 1.1, 1.25, 1.4, 1.6)]
    lines = itertools.product((1.0, 1.5, 2.0, 2.6, 3.3), range(8))
    return (
        *gauss,
        *disc,
        *(Blur(f"line {n} {k * 22.5:g}°", _dense(n, k * np.pi / 8, 0.0, 0.2)) for n, k in lines),
    )


def _reduced(samples: Pixels) -> Pixels:
    """A field over samples on half modules."""
    cv2 = opencv()
    side = len(samples) // SAMPLES * _FINE
    return np.asarray(cv2.resize(samples, (side, side), interpolation=cv2.INTER_AREA))


def _enlarged(field: Pixels) -> Pixels:
    """A field over modules on half modules."""
    return field.repeat(_FINE, 0).repeat(_FINE, 1)


def _convolved(field: Pixels, kernel: Pixels) -> Pixels:
    cv2 = opencv()
    return np.asarray(cv2.filter2D(field, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def blurs(fit: Fit) -> list[Blur]:
    """The bank, the best first, by how much of the finder patterns each explains."""
    seen = _reduced(fit.unwrapped(fit.sheet))
    drawn = _enlarged(fit.known)
    size = fit.size
    # The patterns alone: data beside them is not known.
    first, last = QUIET * _FINE, (QUIET + size - 7) * _FINE
    windows = [
        np.s_[row : row + 7 * _FINE, column : column + 7 * _FINE]
        for row, column in ((first, first), (first, last), (last, first))
    ]

    def unexplained(blur: Blur) -> float:
        looks = _convolved(drawn, blur.kernel)
        # Dark is +1 drawn and low in gray.
        with np.errstate(invalid="ignore"):
            fits = [-np.corrcoef(looks[w].ravel(), seen[w].ravel())[0, 1] for w in windows]
        return float(sum(1 - max(0.0, np.nan_to_num(r)) ** 2 for r in fits))

    return sorted(_bank(), key=unexplained)


def deconvolved(
    fit: Fit, blur: Blur, *, modules: Pixels | None = None, rounds: int = _ROUNDS, highpass: float = 0.0
) -> tuple[Pixels, Pixels]:
    """Modules that look like the picture through a blur; the grid is moved along with them.

    Parameters
    ----------
    fit : Fit
        Its grid is refined.
    blur : Blur
        What is between the modules and the picture.
    modules : ndarray of float32, shape (M, M), optional
        Where to start.
    rounds : int
        How often light, modules and grid are found in turn.
    highpass : float
        Modules: what is wider than this is left out of both, where light changes fast; 0 for nothing.

    Returns
    -------
    soft : ndarray of float32, shape (N, N)
        Soft bits.
    modules : ndarray of float32, shape (M, M)
        The modules in the box.
    """
    fixed = fit.known != 0
    if modules is None:
        modules = fit.decided(fit.values(), 1.5)
    modules = np.where(fixed, fit.known, modules)
    look = functools.partial(_looks, kernel=blur.kernel, highpass=highpass)
    back = functools.partial(_heard, kernel=np.ascontiguousarray(blur.kernel[::-1, ::-1]), highpass=highpass)
    for turn in range(rounds):
        picture = _lit(_reduced(fit.unwrapped(fit.sheet)), look(modules), highpass)
        modules = _boxed(modules, fixed, fit.known, picture, look, back)
        if turn < rounds - 1:
            _move(fit, blur, modules, highpass, width=4.0 if turn == 0 else 3.0)
    one = np.zeros_like(modules)
    one[len(one) // 2, len(one) // 2] = 1
    energy = float((look(one) ** 2).sum()) / _FINE**2
    soft = modules - back(np.clip(look(modules) - picture, -1, 1)) / energy
    return fit.inner(soft), modules


def _looks(modules: Pixels, kernel: Pixels, highpass: float) -> Pixels:
    return _without_wide(_convolved(_enlarged(modules), kernel), highpass)


def _heard(error: Pixels, kernel: Pixels, highpass: float) -> Pixels:
    cv2 = opencv()
    count = len(error) // _FINE
    heard = _convolved(_without_wide(error, highpass), kernel)
    return np.asarray(cv2.resize(heard, (count, count), interpolation=cv2.INTER_AREA))


def _without_wide(field: Pixels, highpass: float) -> Pixels:
    return field - smooth(field, highpass * _FINE) if highpass else field


def _lit(gray: Pixels, drawn: Pixels, highpass: float) -> Pixels:
    """The picture in the drawing's terms: a local regression of gray on it takes the light off."""
    gray = -gray
    width = (5.0 if highpass else 4.0) * _FINE
    if highpass:
        gray = _without_wide(gray, highpass)
        along, energy = smooth(drawn * gray, width), smooth(drawn * drawn, width)
    else:
        mean, middle = smooth(drawn, width), smooth(gray, width)
        along = smooth(drawn * gray, width) - mean * middle
        energy = smooth(drawn * drawn, width) - mean * mean
    share, typical = float(along.mean()), max(float(energy.mean()), 1e-6)
    slope = (along + 0.15 * share) / (energy + 0.15 * typical)
    slope = np.maximum(slope, max(0.15 * share / typical, 1e-3))
    offset = 0.0 if highpass else middle - slope * mean
    return np.clip((gray - offset) / slope, -2.2, 2.2).astype(np.float32)


def _boxed(
    modules: Pixels,
    fixed: NDArray[np.bool_],
    known: Pixels,
    picture: Pixels,
    look: Callable[[Pixels], Pixels],
    back: Callable[[Pixels], Pixels],
) -> Pixels:
    """Accelerated projected gradients; large errors count less (Huber)."""
    ahead, momentum = modules, 1.0
    for _ in range(_ITERATIONS):
        moved = np.clip(ahead - back(np.clip(look(ahead) - picture, -1, 1)), -1, 1)
        moved = np.where(fixed, known, moved).astype(np.float32)
        following = (1 + np.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = moved + np.float32((momentum - 1) / following) * (moved - modules)
        modules, momentum = moved, following
    return modules


def _move(fit: Fit, blur: Blur, modules: Pixels, highpass: float, width: float) -> None:
    """Move the grid to where the blurred modules agree with the picture."""
    cv2 = opencv()
    side = len(modules) * SAMPLES
    sure = np.where(fit.known != 0, fit.known, np.tanh(2 * modules)).astype(np.float32)
    drawn = _looks(sure, blur.kernel, highpass)
    gray = fit.unwrapped(fit.sheet)
    if highpass:
        gray = gray - smooth(gray, highpass * SAMPLES)
    light = _lit(_reduced(gray), drawn, 0.0)
    picture, drawing = (cv2.resize(a, (side, side), interpolation=cv2.INTER_LINEAR) for a in (light, drawn))
    weight = np.where(fit.known != 0, 1.0, 0.7).astype(np.float32)
    fit.approach(picture, drawing, weight, 0, width, 0.05)


def blind(fit: Fit, blur: Blur, modules: Pixels, reach: int = 4) -> Blur:
    """The point spread function that explains the whole symbol, from one that explains it roughly.

    Least squares over `reach` half modules to either side, held to the given one; nowhere negative.
    """
    drawn = _enlarged(np.clip(1.5 * modules, -1, 1))
    picture = _lit(_reduced(fit.unwrapped(fit.sheet)), _convolved(drawn, blur.kernel), 0.0)
    offsets = list(itertools.product(range(-reach, reach + 1), repeat=2))
    inner = np.s_[reach:-reach, reach:-reach]
    columns = np.stack([np.roll(drawn, o, (0, 1))[inner].ravel() for o in offsets])
    start = _window(blur.kernel, reach).ravel()
    normal = columns @ columns.T
    hold = 0.01 * np.trace(normal) / len(normal)
    change = np.linalg.solve(
        normal + hold * np.eye(len(normal)), columns @ (picture[inner].ravel() - start @ columns)
    )
    kernel = np.maximum(start + change, 0).reshape(2 * reach + 1, 2 * reach + 1)
    # filter2D correlates: the kernel is seen from the other side.
    kernel = kernel[::-1, ::-1]
    return Blur("blind", np.ascontiguousarray(kernel / max(kernel.sum(), 1e-6), np.float32))


def _window(kernel: Pixels, reach: int) -> Pixels:
    """The middle of a kernel, or the kernel with zeros around, turned as offsets of shifts go."""
    half = len(kernel) // 2
    padded = np.pad(kernel, max(0, reach - half))
    middle = len(padded) // 2
    return padded[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1][::-1, ::-1]

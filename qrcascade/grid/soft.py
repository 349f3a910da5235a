"""Turn a fitted grid into soft bits: how certainly each module is dark (+) or light (-)."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import Pixels
from qrcascade.grid.fields import Field, average, average_centres
from qrcascade.grid.fit import Fit

__all__ = ["cancel_leakage", "sample_centres"]

Spectrum = NDArray[np.complex128]

# Thresholds, all chosen.
# Modules to either side whose light leaks into one.
_REACH = 2
# Number of times that shares and modules are estimated in turn.
_ROUNDS = 6
# How much a neighbour's share is held back, for each module of the symbol. A module's own share is not:
# without blur its neighbours leak nothing.
_HOLD = 3e-3
# How fast a module is decided, as the factor in tanh, and what share of it a round renews.
_GAIN, _RENEWED = 2, 1 / 2

_OFFSETS = np.array(list(itertools.product(range(-_REACH, _REACH + 1), repeat=2)))
_AT = tuple(_OFFSETS.T)
_BETWEEN = tuple(np.moveaxis(_OFFSETS[:, None] - _OFFSETS, 2, 0))


def sample_centres(fit: Fit) -> Pixels:
    """Return how dark the middle of each module is, shape (N, N)."""
    return fit.inner(average_centres(fit.values))


def cancel_leakage(fit: Fit) -> Pixels:
    """Return what remains of each module without its neighbours' leakage, shape (N, N).

    A blurred module holds a share of its neighbours. The shares, 5 x 5 and the same everywhere, are
    estimated by least squares from the modules as they seem to be; then each module is what all the
    places that it leaks to say of it (decision feedback, matched filter), and is decided again.
    """
    seen = average(fit.values).astype(np.float64)
    modules = fit.decide(fit.values).astype(np.float64)
    light = np.fft.rfft2(seen - seen.mean())
    soft = modules
    for _ in range(_ROUNDS):
        # Shifts wrap around: the quiet zone surrounds the symbol, so whatever wraps in is light.
        spectrum = np.fft.rfft2(modules - modules.mean())
        shares = _estimate_shares(spectrum, light, seen.shape)
        leak = np.zeros(seen.shape)
        leak[_AT] = shares
        response = np.fft.rfft2(leak)
        rest = light - response * spectrum
        soft = modules + np.fft.irfft2(response.conj() * rest, s=seen.shape) / (shares @ shares)
        modules = modules * (1 - _RENEWED) + np.tanh(_GAIN * soft) * _RENEWED
    return fit.inner(soft.astype(np.float32))


def _estimate_shares(modules: Spectrum, light: Spectrum, shape: tuple[int, ...]) -> Field:
    """Return each offset's share by least squares, from the spectra of the modules and of their image."""
    alike = np.fft.irfft2(np.abs(modules) ** 2, s=shape)
    heard = np.fft.irfft2(modules.conj() * light, s=shape)
    hold = np.where(_OFFSETS.any(axis=1), _HOLD * shape[0] * shape[1], 0.0)
    shares: Field = np.linalg.solve(alike[_BETWEEN] + np.diag(hold), heard[_AT])
    return shares

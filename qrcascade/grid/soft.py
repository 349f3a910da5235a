"""From a fitted grid to soft bits: how surely each module is dark (+) or light (-)."""

from __future__ import annotations

import itertools

import numpy as np

from qrcascade.grid.fields import centres, means
from qrcascade.grid.fit import Fit
from qrcascade.grid.locate import Pixels

__all__ = ["cancelled", "centred"]

# Modules to either side whose light leaks into one.
_REACH = 2
_ROUNDS = 6
_OFFSETS = np.array(list(itertools.product(range(-_REACH, _REACH + 1), repeat=2)))
_AT = tuple(_OFFSETS.T)
_BETWEEN = tuple(np.moveaxis(_OFFSETS[:, None] - _OFFSETS, 2, 0))


def centred(fit: Fit) -> Pixels:
    """The middle of each module, shape (N, N)."""
    return fit.inner(centres(fit.values()))


def cancelled(fit: Fit) -> Pixels:
    """What remains of each module when its neighbours' leakage is taken off, shape (N, N).

    A blurred module holds a share of its neighbours. The shares, 5 x 5 and the same everywhere, are
    estimated by least squares from the modules as they seem to be; then each module is what all the
    places that it leaks to say of it (decision feedback, matched filter), and seems again.
    """
    values = fit.values()
    seen = means(values).astype(np.float64)
    modules = fit.decided(values).astype(np.float64)
    # The module itself is not held back; its neighbours are, for they may be none.
    hold = 1e-2 * seen.size * np.array([0.0 if not i and not j else 0.3 for i, j in _OFFSETS])
    lit = seen - seen.mean()
    soft = modules
    for _ in range(_ROUNDS):
        # All over the torus: the quiet zone goes round, so what comes back in is light.
        spectrum = np.fft.rfft2(modules - modules.mean())
        alike = np.fft.irfft2(np.abs(spectrum) ** 2, s=seen.shape)
        heard = np.fft.irfft2(spectrum.conj() * np.fft.rfft2(lit), s=seen.shape)
        shares = np.linalg.solve(alike[_BETWEEN] + np.diag(hold), heard[_AT])
        leak = np.zeros(seen.shape)
        leak[_AT] = shares
        response = np.fft.rfft2(leak)
        rest = np.fft.rfft2(lit) - response * spectrum
        soft = modules + np.fft.irfft2(response.conj() * rest, s=seen.shape) / (shares @ shares)
        modules = (modules + np.tanh(2 * soft)) / 2
    return fit.inner(soft.astype(np.float32))

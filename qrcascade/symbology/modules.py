"""Read a symbol's modules, as an engine that has already decoded them reports them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import make_plan
from qrcascade.symbology.layout import data_mask, layout
from qrcascade.symbology.segments import Payload, parse

__all__ = ["read_modules"]


def read_modules(modules: NDArray[np.bool_], version: int, level: str, mask: int) -> Payload | None:
    """Correct a symbol's codewords, and parse them.

    Parameters
    ----------
    modules : ndarray of bool, shape (N, N)
        Whether each is dark; in the symbol's own rows and columns.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.

    Returns
    -------
    Payload or None
        None if there are too many errors, or the codewords are not a valid bit stream.
    """
    places, plan = layout(version), make_plan(version, level)
    rows, columns = places.order.T
    bits = modules[rows, columns] ^ data_mask(mask, places.size)[rows, columns]
    words = np.zeros((plan.block[-1] + 1, plan.width), np.uint8)
    words[plan.block, plan.column] = np.packbits(bits)
    words, _, ok = reedsolomon.decode(words, plan.parity, np.zeros(words.shape, bool))
    if not ok.all():
        return None
    try:
        return parse(words.ravel()[plan.data].tobytes(), version)
    except ValueError:
        return None

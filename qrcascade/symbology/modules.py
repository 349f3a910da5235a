"""Read a symbol's modules, as an engine that has already decoded them reports them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import Words, make_plan
from qrcascade.symbology.layout import data_mask, layout
from qrcascade.symbology.segments import Payload, parse

__all__ = ["Corrected", "read_modules"]


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """A symbol's codewords, corrected.

    Attributes
    ----------
    seen, words : ndarray of uint8, shape (blocks, width)
        The codewords before and after correction, as in `qrcascade.symbology.interleaving.Plan`.
    unused : float
        Share of the parity that is left in the block with most errors, 0 to 1; an error takes two codewords.
    payload : Payload or None
        What they say; None if they are not a valid bit stream.
    """

    seen: Words
    words: Words
    unused: float
    payload: Payload | None


def read_modules(modules: NDArray[np.bool_], version: int, level: str, mask: int) -> Corrected | None:
    """Correct a symbol's codewords, and parse them.

    Parameters
    ----------
    modules : ndarray of bool, shape (N, N)
        Whether each is dark; in the symbol's own rows and columns.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.

    Returns
    -------
    Corrected or None
        None if there are too many errors.
    """
    plan = make_plan(version, level)
    places, inverted = _order_bits(version, mask)
    seen = np.zeros((plan.block[-1] + 1, plan.width), np.uint8)
    seen[plan.block, plan.column] = np.packbits(modules.ravel()[places] ^ inverted)
    words, errors, ok = reedsolomon.decode(seen, plan.parity, np.zeros(seen.shape, bool))
    if not ok.all():
        return None
    unused = 1 - 2 * int(errors.max()) / plan.parity
    try:
        payload = parse(plan.message(words), version)
    except ValueError:
        payload = None
    return Corrected(seen, words, unused, payload)


@functools.lru_cache(maxsize=320)
def _order_bits(version: int, mask: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the flat index of each bit of the codewords, and whether the mask inverts it."""
    symbol = layout(version)
    rows, columns = symbol.order.T
    return rows * symbol.size + columns, data_mask(mask, symbol.size)[rows, columns]

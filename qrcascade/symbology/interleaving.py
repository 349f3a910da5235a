"""How the codewords of a symbol's blocks are interleaved, as arrays (ISO/IEC 18004:2015, 7.6)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology.layout import blocks, data_mask, interleaving, layout

__all__ = ["Plan", "Words", "collect_bits", "gather", "make_plan"]

Ints = NDArray[np.intp]
Words = NDArray[np.uint8]
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The places of a version and level's codewords; blocks are right-aligned rows.

    A shorter block begins with a missing codeword: a zero before a word changes neither its syndromes nor
    its powers.

    Attributes
    ----------
    parity, width : int
        Parity codewords per block, and codewords of the longest block.
    block, column : ndarray of int, shape (codewords,)
        Row and column of each codeword, in order of placement.
    data : ndarray of int, shape (data codewords,)
        Flat indices of the data codewords, in the message's order.
    """

    parity: int
    width: int
    block: Ints
    column: Ints
    data: Ints

    def message(self, words: Words) -> bytes:
        """Return the data codewords, in order, of words of shape (blocks, width)."""
        return words.ravel()[self.data].tobytes()


@functools.lru_cache(maxsize=160)
def make_plan(version: int, level: str) -> Plan:
    """Return the plan of a version and level."""
    lengths, inner = np.array(blocks(version, level)).T
    width = int(lengths.max())
    block, position = interleaving(version, level)
    missing = width - lengths
    starts = np.arange(len(lengths)) * width + missing
    data = np.concatenate([np.arange(s, s + d) for s, d in zip(starts, inner, strict=True)])
    return Plan(int(lengths[0] - inner[0]), width, block, position + missing[block], data)


def collect_bits(
    modules: NDArray[np.floating[Any]], version: int, level: str, mask: int
) -> NDArray[np.float64]:
    """Return the bits of a symbol's codewords, block by block and without the mask.

    Parameters
    ----------
    modules : ndarray of float, shape (N, N)
        Above 0 where dark, N = 17 + 4 * version.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.

    Returns
    -------
    ndarray of float, shape (blocks, plan.width, 8)
        As certain as the modules, the most significant bit first: above 0 for 1; 0 for missing codewords.
    """
    signs = np.where(data_mask(mask, layout(version).size), -1.0, 1.0)
    unmasked: NDArray[np.float64] = np.asarray(modules * signs, np.float64)
    return gather(unmasked, version, level)


def gather(field: NDArray[Value], version: int, level: str) -> NDArray[Value]:
    """Return the values of a field over modules by bits, arranged as by `collect_bits`, the mask left on."""
    plan = make_plan(version, level)
    rows, columns = layout(version).order.T
    bits = np.zeros((len(blocks(version, level)), plan.width, 8), field.dtype)
    bits[plan.block, plan.column] = field[rows, columns].reshape(-1, 8)
    return bits

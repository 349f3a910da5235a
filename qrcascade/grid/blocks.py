"""Solving the Reed-Solomon blocks of one reading of a symbol, by three ways.

As it is, all blocks at once; generalised minimum distance (G. D. Forney, IEEE Trans. Inf. Theory 12(2),
1966), where the least trusted codewords are erased, ever more of them; and Chase (IEEE Trans. Inf. Theory
18(1), 1972), where combinations of the least sure bits are flipped. Each way is charged for in the
evidence of the blocks that it solves (`qrcascade.grid.evidence`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid import evidence, reedsolomon
from qrcascade.grid.layout import blocks, data_mask, interleaving, layout

__all__ = ["Block", "Plan", "Reading", "chased", "read", "solved"]

Soft = NDArray[np.floating[Any]]
Ints = NDArray[np.intp]
Words = NDArray[np.uint8]

# How steeply the chance that a bit is right grows with its soft value.
_STEEPNESS = 6.0
# Ways to decode one block; each may spend as much of its error probability.
_WAYS = 3
# A block with less is decoded in further ways as well.
_GOOD_BITS = 32.0
# When no block has been decoded, and so many are not by erasures either, there is nothing there.
_HOPELESS = 3
# Bits that are flipped.
_CHASE_BITS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where the codewords of a version and level are; blocks are rows, right-aligned.

    A shorter block begins with a codeword that is not there: a zero before a word changes neither
    its syndromes nor its powers.

    Attributes
    ----------
    parity, width : int
        Parity codewords of each block, and codewords of the longest.
    block, column : ndarray of int, shape (codewords,)
        Row and column of each codeword in order of placement.
    data : ndarray of int, shape (data codewords,)
        Flat places of the data codewords, in the message's order.
    """

    parity: int
    width: int
    block: Ints
    column: Ints
    data: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A decoded block.

    Attributes
    ----------
    word : ndarray of uint8, shape (width,)
        Its codewords as they should be.
    erased : ndarray of bool, shape (width,)
        Which of them were doubted.
    bits : float
        Its evidence, by `qrcascade.grid.evidence.of_block`.
    """

    word: Words
    erased: NDArray[np.bool_]
    bits: float


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One reading of a symbol: its codewords under a format word, and perhaps with assumed padding.

    Attributes
    ----------
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    plan : Plan
        Of the version and level.
    soft : ndarray of float, shape (blocks, width, 8)
        The bits, most significant first: above 0 for 1.
    values : ndarray of uint8, shape (blocks, width)
        The codewords that they make.
    trust : ndarray of float, shape (blocks, width)
        Log-probability that each codeword is right; infinite where it is known.
    hypotheses : float
        How many readings the whole symbol is charged for.
    assumed : int
        Codewords of padding that were taken as known.
    found : tuple of Block or None
        Each block, as far as it was decoded; empty before anything was.
    """

    version: int
    level: str
    mask: int
    plan: Plan
    soft: Soft
    values: Words
    trust: Soft
    hypotheses: float
    assumed: int = 0
    found: tuple[Block | None, ...] = ()


def read(soft: Soft, version: int, level: str, mask: int, hypotheses: float) -> Reading:
    """The codewords of a symbol, block by block, under a format word; nothing is decoded yet.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        As in `qrcascade.grid.codewords.decode`, without zeros.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    hypotheses : float
        How many readings the whole symbol is charged for.
    """
    places, plan = layout(version), _plan(version, level)
    rows, columns = places.order.T
    unmasked = soft[rows, columns] * np.where(data_mask(mask, places.size)[rows, columns], -1.0, 1.0)
    by_codeword = unmasked.reshape(-1, 8)
    count = len(blocks(version, level))
    bits = np.zeros((count, plan.width, 8))
    bits[plan.block, plan.column] = by_codeword
    trust = np.full((count, plan.width), np.inf)
    trust[plan.block, plan.column] = -np.log1p(np.exp(-_STEEPNESS * np.abs(by_codeword))).sum(1)
    values = np.packbits(bits > 0, axis=2)[:, :, 0]
    return Reading(version, level, mask, plan, bits, values, trust, hypotheses)


@functools.lru_cache(maxsize=160)
def _plan(version: int, level: str) -> Plan:
    lengths, inner = np.array(blocks(version, level)).T
    width = int(lengths.max())
    block, position = interleaving(version, level)
    missing = width - lengths
    starts = np.arange(len(lengths)) * width + missing
    data = np.concatenate([np.arange(s, s + d) for s, d in zip(starts, inner, strict=True)])
    return Plan(int(lengths[0] - inner[0]), width, block, position + missing[block], data)


def solved(reading: Reading) -> Reading:
    """Decode the blocks as they are, then by erasing codewords."""
    count, width = reading.values.shape
    found: list[Block | None] = [None] * count
    rows = np.arange(count)
    _decode_rows(reading, found, rows, reading.values, np.zeros((count, width), bool), 1)
    weak = [i for i, block in enumerate(found) if block is None or block.bits < _GOOD_BITS]
    if len(weak) == count:
        _erase(reading, found, weak[:_HOPELESS])
        weak = weak[_HOPELESS:] if any(found) else []
    _erase(reading, found, weak)
    return replace(reading, found=tuple(found))


def _erase(reading: Reading, found: list[Block | None], which: list[int]) -> None:
    """Generalised minimum distance decoding of some blocks."""
    if not which:
        return
    parity = reading.plan.parity
    levels = np.arange(1, parity - 1) if parity < 20 else np.arange(2, parity - 1, 2)
    erased = (_ranks(reading.trust[which])[:, None] < levels[:, None]).reshape(-1, reading.plan.width)
    rows = np.repeat(which, len(levels))
    _decode_rows(reading, found, rows, reading.values[rows], erased, len(levels))


def chased(reading: Reading) -> Reading:
    """Decode the missing blocks, or else the weak ones, by flipping bits."""
    found = list(reading.found)
    targets = [i for i, block in enumerate(found) if block is None]
    for row in targets or [i for i, block in enumerate(found) if block and block.bits < _GOOD_BITS]:
        words, erased = _flipped(reading, row)
        _decode_rows(reading, found, np.full(len(words), row), words, erased, len(words))
        if found[row] is None:
            break
    return replace(reading, found=tuple(found))


def _flipped(reading: Reading, row: int) -> tuple[Words, NDArray[np.bool_]]:
    """A block with the least reliable bits flipped in every combination, at some levels of erasing."""
    parity, trust = reading.plan.parity, reading.trust[row]
    ranks = _ranks(trust[None])[0]
    patterns = np.arange(1, 1 << _CHASE_BITS)
    words, erased = [], []
    for level in sorted({0, parity // 4, parity // 2, 2 * parity // 3, max(0, parity - 4)}):
        certain = np.isinf(trust) | (ranks < level)
        sureness = np.where(certain[:, None], np.inf, np.abs(reading.soft[row])).ravel()
        flips = np.zeros((len(patterns), len(trust)), np.uint8)
        for i, bit in enumerate(np.argsort(sureness, kind="stable")[:_CHASE_BITS].tolist()):
            flips[patterns >> i & 1 == 1, bit // 8] ^= np.uint8(0x80 >> bit % 8)
        words.append(reading.values[row] ^ flips)
        erased.append(np.broadcast_to(ranks < level, flips.shape))
    return np.concatenate(words), np.concatenate(erased)


def _decode_rows(
    reading: Reading,
    found: list[Block | None],
    rows: Ints,
    words: Words,
    erased: NDArray[np.bool_],
    tries: int,
) -> None:
    """Decode words of the blocks that ``rows`` tells; the best of each goes to ``found``."""
    parity = reading.plan.parity
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    known = np.isinf(reading.trust)
    ok &= ~((corrected != words) & known[rows]).any(1)
    lengths = reading.plan.width - known.sum(1)
    for i in np.flatnonzero(ok).tolist():
        row, erasures = int(rows[i]), int(erased[i].sum())
        bits = evidence.of_block(int(lengths[row]), parity, erasures, int(errors[i]), _WAYS * tries)
        before = found[row]
        if bits >= evidence.BLOCK_BITS and (before is None or bits > before.bits):
            found[row] = Block(corrected[i], erased[i], bits)


def _ranks(trust: Soft) -> Ints:
    """0 for the least trusted codeword of each row, and so on."""
    ranks = np.empty(trust.shape, np.intp)
    order = np.argsort(trust, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(trust.shape[1])[None], 1)
    return ranks

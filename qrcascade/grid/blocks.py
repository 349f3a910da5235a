"""Solve the Reed-Solomon blocks of a symbol's trial, in three ways.

As it is, all blocks at once; generalised minimum distance (G. D. Forney, IEEE Trans. Inf. Theory 12(2),
1966), where the least trusted codewords are erased, ever more of them; and Chase (IEEE Trans. Inf. Theory
18(1), 1972), where combinations of the least sure bits are flipped. Each way is charged for in the
evidence of the blocks that it solves (`qrcascade.grid.evidence`).
"""

from __future__ import annotations

import functools
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid import evidence
from qrcascade.grid.cover import find_hidden
from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import Plan, Words, collect_bits, gather, make_plan

__all__ = ["Block", "Trial", "deinterleave", "flip_bits", "solve_blocks"]

Soft = NDArray[np.floating[Any]]
Ints = NDArray[np.intp]
Found = tuple["Block | None", ...]

# Ways to decode one block; each may spend as much of its error probability. Derived: they are three.
_WAYS = 3
# Thresholds, all chosen.
# How steeply the chance that a bit is right grows with its soft value.
_STEEPNESS = 6.0
# Bits of evidence; a block with less is decoded in further ways as well.
_GOOD_BITS = 32.0
# Blocks that are tried by erasing codewords while none is decoded; after them there is nothing there.
_HOPELESS = 3
# Parity codewords from which on every other number of erasures is tried.
_MUCH_PARITY = 20
# Bits that are flipped, in every combination.
_FLIPPED_BITS = 7
# Shares of the parity that are erased before bits are flipped, and codewords of it that are always left.
_ERASED_SHARES, _SPARED = ((1, 4), (1, 2), (2, 3)), 4


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A decoded block.

    Attributes
    ----------
    word : ndarray of uint8, shape (width,)
        The corrected codewords.
    erased : ndarray of bool, shape (width,)
        Which of them were treated as erasures.
    bits : float
        Its evidence, by `qrcascade.grid.evidence.of_block`.
    """

    word: Words
    erased: NDArray[np.bool_]
    bits: float


@dataclass(frozen=True, eq=False)
class Trial:
    """Codewords of a symbol under one format word, perhaps with assumed padding, and the decoded blocks.

    Attributes
    ----------
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    plan : Plan
        Of the version and level.
    soft : ndarray of float, shape (blocks, width, 8)
        The bits, most significant first: above 0 for 1.
    hidden : ndarray of bool, shape (blocks, width, 8)
        Which bits something covers (`qrcascade.grid.cover`): soft says 0 of them.
    values : ndarray of uint8, shape (blocks, width)
        The codewords that the bits make, hidden ones included.
    trust : ndarray of float, shape (blocks, width)
        Log-probability that each codeword is right; infinite where it is known.
    hypotheses : float
        Number of trials that the whole symbol is charged for.
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
    hidden: NDArray[np.bool_]
    values: Words
    trust: Soft
    hypotheses: float
    assumed: int = 0
    found: Found = ()

    @functools.cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Codewords with hidden bits, unless they are known; shape (blocks, width)."""
        return self.hidden.any(2) & np.isfinite(self.trust)


def deinterleave(soft: Soft, version: int, level: str, mask: int, hypotheses: float) -> Trial:
    """Return the codewords of a symbol, block by block, under a format word; nothing is decoded yet.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        As in `qrcascade.grid.codewords.decode`, without zeros.
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    hypotheses : float
        How many trials the whole symbol is charged for.
    """
    plan = make_plan(version, level)
    bits = collect_bits(soft, version, level, mask)
    values = np.packbits(bits > 0, axis=2)[:, :, 0]
    hidden = gather(find_hidden(soft), version, level)
    bits[hidden] = 0
    trust = np.full(bits.shape[:2], np.inf)
    there = plan.block, plan.column
    trust[there] = -np.log1p(np.exp(-_STEEPNESS * np.abs(bits[there]))).sum(1)
    return Trial(version, level, mask, plan, bits, hidden, values, trust, hypotheses)


def solve_blocks(trial: Trial, before: Trial | None = None) -> Trial:
    """Decode the blocks as they are, then by erasing codewords.

    Parameters
    ----------
    trial : Trial
        What is decoded.
    before : Trial, optional
        One that is solved. Blocks whose codewords are trusted alike are taken from it.
    """
    count, width = trial.values.shape
    new = np.ones(count, bool) if before is None else (trial.trust != before.trust).any(1)
    kept = (None,) * count if before is None else before.found
    rows = np.flatnonzero(new)
    plain = _decode_rows(trial, rows, trial.values[rows], np.zeros((len(rows), width), bool), 1)
    found = _merge(tuple(None if again else block for again, block in zip(new, kept, strict=True)), plain)
    weak = _find_weak(found)
    nothing_sure = len(weak) == count
    weak = [row for row in weak if new[row]]
    if nothing_sure:
        found = _merge(found, _erase(trial, weak[:_HOPELESS]))
        weak = weak[_HOPELESS:] if any(found) else []
    return replace(trial, found=_merge(found, _erase(trial, weak)))


def _find_weak(found: Found) -> list[int]:
    """Return the blocks that are missing or have little evidence."""
    return [i for i, block in enumerate(found) if block is None or block.bits < _GOOD_BITS]


def _merge(found: Found, more: dict[int, Block]) -> Found:
    """Return the blocks with those of ``more`` that have more evidence."""

    def choose(before: Block | None, after: Block | None) -> Block | None:
        return before if after is None or (before is not None and before.bits >= after.bits) else after

    return tuple(choose(block, more.get(row)) for row, block in enumerate(found))


def _erase(trial: Trial, which: list[int]) -> dict[int, Block]:
    """Decode some blocks by generalised minimum distance."""
    if not which:
        return {}
    parity = trial.plan.parity
    levels = np.arange(1, parity - 1) if parity < _MUCH_PARITY else np.arange(2, parity - 1, 2)
    erased = (_rank(trial.trust[which])[:, None] < levels[:, None]).reshape(-1, trial.plan.width)
    rows = np.repeat(which, len(levels))
    # One more set: all that is hidden, if so much can be corrected.
    covered = trial.covered[which]
    few = (covered.sum(1) > 0) & (covered.sum(1) <= parity)
    rows = np.concatenate([rows, np.array(which)[few]])
    erased = np.concatenate([erased, covered[few]])
    return _decode_rows(trial, rows, trial.values[rows], erased, len(levels) + 1)


def flip_bits(trial: Trial, vain: set[Hashable]) -> Trial:
    """Decode the missing blocks, or else the weak ones, by flipping bits (Chase).

    Parameters
    ----------
    trial : Trial
        Solved.
    vain : set
        Blocks for which this was in vain: they are left out in other trials of the same modules. More may be
        added.
    """
    found = trial.found
    missing = [row for row, block in enumerate(found) if block is None]
    keys = {row: (trial.level, trial.mask, row, trial.trust[row].tobytes()) for row in missing}
    if not vain.isdisjoint(keys.values()):
        return trial
    for row in missing or _find_weak(found):
        words, erased = _flip_block(trial, row)
        found = _merge(found, _decode_rows(trial, np.full(len(words), row), words, erased, len(words)))
        if found[row] is None:
            vain.add(keys[row])
            break
    return replace(trial, found=found)


def _flip_block(trial: Trial, row: int) -> tuple[Words, NDArray[np.bool_]]:
    """Return a block with the least sure bits flipped in every combination, at some levels of erasing."""
    parity, trust = trial.plan.parity, trial.trust[row]
    ranks = _rank(trust[None])[0]
    patterns = np.arange(1, 1 << _FLIPPED_BITS)
    words, erased = [], []
    shares = (parity * share // of for share, of in _ERASED_SHARES)
    for level in sorted({0, *shares, max(0, parity - _SPARED)}):
        certain = np.isinf(trust) | (ranks < level)
        sureness = np.where(certain[:, None], np.inf, np.abs(trial.soft[row])).ravel()
        flips = np.zeros((len(patterns), len(trust)), np.uint8)
        for i, bit in enumerate(np.argsort(sureness, kind="stable")[:_FLIPPED_BITS].tolist()):
            flips[patterns >> i & 1 == 1, bit // 8] ^= np.uint8(0x80 >> bit % 8)
        words.append(trial.values[row] ^ flips)
        erased.append(np.broadcast_to(ranks < level, flips.shape))
    return np.concatenate(words), np.concatenate(erased)


def _decode_rows(
    trial: Trial, rows: Ints, words: Words, erased: NDArray[np.bool_], tries: int
) -> dict[int, Block]:
    """Decode words of the blocks in ``rows``; return the best of each block that has evidence enough."""
    parity = trial.plan.parity
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    known = np.isinf(trial.trust)
    ok &= ~((corrected != words) & known[rows]).any(1)
    lengths = trial.plan.width - known.sum(1)
    good = np.flatnonzero(ok)
    visible = erased[good, :, None] & ~trial.hidden[rows[good]]
    differs = np.unpackbits((corrected[good] ^ trial.values[rows[good]])[:, :, None], axis=2) != 0
    seen = zip(visible.sum((1, 2)).tolist(), (visible & differs).sum((1, 2)).tolist(), strict=True)
    best: dict[int, Block] = {}
    for i, bits_seen in zip(good.tolist(), seen, strict=True):
        row, erasures = int(rows[i]), int(erased[i].sum())
        bits = evidence.of_block(
            int(lengths[row]), parity, erasures, int(errors[i]), _WAYS * tries, bits_seen
        )
        if bits >= evidence.BLOCK_BITS and (row not in best or bits > best[row].bits):
            best[row] = Block(corrected[i], erased[i], bits)
    return best


def _rank(trust: Soft) -> Ints:
    """Return 0 for the least trusted codeword of each row, and so on."""
    ranks = np.empty(trust.shape, np.intp)
    order = np.argsort(trust, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(trust.shape[1])[None], 1)
    return ranks

"""Weigh whether a symbol's codewords say a second message beside the decoded one.

Two symbols of one version, level and mask may be mixed in one picture: a screen that changes while the camera
looks, a label on a label, an averaged burst. Where their payloads differ in a few characters, most blocks are
the same in both, and each of the others may be decoded to either. So a payload can come out that neither
says, and error correction hides it. Two things give it away; dirt, blur and noise show neither.

*A second word.* The words of two messages differ in nearly all of a block's parity. So the codewords that
were corrected are near another valid word, if the parity that was not is taken as unknown. By chance they are
with probability V / 256^(p - e) at most, for p parity codewords, e of them erased, and the volume V of words
as near (`qrcascade.symbology.reedsolomon.log_volume`).

*Uneven errors.* Blocks are interleaved (ISO/IEC 18004:2015, 7.6), so damage reaches all alike: that all of E
errors are in j of k blocks has probability C(k, j) (j / k)^E at most. In a mixture, blocks that are
the same in both messages have no errors, and the others many. A scratch along the rows can pass through few
blocks, so errors side by side do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import Plan, Words, make_plan
from qrcascade.symbology.layout import layout

__all__ = ["MIXTURE_BITS", "weigh_mixture"]

Bools = NDArray[np.bool_]

# With more evidence a symbol counts as a mixture: one in 4,096 of those with errors by chance. Chosen between
# measured values: damaged symbols reach 9, most mixtures that would be read wrongly have more than 30.
MIXTURE_BITS = 12.0


def weigh_mixture(seen: Sequence[Words], words: Words, version: int, level: str) -> float:
    """Return the evidence that a symbol is a mixture, in bits; 0 or less if there is none.

    Parameters
    ----------
    seen : sequence of ndarray of uint8, shape (blocks, width)
        The codewords as the picture shows them, in one or more ways, as in
        `qrcascade.symbology.interleaving.Plan`.
    words : ndarray of uint8, shape (blocks, width)
        The codewords as they were decoded.
    version, level : int, str
        1 to 40, one of "LMQH".
    """
    plan = make_plan(version, level)
    if len(words) == 1:
        # It says one message or the other, never a part of each.
        return 0.0
    second = max(_weigh_second_word(way, words, plan) for way in seen)
    uneven = max(_weigh_unevenness(_find_lone_errors(way != words, plan, version)) for way in seen)
    return max(second, uneven) - math.log2(len(seen))


def _weigh_second_word(seen: Words, words: Words, plan: Plan) -> float:
    """Return the evidence of the block that is nearest to a second word; every block is a try."""
    rows = (seen != words).any(1)
    seen, words = seen[rows], words[rows]
    erased = seen == words
    erased[:, : plan.width - plan.parity] = False
    second, errors, ok = reedsolomon.decode(seen, plan.parity, erased)
    best = 0.0
    for i in np.flatnonzero(ok & (second != words).any(1)).tolist():
        erasures = int(erased[i].sum())
        volume = reedsolomon.log_volume(plan.width - erasures, int(errors[i]))
        best = max(best, 8 * (plan.parity - erasures) - volume - math.log2(len(rows)))
    return best


def _find_lone_errors(wrong: Bools, plan: Plan, version: int) -> Bools:
    """Return the wrong codewords without a wrong one in the pairs of columns to their left and right."""
    places = layout(version)
    rows, columns = places.order.T
    there = plan.block, plan.column
    shown = np.zeros((places.size, places.size + 4), bool)
    shown[rows, columns + 2] = np.repeat(wrong[there], 8)
    beside = (shown[rows, columns] | shown[rows, columns + 4]).reshape(-1, 8).any(1)
    lone = np.zeros_like(wrong)
    lone[there] = wrong[there] & ~beside
    return lone


def _weigh_unevenness(wrong: Bools) -> float:
    """Return the evidence of errors that spare some blocks."""
    blocks, touched = len(wrong), int(wrong.any(1).sum())
    if not touched:
        return 0.0
    return int(wrong.sum()) * math.log2(blocks / touched) - math.log2(math.comb(blocks, touched))

"""Decode soft module values into a payload with its evidence (ISO/IEC 18004:2015, clause 11).

Ways to decode, each tried only if the ones before it failed:

1. as it is, all blocks at once;
2. generalised minimum distance: the least reliable codewords are erased, ever more of them, and all that
   something covers;
3. if only some blocks are decoded, the same for the others, where what lies near the errors found is doubted;
4. the next best matches of the format information;
5. with padding assumed: where the data seem to end in 0xEC 0x11 ..., the rest is taken as known;
6. Chase: combinations of the least reliable bits are flipped, if only one or two blocks are still undecoded.

`qrcascade.grid.blocks` does 1, 2 and 6 for one trial, `qrcascade.grid.damage` prepares 3, and
`qrcascade.grid.accept` decides what to believe; this module chooses the trials. Each trial is charged for in
the evidence (`qrcascade.grid.evidence`).
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.accept import Decoded, Partial, accept, accept_part
from qrcascade.grid.blocks import Trial, deinterleave, flip_bits, solve_blocks
from qrcascade.grid.damage import doubt_nearby
from qrcascade.grid.formats import choose_formats
from qrcascade.symbology.segments import PAD

__all__ = ["Decoded", "Partial", "assume_padding", "decode", "find_padding", "is_covered", "measure_doubt"]

Soft = NDArray[np.floating[Any]]

# Thresholds, all chosen, except for the ratio.
# Most missing blocks for which bits are flipped, and number of trials for which that is done.
_FLIPPED_BLOCKS, _FLIPPED_TRIALS = 2, 3
# The magnitude of an unknown module's soft value: it outweighs nothing.
_TIE = 1e-9
# Number of beginnings of padding to try.
_STARTS = 3
# Least log-likelihood ratio of padding to data. Derived: chance reaches it once in e^6 beginnings.
_LEAST_RATIO = 6.0
# How steeply the chance that a bit is right grows with its soft value; less than elsewhere, since many soft
# values are wrong.
_STEEPNESS = 3.0
# Hidden bits of a codeword that is not right by luck. Chosen.
_LOST_BITS = 3
# Share of the error probability for trials that doubt what lies near damage.
_DAMAGE_SHARE = 1 / 8
# Codewords of the shortest segment.
_SHORTEST = 2

_PAD = np.array(PAD, np.uint8)


def decode(
    soft: Soft,
    version: int,
    *,
    hypotheses: float = 1.0,
    before: Partial | None = None,
) -> Decoded | Partial | None:
    """Decode a symbol from its modules; return None if too little was decoded to be believed.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        Finite; about +1 for a dark and -1 for a light module, 0 where nothing is known.
    version : int
        1 to 40, N = 17 + 4 * version.
    hypotheses : float
        How many readings of the region the caller tries in all (versions, mirror images, variants
        of the picture): see `qrcascade.grid.evidence`.
    before : Partial, optional
        Blocks that helped to find the soft values. What was taken as known comes back out of them, so these
        blocks keep at most the evidence that they had.
    """
    partial: Partial | None = None
    soft = np.where(soft == 0, _draw_ties(len(soft)), soft)
    for trial in _make_trials(soft, version, hypotheses):
        if None not in trial.found:
            decoded = accept(trial, before)
            if decoded is not None:
                return decoded
        elif any(trial.found):
            part = accept_part(trial)
            if part is not None and (partial is None or part.blocks > partial.blocks):
                partial = part
    return partial


def measure_doubt(soft: Soft, version: int) -> float:
    """Return how many codewords are likely to be wrong, as a share of those that may be erased.

    This is by how certain they seem: what is painted over seems certain.
    """
    trial = deinterleave(soft, version, *choose_formats(soft, version)[0], 1.0)
    there = np.isfinite(trial.trust)
    return float(-np.expm1(trial.trust[there]).sum() / (trial.plan.parity * len(trial.values)))


def is_covered(soft: Soft, version: int) -> bool:
    """Return whether too much of a block is hidden to be corrected, under every likely format word."""
    trials = (deinterleave(soft, version, *word, 1.0) for word in choose_formats(soft, version))
    return all((trial.hidden.sum(2) >= _LOST_BITS).sum(1).max() > trial.plan.parity for trial in trials)


@functools.lru_cache(maxsize=40)
def _draw_ties(size: int) -> Soft:
    """Return values for unknown modules: fixed, but as if drawn at random.

    All as light or all as dark would make codewords of zeros, which are a valid block.
    """
    coins = np.frombuffer(hashlib.shake_128(b"module").digest(size * size), np.uint8)
    return np.where(coins.reshape(size, size) % 2, _TIE, -_TIE)


def _make_trials(soft: Soft, version: int, hypotheses: float) -> Iterator[Trial]:
    """Yield every trial that is worth it, solved, the cheap ones first."""
    formats = choose_formats(soft, version)
    # Half of the error probability is for trials without assumed padding.
    hypotheses *= len(formats) * 2
    tried = []
    for level, mask in formats:
        trial = solve_blocks(deinterleave(soft, version, level, mask, hypotheses / (1 - _DAMAGE_SHARE)))
        yield trial
        if any(trial.found) and None in trial.found:
            trial = solve_blocks(doubt_nearby(trial, hypotheses / _DAMAGE_SHARE), trial)
            yield trial
        tried.append(trial)
    for trial in tuple(tried):
        starts = find_padding(trial)
        for start in starts:
            tried.append(solve_blocks(assume_padding(trial, start, len(starts)), trial))
            yield tried[-1]
    # Nearest to the end first; among equals the best format word, without and with padding.
    tried.sort(key=lambda a: (a.found.count(None), formats.index((a.level, a.mask))))
    vain: set[Hashable] = set()
    for trial in tried[:_FLIPPED_TRIALS]:
        if trial.found.count(None) <= _FLIPPED_BLOCKS:
            yield flip_bits(trial, vain)


def find_padding(trial: Trial) -> list[int]:
    """Find the data codewords at which padding may begin, the likeliest first.

    Whether it does is judged by the codewords alone that become known, so the others are as random
    as before.
    """
    soft = np.clip(trial.soft.reshape(-1, 8)[trial.plan.data], -1.0, 1.0)
    signs = np.unpackbits(_PAD[:, None], axis=1) * 2.0 - 1.0
    agreement = soft[:, None] * signs
    ratio = (math.log(2.0) - np.log1p(np.exp(-_STEEPNESS * agreement))).sum(2)
    index = np.arange(len(soft))
    # Sums to the end, for padding that begins at an even and at an odd codeword.
    even, odd = (ratio[index, (index + i) % 2][::-1].cumsum()[::-1] for i in (0, 1))
    score = np.where(index % 2 == 0, even, odd)
    starts = _SHORTEST + np.flatnonzero(score[_SHORTEST:] > _LEAST_RATIO)
    found: list[int] = starts[np.argsort(-score[starts], kind="stable")][:_STARTS].tolist()
    return found


def assume_padding(trial: Trial, start: int, choices: int = 1) -> Trial:
    """Return a trial that takes padding from a data codeword on as known, charged for its choices."""
    places = trial.plan.data[start:]
    values, trust = trial.values.copy(), trial.trust.copy()
    values.flat[places] = np.resize(_PAD, len(places))
    trust.flat[places] = np.inf
    hypotheses = trial.hypotheses * choices
    return replace(trial, values=values, trust=trust, hypotheses=hypotheses, assumed=len(places), found=())

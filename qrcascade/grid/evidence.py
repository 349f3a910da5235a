r"""Bits of evidence against a payload being an accident.

They bound the chance that modules which carry no message are accepted as one. b bits of evidence mean: for
symbols whose bits are uniformly random, a result with that much evidence is reached with probability 2^-b at
most. Which modules are doubted may depend on how certain each one looks and on other blocks, but not on its
value. Squares of one colour (`qrcascade.grid.cover`) are no exception that matters: random modules hold none
but once in 500 symbols of the largest version.

*A block.* It has n codewords, p of them parity, e of them erased, and decoding corrected t more.
Outside the erasures lie 256^(n-e) equally likely words. The code has 256^(n-p) codewords, and
around each there are V(n-e, t) = sum over i <= t of C(n-e, i) 255^i words within t changes. So the
chance that any codeword is so near is at most V(n-e, t) / 256^(p-e), and

    8 (p - e) - log2 V(n - e, t) - log2(tries)

bits are left after as many tries (sets of erasures, flipped bits), by adding up their chances.
Erased codewords may still say something: v of their bits are visible, and d of them came out otherwise. For a
given codeword of the code that has the chance B(v, d) / 2^v, B(v, d) = sum over i <= d of C(v, i),
independently of what lies outside the erasures. For each of the (p - e) / 2 + 1 numbers t that are possible,
some largest d reaches a given amount of evidence; their chances add up. So

    v - log2 B(v, d) - log2((p - e) / 2 + 1)

bits are added. Codewords that are assumed to be known, like padding, are left out of n: fixing them divides
the number of codewords and the number of words alike. They must come out unchanged.

*A symbol.* All k blocks decode, each with at least m = `BLOCK_BITS`. The evidence of an accident is
then m plus at most an exponential variable with P(> x) = 2^-x, independently for each block. A sum
of k of those exceeds x with probability 2^-x (1 + y + ... + y^(k-1) / (k-1)!), y = x ln 2 (the Erlang
distribution). So from the sum s of the evidence the logarithm of this factor at x = s - k m has to
be taken off: it is what can be gained by chance by being lucky in one block and not in another.

*Hypotheses.* Format words, beginnings of padding, versions, mirror images and variants of the
picture that are tried add up their chances too: log2 of their number is taken off. Where that is not
known beforehand, the i-th reading of a region is charged as i (i + 1): the shares 1 / (i (i + 1)) add
up to 1.

*A lost block.* All this is about modules without a message. Of a true symbol a block can be beyond
repair while the others, or the padding in it, are right; then it alone has to be an accident, and
`BLOCK_BITS` would let one in 64 tries pass. So each block must have `LOST_BLOCK_BITS` after the
hypotheses are taken off, without what the padding adds.

*Padding.* Of N codewords after the terminator g are the padding that ISO/IEC 18004:2015, 7.4.10
demands, without having been assumed: by chance 2^(-8 g) C(N, g) at most. It counts like another
block (m = 0), up to `PADDING_BITS`, if at least 80 % match; looking with and without it costs 1 bit.
Bits after the terminator that are not zero, as every encoder writes them, cost 8.

*A claim.* Another engine has read a text, and the modules are compared with it (`verify`). Let a be how far
the modules agree with the claimed ones: soft values, positive where both are dark or light. If a claim is
true, a module of soft value a is right with about the probability 1 / (1 + exp(-c a)), so
the likelihood ratio of claim to chance is 2 / (1 + exp(-c a)). For random modules its mean is 1 whatever c
is, as a and -a are equally likely; so is that of the product over many modules, and by Markov's inequality
the product reaches 2^b with probability 2^-b at most. But a claim is no independent witness: the engine
looked at the same modules, and chose the valid message that they are nearest to. So every message
that could have been claimed is charged for: 8 bits for each codeword of it. Of a block with m codewords of
the message the binary logarithm of the ratio, less 8 m, is left, at most 8 p; as above, padding neither
adds nor costs anything. The ratios of several blocks multiply, so their evidence adds up. Ways to write
the claim, and lengths of the message, are hypotheses.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology.reedsolomon import log_volume

__all__ = [
    "ACCEPTED_BITS",
    "BLOCK_BITS",
    "CODEWORD_BITS",
    "LOST_BLOCK_BITS",
    "PADDING_BITS",
    "confidence",
    "is_enough",
    "log_ratio",
    "of_block",
    "of_symbol",
    "of_weakest",
    "signs",
]

# Bits of a codeword (ISO/IEC 18004).
CODEWORD_BITS = 8.0
# Thresholds, in bits of evidence. Their values are chosen; what they guarantee is derived above.
# With this much a payload is accepted: at most one accident in 2^28 (270 million) regions looked
# at, if all that was tried on each is charged for.
ACCEPTED_BITS = 28.0
# With less a block counts as not decoded: many weak blocks would prove little together.
BLOCK_BITS = 6.0
# Of a symbol of several blocks each must have as much: at most one accident in 65,536 lost blocks.
LOST_BLOCK_BITS = 16.0
# The most that padding counts, and the least share of it that must be right.
PADDING_BITS, _PADDING_SHARE = 40.0, 0.8
# What bits after the terminator that are not zero cost; chosen.
_FILL_BITS = 8.0
# What looking with and without padding costs; derived: two hypotheses.
_LOOKING_BITS = 1.0
# The c above, for soft values that are cut off at 1. Chosen: it decides how much is seen, not how safe it is.
_STEEPNESS = 6.0
# The share of regions that `confidence` assumes to contain an accepted payload. Chosen.
_DOUBT_BITS = 24.0
# Probability; more is never claimed. Chosen.
_CERTAIN = 0.999


def of_block(
    length: int,
    parity: int,
    erasures: int,
    errors: int,
    tries: float = 1.0,
    seen: tuple[int, int] = (0, 0),
) -> float:
    """Return the evidence of one decoded block, in bits; may be negative.

    Parameters
    ----------
    length : int
        Codewords of the block, those that were assumed to be known left out.
    parity, erasures, errors : int
        Parity codewords, erased ones, and those corrected outside the erasures.
    tries : float
        How many decodings of this block could have given it.
    seen : (int, int)
        Visible bits of the erased codewords, and how many of them came out otherwise.
    """
    bits = CODEWORD_BITS * (parity - erasures) - log_volume(length - erasures, errors) - math.log2(tries)
    visible, wrong = seen
    if visible:
        bits += visible - _log_ball(visible, wrong) - math.log2((parity - erasures) // 2 + 1)
    return bits


@functools.lru_cache(maxsize=4096)
def _log_ball(length: int, wrong: int) -> float:
    """Return the binary logarithm of how many strings differ from a given one in at most ``wrong`` bits."""
    return math.log2(sum(math.comb(length, i) for i in range(wrong + 1)))


def of_symbol(
    blocks: Sequence[float],
    hypotheses: float = 1.0,
    padding: tuple[int, int] = (0, 0),
    zero_terminated: bool = True,
) -> float:
    """Return the evidence of a symbol, in bits.

    Parameters
    ----------
    blocks : sequence of float
        Of each block by `of_block`, none less than `BLOCK_BITS`.
    hypotheses : float
        How many readings of the whole symbol could have given it.
    padding : (int, int)
        Padding codewords as they should be, and all; (0, 0) where they were assumed.
    zero_terminated : bool
        As in `qrcascade.symbology.segments.Payload`.
    """
    floors = BLOCK_BITS * len(blocks)
    without = _together(blocks, floors)
    bits = max(without, _together([*blocks, _of_padding(*padding)], floors)) - _LOOKING_BITS
    return bits - math.log2(hypotheses) - (0.0 if zero_terminated else _FILL_BITS)


def of_weakest(blocks: Sequence[float], hypotheses: float = 1.0) -> float:
    """Return the evidence, in bits, that no block of a symbol was lost; padding says nothing of that."""
    return min(blocks) - math.log2(hypotheses)


def is_enough(bits: float, weakest: float) -> bool:
    """Return whether a symbol is believed, by its evidence and that of its weakest block."""
    return bits >= ACCEPTED_BITS and weakest >= LOST_BLOCK_BITS


def _together(parts: Sequence[float], floors: float) -> float:
    """Return the sum, less the logarithm of the Erlang distribution's factor."""
    total = sum(parts)
    y = max(0.0, total - floors) * math.log(2.0)
    term = factor = 1.0
    for i in range(1, len(parts)):
        term *= y / i
        factor += term
    return total - math.log2(factor)


def _of_padding(good: int, total: int) -> float:
    """Return the evidence of padding with ``good`` codewords of ``total`` right, in bits."""
    if good == 0 or good < _PADDING_SHARE * total:
        return 0.0
    return min(PADDING_BITS, CODEWORD_BITS * good - math.log2(math.comb(total, good)))


def signs(codewords: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return +1 for each bit that is set and -1 for the others, shape (..., 8)."""
    bits: NDArray[np.float64] = np.unpackbits(codewords[..., None], axis=-1) * np.float64(2.0) - 1.0
    return bits


def log_ratio(agreement: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the evidence of modules for a claim before anything is charged for, in bits.

    Parameters
    ----------
    agreement : ndarray of float
        Soft values, positive where a module is as claimed; 0 where nothing is known.
    """
    ratios: NDArray[np.float64] = 1.0 - np.logaddexp2(
        0.0, -_STEEPNESS / math.log(2.0) * np.clip(agreement, -1.0, 1.0)
    )
    return ratios


def confidence(bits: float) -> float:
    """Return the probability that an accepted payload is exactly right.

    By Bayes' rule with odds of 1 to 2^24 before the evidence: that covers how rarely a region that
    no other reader could read holds a symbol, and that the modules of a real picture are not quite
    random. More than 0.999 is never claimed. At `ACCEPTED_BITS` it is 0.94, six bits on 0.998.

    Parameters
    ----------
    bits : float
        By `of_symbol`.
    """
    return _CERTAIN / (1.0 + math.pow(2.0, _DOUBT_BITS - bits))

"""From soft module values to a payload with its evidence (ISO/IEC 18004:2015, clause 11).

Ways to decode, each tried only where the ones before it did not do:

1. as it is, all blocks at once;
2. generalised minimum distance: the least reliable codewords are erased, ever more of them;
3. the next best matches of the format information;
4. with padding assumed: where the data seem to end in 0xEC 0x11 ..., that is known;
5. Chase: combinations of the least reliable bits are flipped, where one or two blocks are missing.

The room `qrcascade.grid.blocks` does 1, 2 and 5 for one reading; here is which readings there are, and
what is believed. What is tried is charged for in the evidence (`qrcascade.grid.evidence`).
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid import evidence
from qrcascade.grid.blocks import Reading, chased, read, solved
from qrcascade.grid.layout import FORMAT_WORDS, LEVELS, VERSION_WORDS, data_mask, layout
from qrcascade.grid.segments import Payload, parse

__all__ = ["Decoded", "Partial", "decode", "drawn", "format_score", "likely_formats", "likeness"]

Soft = NDArray[np.floating[Any]]
Modules = NDArray[np.int8]

# Format words that are tried, and by how much their agreement may be less than the best one's.
_FORMATS, _FORMAT_GAP = 3, 0.45
# How many missing blocks are worth flipping bits, and of how many readings.
_CHASE_BLOCKS, _CHASE_READINGS = 2, 3
# Beginnings of padding that are tried, and the least log-likelihood ratio of padding to data: chance
# reaches it once in e^6 beginnings. Here soft values are trusted less, as the wrong ones are many.
_STARTS, _PADDING_RATIO, _PADDING_STEEPNESS = 3, 6.0, 3.0
_PADDING = np.array([0xEC, 0x11], np.uint8)
# Decoded blocks with more are told of although others are missing.
_PARTIAL_BITS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A payload and what speaks for it.

    Attributes
    ----------
    payload : Payload
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    evidence_bits : float
        The less of what `qrcascade.grid.evidence` says of the symbol, at least `ACCEPTED_BITS`, and of its
        weakest block, at least `LOST_BLOCK_BITS`.
    confidence : float
        Probability that the payload is exactly right.
    modules : ndarray of int8, shape (N, N)
        The symbol as it should be: +1 dark, -1 light.
    errors, erased : int
        Codewords that were wrong without being doubted, and doubted ones.
    correction : float
        Share of the error correction that this used, 0 to 1.
    """

    payload: Payload
    version: int
    level: str
    mask: int
    evidence_bits: float
    confidence: float
    modules: Modules
    errors: int
    erased: int
    correction: float


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A symbol of which some blocks were decoded.

    Attributes
    ----------
    blocks : int
        How many.
    modules : ndarray of int8, shape (N, N)
        What is known by that: +1 dark, -1 light, 0 not known.
    level, mask : str, int
        The format word under which they were.
    bits : tuple of float
        Each block's evidence; infinite for those that were not decoded.
    """

    blocks: int
    modules: Modules
    level: str
    mask: int
    bits: tuple[float, ...]


def format_score(soft: Soft, version: int) -> float:
    """How well the format information fits: -1 to 1, the best word's mean agreement with both copies."""
    return float(_format_scores(soft, version).max())


def likeness(soft: Soft, version: int) -> float:
    """How much timing patterns and format information look like a symbol's, up to 2.

    Each is what agrees as a share of how surely it is seen, so blur does not count against a symbol. Of
    modules at random timing gives about 0, and the best format word about 0.4.
    """
    soft = np.clip(soft, -1.0, 1.0)
    places = layout(version)
    timing = soft[places.timing]
    rows, columns = np.moveaxis(places.format_cells, 2, 0)
    seen = np.abs(timing).mean() + np.abs(soft[rows, columns]).mean()
    agrees = (timing * places.pattern[places.timing]).mean() + format_score(soft, version)
    return float(2 * agrees / max(seen, 1e-3))


def decode(
    soft: Soft,
    version: int,
    *,
    hypotheses: float = 1.0,
    effort: Literal["quick", "full"] = "full",
    before: Partial | None = None,
) -> Decoded | Partial | None:
    """Decode a symbol from its modules.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        Finite; about +1 for a dark and -1 for a light module, 0 where nothing is known.
    version : int
        1 to 40, N = 17 + 4 * version.
    hypotheses : float
        How many readings of the region the caller tries in all (versions, mirror images, variants
        of the picture): see `qrcascade.grid.evidence`.
    effort : {"quick", "full"}
        Quick stops after the first two ways with the best format word.
    before : Partial, optional
        Blocks that helped to find the soft values. What was taken as known comes back out of them, so these
        blocks keep at most the evidence that they had.

    Returns
    -------
    Decoded, Partial or None
        None where too little was decoded to be believed.
    """
    partial: Partial | None = None
    soft = np.where(soft == 0, _ties(len(soft)), soft)
    for reading in _readings(soft, version, hypotheses, effort):
        if None not in reading.found:
            decoded = _accept(reading, before)
            if decoded is not None:
                return decoded
        elif any(reading.found):
            some = _part(reading)
            if some is not None and (partial is None or some.blocks > partial.blocks):
                partial = some
    return partial


@functools.lru_cache(maxsize=40)
def _ties(size: int) -> Soft:
    """What modules of which nothing is known are taken for: fixed, but as if at random.

    All as light or all as dark would make codewords of zeros, which are a valid block.
    """
    coins = np.frombuffer(hashlib.shake_128(b"module").digest(size * size), np.uint8)
    return np.where(coins.reshape(size, size) % 2, 1e-9, -1e-9)


def _readings(soft: Soft, version: int, hypotheses: float, effort: str) -> Iterator[Reading]:
    """Every reading worth a look, the cheap ones first."""
    formats = likely_formats(soft, version)[: 1 if effort == "quick" else None]
    # Half of the error probability is for readings without assumed padding.
    hypotheses *= len(formats) * (1 if effort == "quick" else 2)
    tried = []
    for level, mask in formats:
        tried.append(solved(read(soft, version, level, mask, hypotheses)))
        yield tried[-1]
    if effort == "quick":
        return
    for reading in tuple(tried):
        for assuming in _with_padding(reading):
            tried.append(solved(assuming))
            yield tried[-1]
    # Nearest to the end first; among equals the best format word, without and with padding.
    tried.sort(key=lambda a: (a.found.count(None), formats.index((a.level, a.mask))))
    for reading in tried[:_CHASE_READINGS]:
        if reading.found.count(None) <= _CHASE_BLOCKS:
            yield chased(reading)


def _format_scores(soft: Soft, version: int) -> Soft:
    rows, columns = np.moveaxis(layout(version).format_cells, 2, 0)
    scores: Soft = FORMAT_WORDS @ np.clip(soft[rows, columns], -1.0, 1.0).sum(0) / 30.0
    return scores


def likely_formats(soft: Soft, version: int) -> list[tuple[str, int]]:
    """Error correction level and mask of the format words that fit, the best first, three at most."""
    scores = _format_scores(soft, version)
    order = np.argsort(-scores, kind="stable")
    near = order[scores[order] >= scores.max() - _FORMAT_GAP]
    return [(LEVELS[word // 8], word % 8) for word in near[:_FORMATS].tolist()]


def _with_padding(reading: Reading) -> list[Reading]:
    """The same reading with padding assumed from where it seems to begin.

    Whether it does is judged by the codewords alone that become known, so the others are as random
    as before.
    """
    soft = np.clip(reading.soft.reshape(-1, 8)[reading.plan.data], -1.0, 1.0)
    signs = np.unpackbits(_PADDING[:, None], axis=1) * 2.0 - 1.0
    agreement = soft[:, None] * signs
    ratio = (math.log(2.0) - np.log1p(np.exp(-_PADDING_STEEPNESS * agreement))).sum(2)
    index = np.arange(len(soft))
    # Sums to the end, for padding that begins at an even and at an odd codeword.
    even, odd = (ratio[index, (index + i) % 2][::-1].cumsum()[::-1] for i in (0, 1))
    score = np.where(index % 2 == 0, even, odd)
    # The shortest segment takes two codewords.
    starts = 2 + np.flatnonzero(score[2:] > _PADDING_RATIO)
    starts = starts[np.argsort(-score[starts], kind="stable")][:_STARTS]
    return [_assuming(reading, start, len(starts)) for start in starts.tolist()]


def _assuming(reading: Reading, start: int, choices: int) -> Reading:
    places = reading.plan.data[start:]
    values, trust = reading.values.copy(), reading.trust.copy()
    values.flat[places] = np.resize(_PADDING, len(places))
    trust.flat[places] = np.inf
    hypotheses = reading.hypotheses * choices
    return replace(reading, values=values, trust=trust, hypotheses=hypotheses, assumed=len(places), found=())


def _accept(reading: Reading, before: Partial | None) -> Decoded | None:
    """The payload, if all blocks are decoded, it is a valid one and the evidence is enough."""
    done = [block for block in reading.found if block is not None]
    words = np.stack([block.word for block in done])
    try:
        payload = parse(words.ravel()[reading.plan.data].tobytes(), reading.version)
    except ValueError:
        return None
    good, total = (number - reading.assumed for number in payload.padding)
    if good < 0:
        return None
    each = [block.bits for block in done]
    if before is not None and (before.level, before.mask) == (reading.level, reading.mask):
        each = [min(pair) for pair in zip(each, before.bits, strict=True)]
    bits = evidence.of_symbol(each, reading.hypotheses, (good, total), payload.zero_terminated)
    weakest = evidence.of_weakest(each, reading.hypotheses)
    if bits < evidence.ACCEPTED_BITS or weakest < evidence.LOST_BLOCK_BITS:
        return None
    erased = np.stack([block.erased for block in done])
    errors = int(((words != reading.values) & ~erased).sum())
    used = (2 * errors + int(erased.sum())) / (reading.plan.parity * len(done))
    return Decoded(
        payload=payload,
        version=reading.version,
        level=reading.level,
        mask=reading.mask,
        evidence_bits=min(bits, weakest),
        confidence=evidence.confidence(bits) * (1 - 2.0**-weakest),
        modules=drawn(reading),
        errors=errors,
        erased=int(erased.sum()),
        correction=min(used, 1.0),
    )


def _part(reading: Reading) -> Partial | None:
    done = [block.bits for block in reading.found if block is not None]
    choices = math.comb(len(reading.found), len(done))
    if evidence.of_symbol(done, reading.hypotheses * choices) <= _PARTIAL_BITS:
        return None
    bits = tuple(math.inf if block is None else block.bits for block in reading.found)
    return Partial(len(done), drawn(reading), reading.level, reading.mask, bits)


def drawn(reading: Reading) -> Modules:
    """The symbol as the decoded blocks and the format word say it is; 0 for modules of others."""
    places, plan = layout(reading.version), reading.plan
    bits = np.zeros((*reading.values.shape, 8), np.int8)
    for row, block in enumerate(reading.found):
        if block is not None:
            bits[row] = 2 * np.unpackbits(block.word[:, None], axis=1).astype(np.int8) - 1
    modules = places.pattern.copy()
    modules[tuple(places.order.T)] = bits[plan.block, plan.column].ravel()
    modules[tuple(places.remainder.T)] = -1
    modules[data_mask(reading.mask, places.size) & ~places.function] *= -1
    modules[tuple(places.format_cells.T)] = FORMAT_WORDS[
        LEVELS.index(reading.level) * 8 + reading.mask, :, None
    ]
    if reading.version >= 7:
        modules[tuple(places.version_cells.T)] = VERSION_WORDS[reading.version - 7, :, None]
    return modules

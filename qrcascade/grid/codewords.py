"""From soft module values to a payload with its evidence (ISO/IEC 18004:2015, clause 11).

Ways to decode, each tried only where the ones before it did not do:

1. as it is, all blocks at once;
2. generalised minimum distance: the least reliable codewords are erased, ever more of them
   (G. D. Forney, IEEE Trans. Inf. Theory 12(2), 1966);
3. the next best matches of the format information;
4. with padding assumed: where the data seem to end in 0xEC 0x11 ..., that is known;
5. Chase: combinations of the least reliable bits are flipped (D. Chase, IEEE Trans. Inf. Theory
   18(1), 1972), where one or two blocks are missing.

What is tried is charged for in the evidence (`qrcascade.grid.evidence`).
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

from qrcascade.grid import evidence, reedsolomon
from qrcascade.grid.layout import FORMAT_WORDS, LEVELS, VERSION_WORDS, blocks, data_mask, interleaving, layout
from qrcascade.grid.segments import Payload, parse

__all__ = ["Decoded", "Partial", "decode", "format_score"]

Soft = NDArray[np.floating[Any]]
Ints = NDArray[np.intp]
Words = NDArray[np.uint8]
Modules = NDArray[np.int8]

# Format words that are tried, and by how much their agreement may be less than the best one's.
_FORMATS, _FORMAT_GAP = 3, 0.45
# How steeply the chance that a bit is right grows with its soft value.
_STEEPNESS = 6.0
# Ways to decode one block; each may spend as much of its error probability.
_WAYS = 3
# A block with less is decoded in further ways as well.
_GOOD_BITS = 32.0
# When no block has been decoded, and so many are not by erasures either, there is nothing there.
_HOPELESS = 3
# Bits that are flipped, how many missing blocks are worth that, and of how many readings.
_CHASE_BITS, _CHASE_BLOCKS, _CHASE_READINGS = 7, 2, 3
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
        By `qrcascade.grid.evidence.of_symbol`, at least `ACCEPTED_BITS`.
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
    """

    blocks: int
    modules: Modules


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Where the codewords of a version and level are; blocks are rows, right-aligned.

    A shorter block begins with a codeword that is not there: a zero before a word changes neither
    its syndromes nor its powers.
    """

    parity: int
    width: int
    block: Ints  # row and column of each codeword in order of placement
    column: Ints
    data: Ints  # flat places of the data codewords, in the message's order


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    word: Words
    erased: NDArray[np.bool_]
    bits: float


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """One reading of a symbol: its codewords under a format word, and perhaps with assumed padding."""

    version: int
    level: str
    mask: int
    plan: _Plan
    soft: Soft  # (blocks, width, 8)
    values: Words  # (blocks, width)
    trust: Soft  # (blocks, width): log-probability that it is right; infinite where known
    hypotheses: float
    assumed: int = 0
    found: tuple[_Block | None, ...] = ()


def format_score(soft: Soft, version: int) -> float:
    """How well the format information fits: -1 to 1, the best word's mean agreement with both copies."""
    return float(_format_scores(soft, version).max())


def decode(
    soft: Soft, version: int, *, hypotheses: float = 1.0, effort: Literal["quick", "full"] = "full"
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

    Returns
    -------
    Decoded, Partial or None
        None where too little was decoded to be believed.
    """
    partial: Partial | None = None
    soft = np.where(soft == 0, _ties(len(soft)), soft)
    for attempt in _attempts(soft, version, hypotheses, effort):
        if None not in attempt.found:
            decoded = _accept(attempt)
            if decoded is not None:
                return decoded
        elif any(attempt.found):
            some = _part(attempt)
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


def _attempts(soft: Soft, version: int, hypotheses: float, effort: str) -> Iterator[_Attempt]:
    """Every reading worth a look, the cheap ones first."""
    formats = _formats(soft, version)[: 1 if effort == "quick" else _FORMATS]
    # Half of the error probability is for readings without assumed padding.
    hypotheses *= len(formats) * (1 if effort == "quick" else 2)
    tried = []
    for level, mask in formats:
        tried.append(_solved(_read(soft, version, level, mask, hypotheses)))
        yield tried[-1]
    if effort == "quick":
        return
    for attempt in tuple(tried):
        for assuming in _with_padding(attempt):
            tried.append(_solved(assuming))
            yield tried[-1]
    # Nearest to the end first; among equals the best format word, without and with padding.
    tried.sort(key=lambda a: (a.found.count(None), formats.index((a.level, a.mask))))
    for attempt in tried[:_CHASE_READINGS]:
        if attempt.found.count(None) <= _CHASE_BLOCKS:
            yield _chase(attempt)


def _format_scores(soft: Soft, version: int) -> Soft:
    rows, columns = np.moveaxis(layout(version).format_cells, 2, 0)
    scores: Soft = FORMAT_WORDS @ np.clip(soft[rows, columns], -1.0, 1.0).sum(0) / 30.0
    return scores


def _formats(soft: Soft, version: int) -> list[tuple[str, int]]:
    """Error correction level and mask of the format words that fit, the best first."""
    scores = _format_scores(soft, version)
    order = np.argsort(-scores, kind="stable")
    near = order[scores[order] >= scores.max() - _FORMAT_GAP]
    return [(LEVELS[word // 8], word % 8) for word in near.tolist()]


@functools.lru_cache(maxsize=160)
def _plan(version: int, level: str) -> _Plan:
    lengths, inner = np.array(blocks(version, level)).T
    width = int(lengths.max())
    block, position = interleaving(version, level)
    missing = width - lengths
    starts = np.arange(len(lengths)) * width + missing
    data = np.concatenate([np.arange(s, s + d) for s, d in zip(starts, inner, strict=True)])
    return _Plan(int(lengths[0] - inner[0]), width, block, position + missing[block], data)


def _read(soft: Soft, version: int, level: str, mask: int, hypotheses: float) -> _Attempt:
    """The codewords of a symbol, block by block."""
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
    return _Attempt(version, level, mask, plan, bits, values, trust, hypotheses)


def _solved(attempt: _Attempt) -> _Attempt:
    """Decode the blocks as they are, then by erasing codewords."""
    count, width = attempt.values.shape
    found: list[_Block | None] = [None] * count
    rows = np.arange(count)
    _decode_rows(attempt, found, rows, attempt.values, np.zeros((count, width), bool), 1)
    weak = [i for i, block in enumerate(found) if block is None or block.bits < _GOOD_BITS]
    if len(weak) == count:
        _erase(attempt, found, weak[:_HOPELESS])
        weak = weak[_HOPELESS:] if any(found) else []
    _erase(attempt, found, weak)
    return replace(attempt, found=tuple(found))


def _erase(attempt: _Attempt, found: list[_Block | None], which: list[int]) -> None:
    """Generalised minimum distance decoding of some blocks."""
    if not which:
        return
    parity = attempt.plan.parity
    levels = np.arange(1, parity - 1) if parity < 20 else np.arange(2, parity - 1, 2)
    erased = (_ranks(attempt.trust[which])[:, None] < levels[:, None]).reshape(-1, attempt.plan.width)
    rows = np.repeat(which, len(levels))
    _decode_rows(attempt, found, rows, attempt.values[rows], erased, len(levels))


def _ranks(trust: Soft) -> Ints:
    """0 for the least trusted codeword of each row, and so on."""
    ranks = np.empty(trust.shape, np.intp)
    order = np.argsort(trust, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(trust.shape[1])[None], 1)
    return ranks


def _decode_rows(
    attempt: _Attempt,
    found: list[_Block | None],
    rows: Ints,
    words: Words,
    erased: NDArray[np.bool_],
    tries: int,
) -> None:
    """Decode words of the blocks that ``rows`` tells; the best of each goes to ``found``."""
    parity = attempt.plan.parity
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    known = np.isinf(attempt.trust)
    ok &= ~((corrected != words) & known[rows]).any(1)
    lengths = attempt.plan.width - known.sum(1)
    for i in np.flatnonzero(ok).tolist():
        row, erasures = int(rows[i]), int(erased[i].sum())
        bits = evidence.of_block(int(lengths[row]), parity, erasures, int(errors[i]), _WAYS * tries)
        before = found[row]
        if bits >= evidence.BLOCK_BITS and (before is None or bits > before.bits):
            found[row] = _Block(corrected[i], erased[i], bits)


def _chase(attempt: _Attempt) -> _Attempt:
    """Decode the missing blocks, or else the weak ones, by flipping bits."""
    found = list(attempt.found)
    targets = [i for i, block in enumerate(found) if block is None]
    for row in targets or [i for i, block in enumerate(found) if block and block.bits < _GOOD_BITS]:
        words, erased = _flipped(attempt, row)
        _decode_rows(attempt, found, np.full(len(words), row), words, erased, len(words))
        if found[row] is None:
            break
    return replace(attempt, found=tuple(found))


def _flipped(attempt: _Attempt, row: int) -> tuple[Words, NDArray[np.bool_]]:
    """A block with the least reliable bits flipped in every combination, at some levels of erasing."""
    parity, trust = attempt.plan.parity, attempt.trust[row]
    ranks = _ranks(trust[None])[0]
    patterns = np.arange(1, 1 << _CHASE_BITS)
    words, erased = [], []
    for level in sorted({0, parity // 4, parity // 2, 2 * parity // 3, max(0, parity - 4)}):
        certain = np.isinf(trust) | (ranks < level)
        sureness = np.where(certain[:, None], np.inf, np.abs(attempt.soft[row])).ravel()
        flips = np.zeros((len(patterns), len(trust)), np.uint8)
        for i, bit in enumerate(np.argsort(sureness, kind="stable")[:_CHASE_BITS].tolist()):
            flips[patterns >> i & 1 == 1, bit // 8] ^= np.uint8(0x80 >> bit % 8)
        words.append(attempt.values[row] ^ flips)
        erased.append(np.broadcast_to(ranks < level, flips.shape))
    return np.concatenate(words), np.concatenate(erased)


def _with_padding(attempt: _Attempt) -> list[_Attempt]:
    """The same reading with padding assumed from where it seems to begin.

    Whether it does is judged by the codewords alone that become known, so the others are as random
    as before.
    """
    soft = np.clip(attempt.soft.reshape(-1, 8)[attempt.plan.data], -1.0, 1.0)
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
    return [_assuming(attempt, start, len(starts)) for start in starts.tolist()]


def _assuming(attempt: _Attempt, start: int, choices: int) -> _Attempt:
    places = attempt.plan.data[start:]
    values, trust = attempt.values.copy(), attempt.trust.copy()
    values.flat[places] = np.resize(_PADDING, len(places))
    trust.flat[places] = np.inf
    hypotheses = attempt.hypotheses * choices
    return replace(attempt, values=values, trust=trust, hypotheses=hypotheses, assumed=len(places), found=())


def _accept(attempt: _Attempt) -> Decoded | None:
    """The payload, if all blocks are decoded, it is a valid one and the evidence is enough."""
    solved = [block for block in attempt.found if block is not None]
    words = np.stack([block.word for block in solved])
    try:
        payload = parse(words.ravel()[attempt.plan.data].tobytes(), attempt.version)
    except ValueError:
        return None
    good, total = (number - attempt.assumed for number in payload.padding)
    if good < 0:
        return None
    bits = evidence.of_symbol(
        [block.bits for block in solved], attempt.hypotheses, (good, total), payload.zero_terminated
    )
    if bits < evidence.ACCEPTED_BITS:
        return None
    erased = np.stack([block.erased for block in solved])
    errors = int(((words != attempt.values) & ~erased).sum())
    used = (2 * errors + int(erased.sum())) / (attempt.plan.parity * len(solved))
    return Decoded(
        payload=payload,
        version=attempt.version,
        level=attempt.level,
        mask=attempt.mask,
        evidence_bits=bits,
        modules=_modules(attempt),
        errors=errors,
        erased=int(erased.sum()),
        correction=min(used, 1.0),
    )


def _part(attempt: _Attempt) -> Partial | None:
    solved = [block.bits for block in attempt.found if block is not None]
    choices = math.comb(len(attempt.found), len(solved))
    if evidence.of_symbol(solved, attempt.hypotheses * choices) <= _PARTIAL_BITS:
        return None
    return Partial(len(solved), _modules(attempt))


def _modules(attempt: _Attempt) -> Modules:
    """The symbol as the decoded blocks and the format word say it is; 0 for modules of others."""
    places, plan = layout(attempt.version), attempt.plan
    bits = np.zeros((*attempt.values.shape, 8), np.int8)
    for row, block in enumerate(attempt.found):
        if block is not None:
            bits[row] = 2 * np.unpackbits(block.word[:, None], axis=1).astype(np.int8) - 1
    modules = places.pattern.copy()
    modules[tuple(places.order.T)] = bits[plan.block, plan.column].ravel()
    modules[tuple(places.remainder.T)] = -1
    modules[data_mask(attempt.mask, places.size) & ~places.function] *= -1
    modules[tuple(places.format_cells.T)] = FORMAT_WORDS[
        LEVELS.index(attempt.level) * 8 + attempt.mask, :, None
    ]
    if attempt.version >= 7:
        modules[tuple(places.version_cells.T)] = VERSION_WORDS[attempt.version - 7, :, None]
    return modules

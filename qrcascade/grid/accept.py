"""Decide what to believe of decoded blocks: a payload with its evidence, or part of the symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.confidence import MIXED
from qrcascade.grid import evidence
from qrcascade.grid.blocks import Block, Trial
from qrcascade.symbology.information import FORMAT_WORDS, VERSION_WORDS
from qrcascade.symbology.interleaving import Words
from qrcascade.symbology.layout import LEVELS, data_mask, layout
from qrcascade.symbology.mixture import MIXTURE_BITS, weigh_mixture
from qrcascade.symbology.segments import Payload, parse

__all__ = ["Decoded", "Partial", "accept", "accept_part", "draw_symbol", "report"]

Modules = NDArray[np.int8]

# Bits of evidence; decoded blocks with more are reported although others are missing. Chosen.
_PARTIAL_BITS = 20.0
# Soft values, positive where a module is as decoded, below which it may belong to a second message: seen
# instead of the first one, or averaged with it. Chosen.
_WRONG_BELOW = (0.0, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A payload and the evidence for it.

    Attributes
    ----------
    payload : Payload
    version, level, mask : int, str, int
        1 to 40, one of "LMQH", 0 to 7.
    evidence_bits : float
        The evidence by `qrcascade.grid.evidence`: the lesser of the symbol's, at least `ACCEPTED_BITS`, and
        its weakest block's, at least `LOST_BLOCK_BITS`.
    confidence : float
        Probability that the payload is exactly right.
    modules : ndarray of int8, shape (N, N)
        The symbol as it should be: +1 dark, -1 light.
    errors, erased : int
        Number of wrong codewords that were not doubted, and of doubted codewords.
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


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A symbol of which some blocks were decoded.

    Attributes
    ----------
    blocks : int
        Number of decoded blocks.
    modules : ndarray of int8, shape (N, N)
        The modules known from them: +1 dark, -1 light, 0 unknown.
    level, mask : str, int
        The format word under which they were decoded.
    bits : tuple of float
        Each block's evidence; infinite for blocks that were not decoded.
    """

    blocks: int
    modules: Modules
    level: str
    mask: int
    bits: tuple[float, ...]


def accept(trial: Trial, before: Partial | None) -> Decoded | None:
    """Return the payload if all blocks are decoded, it is valid, and there is enough evidence.

    Parameters
    ----------
    trial : Trial
        All of its blocks are found.
    before : Partial or None
        As in `qrcascade.grid.codewords.decode`.
    """
    blocks = [block for block in trial.found if block is not None]
    words = np.stack([block.word for block in blocks])
    try:
        payload = parse(trial.plan.message(words), trial.version)
    except ValueError:
        return None
    good, total = (number - trial.assumed for number in payload.padding)
    if good < 0:
        return None
    each = [block.bits for block in blocks]
    if before is not None and (before.level, before.mask) == (trial.level, trial.mask):
        each = [min(pair) for pair in zip(each, before.bits, strict=True)]
    bits = evidence.of_symbol(each, trial.hypotheses, (good, total), payload.zero_terminated)
    weakest = evidence.of_weakest(each, trial.hypotheses)
    return report(trial, payload, blocks, bits, weakest) if evidence.is_enough(bits, weakest) else None


def report(trial: Trial, payload: Payload, blocks: list[Block], bits: float, weakest: float) -> Decoded:
    """Return an accepted payload, with the evidence of the symbol and of its weakest block.

    It is doubted if the symbol seems to be a mixture of two.
    """
    words = np.stack([block.word for block in blocks])
    doubted = np.stack([block.erased for block in blocks])
    return Decoded(
        payload=payload,
        version=trial.version,
        level=trial.level,
        mask=trial.mask,
        evidence_bits=min(bits, weakest),
        confidence=MIXED if _is_mixture(trial, words) else evidence.confidence(bits) * (1 - 2.0**-weakest),
        modules=draw_symbol(trial, blocks),
        errors=int(((words != trial.values) & ~doubted).sum()),
        erased=int(doubted.sum()),
    )


def _is_mixture(trial: Trial, words: Words) -> bool:
    """Return whether the modules say a second message; one that is half visible counts as another."""
    agreement = trial.soft * evidence.signs(words)
    wrong = [(agreement < least) & (trial.soft != 0) for least in _WRONG_BELOW]
    seen = [words ^ np.packbits(where, axis=2)[:, :, 0] for where in wrong]
    return weigh_mixture(seen, words, trial.version, trial.level) > MIXTURE_BITS


def accept_part(trial: Trial) -> Partial | None:
    """Return the decoded blocks if there is enough evidence for them."""
    done = [block.bits for block in trial.found if block is not None]
    choices = math.comb(len(trial.found), len(done))
    if evidence.of_symbol(done, trial.hypotheses * choices) <= _PARTIAL_BITS:
        return None
    bits = tuple(math.inf if block is None else block.bits for block in trial.found)
    return Partial(len(done), draw_symbol(trial, trial.found), trial.level, trial.mask, bits)


def draw_symbol(trial: Trial, blocks: tuple[Block | None, ...] | list[Block]) -> Modules:
    """Draw the symbol as its blocks and the format word say it is; 0 for modules of missing blocks."""
    places, plan = layout(trial.version), trial.plan
    bits = np.zeros((*trial.values.shape, 8), np.int8)
    for row, block in enumerate(blocks):
        if block is not None:
            bits[row] = evidence.signs(block.word)
    modules = places.pattern.copy()
    modules[tuple(places.order.T)] = bits[plan.block, plan.column].ravel()
    modules[tuple(places.remainder.T)] = -1
    modules[data_mask(trial.mask, places.size) & ~places.function] *= -1
    word = FORMAT_WORDS[LEVELS.index(trial.level) * 8 + trial.mask]
    modules[tuple(places.format_cells.T)] = word[:, None]
    if len(places.version_cells):
        modules[tuple(places.version_cells.T)] = VERSION_WORDS[trial.version - 7, :, None]
    return modules

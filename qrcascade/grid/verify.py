"""Check what another engine read: encode the text again and compare it with the modules.

This needs no decoding, so it tolerates more noise: a module that is half visible is half an agreement. What
is believed, and what is charged for, is derived in `qrcascade.grid.evidence`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid import evidence
from qrcascade.grid.accept import Decoded, report
from qrcascade.grid.blocks import Block, Trial, deinterleave
from qrcascade.grid.formats import choose_formats
from qrcascade.symbology.encode import add_correction, streams
from qrcascade.symbology.interleaving import Words
from qrcascade.symbology.segments import parse

__all__ = ["verify_text"]


def verify_text(
    soft: NDArray[np.floating[Any]], version: int, text: str, *, hypotheses: float = 1.0
) -> Decoded | None:
    """Compare a text with a symbol's modules.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        As in `qrcascade.grid.codewords.decode`.
    version : int
        1 to 40, N = 17 + 4 * version.
    text : str
        What another engine read, perhaps in the wrong character set: UTF-8, Latin-1, Shift_JIS and a few
        others are tried, by all segments in `qrcascade.symbology.encode.streams`.
    hypotheses : float
        How many comparisons and readings of the region the caller tries in all.

    Returns
    -------
    Decoded or None
        What the symbol says exactly, its text by `qrcascade.symbology.charset`, if each block has evidence.
    """
    claims = [
        (trial, *stream)
        for trial in (deinterleave(soft, version, *word, 1.0) for word in choose_formats(soft, version))
        for stream in streams(text, version, len(trial.plan.data))
    ]
    for trial, stream, message in claims:
        if _is_hopeless(trial, stream[:message]):
            continue
        words = add_correction(stream, trial.plan, len(trial.values))
        charged = hypotheses * len(claims) * len(stream)
        decoded = _accept(trial, stream, words, _weigh_blocks(trial, words, message), charged)
        if decoded is not None:
            return decoded
    return None


def _is_hopeless(trial: Trial, message: bytes) -> bool:
    """Return whether the message is so wrong that its error correction could not make up for it: cheap."""
    plan = trial.plan
    claimed = evidence.signs(np.frombuffer(message, np.uint8))
    agreement = trial.soft.reshape(-1, 8)[plan.data[: len(message)]] * claimed
    parity = plan.parity * len(trial.values)
    most = evidence.log_ratio(agreement).sum() + evidence.CODEWORD_BITS * (parity - len(message))
    return bool(most < evidence.ACCEPTED_BITS)


def _weigh_blocks(trial: Trial, words: Words, message: int) -> list[float]:
    """Return the evidence of each block, the message that it holds paid for and its padding left out."""
    plan = trial.plan
    ratios = evidence.log_ratio(trial.soft * evidence.signs(words)).sum(2)
    ratios.flat[plan.data[message:]] = 0.0
    ratios.flat[plan.data[:message]] -= evidence.CODEWORD_BITS
    bits: list[float] = ratios.sum(1).tolist()
    return bits


def _accept(
    trial: Trial, stream: bytes, words: Words, each: list[float], hypotheses: float
) -> Decoded | None:
    bits = sum(each) - float(np.log2(hypotheses))
    weakest = evidence.of_weakest(each, hypotheses)
    if not evidence.is_enough(bits, weakest):
        return None
    none_erased = np.zeros(trial.plan.width, bool)
    blocks = [Block(word, none_erased, own) for word, own in zip(words, each, strict=True)]
    return report(trial, parse(stream, trial.version), blocks, bits, weakest)

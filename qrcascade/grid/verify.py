"""Whether a symbol says what another engine read: the text is encoded again and compared with the modules.

That needs no decoding, so it bears more noise: a module that is half seen is half an agreement. What is
believed, and what is charged for, is derived in `qrcascade.grid.evidence`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid import evidence
from qrcascade.grid.blocks import Block, Reading, Words, read
from qrcascade.grid.codewords import Decoded, drawn, likely_formats
from qrcascade.grid.encode import codewords, streams
from qrcascade.grid.segments import parse

__all__ = ["verified"]


def verified(
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
        others are tried, by all segments in `qrcascade.grid.encode.streams`.
    hypotheses : float
        How many comparisons and readings of the region the caller tries in all.

    Returns
    -------
    Decoded or None
        What the symbol says exactly, its text by `qrcascade.charset`, if every block has evidence enough.
    """
    claims = [
        (reading, *stream)
        for reading in (read(soft, version, *format_, 1.0) for format_ in likely_formats(soft, version))
        for stream in streams(text, version, len(reading.plan.data))
    ]
    for reading, stream, message in claims:
        if _is_hopeless(reading, stream[:message]):
            continue
        words = codewords(stream, reading.plan, len(reading.values))
        charged = hypotheses * len(claims) * len(stream)
        decoded = _accepted(reading, stream, words, _each(reading, words, message), charged)
        if decoded is not None:
            return decoded
    return None


def _is_hopeless(reading: Reading, message: bytes) -> bool:
    """Whether the message is so wrong that its error correction could not make up for it: quick to say."""
    plan = reading.plan
    agreement = reading.soft.reshape(-1, 8)[plan.data[: len(message)]] * _signs(message)
    most = evidence.log_ratio(agreement).sum() + 8.0 * (plan.parity * len(reading.values) - len(message))
    return bool(most < evidence.ACCEPTED_BITS)


def _signs(codewords: bytes | Words) -> NDArray[np.float64]:
    """+1 for each bit that is set and -1 for the others, shape (..., 8)."""
    values = np.frombuffer(codewords, np.uint8) if isinstance(codewords, bytes) else codewords
    signs: NDArray[np.float64] = np.unpackbits(values[..., None], axis=-1) * np.float64(2.0) - 1.0
    return signs


def _each(reading: Reading, words: Words, message: int) -> list[float]:
    """Evidence of each block, the message that it holds paid for and its padding left out."""
    plan = reading.plan
    ratios = evidence.log_ratio(reading.soft * _signs(words)).sum(2)
    ratios.flat[plan.data[message:]] = 0.0
    ratios.flat[plan.data[:message]] -= 8.0
    bits: list[float] = ratios.sum(1).tolist()
    return bits


def _accepted(
    reading: Reading, stream: bytes, words: Words, each: list[float], hypotheses: float
) -> Decoded | None:
    weakest = evidence.of_weakest(each, hypotheses)
    bits = sum(each) - float(np.log2(hypotheses))
    if bits < evidence.ACCEPTED_BITS or weakest < evidence.LOST_BLOCK_BITS:
        return None
    none_erased = np.zeros(reading.plan.width, bool)
    found = tuple(Block(word, none_erased, own) for word, own in zip(words, each, strict=True))
    errors = int((words != reading.values).sum())
    return Decoded(
        payload=parse(stream, reading.version),
        version=reading.version,
        level=reading.level,
        mask=reading.mask,
        evidence_bits=min(bits, weakest),
        confidence=evidence.confidence(bits) * (1 - 2.0**-weakest),
        modules=drawn(replace(reading, found=found)),
        errors=errors,
        erased=0,
        correction=min(1.0, 2 * errors / (reading.plan.parity * len(each))),
    )

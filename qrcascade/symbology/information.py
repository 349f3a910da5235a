"""The words of format and version information (ISO/IEC 18004:2015, 7.9, 7.10, Annexes C and D)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qrcascade.symbology.layout import VERSIONS

__all__ = ["FORMAT_WORDS", "VERSION_WORDS"]


def _encode_bch(values: range, generator: int, flip: int = 0) -> NDArray[np.int8]:
    """Return systematic code words of a BCH code as rows of +1 and -1, the most significant bit first."""
    check = generator.bit_length() - 1
    words = []
    for value in values:
        rest = value << check
        while rest.bit_length() > check:
            rest ^= generator << (rest.bit_length() - check - 1)
        words.append((value << check | rest) ^ flip)
    length = check + max(values).bit_length()
    bits = np.array(words)[:, None] >> np.arange(length - 1, -1, -1) & 1
    signs = (2 * bits - 1).astype(np.int8)
    signs.flags.writeable = False
    return signs


# Annex C: the format information's 32 words, at (index in LEVELS) * 8 + mask; shape (32, 15).
FORMAT_WORDS = _encode_bch(range(32), 0b10100110111, flip=0b101010000010010)
# Annex D: the version information of versions 7 to 40, at version - 7; shape (34, 18).
VERSION_WORDS = _encode_bch(VERSIONS[6:], 0b1111100100101)

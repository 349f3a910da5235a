"""From a payload to the codewords that say it (ISO/IEC 18004:2015, 7.3 to 7.5): the inverse of `segments`.

A payload can be written in many ways, and who prints a symbol chooses: `streams` gives the ways that
encoders do choose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from qrcascade.grid import reedsolomon
from qrcascade.grid.blocks import Plan, Words
from qrcascade.grid.segments import ALPHANUMERIC, BYTE, CHARACTERS, COUNT_BITS, ECI, KANJI, NUMERIC, PAD

__all__ = ["codewords", "payloads", "streams"]

_Segment = tuple[int, bytes]

# Character sets in which engines give a text that they have bytes of, and their ECI.
_ENCODINGS = {"utf_8": 26, "iso8859_1": 3, "cp932": 20, "cp1252": 23, "big5": 28, "gb18030": 32}
# Shorter runs of digits, and of other alphanumeric characters, are left in byte mode by encoders that
# split a text by its runs alone.
_RUN = 20
# Bits of a character in each mode, times 6.
_COST = {NUMERIC: 20, ALPHANUMERIC: 33, BYTE: 48, KANJI: 78}


def payloads(text: str) -> Iterator[tuple[bytes, int]]:
    """The bytes that a text may stand for, the likely ones first, with the ECI of their character set."""
    seen = set()
    for encoding, eci in _ENCODINGS.items():
        try:
            data = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if data not in seen:
            seen.add(data)
            yield data, eci


def streams(text: str, version: int, room: int) -> Iterator[tuple[bytes, int]]:
    """Data codewords that say a text, each once, and how many of them come before the padding.

    In a single mode, the one that needs the fewest bits and bytes; in several, with as few bits as
    possible, and split by long runs; with and without an ECI before bytes; with and without a zero
    before the padding, which some encoders write.

    Parameters
    ----------
    text : str
        What an engine read.
    version : int
        1 to 40: it tells how long character counts are.
    room : int
        How many data codewords there are.

    Yields
    ------
    stream : bytes
        As many, padding included. What does not fit is left out.
    message : int
        How many of them are no padding.
    """
    seen = set()
    for data, eci in payloads(text) if text else ():
        for segments in _ways(data, version):
            bits = "".join(_bits(mode, part, version) for mode, part in segments)
            headed = any(mode == BYTE for mode, _ in segments)
            for head in ("", f"{ECI:04b}{eci:08b}")[: 2 if headed else 1]:
                for zero in (False, True):
                    stream = _padded(head + bits, room, zero)
                    if stream is not None and stream not in seen:
                        seen.add(stream)
                        yield stream


def codewords(stream: bytes, plan: Plan, blocks: int) -> Words:
    """Blocks with their error correction.

    Parameters
    ----------
    stream : bytes
        All data codewords.
    plan : Plan
        Of the version and level.
    blocks : int
        How many there are.

    Returns
    -------
    ndarray of uint8, shape (blocks, plan.width)
        Right-aligned, as in `qrcascade.grid.blocks.Reading.values`.
    """
    words = np.zeros((blocks, plan.width), np.uint8)
    words.flat[plan.data] = np.frombuffer(stream, np.uint8)
    return reedsolomon.encode(words[:, : plan.width - plan.parity], plan.parity)


def _ways(data: bytes, version: int) -> Iterator[list[_Segment]]:
    """How encoders split a payload into segments, the usual ways first."""
    characters = _characters(data)
    single = [mode for mode in (NUMERIC, ALPHANUMERIC, KANJI) if all(_fits(mode, c) for c in characters)]
    for mode in (*single[:1], BYTE):
        yield [(mode, data)]
    yield _shortest(characters, version)
    yield list(_runs(data))


def _characters(data: bytes) -> list[bytes]:
    """Characters of Shift_JIS where all of it is such; else bytes."""
    if not data.isascii():
        try:
            characters = [c.encode("cp932") for c in data.decode("cp932")]
        except UnicodeDecodeError:
            characters = []
        # Some characters have two codes.
        if b"".join(characters) == data:
            return characters
    return [bytes([byte]) for byte in data]


def _fits(mode: int, character: bytes) -> bool:
    if mode == NUMERIC:
        return character.isdigit()
    if mode == ALPHANUMERIC:
        return character in CHARACTERS
    if mode == KANJI:
        return len(character) == 2 and not 0xA0 <= character[0] < 0xE0 and character <= b"\xeb\xbf"
    return True


def _shortest(characters: list[bytes], version: int) -> list[_Segment]:
    """The segments with the fewest bits, by dynamic programming over the mode of each character."""
    modes = tuple(_COST)
    opening = {mode: 6 * (4 + _count_bits(mode, version)) for mode in modes}
    # For each mode of the last character: sixths of bits so far, and the modes of all so far.
    best = {0: (0, b"")}
    for character in characters:
        after = {}
        for mode in modes:
            if not _fits(mode, character):
                continue
            cost = _COST[mode] if mode != BYTE else _COST[BYTE] * len(character)
            ways = (
                (before if last == mode else math.ceil(before / 6) * 6 + opening[mode], last)
                for last, (before, _) in best.items()
            )
            least, last = min(ways)
            after[mode] = least + cost, best[last][1] + bytes([mode])
        best = after
    return _joined(zip(min(best.values())[1], characters, strict=True))


def _runs(data: bytes) -> Iterator[_Segment]:
    """Long runs of digits, then of alphanumeric characters, in their modes, and bytes between them."""
    letters = re.escape(CHARACTERS)
    pattern = rb"(\d{%d,})|([%b]{%d,})|(.)" % (_RUN, letters, _RUN)
    found = re.finditer(pattern, data, re.DOTALL)
    modes = (NUMERIC, ALPHANUMERIC, BYTE)
    yield from _joined((modes[match.lastindex - 1], match[0]) for match in found if match.lastindex)


def _joined(parts: Iterable[_Segment]) -> list[_Segment]:
    """Neighbours of one mode become one segment."""
    segments: list[_Segment] = []
    for mode, part in parts:
        if segments and segments[-1][0] == mode:
            segments[-1] = mode, segments[-1][1] + part
        else:
            segments.append((mode, part))
    return segments


def _count_bits(mode: int, version: int) -> int:
    return COUNT_BITS[mode][(version > 9) + (version > 26)]


def _bits(mode: int, data: bytes, version: int) -> str:
    """A segment as a string of zeros and ones."""
    count = len(data) // 2 if mode == KANJI else len(data)
    head = f"{mode:04b}{count:0{_count_bits(mode, version)}b}"
    if mode == NUMERIC:
        groups = [data[i : i + 3] for i in range(0, len(data), 3)]
        return head + "".join(f"{int(group):0{1 + 3 * len(group)}b}" for group in groups)
    if mode == ALPHANUMERIC:
        values = [CHARACTERS.index(byte) for byte in data]
        pairs = [f"{a * 45 + b:011b}" for a, b in zip(values[::2], values[1::2], strict=False)]
        return head + "".join(pairs) + (f"{values[-1]:06b}" if len(values) % 2 else "")
    if mode == KANJI:
        return head + "".join(f"{_kanji(*pair):013b}" for pair in zip(data[::2], data[1::2], strict=True))
    return head + "".join(f"{byte:08b}" for byte in data)


def _kanji(high: int, low: int) -> int:
    """7.4.6."""
    return (high - (0x81 if high < 0xA0 else 0xC1)) * 0xC0 + low - 0x40


def _padded(bits: str, room: int, zero: bool) -> tuple[bytes, int] | None:
    """Terminated, filled up and padded (7.4.9, 7.4.10); None where there is no room."""
    left = 8 * room - len(bits)
    if left < 0:
        return None
    bits += "0" * min(4, left)
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\0" * zero
    return (data + bytes(PAD) * room)[:room], min(len(data), room)

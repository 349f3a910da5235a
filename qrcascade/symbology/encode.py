"""Encode a payload as codewords (ISO/IEC 18004:2015, 7.3 to 7.5): the inverse of `segments`.

There are many ways to encode a payload; `streams` yields those that encoders actually choose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import Plan, Words
from qrcascade.symbology.segments import ALPHANUMERIC, BYTE, CHARACTERS, ECI, KANJI, NUMERIC, PAD, count_bits

__all__ = [
    "add_correction",
    "fits",
    "join_segments",
    "payloads",
    "split_characters",
    "split_runs",
    "split_shortest",
    "streams",
    "write_segment",
]

Segment = tuple[int, bytes]
"""A mode indicator and the bytes in that mode."""

# Character sets that engines decode, and their ECIs.
_ENCODINGS = {
    "utf_8": 26,
    "iso8859_1": 3,
    "cp932": 20,
    "cp1252": 23,
    "big5": 28,
    "gb18030": 32,
    "cp949": 30,
    "iso8859_2": 4,
    "cp1251": 22,
}
# Characters: encoders that split a text only by its runs leave shorter runs of digits, and of other
# alphanumeric characters, in byte mode. Chosen: encoders differ.
_RUN = 20
# Bits of a mode indicator, and of a terminator (7.4.1).
_MODE_BITS = 4
# Bits per character in each mode, times 6 to be whole (7.4): 10 for 3 digits, 11 for 2 letters.
_PARTS = 6
_COST = {NUMERIC: 20, ALPHANUMERIC: 33, BYTE: 48, KANJI: 78}


def payloads(text: str) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes that may encode a text, with the ECI of their character set, the likeliest first."""
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
    """Yield data codewords that encode a text, each once, and how many of them precede the padding.

    The text is encoded in a single mode, the most compact one and byte mode; in several modes, with as few
    bits as possible, and split by long runs; with and without an ECI before bytes; with and without a zero
    before the padding, which some encoders write.

    Parameters
    ----------
    text : str
        The text that an engine read.
    version : int
        1 to 40; it determines the length of character counts.
    room : int
        Number of data codewords in the symbol.

    Yields
    ------
    stream : bytes
        ``room`` codewords, including padding. Encodings that do not fit are left out.
    message : int
        How many of them are not padding.
    """
    seen = set()
    for data, eci in payloads(text) if text else ():
        for segments in _split_segments(data, version):
            bits = "".join(write_segment(mode, part, version) for mode, part in segments)
            headed = any(mode == BYTE for mode, _ in segments)
            for head in ("", f"{ECI:04b}{eci:08b}")[: 2 if headed else 1]:
                for zero in (False, True):
                    stream = _pad(head + bits, room, zero)
                    if stream is not None and stream not in seen:
                        seen.add(stream)
                        yield stream


def add_correction(stream: bytes, plan: Plan, blocks: int) -> Words:
    """Return data codewords as blocks with their error correction.

    Parameters
    ----------
    stream : bytes
        All data codewords.
    plan : Plan
        The plan of the version and level.
    blocks : int
        Number of blocks.

    Returns
    -------
    ndarray of uint8, shape (blocks, plan.width)
        Right-aligned, as in `qrcascade.grid.blocks.Trial.values`.
    """
    words = np.zeros((blocks, plan.width), np.uint8)
    words.flat[plan.data] = np.frombuffer(stream, np.uint8)
    return reedsolomon.encode(words[:, : plan.width - plan.parity], plan.parity)


def _split_segments(data: bytes, version: int) -> Iterator[list[Segment]]:
    """Yield the ways in which encoders split a payload into segments, the usual ways first."""
    characters = split_characters(data)
    single = [mode for mode in (NUMERIC, ALPHANUMERIC, KANJI) if all(fits(mode, c) for c in characters)]
    for mode in (*single[:1], BYTE):
        yield [(mode, data)]
    yield split_shortest(characters, version)
    yield split_runs(data)


def split_characters(data: bytes) -> list[bytes]:
    """Split data into Shift_JIS characters if all of it is Shift_JIS, else into bytes."""
    if not data.isascii():
        try:
            characters = [c.encode("cp932") for c in data.decode("cp932")]
        except UnicodeDecodeError:
            characters = []
        # Some characters have two codes.
        if b"".join(characters) == data:
            return characters
    return [bytes([byte]) for byte in data]


def fits(mode: int, character: bytes) -> bool:
    """Return whether a mode can encode a character (7.4.3 to 7.4.6)."""
    if mode == NUMERIC:
        return character.isdigit()
    if mode == ALPHANUMERIC:
        return character in CHARACTERS
    if mode == KANJI:
        return len(character) == 2 and not 0xA0 <= character[0] < 0xE0 and character <= b"\xeb\xbf"
    return True


def split_shortest(characters: list[bytes], version: int) -> list[Segment]:
    """Return the segments with the fewest bits, by dynamic programming over the mode of each character."""
    modes = tuple(_COST)
    opening = {mode: _PARTS * (_MODE_BITS + count_bits(mode, version)) for mode in modes}
    # For each mode of the last character: bits so far, times 6, and the modes of all characters so far.
    best = {0: (0, b"")}
    for character in characters:
        after = {}
        for mode in modes:
            if not fits(mode, character):
                continue
            cost = _COST[mode] if mode != BYTE else _COST[BYTE] * len(character)
            ways = (
                (before if last == mode else math.ceil(before / _PARTS) * _PARTS + opening[mode], last)
                for last, (before, _) in best.items()
            )
            least, last = min(ways)
            after[mode] = least + cost, best[last][1] + bytes([mode])
        best = after
    return join_segments(zip(min(best.values())[1], characters, strict=True))


def split_runs(data: bytes) -> list[Segment]:
    """Put long runs of digits and of alphanumeric characters in their modes, and the rest in byte mode."""
    letters = re.escape(CHARACTERS)
    pattern = rb"(\d{%d,})|([%b]{%d,})|(.)" % (_RUN, letters, _RUN)
    found = re.finditer(pattern, data, re.DOTALL)
    modes = (NUMERIC, ALPHANUMERIC, BYTE)
    return join_segments((modes[match.lastindex - 1], match[0]) for match in found if match.lastindex)


def join_segments(parts: Iterable[Segment]) -> list[Segment]:
    """Join adjacent parts in the same mode to one segment."""
    segments: list[Segment] = []
    for mode, part in parts:
        if segments and segments[-1][0] == mode:
            segments[-1] = mode, segments[-1][1] + part
        else:
            segments.append((mode, part))
    return segments


def write_segment(mode: int, data: bytes, version: int) -> str:
    """Return a segment as a string of zeros and ones."""
    count = len(data) // 2 if mode == KANJI else len(data)
    head = f"{mode:04b}{count:0{count_bits(mode, version)}b}"
    if mode == NUMERIC:
        groups = [data[i : i + 3] for i in range(0, len(data), 3)]
        return head + "".join(f"{int(group):0{1 + 3 * len(group)}b}" for group in groups)
    if mode == ALPHANUMERIC:
        values = [CHARACTERS.index(byte) for byte in data]
        pairs = [f"{a * 45 + b:011b}" for a, b in zip(values[::2], values[1::2], strict=False)]
        return head + "".join(pairs) + (f"{values[-1]:06b}" if len(values) % 2 else "")
    if mode == KANJI:
        return head + "".join(
            f"{_compact_kanji(*pair):013b}" for pair in zip(data[::2], data[1::2], strict=True)
        )
    return head + "".join(f"{byte:08b}" for byte in data)


def _compact_kanji(high: int, low: int) -> int:
    """Return the number that stands for a character of Shift_JIS (7.4.6)."""
    return (high - (0x81 if high < 0xA0 else 0xC1)) * 0xC0 + low - 0x40


def _pad(bits: str, room: int, zero: bool) -> tuple[bytes, int] | None:
    """Terminate, fill up and pad a bit stream (7.4.9, 7.4.10); return None if there is no room."""
    left = 8 * room - len(bits)
    if left < 0:
        return None
    bits += "0" * min(_MODE_BITS, left)
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\0" * zero
    return (data + bytes(PAD) * room)[:room], min(len(data), room)

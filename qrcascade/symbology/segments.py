"""Parse a symbol's data codewords to its payload (ISO/IEC 18004:2015, 7.4; hanzi: GB/T 18284-2000).

The bytes are what a scanner transmits: digits and letters as ASCII, kanji as Shift_JIS, hanzi as GB 2312,
without ECIs. The text follows the segments, each by its own rule (`qrcascade.symbology.charset`). Streams
that no encoder writes are rejected, so that codewords that are valid only by chance seldom pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qrcascade.results import Part
from qrcascade.symbology import charset

__all__ = [
    "ALPHANUMERIC",
    "BYTE",
    "CHARACTERS",
    "ECI",
    "KANJI",
    "NUMERIC",
    "PAD",
    "Payload",
    "count_bits",
    "parse",
]

# Mode indicators (Table 2).
NUMERIC, ALPHANUMERIC, APPEND, BYTE, FNC1_FIRST = 1, 2, 3, 4, 5
ECI, KANJI, FNC1_SECOND, HANZI = 7, 8, 9, 13

# Table 3: the character count's bits in versions 1 to 9, 10 to 26, 27 to 40.
_COUNT_BITS = {
    NUMERIC: (10, 12, 14),
    ALPHANUMERIC: (9, 11, 13),
    BYTE: (8, 16, 16),
    KANJI: (8, 10, 12),
    HANZI: (8, 10, 12),
}
# Table 5: characters of the alphanumeric mode by their values.
CHARACTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# 7.4.10: the padding codewords, which alternate.
PAD = (0xEC, 0x11)
# ISO/IEC 8859-1, which applies before any other ECI (7.4.2).
_DEFAULT_ECI, _UTF_8 = 3, 26
# Symbology identifiers: without FNC1, with it in first and in second position; one more if there are ECIs.
_PLAIN, _GS1, _INDUSTRY = 1, 3, 5


@dataclass(frozen=True, slots=True)
class Payload:
    """A symbol's payload, and how regular its end is.

    Attributes
    ----------
    data : bytes
        The payload as a scanner transmits it.
    text, charset, charset_source : str
        As in `qrcascade.symbology.charset.Text`.
    identifier : str
        The AIM symbology identifier (ISO/IEC 15424): "]Q1" to "]Q6".
    part : Part or None
        Which part of a message it is, in structured append.
    padding : (int, int)
        How many of the codewords after the terminator are the padding that 7.4.10 requires, and how many
        there are. One zero before them, which some encoders write, is not counted.
    zero_terminated : bool
        Whether the bits that fill up the terminator's last codeword are zero.
    """

    data: bytes
    text: str
    charset: str
    charset_source: str
    identifier: str
    part: Part | None
    padding: tuple[int, int]
    zero_terminated: bool


def count_bits(mode: int, version: int) -> int:
    """Return the number of bits in the character count (Table 3)."""
    return _COUNT_BITS[mode][(version > 9) + (version > 26)]


class _Bits:
    """A bit stream that is read from the front."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        """Read the next bits as a number."""
        if count > self.left:
            raise ValueError("a segment extends past the end")
        self.left -= count
        return self._value >> self.left & (1 << count) - 1

    def take_below(self, limit: int, count: int) -> int:
        """Read a number that must be less than the limit."""
        value = self.take(count)
        if value >= limit:
            raise ValueError(f"{value} is invalid; it must be less than {limit}")
        return value


@dataclass(slots=True)
class _Content:
    """The content of the segments so far."""

    stretches: list[charset.Stretch] = field(default_factory=list)
    eci: int | None = None
    kind: int = _PLAIN
    part: Part | None = None

    @property
    def data(self) -> bytes:
        """The bytes of all segments."""
        return b"".join(data for _, data in self.stretches)

    def decode(self) -> charset.Text:
        """Decode the stretches; in a symbol with ECIs, the default one applies before the first (7.4.2)."""
        if {label for label, _ in self.stretches} <= {_UTF_8, charset.KANJI, charset.HANZI}:
            # Some encoders pack pairs of UTF-8's bytes in kanji mode.
            said = charset.decode([(_UTF_8, self.data)])
            if self.eci is not None and said.charset_source == "eci":
                return said
        default = None if self.eci is None else _DEFAULT_ECI
        return charset.decode([(default if label is None else label, data) for label, data in self.stretches])

    def add(self, data: bytes, codec: str | None = None) -> None:
        """Add characters in the set of their mode, if it has one, or else under the ECI."""
        label = self.eci if codec is None else codec
        if not data:
            return
        if self.stretches and self.stretches[-1][0] == label:
            data = self.stretches.pop()[1] + data
        self.stretches.append((label, data))


def parse(codewords: bytes, version: int) -> Payload:
    """Read the bit stream of a symbol's data codewords.

    Parameters
    ----------
    codewords : bytes
        The data codewords of all blocks, in order, without error correction.
    version : int
        1 to 40; it determines the length of character counts.

    Raises
    ------
    ValueError
        If the codewords are not a valid bit stream, or it contains no data.
    """
    bits, content = _Bits(codewords), _Content()
    while mode := bits.take(min(4, bits.left)):
        if bits.left == 0:
            raise ValueError("the end cuts off a segment")
        _read_segment(mode, version, bits, content)
    if not content.stretches:
        raise ValueError("no data")
    zero_terminated = bits.take(bits.left % 8) == 0
    padding = codewords[len(codewords) - bits.left // 8 :].removeprefix(b"\0")
    good = sum(byte == PAD[i % 2] for i, byte in enumerate(padding))
    return Payload(
        data=content.data,
        **content.decode()._asdict(),
        identifier=f"]Q{content.kind + (content.eci is not None)}",
        part=content.part,
        padding=(good, len(padding)),
        zero_terminated=zero_terminated,
    )


def _read_segment(mode: int, version: int, bits: _Bits, content: _Content) -> None:
    if mode == ECI:
        content.eci = _read_eci(bits)
    elif mode == APPEND:
        index, last = bits.take(4), bits.take(4)
        if index > last:
            raise ValueError("structured append: no such symbol")
        content.part = Part(index + 1, last + 1, bits.take(8))
    elif mode == FNC1_FIRST:
        content.kind = _GS1
    elif mode == FNC1_SECOND:
        content.kind = _INDUSTRY
        _read_application(bits, content)
    elif mode in _COUNT_BITS:
        if mode == HANZI and bits.take(4) != 1:
            raise ValueError("hanzi mode: no such subset")
        _read_characters(mode, bits.take(count_bits(mode, version)), bits, content)
    else:
        raise ValueError(f"reserved mode {mode}")


def _read_characters(mode: int, count: int, bits: _Bits, content: _Content) -> None:
    if mode == NUMERIC:
        content.add(_read_numeric(bits, count))
    elif mode == ALPHANUMERIC:
        data = _read_alphanumeric(bits, count)
        if content.kind != _PLAIN:
            # 7.4.8.2: a single % stands for the separator GS, a double one for a percent sign.
            data = re.sub(b"%%?", lambda found: b"%" if len(found[0]) == 2 else b"\x1d", data)
        content.add(data)
    elif mode == BYTE:
        content.add(bits.take(8 * count).to_bytes(count, "big"))
    elif mode == KANJI:
        content.add(b"".join(_read_kanji(bits) for _ in range(count)), charset.KANJI)
    else:
        content.add(b"".join(_read_hanzi(bits) for _ in range(count)), charset.HANZI)


def _read_numeric(bits: _Bits, count: int) -> bytes:
    triples, rest = divmod(count, 3)
    digits = [f"{bits.take_below(1000, 10):03}" for _ in range(triples)]
    if rest:
        digits.append(f"{bits.take_below(10**rest, 1 + 3 * rest):0{rest}}")
    return "".join(digits).encode()


def _read_alphanumeric(bits: _Bits, count: int) -> bytes:
    values: list[int] = []
    for _ in range(count // 2):
        values += divmod(bits.take_below(45 * 45, 11), 45)
    if count % 2:
        values.append(bits.take_below(45, 6))
    return bytes(CHARACTERS[value] for value in values)


def _read_kanji(bits: _Bits) -> bytes:
    """Read one character of Shift_JIS (7.4.6); the second byte is 0x40 to 0xFC without 0x7F."""
    high, low = divmod(bits.take(13), 0xC0)
    if low == 0x3F or low > 0xBC:
        raise ValueError("kanji mode: no such character")
    return bytes([high + (0x81 if high < 0x1F else 0xC1), low + 0x40])


def _read_hanzi(bits: _Bits) -> bytes:
    """Read one character of GB 2312 (GB/T 18284-2000), in 0xA1A1 to 0xAAFE or 0xB0A1 to 0xFAFE."""
    high, low = divmod(bits.take(13), 0x60)
    if low > 0x5D or high > 0x54:
        raise ValueError("hanzi mode: no such character")
    return bytes([high + (0xA1 if high < 0x0A else 0xA6), low + 0xA1])


def _read_eci(bits: _Bits) -> int:
    """Read a designator of one, two or three bytes (7.4.2)."""
    first = bits.take(8)
    if first < 0x80:
        return first
    if first < 0xC0:
        return (first & 0x3F) << 8 | bits.take(8)
    number = (first & 0x1F) << 16 | bits.take(16)
    if first >= 0xE0 or number > 999_999:
        raise ValueError("no such ECI")
    return number


def _read_application(bits: _Bits, content: _Content) -> None:
    """Read the application indicator (7.4.8.3), two digits or a letter, which begins the payload."""
    if any(part for _, part in content.stretches):
        raise ValueError("FNC1 in second position after data")
    value = bits.take(8)
    letter = bytes([max(value, 100) - 100])
    if value < 100:
        content.add(b"%02d" % value)
    elif letter.isalpha():
        content.add(letter)
    else:
        raise ValueError("no such application indicator")

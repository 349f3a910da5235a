r"""Decode a payload's bytes to text by one rule, the same on every machine.

ISO/IEC 18004 says that bytes without an Extended Channel Interpretation (ECI) are ISO/IEC 8859-1. But most
encoders write UTF-8, and East Asian ones the set of their country. The rule, for each stretch of a payload:

1. Under an ECI, it is decoded as that says.
2. Kanji mode is Shift_JIS, and hanzi mode GB 2312 (as GB 18030, which includes it), whatever is around them.
   Under an ECI, too, except where all of it is the UTF-8 that the ECI says: some encoders pack that so.

The other bytes, together:

3. Bytes that are strict UTF-8 (which includes ASCII) are UTF-8.
4. The character set that the payload's own format names in its first bytes (`_NAMED`).
5. The set in which they look most like text (`qrcascade.symbology.likelihood`): Latin-1, Windows-1252,
   Shift_JIS, GB 18030, Big5 or EUC-KR. Latin-1 decodes everything.

What an ECI or a mode says is ignored where the bytes contradict it, and so is an ECI that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from qrcascade.symbology import likelihood

__all__ = ["HANZI", "KANJI", "Stretch", "Text", "decode", "split_eci"]

Stretch = tuple[int | str | None, bytes]
"""An ECI's number, the Python codec that a mode implies, or None; and the bytes."""

# Rule 2.
KANJI, HANZI = "cp932", "gb18030"

# Rule 1: AIM ECI assignments (ITS/04-023) and the Python codecs that decode them.
_CODECS = {
    0: "cp437",
    1: "iso8859_1",
    2: "cp437",
    **{number: f"iso8859_{number - 2}" for number in (*range(3, 14), *range(15, 19))},
    20: "cp932",
    21: "cp1250",
    22: "cp1251",
    23: "cp1252",
    24: "cp1256",
    25: "utf_16_be",
    26: "utf_8",
    27: "ascii",
    28: "big5",
    29: "gb18030",
    30: "euc_kr",
    31: "gbk",
    32: "gb18030",
    33: "utf_16_le",
    34: "utf_32_be",
    35: "utf_32_le",
    170: "ascii",
}

# By the letter of a symbology identifier (ISO/IEC 15424): the modifiers that announce the ECI protocol, of QR
# Code, Data Matrix, PDF417, Aztec and MaxiCode.
_ECI_MODIFIERS = {
    b"Q": (b"2", b"4", b"6"),
    b"d": (b"4", b"5", b"6"),
    b"L": (b"1",),
    b"z": (b"3", b"4", b"5"),
    b"U": (b"2", b"3"),
}

# Rule 4: how a payload begins, and the codec that its format means by the group.
_NAMED = (
    # Russian payments: GOST R 56042-2014.
    (re.compile(rb"ST0001([123])"), {b"1": "cp1251", b"2": "utf_8", b"3": "koi8_r"}),
    # European transfers: EPC069-12, "Quick Response Code: Guidelines to enable data capture".
    (
        re.compile(rb"BCD\r?\n00[12]\r?\n([1-8])\r?\n"),
        {
            b"1": "utf_8",
            b"2": "iso8859_1",
            b"3": "iso8859_2",
            b"4": "iso8859_4",
            b"5": "iso8859_5",
            b"6": "iso8859_7",
            b"7": "iso8859_10",
            b"8": "iso8859_15",
        },
    ),
    # Slovenian payments: the standard UPN QR of the Bank Association of Slovenia.
    (re.compile(rb"(UPNQR)"), {b"UPNQR": "iso8859_2"}),
)

# IANA's names of the codecs.
_NAMES = {
    "ascii": "US-ASCII",
    "big5": "Big5",
    "cp437": "IBM437",
    "cp932": "Shift_JIS",
    "cp949": "EUC-KR",
    "euc_kr": "EUC-KR",
    "gb18030": "GB18030",
    "gbk": "GBK",
    "koi8_r": "KOI8-R",
    "utf_8": "UTF-8",
    "utf_16_be": "UTF-16BE",
    "utf_16_le": "UTF-16LE",
    "utf_32_be": "UTF-32BE",
    "utf_32_le": "UTF-32LE",
}

# How a set is known, the surest first; "default" for ASCII, which is the same in all of them.
_SOURCES = ("default", "eci", "mode", "payload", "inferred")


class Text(NamedTuple):
    """A decoded payload.

    Attributes
    ----------
    text : str
        No byte is dropped or replaced.
    charset : str
        IANA's name of its character set, or several joined by "+"; "US-ASCII" if there is nothing else.
    charset_source : str
        How that is known: "default", "eci", "mode", "payload" or "inferred"; of several sets, the least sure.
    """

    text: str
    charset: str
    charset_source: str


class _Known(NamedTuple):
    text: str
    codec: str
    source: str


def decode(stretches: Sequence[Stretch]) -> Text:
    """Decode a payload given as stretches, as `split_eci` or `qrcascade.symbology.segments` returns them."""
    told = [_decode_told(label, data) for label, data in stretches]
    rest = [data for (_, data), known in zip(stretches, told, strict=True) if known is None]
    codec, source = _choose(rest)
    parts = [
        known or _Known(data.decode(codec), codec, source)
        for (_, data), known in zip(stretches, told, strict=True)
    ]
    # ASCII beside another set belongs to that.
    shown = [part for part in parts if part.source != "default"] or [_Known("", "ascii", "default")]
    return Text(
        "".join(part.text for part in parts),
        "+".join(dict.fromkeys(_name(part.codec) for part in shown)),
        max((part.source for part in shown), key=_SOURCES.index),
    )


def _decode_told(label: int | str | None, data: bytes) -> _Known | None:
    """Return a stretch as its ECI or mode says, if that is possible."""
    codec = _CODECS.get(label) if isinstance(label, int) else label
    text = None if codec is None else _decode_strictly(data, codec)
    return None if codec is None or text is None else _Known(text, codec, "mode" if codec is label else "eci")


def _choose(rest: Sequence[bytes]) -> tuple[str, str]:
    """Return the codec of bytes whose set nothing in the symbol tells, and how it is known."""
    data = b"".join(rest)
    if data.isascii():
        return "ascii", "default"
    named = next((sets[found[1]] for start, sets in _NAMED if (found := start.match(data))), None)
    for codec in ("utf_8", named, likelihood.choose(data)):
        if codec is not None and all(_decode_strictly(part, codec) is not None for part in rest):
            return codec, "payload" if codec == named else "inferred"
    return "iso8859_1", "inferred"


def _name(codec: str) -> str:
    return _NAMES.get(codec) or codec.replace("iso8859_", "ISO-8859-").replace("cp", "windows-")


def _decode_strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def split_eci(protocol: bytes) -> list[Stretch]:
    r"""Split a transmission under the ECI protocol into stretches.

    Parameters
    ----------
    protocol : bytes
        Symbology identifier (``]Q1``, ``]d4`` ...) and payload as ISO/IEC 15424 and 18004 define them: with
        ECIs, ``\NNNNNN`` announces one, and a backslash in the payload is doubled.

    Returns
    -------
    list of (int or None, bytes)
        The stretches in order; their bytes together are the payload.
    """
    identifier, payload = protocol[:3], protocol[3:]
    if identifier[2:] not in _ECI_MODIFIERS.get(identifier[1:2], ()):
        return [(None, payload)]
    parts = re.split(rb"\\(\d{6})", payload.replace(b"\\\\", b"\\x"))
    stretches: list[Stretch] = []
    for eci, data in zip([None, *map(int, parts[1::2])], parts[::2], strict=True):
        if data:
            stretches.append((eci, data.replace(b"\\x", b"\\")))
    return stretches

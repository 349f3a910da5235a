r"""Decode a payload's bytes to text by one rule, the same on every machine.

ISO/IEC 18004 says that bytes without an Extended Channel Interpretation (ECI) are ISO/IEC 8859-1. But most
encoders write UTF-8, and Japanese ones Shift_JIS. The rule:

1. A stretch under an ECI is decoded as that ECI says.
2. Bytes that are strict UTF-8 (which includes ASCII) are UTF-8.
3. The character set that the payload's own format names in its first bytes: GOST R 56042-2014 (Russian
   payments) has ``ST00011`` for Windows-1251 and ``ST00013`` for KOI8-R (``ST00012`` is UTF-8); the Slovenian
   UPN payment form, ``UPNQR``, is ISO/IEC 8859-2 by the standard of the Bank Association of Slovenia.
4. GB 2312, if the engine saw hanzi mode in the symbol, as its own decoding in GB 2312 shows, or in GB 18030,
   which differs in two characters.
5. Shift_JIS, if the bytes decode cleanly as such and Latin-1 would show control characters, or symbols
   among capital letters, as half-width katakana look. This covers the bytes of kanji mode: the first byte
   of almost every kanji is a control character in Latin-1.
6. Windows-1252, if Latin-1 would show control characters and Windows-1252 does not.
7. Latin-1, which decodes everything.

Rules 2 to 7 look at a whole stretch, so a symbol that mixes kanji mode with UTF-8 and has no ECI is decoded
as one of them. They also apply to an unknown ECI.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["decode", "is_plain", "split_eci"]

# AIM ECI assignments (ITS/04-023) and the Python codecs that decode them.
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

# Rule 3: how a payload begins, and the codec that its format says.
_NAMED = {b"ST00011": "cp1251", b"ST00013": "koi8_r", b"UPNQR": "iso8859_2"}

# Latin-1's C1 control characters, which no text contains.
_HIGH_CONTROLS = re.compile(r"[\x80-\x9f]")
# Half-width katakana seen as Latin-1: a run of capital letters and symbols, with a symbol inside.
_KATAKANA = re.compile(r"[\xa1-\xdf][\xa1-\xbf\xd7][\xa1-\xdf]")

Stretch = tuple[int | None, bytes]


def is_plain(stretches: Sequence[Stretch]) -> bool:
    """Return whether ECIs or strict UTF-8 settle every stretch, so that a hint would change nothing."""
    return all(eci in _CODECS or _decode_strictly(data, "utf_8") is not None for eci, data in stretches)


def decode(stretches: Sequence[Stretch], hint: str | None = None) -> str:
    """Decode a payload given as stretches of (ECI number or None, bytes).

    Parameters
    ----------
    stretches : sequence of (int or None, bytes)
        As returned by `split_eci`.
    hint : str, optional
        The whole payload as decoded by an engine that sees the symbol's modes.

    Returns
    -------
    str
        The text; no byte is dropped or replaced.
    """
    first = next((data for _, data in stretches if data), b"")
    named = next((codec for start, codec in _NAMED.items() if first.startswith(start)), None)
    return "".join(_decode_one(eci, data, named, hint) for eci, data in stretches)


def _decode_one(eci: int | None, data: bytes, named: str | None, hint: str | None) -> str:
    candidates = ["utf_8"] if named is None else ["utf_8", named]
    if eci in _CODECS:
        candidates.insert(0, _CODECS[eci])
    for codec in candidates:
        text = _decode_strictly(data, codec)
        if text is not None:
            return text
    if hint is not None and hint in (_decode_strictly(data, "gb2312"), _decode_strictly(data, "gb18030")):
        return hint
    latin = data.decode("iso8859_1")
    doubtful = _HIGH_CONTROLS.search(latin)
    if doubtful or _KATAKANA.search(latin):
        japanese = _decode_strictly(data, "cp932")
        if japanese is not None and not _HIGH_CONTROLS.search(japanese):
            return japanese
    if doubtful:
        western = _decode_strictly(data, "cp1252")
        if western is not None:
            return western
    return latin


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
        if data or eci is not None:
            stretches.append((eci, data.replace(b"\\x", b"\\")))
    return stretches

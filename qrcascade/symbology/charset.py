r"""From the bytes of a payload to text, by one rule, the same on every machine.

ISO/IEC 18004 says that bytes without an Extended Channel Interpretation (ECI) are ISO/IEC 8859-1.
Most encoders write UTF-8 all the same, and Japanese ones Shift_JIS. The rule:

1. A stretch under an ECI is decoded as that ECI says.
2. Bytes that are strict UTF-8 (so all ASCII) are UTF-8.
3. GB 2312, where the engine saw the symbol's hanzi mode: it says so by decoding it that way, or as GB 18030,
   which differs in two signs.
4. Shift_JIS, where the bytes decode cleanly as such and Latin-1 would show control characters, or
   signs amid capital letters as half-width katakana give. Bytes of kanji mode fall under it:
   almost every kanji's first byte is a control character of Latin-1.
5. Windows-1252, where Latin-1 would show control characters and Windows-1252 does not.
6. Latin-1, which decodes everything.

Rules 2 to 6 look at a whole stretch, so a symbol that mixes kanji mode with UTF-8 and no ECI
decodes as one of them. An ECI that nobody knows falls through to them.
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

# Latin-1's C1 control characters: no text has them.
_HIGH_CONTROLS = re.compile(r"[\x80-\x9f]")
# Half-width katakana seen as Latin-1: capital letters and signs in one run, a sign not at its ends.
_KATAKANA = re.compile(r"[\xa1-\xdf][\xa1-\xbf\xd7][\xa1-\xdf]")

Stretch = tuple[int | None, bytes]


def is_plain(stretches: Sequence[Stretch]) -> bool:
    """Whether an ECI or strict UTF-8 settles every stretch, so that a hint would change nothing."""
    return all(eci in _CODECS or _clean(data, "utf_8") is not None for eci, data in stretches)


def decode(stretches: Sequence[Stretch], hint: str | None = None) -> str:
    """Decode a payload given as stretches of (ECI number or None, bytes).

    Parameters
    ----------
    stretches : sequence of (int or None, bytes)
        As `split_eci` gives them.
    hint : str, optional
        What an engine that sees the symbol's modes makes of the whole payload.

    Returns
    -------
    str
        Every byte is accounted for; nothing is dropped or replaced.
    """
    return "".join(_decode_one(eci, data, hint) for eci, data in stretches)


def _decode_one(eci: int | None, data: bytes, hint: str | None) -> str:
    candidates = ["utf_8"]
    if eci in _CODECS:
        candidates.insert(0, _CODECS[eci])
    for codec in candidates:
        text = _clean(data, codec)
        if text is not None:
            return text
    if hint is not None and hint in (_clean(data, "gb2312"), _clean(data, "gb18030")):
        return hint
    latin = data.decode("iso8859_1")
    doubtful = _HIGH_CONTROLS.search(latin)
    if doubtful or _KATAKANA.search(latin):
        japanese = _clean(data, "cp932")
        if japanese is not None and not _HIGH_CONTROLS.search(japanese):
            return japanese
    if doubtful:
        western = _clean(data, "cp1252")
        if western is not None:
            return western
    return latin


def _clean(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def split_eci(protocol: bytes) -> list[Stretch]:
    r"""Split a transmission under the ECI protocol into stretches.

    Parameters
    ----------
    protocol : bytes
        Symbology identifier (``]Q1`` ...) and payload as ISO/IEC 15424 and 18004 define them:
        with ECIs, ``\NNNNNN`` announces one and a backslash of the payload is doubled.

    Returns
    -------
    list of (int or None, bytes)
        In order; the bytes joined are the payload.
    """
    identifier, payload = protocol[:3], protocol[3:]
    if identifier[2:] not in (b"2", b"4", b"6"):
        return [(None, payload)]
    parts = re.split(rb"\\(\d{6})", payload.replace(b"\\\\", b"\\x"))
    stretches: list[Stretch] = []
    for eci, data in zip([None, *map(int, parts[1::2])], parts[::2], strict=True):
        if data or eci is not None:
            stretches.append((eci, data.replace(b"\\x", b"\\")))
    return stretches

r"""From the bytes of a payload to text, by one rule, the same on every machine.

ISO/IEC 18004 says that bytes without an Extended Channel Interpretation (ECI) are ISO/IEC 8859-1.
Most encoders write UTF-8 all the same, and Japanese ones Shift_JIS. The rule:

1. A stretch under an ECI is decoded as that ECI says.
2. Bytes that are strict UTF-8 (so all ASCII) are UTF-8.
3. Shift_JIS, where the bytes decode cleanly as such and Latin-1 would show control characters.
   Bytes of kanji mode fall under it: almost every kanji's first byte is one.
4. Windows-1252, where Latin-1 would show control characters and Windows-1252 does not.
5. Latin-1, which decodes everything.

Rules 2 to 5 look at a whole stretch, so a symbol that mixes kanji mode with UTF-8 and no ECI
decodes as one of them. An ECI that nobody knows falls through to them.
"""

from __future__ import annotations

import re

__all__ = ["decode", "split_eci"]

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

Stretch = tuple[int | None, bytes]


def decode(stretches: list[Stretch]) -> str:
    """Decode a payload given as stretches of (ECI number or None, bytes).

    Parameters
    ----------
    stretches : list of (int or None, bytes)
        As `split_eci` gives them.

    Returns
    -------
    str
        Every byte is accounted for; nothing is dropped or replaced.
    """
    return "".join(_decode_one(eci, data) for eci, data in stretches)


def _decode_one(eci: int | None, data: bytes) -> str:
    candidates = ["utf_8"]
    if eci in _CODECS:
        candidates.insert(0, _CODECS[eci])
    for codec in candidates:
        text = _clean(data, codec)
        if text is not None:
            return text
    latin = data.decode("iso8859_1")
    if _controls(latin):
        for codec in ("cp932", "cp1252"):
            text = _clean(data, codec)
            if text is not None and not _controls(text):
                return text
    return latin


def _clean(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _controls(text: str) -> bool:
    """Whether a text holds C0 or C1 control characters other than tab and line ends."""
    return re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text) is not None


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

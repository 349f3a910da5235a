"""`QRCode`: a symbol that was read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from qrcascade.image.quad import Point, Quad

__all__ = ["Part", "QRCode", "shorten"]

# Characters of a payload in a repr.
_MOST_SHOWN = 60
# By the last character of the symbology identifier of a QR code.
_CONTENT_TYPES = {"3": "gs1", "4": "gs1", "5": "industry", "6": "industry"}


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a message a symbol holds, in structured append (ISO/IEC 18004:2015, clause 8).

    Parameters
    ----------
    index : int
        1 to ``count``.
    count : int
        Number of symbols, 1 to 16.
    parity : int
        The exclusive or of all bytes of the message, 0 to 255: the same in all of its symbols.
    """

    index: int
    count: int
    parity: int


@dataclass(frozen=True, slots=True, repr=False)
class QRCode:
    """A symbol that was read.

    Parameters
    ----------
    text : str
        The payload as text, by the rule in `qrcascade.symbology.charset`. Never depends on the machine.
    quad : Quad
        Its outline in pixels of the upright picture, starting at the symbol's own top-left.
    confidence : float
        Probability, 0 to 1, that the payload is exactly right (`qrcascade.engines.confidence`).
    data : bytes, optional
        The payload's exact bytes; None if the engine cannot give them.
    engine, strategy, step : str
        What read it, and on which view.
    version : str, optional
        "1" to "40"; "M1" to "M4" for Micro QR, "R7x43" and so on for rMQR; of another symbology, whatever
        zxing-cpp calls its size.
    ec_level : str, optional
        Error correction level: "L", "M", "Q" or "H"; of another symbology, as zxing-cpp gives it.
    mirrored : bool, optional
        Whether the picture shows the symbol mirrored; None if the engine cannot tell.
    inverted : bool, optional
        Whether the picture shows the symbol light on dark; None if the engine cannot tell.
    charset : str, optional
        IANA's name of the text's character set; several, if segments have their own, are joined by "+".
        None, as the next two, if the engine does not give the exact bytes.
    charset_source : str, optional
        How it is known: "eci" (the symbol announces it), "mode" (kanji or hanzi), "payload" (its format
        names it), "inferred" (from the bytes), "default" (ASCII); of several, the least sure.
    symbology_identifier : str, optional
        AIM identifier (ISO/IEC 15424): "]Q1"; "]Q3" with FNC1 in first position, "]Q5" in second; one more
        with ECIs; "]Q0" for Model 1; "]d1" and so on for other symbologies.
    part : Part, optional
        Which part of a message it is, in structured append; `qrcascade.join_parts` joins them.
    format : str
        "QRCode" (Model 2), "QRCodeModel1", "MicroQRCode" or "RMQRCode"; or another symbology that was asked
        for, of `qrcascade.reading.options.FORMATS`.
    evidence_bits : float, optional
        Bits of evidence against chance, if the module grid was read: the payload is wrong with a
        probability of at most about 2 to the minus this. `qrcascade.grid.evidence` derives it.
    mesh : tuple of rows of points, optional
        The fitted module grid, if there is one: corners (x, y) of the modules in the symbol's own rows
        and columns, N + 1 rows of N + 1 points. Not compared.
    page : int, optional
        Page of the document, from 1; None if the source is a single picture.
    accepted : bool
        Whether the caller's ``accept`` accepted this payload; True if none was given.
    """

    text: str
    quad: Quad
    confidence: float
    data: bytes | None = None
    engine: str = ""
    strategy: str = ""
    step: str = ""
    version: str | None = None
    ec_level: str | None = None
    mirrored: bool | None = None
    inverted: bool | None = None
    charset: str | None = None
    charset_source: str | None = None
    symbology_identifier: str | None = None
    part: Part | None = None
    format: str = "QRCode"
    evidence_bits: float | None = None
    mesh: tuple[tuple[Point, ...], ...] | None = field(default=None, repr=False, compare=False)
    page: int | None = None
    accepted: bool = True

    def __repr__(self) -> str:
        by = f" by {self.strategy} {self.step}".rstrip() if self.strategy else ""
        return f"<{self.format} {shorten(self.text)}, confidence {self.confidence:.3f}{by}>"

    @property
    def content_type(self) -> str | None:
        """What FNC1 says: "gs1" (first position), "industry" (second: its code begins the text) or "text".

        None for other symbologies, and if the engine does not give the exact bytes.
        """
        known = self.symbology_identifier or ""
        return _CONTENT_TYPES.get(known[-1], "text") if known.startswith("]Q") else None

    def same_payload(self, other: QRCode) -> bool:
        """Whether both readings gave the same payload.

        If both have bytes, these are compared. Otherwise the texts are; if an engine without bytes
        gave one that is not ASCII, only ASCII characters count, since it guessed the character set.
        """
        if self.data is not None and other.data is not None:
            return self.data == other.data
        if self.text == other.text:
            return True
        guessed = any(code.data is None and not code.text.isascii() for code in (self, other))
        return guessed and _ascii(self.text) == _ascii(other.text) != ""

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON: ``data`` in hexadecimal, corners as [x, y], `content_type`, no mesh."""
        known = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "mesh"}
        return known | {
            "data": None if self.data is None else self.data.hex(),
            "quad": [list(corner) for corner in self.quad],
            "confidence": round(self.confidence, 4),
            "content_type": self.content_type,
            "part": None if self.part is None else asdict(self.part),
            "evidence_bits": None if self.evidence_bits is None else round(self.evidence_bits, 1),
        }


def shorten(text: str) -> str:
    """Return a text in quotes and on one line, cut after 60 characters."""
    return repr(text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…")


def _ascii(text: str) -> str:
    return "".join(c for c in text if c.isascii())

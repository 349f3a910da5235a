"""What a reading gives back, as values: frozen, slotted, comparable; the standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from qrcascade.errors import NotFoundError
from qrcascade.image.quad import Point, Quad

__all__ = [
    "SKIPPED",
    "Attempt",
    "Findings",
    "Progress",
    "QRCode",
    "Quad",
    "Reading",
    "Region",
    "step_text",
]


SKIPPED = "skipped"
"""The kind of an attempt that was not made: an earlier one says why its engine is left out."""


@dataclass(frozen=True, slots=True)
class QRCode:
    """One symbol that was read.

    Parameters
    ----------
    text : str
        The payload as text; `qrcascade.symbology.charset` has the rule. Never depends on the machine.
    quad : Quad
        Where it stands, in pixels of the upright picture, from the symbol's own top-left.
    confidence : float
        Probability, 0 to 1, that the payload is exactly right (`qrcascade.engines.confidence`).
    data : bytes, optional
        The payload's exact bytes, or None where the engine cannot give them.
    engine, strategy, step : str
        Who read it, and on which view.
    version : str, optional
        "1" to "40"; "M1" to "M4" for Micro QR, "R7x43" and so on for rMQR.
    ec_level : str, optional
        Error correction level: "L", "M", "Q" or "H".
    mirrored : bool, optional
        Whether the picture shows the symbol as in a mirror; None where the engine cannot tell.
    format : str
        "QRCode", "MicroQRCode" or "RMQRCode".
    evidence_bits : float, optional
        What speaks against chance, in bits, where the module grid was read: the payload is false with a
        probability of at most about 2 to the minus this. `qrcascade.grid.evidence` derives it.
    mesh : tuple of rows of points, optional
        Where the module grid was fitted: corners (x, y) of the modules in the symbol's own rows and
        columns, N + 1 rows of N + 1 points. Not compared.
    page : int, optional
        Page of the document, from 1; None where the source is one picture.
    accepted : bool
        Whether the caller's ``accept`` took this payload; True where there was none.
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
    format: str = "QRCode"
    evidence_bits: float | None = None
    mesh: tuple[tuple[Point, ...], ...] | None = field(default=None, repr=False, compare=False)
    page: int | None = None
    accepted: bool = True

    def same_payload(self, other: QRCode) -> bool:
        """Whether both readings are of one payload.

        Bytes decide where both have them. Otherwise the texts do, less what is not ASCII:
        engines without the bytes guess the character set.
        """
        if self.data is not None and other.data is not None:
            return self.data == other.data
        if self.text == other.text:
            return True
        guessed = any(code.data is None and not code.text.isascii() for code in (self, other))
        return guessed and _ascii(self.text) == _ascii(other.text) != ""

    def to_dict(self) -> dict[str, Any]:
        """What can be written as JSON: ``data`` in hexadecimal, corners as [x, y], no mesh."""
        return {
            "text": self.text,
            "data": None if self.data is None else self.data.hex(),
            "quad": [list(corner) for corner in self.quad],
            "confidence": round(self.confidence, 4),
            "engine": self.engine,
            "strategy": self.strategy,
            "step": self.step,
            "version": self.version,
            "ec_level": self.ec_level,
            "mirrored": self.mirrored,
            "format": self.format,
            "evidence_bits": None if self.evidence_bits is None else round(self.evidence_bits, 1),
            "page": self.page,
            "accepted": self.accepted,
        }


def _ascii(text: str) -> str:
    return "".join(c for c in text if c.isascii())


@dataclass(frozen=True, slots=True)
class Region:
    """A place where a symbol was located.

    Parameters
    ----------
    quad : Quad
        Where, in pixels of the upright picture.
    score : float
        The locator's own belief, 0 to 1, that a symbol is there. It says nothing of a payload.
    source : str
        Who located it.
    """

    quad: Quad
    score: float
    source: str

    def to_dict(self) -> dict[str, Any]:
        """What can be written as JSON."""
        quad = [list(corner) for corner in self.quad]
        return {"quad": quad, "score": round(self.score, 4), "source": self.source}


@dataclass(frozen=True, slots=True)
class Progress:
    """What an engine that works on a region in stages did in one of them, and what it would do next.

    Parameters
    ----------
    kind, view : str
        The stage, as in `Attempt`.
    following : str
        The kind of the next stage; empty where none follows.
    """

    kind: str
    view: str
    following: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one step saw: codes that were read, regions that were only located.

    Parameters
    ----------
    codes : tuple of QRCode
        Corners in the pixels that the step looked at.
    regions : tuple of Region
        In the same pixels.
    error : str, optional
        What broke, where the step has something to report all the same.
    progress : Progress, optional
        Of an engine that works on a region in stages.
    """

    codes: tuple[QRCode, ...] = ()
    regions: tuple[Region, ...] = ()
    error: str | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step that was run, and what came of it.

    Parameters
    ----------
    strategy : str
        Whose step it was.
    engine, view : str
        What looked, and at what. Of a step with code of its own, its name, and nothing.
    kind : str
        What sort of work it was, as in `qrcascade.Step`.
    region : Quad, optional
        The located region that was looked at; None for the whole picture.
    elapsed_s : float
        Seconds of wall time.
    codes : tuple of QRCode
        Symbols that were read, in pixels of the upright picture.
    regions : tuple of Region
        Symbols that were located and not read, in the same pixels.
    error : str, optional
        What broke. None means that the step ran, whether or not it found anything.
    following : str, optional
        The kind of step with which the engine would go on at this region, empty where it has nothing more to
        try; None for an engine that does not work in stages.
    """

    strategy: str
    engine: str = ""
    view: str = ""
    kind: str = ""
    region: Quad | None = None
    elapsed_s: float = 0.0
    codes: tuple[QRCode, ...] = ()
    regions: tuple[Region, ...] = ()
    error: str | None = None
    following: str | None = None

    @property
    def step(self) -> str:
        """The step in words, for people."""
        return step_text(self.engine, self.kind, self.view)

    @property
    def found(self) -> int:
        """Number of symbols that this attempt read."""
        return len(self.codes)

    def to_dict(self) -> dict[str, Any]:
        """What can be written as JSON; how many codes were found, not which."""
        return {
            "strategy": self.strategy,
            "step": self.step,
            "engine": self.engine,
            "view": self.view,
            "kind": self.kind,
            "ms": _ms(self.elapsed_s),
            "found": self.found,
            "error": self.error,
        }


# Kinds that go without saying: the engine and the view tell them.
_PLAIN_KINDS = ("", "picture", "region", "call")


def step_text(engine: str, kind: str, view: str) -> str:
    """Return a step in words: "zxing clahe", "grid fit gray"."""
    said = "" if kind in _PLAIN_KINDS else kind
    return " ".join(part for part in (engine, said, view) if part)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that the reading of one picture gave, as values. True where a code was read and accepted.

    Parameters
    ----------
    codes : tuple of QRCode
        Every symbol once, the most confident first; also those that the caller's ``accept`` did not take.
    regions : tuple of Region
        What was located and not read, the most credible first.
    attempts : tuple of Attempt
        Every engine run, in order.
    size : (int, int)
        Width and height of the upright picture; (0, 0) where it was not decoded in time.
    elapsed_s : float
        Seconds from the source to the result.
    timed_out : bool
        Whether the timeout ended the reading.
    page : int, optional
        Page of the document, from 1; None where the source is one picture.
    ended : str
        Why the reading ended: "settled" (something is read with confidence, nothing credible is unread),
        "expected" (as many codes as were expected), "timeout", "exhausted" (every tier is done); "" where
        nobody said.
    picture : Frame, optional
        What was read, for `draw` and `explain`. It keeps the pixels alive as long as the result;
        ``dataclasses.replace(result, picture=None)`` lets go of them. Not compared, and left out
        of copies and pickles.
    """

    codes: tuple[QRCode, ...]
    regions: tuple[Region, ...]
    attempts: tuple[Attempt, ...]
    size: tuple[int, int]
    elapsed_s: float
    timed_out: bool = False
    page: int | None = None
    ended: str = ""
    picture: Any = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        kept = (self.codes, self.regions, self.attempts, self.size, self.elapsed_s, self.timed_out, self.page)
        return type(self), (*kept, self.ended)

    def __bool__(self) -> bool:
        return any(code.accepted for code in self.codes)

    @property
    def text(self) -> str | None:
        """The accepted payload read with the most confidence, or None."""
        return next(iter(self.texts), None)

    @property
    def texts(self) -> tuple[str, ...]:
        """All accepted payloads, the most confident first."""
        return tuple(code.text for code in self.codes if code.accepted)

    @property
    def errors(self) -> tuple[str, ...]:
        """What broke, each message once, in order."""
        return tuple(dict.fromkeys(a.error for a in self.attempts if a.error))

    def require(self) -> QRCode:
        """The most confident code that is accepted.

        Raises
        ------
        NotFoundError
            If none was read; the message says what was tried, located and broken.
        """
        for code in self.codes:
            if code.accepted:
                return code
        tried = ", ".join(dict.fromkeys(a.strategy for a in self.attempts)) or "nothing"
        message = (
            f"no QR code was read in this {self.size[0]}x{self.size[1]} picture: "
            f"{len(self.attempts)} attempts ({tried}), {len(self.regions)} regions located"
        )
        if self.codes:
            message += f", {len(self.codes)} codes read that were not accepted"
        if self.timed_out:
            message += ", stopped by the timeout"
        raise NotFoundError("; ".join([message, *self.errors]))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the picture and the meshes, as what can be written as JSON."""
        return {
            "size": list(self.size),
            "page": self.page,
            "ms": _ms(self.elapsed_s),
            "timed_out": self.timed_out,
            "ended": self.ended,
            "codes": [code.to_dict() for code in self.codes],
            "regions": [region.to_dict() for region in self.regions],
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }

    def to_json(self) -> str:
        """`to_dict` as one line of JSON, with letters beyond ASCII as they are."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

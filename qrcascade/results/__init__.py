"""The values that a reading returns: frozen, slotted, comparable; standard library only."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

from qrcascade.image.quad import Quad
from qrcascade.results.code import Part, QRCode, shorten

__all__ = [
    "SKIPPED",
    "Attempt",
    "Findings",
    "Part",
    "Progress",
    "QRCode",
    "Quad",
    "Reading",
    "Region",
    "shorten",
    "step_text",
]

SKIPPED = "skipped"
"""The kind of an attempt that was not made; an earlier attempt says why its engine is left out."""


@dataclass(frozen=True, slots=True)
class Region:
    """A place where a symbol was located.

    Parameters
    ----------
    quad : Quad
        Its outline in pixels of the upright picture.
    score : float
        The locator's own belief, 0 to 1, that a symbol is there. It says nothing about a payload.
    source : str
        What located it.
    module : float, optional
        Rough width of a module in pixels, if the locator estimates it.
    format : str
        Its symbology, as `QRCode.format`.
    """

    quad: Quad
    score: float
    source: str
    module: float | None = None
    format: str = "QRCode"

    def moved(self, quad: Quad) -> Region:
        """Return the same region in another picture's pixels, where its outline is this one."""
        if self.module is None or not self.quad.area:
            return replace(self, quad=quad)
        return replace(self, quad=quad, module=self.module * math.sqrt(quad.area / self.quad.area))

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        quad = [list(corner) for corner in self.quad]
        module = None if self.module is None else round(self.module, 2)
        return {
            "quad": quad,
            "score": round(self.score, 4),
            "source": self.source,
            "module": module,
            "format": self.format,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """The stage that an engine has just run on a region, and the one that it would run next.

    Parameters
    ----------
    kind, view : str
        The stage, as in `Attempt`.
    following : str
        The kind of the next stage; empty if there is none.
    """

    kind: str
    view: str
    following: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one step found: codes that it read, and regions that it only located.

    Parameters
    ----------
    codes : tuple of QRCode
        With corners in the pixels that the step looked at.
    regions : tuple of Region
        In the same pixels.
    error : str, optional
        What failed, if the step still has something to report.
    progress : Progress, optional
        Set by engines that work on a region in stages.
    """

    codes: tuple[QRCode, ...] = ()
    regions: tuple[Region, ...] = ()
    error: str | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step that was run, and its outcome.

    Parameters
    ----------
    strategy : str
        The strategy that planned the step.
    engine, view : str
        The engine, and the view that it looked at. For a step made by `Step.call`, its name and "".
    kind : str
        The kind of work, as in `qrcascade.Step`.
    region : Quad, optional
        The located region that was looked at; None for the whole picture.
    elapsed_s : float
        Seconds of wall time.
    codes : tuple of QRCode
        Symbols that were read, in pixels of the upright picture.
    regions : tuple of Region
        Symbols that were located but not read, in the same pixels.
    error : str, optional
        What failed. None means that the step ran, whether or not it found anything.
    following : str, optional
        The kind of step that the engine would run next on this region; empty if it has nothing more to
        try, None if it does not work in stages.
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
        """The step in words, for display."""
        return step_text(self.engine, self.kind, self.view)

    @property
    def found(self) -> int:
        """Number of symbols that this attempt read."""
        return len(self.codes)

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON, with the number of codes instead of the codes."""
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


# Kinds that the engine and the view already imply.
_PLAIN_KINDS = ("", "picture", "region", "call")


def step_text(engine: str, kind: str, view: str) -> str:
    """Return a step in words: "zxing clahe", "grid fit gray"."""
    said = "" if kind in _PLAIN_KINDS else kind
    return " ".join(part for part in (engine, said, view) if part)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that the reading of one picture gave. Truthy if a code was read and accepted.

    Parameters
    ----------
    codes : tuple of QRCode
        Every symbol once, the most confident first, including those that ``accept`` rejected.
    regions : tuple of Region
        What was located but not read, the most credible first: with a score of 0.5 or more. Weaker signs
        are in the attempts.
    attempts : tuple of Attempt
        Every engine run, in order.
    size : (int, int)
        Width and height of the upright picture; (0, 0) if it was not decoded in time.
    elapsed_s : float
        Seconds from the source to the result, without waiting for a worker process to start.
    timed_out : bool
        Whether the timeout ended the reading.
    page : int, optional
        Page of the document, from 1; None if the source is a single picture.
    ended : str
        Why the reading ended: "settled" (something was read with confidence, nothing credible is unread),
        "expected" (as many codes as expected were read), "timeout", "exhausted" (every tier has run);
        "" if not known.
    notes : tuple of str
        What else to know: that the file is cut, for instance, or that expected codes are missing.
    pages : int, optional
        Number of pages of the document; None if the source is a single picture.
    picture : Frame, optional
        The picture, for `draw` and `explain`. It keeps the pixels in memory as long as the result;
        ``dataclasses.replace(result, picture=None)`` frees them. Not compared, and left out of copies
        and pickles.
    """

    codes: tuple[QRCode, ...]
    regions: tuple[Region, ...]
    attempts: tuple[Attempt, ...]
    size: tuple[int, int]
    elapsed_s: float
    timed_out: bool = False
    page: int | None = None
    ended: str = ""
    notes: tuple[str, ...] = ()
    pages: int | None = None
    picture: Any = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        kept = (self.codes, self.regions, self.attempts, self.size, self.elapsed_s, self.timed_out, self.page)
        return type(self), (*kept, self.ended, self.notes, self.pages)

    def __bool__(self) -> bool:
        return any(code.accepted for code in self.codes)

    @property
    def text(self) -> str | None:
        """The most confident accepted payload, or None."""
        return next(iter(self.texts), None)

    @property
    def texts(self) -> tuple[str, ...]:
        """All accepted payloads, the most confident first."""
        return tuple(code.text for code in self.codes if code.accepted)

    @property
    def errors(self) -> tuple[str, ...]:
        """The error messages of all attempts, each once, in order."""
        return tuple(dict.fromkeys(a.error for a in self.attempts if a.error))

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON with everything but the picture and the meshes."""
        return {
            "size": list(self.size),
            "page": self.page,
            "pages": self.pages,
            "ms": _ms(self.elapsed_s),
            "timed_out": self.timed_out,
            "ended": self.ended,
            "notes": list(self.notes),
            "codes": [code.to_dict() for code in self.codes],
            "regions": [region.to_dict() for region in self.regions],
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON; non-ASCII characters are not escaped."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

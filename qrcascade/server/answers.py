"""The service's answers, built from the cascade's results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from qrcascade import Attempt, QRCode, ReadResult
from qrcascade.server.showing import Shown

__all__ = ["Code", "Detected", "Page", "Read", "detect_answer", "has_failed", "model_of", "read_answer"]

# In the errors of the attempts that ended their worker process.
_LOST = "worker process"
_BROKEN = "this step could not run; the service's log says why"

Corner = tuple[float, float]
Corners = tuple[Corner, Corner, Corner, Corner]
Model = Literal["classical", "nano", "small", "medium", "large"]


class TriedStep(BaseModel):
    """One run of an engine on one view."""

    strategy: str
    step: str = Field(description="The step in words.")
    engine: str
    view: str
    kind: str
    ms: float
    found: int = Field(description="Number of symbols read.")
    error: str | None = Field(description="Why the step could not run; null if it ran.")


class Part(BaseModel):
    """Which part of a message a symbol holds."""

    index: int = Field(ge=1, le=16, description="From 1.")
    count: int = Field(ge=1, le=16)
    parity: int = Field(ge=0, le=255)


class Code(BaseModel):
    """One symbol that was read."""

    text: str = Field(examples=["https://example.com/verify?invoice=2026-004711"])
    data_hex: str | None = Field(description="The exact bytes of the payload, in hexadecimal.")
    confidence: float = Field(ge=0, le=1, description="Probability that the payload is exactly right.")
    format: str = Field(examples=["QRCode"])
    version: str | None = Field(examples=["5"])
    ec_level: str | None = Field(examples=["L"])
    mirrored: bool | None
    inverted: bool | None = Field(description="Whether it is light on dark.")
    charset: str | None = Field(description="IANA's name of the text's character set, several joined by +.")
    charset_source: Literal["default", "eci", "mode", "payload", "inferred"] | None = Field(
        description="How the character set is known."
    )
    symbology_identifier: str | None = Field(description="AIM identifier, such as ]Q1.")
    content_type: Literal["text", "gs1", "industry"] | None = Field(
        description="What FNC1 says of the payload."
    )
    part: Part | None = Field(description="Which part of a message it is, in structured append.")
    page: int | None = Field(description="Page of the document, from 1.")
    accepted: bool = Field(description="Whether the payload matches `accept`.")
    quad: Corners = Field(
        description="(x, y) in pixels of the upright picture, clockwise from the symbol's own top-left.",
        examples=[((321.0, 716.0), (603.0, 742.0), (594.0, 1057.0), (328.0, 1031.0))],
    )
    model: Model | None = Field(description="The tier that read it.")
    engine: str = Field(examples=["zxing"])
    step: str = Field(description="The step that read it, in words.", examples=["zxing raw"])
    evidence_bits: float | None


class _Outcome(BaseModel):
    """What both endpoints begin with."""

    success: bool = Field(description="Whether a code was read that matches `accept`, if given.")
    data: str | None = Field(
        description="The payload read with the highest confidence, as text.",
        examples=["https://example.com/verify?invoice=2026-004711"],
    )
    model: Model | None = Field(description="The tier that read the payload.")
    latency_ms: float = Field(
        description="Milliseconds of reading, without the wait for a turn or for a worker process to start."
    )
    image_size: tuple[int, int] = Field(
        description="Width and height of the upright picture.", examples=[(900, 1200)]
    )
    confidence: float | None
    notes: list[str] = Field(description="What else to know: that the file is cut, or codes are missing.")
    timed_out: bool = Field(description="Whether the time limit cut the reading short.")
    failed: bool = Field(description="Whether nothing was read, and a worker process was lost on the way.")
    complete: bool = Field(
        description="False if the page or time limit ended the reading; there may be further pages."
    )


class Detected(_Outcome):
    """The answer of `/detect`."""

    codes: list[Code]
    attempts: list[TriedStep] = Field([], description="Every step; only with `trace=1`.")


class UnreadRegion(BaseModel):
    """A place where a symbol was located but not read."""

    quad: Corners
    score: float
    source: str
    module: float | None
    format: str


class Page(BaseModel):
    """The result of reading one page."""

    page: int | None
    pages: int | None = Field(description="Number of pages of the document.")
    image_size: tuple[int, int]
    latency_ms: float
    timed_out: bool
    failed: bool
    ended: Literal["settled", "expected", "timeout", "exhausted", ""] = Field(
        description="Why reading stopped. settled: a code was read, and no likely one is left unread; "
        "expected: the expected number of codes was read; timeout: the time ran out; exhausted: every tier "
        "was tried."
    )
    notes: list[str] = Field(
        description="What else to know: that the file is cut, for instance, or expected codes are missing."
    )
    codes: list[Code]
    regions: list[UnreadRegion]
    attempts: list[TriedStep]
    preview: str | None = Field(
        None, description="The upright page as a small data URL; only with `preview=1`."
    )
    explanation: str | None = Field(
        None, description="What was tried, and why something was not read; only with `explain=1`."
    )


class Read(_Outcome):
    """The answer of `/read`."""

    pages: list[Page]


def model_of(strategy: str) -> Model | None:
    """Return the public name of a tier; the grid reader needs no model and counts as classical."""
    models: dict[str, Model] = {"grid": "classical", **{name: name for name in get_args(Model)}}
    return models.get(strategy)


def detect_answer(results: list[ReadResult], trace: bool, complete: bool) -> Detected:
    """Build the answer of `/detect` from the pages that were read, at least one."""
    codes = [_code(code) for result in results for code in result.codes]
    answer = Detected(**_outcome(results), complete=complete, codes=codes)
    if trace:
        answer.attempts = [_step(attempt) for result in results for attempt in result.attempts]
    return answer


def read_answer(pages: list[tuple[ReadResult, Shown]], complete: bool) -> Read:
    """Build the answer of `/read` from the pages that were read, at least one, and what is shown of them."""
    outcome = _outcome([result for result, _ in pages])
    return Read(**outcome, complete=complete, pages=[_page(*page) for page in pages])


def has_failed(result: ReadResult) -> bool:
    """Return whether nothing was read, and a worker process was lost on the way."""
    return not result and any(_LOST in (attempt.error or "") for attempt in result.attempts)


def _outcome(results: list[ReadResult]) -> dict[str, Any]:
    shown = next((result for result in results if result), results[0])
    best = next(iter(shown), None)
    return {
        "success": best is not None,
        "data": best.text if best else None,
        "model": model_of(best.strategy) if best else None,
        "latency_ms": round(sum(result.elapsed_s for result in results) * 1000, 2),
        "image_size": shown.size,
        "confidence": round(best.confidence, 4) if best else None,
        "notes": list(dict.fromkeys(note for result in results for note in _notes(result))),
        "timed_out": any(result.timed_out for result in results),
        "failed": best is None and any(map(has_failed, results)),
    }


def _notes(result: ReadResult) -> Iterator[str]:
    """Yield a result's notes and, if nothing was read, the tiers of which nothing ran, without their errors.

    An error may name files of the service.
    """
    yield from result.notes
    ran = {attempt.strategy for attempt in result.attempts if not attempt.error}
    for tier in dict.fromkeys(attempt.strategy for attempt in result.attempts):
        if not result and tier not in ran:
            yield f"the tier {tier!r} failed, or is not installed: see the service's log and /ready"


def _code(code: QRCode) -> Code:
    known = code.to_dict()
    return Code(data_hex=known.pop("data"), model=model_of(code.strategy), **known)


def _step(attempt: Attempt) -> TriedStep:
    """Return an attempt without its error message, which may name files of the service."""
    known = attempt.to_dict()
    return TriedStep(**{**known, "error": known["error"] and _BROKEN})


def _page(result: ReadResult, shown: Shown) -> Page:
    """Build the part of the answer of `/read` for one page."""
    known = result.to_dict()
    known.update((name, text) for name, text in asdict(shown).items() if text is not None)
    known["codes"] = [_code(code) for code in result.codes]
    known["attempts"] = [_step(attempt) for attempt in result.attempts]
    return Page(image_size=known["size"], latency_ms=known["ms"], failed=has_failed(result), **known)

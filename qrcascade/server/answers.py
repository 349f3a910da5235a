"""The service's answers, built from the cascade's results."""

from __future__ import annotations

import base64
import io
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from qrcascade import Attempt, QRCode, ReadResult

__all__ = ["Detected", "Read", "detect_answer", "model_of", "page_answer"]

_PREVIEW_SIDE = 1200
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


class _Code(BaseModel):
    """What both endpoints say of a symbol that was read."""

    text: str
    data: str | None = Field(description="The exact bytes of the payload, in hexadecimal.")
    confidence: float = Field(ge=0, le=1, description="Probability that the payload is exactly right.")
    format: str
    version: str | None
    ec_level: str | None
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


class DetectedCode(_Code):
    """One symbol that was read."""

    corners: Corners = Field(
        description="(x, y) in pixels of the upright picture, clockwise from the symbol's own top-left."
    )
    model: Model | None


class Detected(BaseModel):
    """The answer of `/detect`."""

    success: bool = Field(description="Whether a code was read that matches `accept`, if given.")
    data: str | None = Field(description="The payload read with the highest confidence.")
    model: Model | None = Field(description="The tier that read the payload.")
    latency_ms: float = Field(description="Milliseconds of reading, without the wait for a turn.")
    image_size: tuple[int, int] = Field(description="Width and height of the upright picture.")
    confidence: float | None
    codes: list[DetectedCode]
    timed_out: bool
    attempts: list[TriedStep] = Field([], description="Every step; only with `trace=1`.")


class ReadCode(_Code):
    """One symbol that was read, as `QRCode.to_dict` gives it."""

    quad: Corners
    engine: str
    strategy: str
    step: str
    evidence_bits: float | None


class UnreadRegion(BaseModel):
    """A place where a symbol was located but not read."""

    quad: Corners
    score: float
    source: str
    module: float | None
    format: str


class ReadPage(BaseModel):
    """The result of reading one page, as `ReadResult.to_dict` gives it."""

    size: tuple[int, int]
    page: int | None
    pages: int | None = Field(description="Number of pages of the document.")
    ms: float
    timed_out: bool
    codes: list[ReadCode]
    regions: list[UnreadRegion]
    attempts: list[TriedStep]
    ended: Literal["settled", "expected", "timeout", "exhausted", ""] = Field(
        description="Why reading stopped. settled: a code was read, and no likely one is left unread; "
        "expected: the expected number of codes was read; timeout: the time ran out; exhausted: every tier "
        "was tried."
    )
    preview: str | None = Field(
        None, description="The upright page as a small data URL; only with `preview=1`."
    )


class Read(BaseModel):
    """The answer of `/read`."""

    pages: list[ReadPage]
    complete: bool = Field(
        description="False if the page or time limit ended the reading; there may be further pages."
    )


def model_of(strategy: str) -> Model | None:
    """Return the public name of a tier; the grid reader needs no model and counts as classical."""
    models: dict[str, Model] = {"grid": "classical", **{name: name for name in get_args(Model)}}
    return models.get(strategy)


def detect_answer(results: list[ReadResult], trace: bool) -> Detected:
    """Build the answer of `/detect` from the pages that were read, at least one."""
    shown = next((result for result in results if result), results[0])
    codes = [code for result in results for code in result.codes]
    best = next((code for code in shown.codes if code.accepted), None)
    traced = {"attempts": [_step(a) for result in results for a in result.attempts]} if trace else {}
    return Detected(
        success=best is not None,
        data=best.text if best else None,
        model=model_of(best.strategy) if best else None,
        latency_ms=round(sum(result.elapsed_s for result in results) * 1000, 2),
        image_size=shown.size,
        confidence=round(best.confidence, 4) if best else None,
        codes=[_code(code) for code in codes],
        timed_out=any(result.timed_out for result in results),
        **traced,
    )


def _code(code: QRCode) -> DetectedCode:
    known = code.to_dict()
    return DetectedCode(corners=known["quad"], model=model_of(code.strategy), **known)


def _step(attempt: Attempt) -> TriedStep:
    """Return an attempt without its error message, which may name files of the service."""
    known = attempt.to_dict()
    return TriedStep(**{**known, "error": known["error"] and _BROKEN})


def page_answer(result: ReadResult, preview: bool) -> ReadPage:
    """Build the part of the answer of `/read` for one page."""
    known: dict[str, Any] = result.to_dict()
    known["attempts"] = [_step(attempt) for attempt in result.attempts]
    if preview:
        known["preview"] = _preview(result)
    return ReadPage(**known)


def _preview(result: ReadResult) -> str | None:
    """Return the page as a JPEG of at most 1200 pixels a side; None if the result has no picture."""
    if result.picture is None:
        return None
    from PIL import Image

    image = Image.fromarray(result.picture.color)
    image.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

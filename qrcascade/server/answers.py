"""What the service answers with, made of the cascade's results."""

from __future__ import annotations

import base64
import io
from typing import Any, Literal

from pydantic import BaseModel, Field

from qrcascade import Attempt, QRCode, ReadResult

__all__ = ["Detected", "Read", "detected", "model_of", "read"]

_PREVIEW_SIDE = 1200
_BROKEN = "it could not run; the service's log says why"

Corner = tuple[float, float]
Corners = tuple[Corner, Corner, Corner, Corner]
Model = Literal["classical", "nano", "small", "medium", "large"]


class TriedStep(BaseModel):
    """One engine on one view."""

    strategy: str
    step: str = Field(description="In words.")
    engine: str
    view: str
    kind: str
    ms: float
    found: int = Field(description="Symbols that it read.")
    error: str | None = Field(description="Not null where it broke.")


class DetectedCode(BaseModel):
    """One symbol that was read."""

    text: str
    data: str | None = Field(description="The payload's exact bytes, in hexadecimal.")
    corners: Corners = Field(
        description="(x, y) in pixels of the upright picture, clockwise from the symbol's own top-left."
    )
    confidence: float = Field(ge=0, le=1, description="Probability that the payload is exactly right.")
    model: Model | None
    format: str
    version: str | None
    ec_level: str | None
    mirrored: bool | None
    page: int | None = Field(description="Of the document, from 1.")
    accepted: bool = Field(description="Whether the payload is one that `accept` asks for.")


class Detected(BaseModel):
    """What `/detect` answers."""

    success: bool = Field(description="Whether a code was read, and accepted where `accept` is given.")
    data: str | None = Field(description="The payload that was read with the most confidence.")
    model: Model | None = Field(description="The tier that read it.")
    latency_ms: float = Field(description="Of the reading, without the wait for its turn.")
    image_size: tuple[int, int] = Field(description="Width and height of the upright picture.")
    confidence: float | None
    codes: list[DetectedCode]
    timed_out: bool
    attempts: list[TriedStep] = Field([], description="With `trace=1` alone.")


class ReadCode(BaseModel):
    """One symbol that was read, as `QRCode.to_dict` gives it."""

    text: str
    data: str | None
    quad: Corners
    confidence: float
    engine: str
    strategy: str
    step: str
    version: str | None
    ec_level: str | None
    mirrored: bool | None
    format: str
    evidence_bits: float | None
    page: int | None
    accepted: bool


class UnreadRegion(BaseModel):
    """A place where a symbol was located, and not read."""

    quad: Corners
    score: float
    source: str


class ReadPage(BaseModel):
    """One page's reading, as `ReadResult.to_dict` gives it."""

    size: tuple[int, int]
    page: int | None
    ms: float
    timed_out: bool
    codes: list[ReadCode]
    regions: list[UnreadRegion]
    attempts: list[TriedStep]
    ended: Literal["settled", "expected", "timeout", "exhausted", ""] = Field(
        description="settled: something is read, and nothing credible is left unread; expected: as many "
        "codes as were expected are read; timeout: the time was over; exhausted: every tier has looked."
    )
    preview: str | None = Field(None, description="With `preview=1`: the upright page as a small data URL.")


class Read(BaseModel):
    """What `/read` answers."""

    pages: list[ReadPage]
    complete: bool = Field(
        description="False where the limit of pages, or of time, ended it: there may be further pages."
    )


def model_of(strategy: str) -> Model | None:
    """The name that callers know a tier by; the grid reader needs no model, so it counts as classical."""
    named: dict[str, Model] = {
        "classical": "classical",
        "grid": "classical",
        "nano": "nano",
        "small": "small",
        "medium": "medium",
        "large": "large",
    }
    return named.get(strategy)


def detected(results: list[ReadResult], trace: bool) -> Detected:
    """The answer to `/detect`, of the pages that were looked at: one or more."""
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
    """An attempt without the words of its error: they name files of the service's."""
    known = attempt.to_dict()
    return TriedStep(**{**known, "error": known["error"] and _BROKEN})


def read(result: ReadResult, preview: bool) -> ReadPage:
    """The answer to `/read`, of one page."""
    known: dict[str, Any] = result.to_dict()
    known["attempts"] = [_step(attempt) for attempt in result.attempts]
    if preview:
        known["preview"] = _preview(result)
    return ReadPage(**known)


def _preview(result: ReadResult) -> str | None:
    """The page as a JPEG of at most 1200 pixels a side; None where the result has no picture."""
    if result.picture is None:
        return None
    from PIL import Image

    image = Image.fromarray(result.picture.color)
    image.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()

"""Problem details (RFC 9457): the answer to every refusal and failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

__all__ = ["MEDIA_TYPE", "ProblemError", "answer", "response", "responses"]

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request cannot be answered as asked.

    ``detail`` is for the caller: it may show what was given, but never a path or traceback of the service.
    ``outcome`` is for the log and the metrics; ``errors`` say which parts of the request are wrong.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        outcome: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.outcome = outcome
        self.headers = dict(headers or {})
        self.errors = list(errors)


class _Wrong(BaseModel):
    where: str
    what: str


class ProblemDetails(BaseModel):
    """Problem Details for HTTP APIs (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The request's id in the service's log.")
    errors: list[_Wrong] | None = None


def response(request: Request, problem: ProblemError) -> JSONResponse:
    """Return the answer to a problem, and note its outcome for the log."""
    request.state.story["outcome"] = problem.outcome
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request.state.story['id']}",
    }
    if problem.errors:
        body["errors"] = problem.errors
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


async def answer(request: Request, error: Exception) -> JSONResponse:
    """Answer what an endpoint, or the way to it, has raised."""
    if isinstance(error, RequestValidationError):
        error = _from_validation(error)
    elif isinstance(error, HTTPException):
        error = _from_http(error)
    assert isinstance(error, ProblemError)
    return response(request, error)


def _from_validation(error: RequestValidationError) -> ProblemError:
    """Return the problem for parameters that FastAPI rejects."""
    wrong = [{"where": ".".join(map(str, e["loc"])), "what": _explain(e)} for e in error.errors()]
    detail = "; ".join(f"{e['where']}: {e['what']}" for e in wrong)
    return ProblemError(422, detail, "invalid", errors=wrong)


def _explain(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        has_no_patterns = error["loc"][-1] == "accept"
        return "this service has no patterns" if has_no_patterns else "unknown option; /docs lists them"
    return str(error["msg"]).removeprefix("Value error, ")


def _from_http(error: HTTPException) -> ProblemError:
    """Return the problem for an error of the routing, such as an unknown path or method."""
    allowed = (error.headers or {}).get("Allow")
    detail = f"{error.detail}; use {allowed}" if allowed else str(error.detail)
    return ProblemError(error.status_code, detail, "invalid", error.headers)


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that an operation may answer with, for the OpenAPI document."""
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    wrong = schema.pop("$defs")["_Wrong"]
    schema["properties"]["errors"]["anyOf"][0]["items"] = wrong
    return {
        code: {"description": HTTPStatus(code).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in codes
    }

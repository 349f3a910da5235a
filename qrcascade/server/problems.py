"""ProblemError details (RFC 9457): what every refusal and failure is answered with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

__all__ = ["MEDIA_TYPE", "ProblemError", "invalid", "of_http", "response", "responses"]

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Raised where a request cannot be answered as it asks.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        For the caller: shows what was given, never a path or a traceback of the service's.
    outcome : str
        For the log and the metrics.
    headers : mapping, optional
        Further headers of the answer.
    errors : sequence of {"where", "what"}
        What is wrong with which part of the request.
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
    """ProblemError details for HTTP APIs (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The request, as its line in the service's log names it.")
    errors: list[_Wrong] | None = None


def response(request: Request, problem: ProblemError) -> JSONResponse:
    """The answer, and what the log is to say."""
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


def invalid(error: RequestValidationError) -> ProblemError:
    """What FastAPI finds wrong with the parameters."""
    wrong = [{"where": ".".join(map(str, e["loc"])), "what": str(e["msg"])} for e in error.errors()]
    detail = "; ".join(f"{e['where']}: {e['what']}" for e in wrong)
    return ProblemError(422, detail, "invalid", errors=wrong)


def of_http(error: HTTPException) -> ProblemError:
    """What the routing says: no such page, no such method."""
    return ProblemError(error.status_code, str(error.detail), "invalid", error.headers)


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an operation may answer with, for the OpenAPI document."""
    schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    wrong = schema.pop("$defs")["_Wrong"]
    schema["properties"]["errors"]["anyOf"][0]["items"] = wrong
    return {
        code: {"description": HTTPStatus(code).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in codes
    }

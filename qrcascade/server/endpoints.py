"""The endpoints that read: `/detect` gives the payload, `/read` everything known."""

# No postponed annotations: FastAPI evaluates them, and some are defined inside functions.

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    create_model,
)

from qrcascade import ImageError, MissingDependencyError, ReadOptions, ReadResult, WorkerError
from qrcascade.server import answers, body
from qrcascade.server.cascades import Reader, ReadSpec
from qrcascade.server.logs import LOGGER
from qrcascade.server.metrics import Metrics
from qrcascade.server.problems import responses
from qrcascade.server.queue import FullError, Queue
from qrcascade.server.refusals import busy, failed, late, refusal
from qrcascade.server.settings import LEAST_TIMEOUT_S, Settings
from qrcascade.server.showing import Shown, Wanted

__all__ = ["PATHS", "Responder", "router"]

PATHS = ("/detect", "/read")
"""The endpoints that read; each of their requests needs a place in the queue."""

_Page: TypeAlias = tuple[ReadResult, Shown]
# Beyond a request's time limit, which excludes starting a worker process and is only checked between pages
# and engine runs. After that, something hangs.
_GRACE_S = 15.0
_PROBLEMS = (403, 408, 413, 415, 422, 500, 503, 504)


class Responder:
    """Handler that turns requests into answers."""

    def __init__(self, settings: Settings, reader: Reader, queue: Queue, metrics: Metrics) -> None:
        self._settings = settings
        self._reader = reader
        self._queue = queue
        self._metrics = metrics
        self._reported: set[tuple[str, str]] = set()

    async def answer(
        self, request: Request, spec: ReadSpec, make: Callable[[Iterator[_Page], float], Response]
    ) -> Response:
        """Wait for a place, the body and a turn, then call ``make`` in a worker thread.

        ``make`` receives the pages, and the time by `time.monotonic` at which to stop. Raises `ProblemError`
        if the request is at fault, or the service fails.
        """
        request.state.story["preset"] = spec.preset
        settings = self._settings
        limit = settings.max_timeout + (spec.options.timeout or settings.timeout) + _GRACE_S
        try:
            async with self._queue.place():
                data = await body.receive(request, settings.max_body, settings.max_wait)

                def work() -> Response:
                    pages = self._pages(request, data, spec)
                    return make(pages, time.monotonic() + settings.max_timeout)

                return await self._queue.run(
                    work, limit, request.is_disconnected, self._metrics.queue_seconds.observe
                )
        except FullError as error:
            raise busy(self._queue.places, error.retry_after) from None
        except asyncio.TimeoutError:
            raise late(limit) from None
        except (WorkerError, MissingDependencyError, ImageError) as error:
            raise refusal(error, data) from None

    def _pages(self, request: Request, data: bytes, spec: ReadSpec) -> Iterator[_Page]:
        """Yield the pages, recording each in the metrics and in the request's log line."""
        story = request.state.story
        story.update(outcome="nothing", pages=0, codes=0, unread=0)
        for result in self._reader.pages(data, spec):
            self._metrics.count_page(result)
            self._report(result)
            story["pages"] += 1
            story["codes"] += len(result.codes)
            story["unread"] += len(result.regions)
            if result and story["outcome"] != "read":
                story.update(outcome="read", strategy=result[0].strategy)
            if story["outcome"] == "nothing" and (result.timed_out or answers.has_failed(result)):
                story["outcome"] = "timeout" if result.timed_out else "failed"
            if self._settings.log_payloads:
                story["payloads"] = [*story.get("payloads", []), *(code.text for code in result.codes)]
            shown = self._reader.show(data, spec, result)
            # Without its picture, since the next pages take memory as well.
            yield replace(result, picture=None), shown

    def _report(self, result: ReadResult) -> None:
        """Log each kind of failed attempt once; callers do not see the error, since it may name files."""
        for attempt in result.attempts:
            kind = (attempt.strategy, (attempt.error or "")[:200])
            if attempt.error and kind not in self._reported and len(self._reported) < 100:
                self._reported.add(kind)
                fields = {"strategy": attempt.strategy, "step": attempt.step, "error": attempt.error}
                LOGGER.warning("attempt", extra={"fields": fields})


def router(settings: Settings, reading: Responder) -> APIRouter:
    """Return the endpoints, documented with the presets, names and limits of these settings."""
    routes = APIRouter(tags=["reading"], responses=responses(*_PROBLEMS, *([401] if settings.token else [])))
    detecting = _query(
        settings, trace=(bool, Field(False, description="Include every attempt in the answer."))
    )
    shown: dict[str, Any] = {
        "preview": (bool, Field(False, description="Include a small picture of each page.")),
        "explain": (bool, Field(False, description="Include why something on a page was not read.")),
    }
    all_of_it = _query(settings, **shown)

    @routes.post("/detect", response_model=answers.Detected, openapi_extra=body.SCHEMA)
    async def detect(request: Request, options: Annotated[Any, detecting]) -> Response:
        """Read one code, or as many as expected. A document is read up to the first page with a code."""
        spec = _make_spec(settings, options, Wanted())
        return await reading.answer(request, spec, partial(_detect, settings, spec, options.trace))

    @routes.post("/read", response_model=answers.Read, openapi_extra=body.SCHEMA)
    async def read(request: Request, options: Annotated[Any, all_of_it]) -> Response:
        """Read every page, and return everything known about each."""
        spec = _make_spec(settings, options, Wanted(options.preview, options.explain))
        return await reading.answer(request, spec, partial(_read, settings))

    return routes


def _detect(settings: Settings, spec: ReadSpec, trace: bool, pages: Iterator[_Page], end: float) -> Response:
    """Read pages until there are enough codes or the time is up."""
    results, complete, is_late = [], True, False
    for result, _ in pages:
        results.append(result)
        if _is_enough(results, spec.options.expect):
            break
        is_late = time.monotonic() >= end
        if is_late or len(results) == settings.max_pages:
            complete = False
            break
    answer = answers.detect_answer(results, trace, complete)
    if (answer.timed_out or is_late) and not answer.codes:
        raise late(settings.max_timeout if is_late else spec.options.timeout or settings.timeout)
    if answer.failed and not answer.codes:
        raise failed()
    return _json(answer)


def _read(settings: Settings, pages: Iterator[_Page], end: float) -> Response:
    """Read all pages until the time is up."""
    done, complete = [], True
    for page in pages:
        done.append(page)
        if len(done) == settings.max_pages or time.monotonic() >= end:
            complete = False
            break
    return _json(answers.read_answer(done, complete))


def _json(answer: BaseModel) -> Response:
    """Return the answer as JSON; FastAPI would validate it again, in the event loop."""
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")


def _query(settings: Settings, **more: Any) -> Any:
    """Return the query parameters that callers may give; any other name is refused."""
    served: Any = Literal.__getitem__(settings.presets)
    number = Annotated[int, Field(ge=1, le=1000)]
    expected: Any = Annotated[number | Literal["all"], WrapValidator(_check_expect)]
    default = f"Time limit per page in seconds; a whole document has {settings.max_timeout:g}."
    fields: dict[str, Any] = {
        "expect": (expected, Field(None, description='Number of codes to expect, or "all".')),
        "preset": (served, Field(settings.presets[0], description="Preset to read with.")),
        "timeout": (
            float,
            Field(settings.timeout, ge=LEAST_TIMEOUT_S, le=settings.max_timeout, description=default),
        ),
    }
    symbologies: Any = Annotated[str, AfterValidator(_check_formats)]
    known = ReadOptions(formats="all").formats
    description = f'Symbologies to read, with commas between them, or "all": {", ".join(known)}.'
    # For the document alone: other spellings of the names are accepted, too.
    one = f"({'|'.join(known)})"
    shape: dict[str, Any] = {"pattern": f"^(all|{one}(,{one})*)$"}
    usual = ",".join(ReadOptions().formats)
    fields["formats"] = (symbologies, Field(usual, description=description, json_schema_extra=shape))
    if settings.accept:
        names: Any = Literal.__getitem__(tuple(settings.accept))
        fields["accept"] = (names, Field(None, description="Name of the pattern that payloads must match."))
    options = create_model("Options", __config__=ConfigDict(extra="forbid"), **fields, **more)

    async def validated(given: Any) -> Any:  # Async, or FastAPI would call it in a thread.
        return given

    validated.__annotations__["given"] = Annotated[options, Query()]
    return Depends(validated)


def _make_spec(settings: Settings, options: Any, wanted: Wanted) -> ReadSpec:
    name = getattr(options, "accept", None)
    accept = settings.accept[name] if name else None
    asked = ReadOptions(options.expect, options.timeout, options.formats, accept)
    return ReadSpec(options.preset, asked, wanted)


def _check_expect(given: Any, check: Callable[[Any], Any]) -> Any:
    """Refuse in one sentence what is neither of both types."""
    try:
        return check(given)
    except ValidationError as error:
        raise ValueError(f'it must be a number from 1 to 1000 or "all", got {given!r}') from error


def _check_formats(formats: Any) -> Any:
    return ReadOptions(formats=formats).formats


def _is_enough(results: list[ReadResult], expect: int | str | None) -> bool:
    """Whether no further page of the document needs to be read."""
    if isinstance(expect, int):
        return sum(code.accepted for result in results for code in result.codes) >= expect
    return expect is None and bool(results[-1])

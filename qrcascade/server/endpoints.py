"""The endpoints that read: `/detect` for apps, `/read` for all that is known."""

# FastAPI looks at the annotations, some of which are made here: so they are not put off.

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from qrcascade import ImageError, MissingDependencyError, QRCascadeError, ReadOptions, ReadResult, WorkerError
from qrcascade.server import answers, body
from qrcascade.server.cascades import Reader, Wish
from qrcascade.server.gate import full
from qrcascade.server.logs import LOGGER
from qrcascade.server.metrics import Metrics
from qrcascade.server.problems import ProblemError, responses
from qrcascade.server.queue import FullError, Queue
from qrcascade.server.settings import Settings

__all__ = ["PATHS", "Responder", "router"]

PATHS = ("/detect", "/read")
"""The endpoints that read, each request with a place in the queue."""

_T = TypeVar("_T")
# After a request's time is over, which does not count the start of a worker process and is looked at between
# pages and engine runs: then something hangs.
_GRACE_S = 15.0
_PROBLEMS = (408, 413, 415, 422, 500, 503, 504)
# How the files begin that are pictures or documents of some kind: a broken one is no other kind of file.
_KNOWN = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|BM|II\*\0|MM\0\*|RIFF....WEBP|%PDF-|....ftyp|P[1-6]\s|\0\0\0\x0cjP",
    re.DOTALL,
)


_READ = "JPEG, PNG, GIF, BMP, TIFF, WebP, HEIC and PDF"


class Responder:
    """One service's way from a request to an answer.

    Parameters
    ----------
    settings, reader, queue, metrics
        The service's own.
    """

    def __init__(self, settings: Settings, reader: Reader, queue: Queue, metrics: Metrics) -> None:
        self._settings = settings
        self._reader = reader
        self._queue = queue
        self._metrics = metrics
        self._reported: set[tuple[str, str]] = set()

    async def answer(
        self, request: Request, wish: Wish, make: Callable[[Iterator[ReadResult], float], _T]
    ) -> _T:
        """Take a place, the body and a turn, and have ``make`` read in a worker thread.

        ``make`` is given the pages, and the time by `time.monotonic` at which to end.

        Raises
        ------
        ProblemError
            With the status that the request's fault, or the service's, has.
        """
        request.state.story["preset"] = wish.preset
        settings = self._settings
        limit = settings.max_timeout + (wish.options.timeout or settings.timeout) + _GRACE_S
        try:
            async with self._queue.place():
                data = await body.taken(request, settings.max_body, settings.max_wait)

                def work() -> _T:
                    return make(self._noted(request, data, wish), time.monotonic() + settings.max_timeout)

                return await self._queue.run(
                    work, limit, request.is_disconnected, self._metrics.queue_seconds.observe
                )
        except FullError as error:
            raise full(self._queue.places, error.retry_after) from None
        except asyncio.TimeoutError:
            raise _late(limit) from None
        except (WorkerError, MissingDependencyError, ImageError) as error:
            raise _problem(error, data) from None

    def _noted(self, request: Request, data: bytes, wish: Wish) -> Iterator[ReadResult]:
        """The pages; what comes of them goes into the metrics and the request's line of the log."""
        story = request.state.story
        story.update(outcome="nothing", pages=0, codes=0, unread=0)
        for result in self._reader.pages(data, wish):
            self._metrics.page(result)
            self._report(result)
            story["pages"] += 1
            story["codes"] += len(result.codes)
            story["unread"] += len(result.regions)
            best = next((code for code in result.codes if code.accepted), None)
            if best is not None and story["outcome"] == "nothing":
                story.update(outcome="read", strategy=best.strategy)
            if self._settings.log_payloads:
                story["payloads"] = [*story.get("payloads", []), *(code.text for code in result.codes)]
            yield result

    def _report(self, result: ReadResult) -> None:
        """What broke inside a reading, once each: callers are not told, since it names files."""
        for attempt in result.attempts:
            kind = (attempt.strategy, (attempt.error or "")[:200])
            if attempt.error and kind not in self._reported and len(self._reported) < 100:
                self._reported.add(kind)
                fields = {"strategy": attempt.strategy, "step": attempt.step, "error": attempt.error}
                LOGGER.warning("attempt", extra={"fields": fields})


def _late(seconds: float) -> ProblemError:
    detail = (
        f"nothing was read within {seconds:g} seconds; send a smaller picture, or ask for a longer timeout"
    )
    return ProblemError(504, detail, "timeout")


def _problem(error: QRCascadeError, data: bytes) -> ProblemError:
    """Return the answer to what cannot be read."""
    if isinstance(error, WorkerError):
        LOGGER.exception("worker")
        detail = "the service could not start a process to read in; send this one again in 5 s"
        return ProblemError(503, detail, "no_worker", {"Retry-After": "5"})
    if isinstance(error, MissingDependencyError):
        detail = f"this service is not set up to read {error.what}; who runs it mends that by {error.remedy}"
        return ProblemError(415, detail, "unsupported")
    if _KNOWN.match(data) or b"%PDF-" in data[:1024]:
        return ProblemError(
            422, "the picture or document is broken, protected or too large to be read", "unreadable"
        )
    detail = f"the body is no picture or document that is read, as {_READ} are"
    return ProblemError(415, detail, "unsupported")


def router(settings: Settings, reading: Responder) -> APIRouter:
    """The endpoints; their documentation has these settings' presets, names and limits."""
    routes = APIRouter(responses=responses(*_PROBLEMS, *([401] if settings.token else [])))
    detecting = _asked(settings, trace=(bool, Field(False, description="Answer with every attempt.")))
    preview = Field(False, description="Answer with a small picture a page.")
    all_of_it = _asked(settings, preview=(bool, preview))

    @routes.post("/detect", response_model=answers.Detected, openapi_extra=body.SCHEMA)
    async def detect(request: Request, options: Annotated[Any, detecting]) -> Response:
        """Read one code, or as many as are expected: of a document on the first page that has one."""
        wish = _wish(settings, options)
        return await reading.answer(request, wish, partial(_detected, settings, wish, options.trace))

    @routes.post("/read", response_model=answers.Read, openapi_extra=body.SCHEMA)
    async def read(request: Request, options: Annotated[Any, all_of_it]) -> Response:
        """Read every page, and answer with all that is known of each."""
        wish = _wish(settings, options)
        return await reading.answer(request, wish, partial(_read, settings, options.preview))

    return routes


def _detected(
    settings: Settings, wish: Wish, trace: bool, pages: Iterator[ReadResult], end: float
) -> Response:
    """Look at pages until there is enough, or it is time to end."""
    looked = []
    for result in itertools.islice(pages, settings.max_pages):
        looked.append(replace(result, picture=None))
        if _enough(looked, wish.options.expect) or time.monotonic() >= end:
            break
    answer = answers.detected(looked, trace)
    if answer.timed_out and not answer.codes:
        raise _late(wish.options.timeout or settings.timeout)
    return _json(answer)


def _read(settings: Settings, preview: bool, pages: Iterator[ReadResult], end: float) -> Response:
    looked = []
    for result in pages:
        looked.append(answers.read(result, preview))
        if len(looked) == settings.max_pages or time.monotonic() >= end:
            return _json(answers.Read(pages=looked, complete=False))
    return _json(answers.Read(pages=looked, complete=True))


def _json(answer: BaseModel) -> Response:
    """The answer, written where it was made: FastAPI would look through it again, in the event loop."""
    return Response(answer.model_dump_json(exclude_unset=True), media_type="application/json")


def _asked(settings: Settings, **more: Any) -> Any:
    """What a caller may ask for; another name is a mistake, and is told so."""
    served: Any = Literal.__getitem__(settings.presets)
    expected = Annotated[int, Field(ge=1, le=1000)] | Literal["all"]
    default = f"Seconds a page; a document as a whole has {settings.max_timeout:g}."
    fields: dict[str, Any] = {
        "expect": (expected, Field(None, description='How many codes there are, or "all".')),
        "preset": (served, Field(settings.presets[0], description="Which tiers may look.")),
        "timeout": (float, Field(settings.timeout, gt=0, le=settings.max_timeout, description=default)),
    }
    if settings.accept:
        names: Any = Literal.__getitem__(tuple(settings.accept))
        fields["accept"] = (names, Field(None, description="Which payloads count."))
    options = create_model("Options", __config__=ConfigDict(extra="forbid"), **fields, **more)

    async def asked(given: Any) -> Any:  # Else FastAPI would call it in a thread of its own.
        return given

    asked.__annotations__["given"] = Annotated[options, Query()]
    return Depends(asked)


def _wish(settings: Settings, options: Any) -> Wish:
    name = getattr(options, "accept", None)
    accept = settings.accept[name] if name else None
    return Wish(options.preset, ReadOptions(options.expect, options.timeout, accept=accept))


def _enough(looked: list[ReadResult], expect: int | str | None) -> bool:
    """Whether a document's further pages need no look."""
    if isinstance(expect, int):
        return sum(code.accepted for result in looked for code in result.codes) >= expect
    return expect is None and bool(looked[-1])

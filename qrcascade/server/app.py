"""The app: endpoints, access, startup and shutdown; and how to run it."""

# No postponed annotations: FastAPI evaluates them, and some are defined inside functions.
import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from qrcascade import QRCascadeError, __version__
from qrcascade.server import logs, pages
from qrcascade.server.cascades import Reader
from qrcascade.server.endpoints import PATHS, Responder, router
from qrcascade.server.gate import Gate
from qrcascade.server.metrics import Metrics
from qrcascade.server.problems import ProblemError, from_http, from_validation, response, responses
from qrcascade.server.queue import Queue
from qrcascade.server.settings import Settings

__all__ = ["create_app", "serve"]


class Health(BaseModel):
    """The answer of `/health`."""

    status: str
    version: str


class Ready(BaseModel):
    """The answer of `/ready`."""

    ready: bool
    preset: str
    unavailable: list[str]


class _Readiness:
    """Whether the models are ready: loaded at startup if so configured, else loaded on first use."""

    def __init__(self, settings: Settings) -> None:
        self.done = not settings.warm
        self.unavailable: list[str] = []
        self._preset = settings.presets[0]
        self._workers = settings.concurrency

    async def warm_up(self, queue: Queue, reader: Reader, metrics: Metrics) -> None:
        """Load the first preset's models in every worker, and note which of its tiers do not work."""
        try:
            result = await queue.run_apart(lambda: reader.warm(self._preset, self._workers))
        except QRCascadeError:
            logs.LOGGER.exception("warm")
            self.unavailable = [self._preset]
            return
        metrics.count_page(result)
        broken = {attempt.strategy: attempt.error for attempt in result.attempts if attempt.error}
        logs.LOGGER.info("warm", extra={"fields": {"preset": self._preset, "unavailable": broken}})
        self.unavailable = sorted(broken)
        self.done = True


def create_app(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """Return the service as an ASGI app, ignoring the settings' host and port; ``reader`` is for tests."""
    settings = settings or Settings()
    reader = reader or Reader()
    queue = Queue(settings.concurrency, settings.queue, settings.max_wait)
    metrics = Metrics(queue)
    readiness = _Readiness(settings)

    def close() -> None:
        queue.close()
        reader.close()

    app = FastAPI(
        title="qrcascade",
        version=__version__,
        description="Reads QR codes from photos and scans of documents. Nothing that you send is kept.",
        lifespan=_lifespan(settings, partial(readiness.warm_up, queue, reader, metrics), close),
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Gate, queue=queue, paths=PATHS)
    app.add_middleware(logs.RequestLog, count=metrics.count_request)
    _answer_problems(app)
    allowed = _guards(settings)
    app.include_router(router(settings, Responder(settings, reader, queue, metrics)), dependencies=allowed)
    _add_state(app, settings, readiness)
    closed = responses(401) if settings.token else {}

    @app.get("/metrics", dependencies=allowed, response_class=PlainTextResponse, responses=closed)
    async def figures() -> Response:
        """Return metrics for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    pages.add(app)
    return app


def _lifespan(
    settings: Settings, warm_up: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], None]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """Return the app's lifespan: warm up in the background after startup, close at shutdown."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(warm_up()) if settings.warm else None
        yield
        if warming is not None:
            warming.cancel()
        close()

    return lifespan


def _add_state(app: FastAPI, settings: Settings, readiness: _Readiness) -> None:
    """Add the endpoints for load balancers and orchestrators."""

    @app.get("/health")
    async def health() -> Health:
        """Report that the service is alive."""
        return Health(status="ok", version=__version__)

    @app.get(
        "/ready",
        responses={503: {"model": Ready, "description": "Not ready yet, or a model is unavailable."}},
    )
    async def ready(answer: Response) -> Ready:
        """Report whether the models are ready: loaded with `--warm`, else to be loaded on first use."""
        is_ready = readiness.done and not readiness.unavailable
        answer.status_code = 200 if is_ready else 503
        return Ready(ready=is_ready, preset=settings.presets[0], unavailable=readiness.unavailable)


def _answer_problems(app: FastAPI) -> None:
    """Answer every refusal with problem details."""

    @app.exception_handler(ProblemError)
    async def answer_problem(request: Request, problem: ProblemError) -> JSONResponse:
        return response(request, problem)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return response(request, from_validation(error))

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> JSONResponse:
        return response(request, from_http(error))


def _guards(settings: Settings) -> list[Any]:
    """Return the checks that a request must pass before its body is read."""
    if settings.token is None:
        return []
    token = settings.token.encode()
    bearer = HTTPBearer(auto_error=False, description="The service's QRCASCADE_TOKEN.")

    async def check_token(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token):
            detail = "send the service's token in the header Authorization: Bearer"
            raise ProblemError(401, detail, "unauthorised", {"WWW-Authenticate": "Bearer"})

    return [Depends(check_token)]


def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT, then finish the requests in flight."""
    logs.configure()
    app = create_app(settings)
    uvicorn.run(app, host=settings.host, port=settings.port, log_config=None, access_log=False)

"""The app: endpoints, who may use them, what happens at start and end; and how it is run."""

# FastAPI looks at the annotations, some of which are made here: so they are not put off.
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
from qrcascade.server.problems import ProblemError, invalid, of_http, response, responses
from qrcascade.server.queue import Queue
from qrcascade.server.settings import Settings

__all__ = ["create_app", "serve"]


class Health(BaseModel):
    """What `/health` answers."""

    status: str
    version: str


class Ready(BaseModel):
    """What `/ready` answers."""

    ready: bool
    preset: str
    unavailable: list[str]


class _Warmth:
    """Whether the models are as configured: loaded at start, or when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self.done = not settings.warm
        self.unavailable: list[str] = []
        self._preset = settings.presets[0]
        self._workers = settings.concurrency

    async def up(self, queue: Queue, reader: Reader, metrics: Metrics) -> None:
        """Load the first preset's models in every worker, and look which of its tiers work."""
        try:
            result = await queue.apart(lambda: reader.warm(self._preset, self._workers))
        except QRCascadeError:
            logs.LOGGER.exception("warm")
            self.unavailable = [self._preset]
            return
        metrics.page(result)
        broken = {attempt.strategy: attempt.error for attempt in result.attempts if attempt.error}
        logs.LOGGER.info("warm", extra={"fields": {"preset": self._preset, "unavailable": broken}})
        self.unavailable = sorted(broken)
        self.done = True


def create_app(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """Return the service as an ASGI app; where it listens is `serve`'s business, ``reader`` is for tests."""
    settings = settings or Settings()
    reader = reader or Reader()
    queue = Queue(settings.concurrency, settings.queue, settings.max_wait)
    metrics = Metrics(queue)
    warmth = _Warmth(settings)

    def close() -> None:
        queue.close()
        reader.close()

    app = FastAPI(
        title="qrcascade",
        version=__version__,
        description="Reads QR codes from photos and scans of documents. Nothing that is sent is kept.",
        lifespan=_lifespan(settings, partial(warmth.up, queue, reader, metrics), close),
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Gate, queue=queue, paths=PATHS)
    app.add_middleware(logs.RequestLog, count=metrics.request)
    _answer_problems(app)
    allowed = _guards(settings)
    app.include_router(router(settings, Responder(settings, reader, queue, metrics)), dependencies=allowed)
    _add_state(app, settings, warmth)
    closed = responses(401) if settings.token else {}

    @app.get("/metrics", dependencies=allowed, response_class=PlainTextResponse, responses=closed)
    async def figures() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    pages.add(app)
    return app


def _lifespan(
    settings: Settings, warm_up: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], None]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """Return the app's life: warmed in the background after its start, closed at its end."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(warm_up()) if settings.warm else None
        yield
        if warming is not None:
            warming.cancel()
        close()

    return lifespan


def _add_state(app: FastAPI, settings: Settings, warmth: _Warmth) -> None:
    """Add what load balancers and orchestrators ask for."""

    @app.get("/health")
    async def health() -> Health:
        """Whether the service lives."""
        return Health(status="ok", version=__version__)

    @app.get("/ready", responses={503: {"model": Ready, "description": "Not yet, or not as configured."}})
    async def ready(answer: Response) -> Ready:
        """Whether the models are as configured: with `--warm` loaded, else loaded when first needed."""
        fine = warmth.done and not warmth.unavailable
        answer.status_code = 200 if fine else 503
        return Ready(ready=fine, preset=settings.presets[0], unavailable=warmth.unavailable)


def _answer_problems(app: FastAPI) -> None:
    """Every refusal as a problem."""

    @app.exception_handler(ProblemError)
    async def own(request: Request, problem: ProblemError) -> JSONResponse:
        return response(request, problem)

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, error: RequestValidationError) -> JSONResponse:
        return response(request, invalid(error))

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> JSONResponse:
        return response(request, of_http(error))


def _guards(settings: Settings) -> list[Any]:
    """What a request must pass before its body is taken in."""
    if settings.token is None:
        return []
    token = settings.token.encode()
    bearer = HTTPBearer(auto_error=False, description="The service's QRCASCADE_TOKEN.")

    async def known(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token):
            detail = "send the service's token as Authorization: Bearer"
            raise ProblemError(401, detail, "unauthorised", {"WWW-Authenticate": "Bearer"})

    return [Depends(known)]


def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT; what is in flight is finished.

    Parameters
    ----------
    settings : Settings
        Where it listens, and all else.
    """
    logs.configure()
    app = create_app(settings)
    uvicorn.run(app, host=settings.host, port=settings.port, log_config=None, access_log=False)

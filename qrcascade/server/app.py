"""The app: endpoints, access, startup and shutdown; and how to run it."""

# No postponed annotations: FastAPI evaluates them, and some are defined inside functions.
import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from qrcascade import Limits, QRCascadeError, __version__
from qrcascade.server import logs, pages
from qrcascade.server.access import Gate, Head, OwnSite, guards
from qrcascade.server.cascades import Reader
from qrcascade.server.connection import limit_connections
from qrcascade.server.endpoints import PATHS, Responder, router
from qrcascade.server.metrics import Metrics
from qrcascade.server.problems import ProblemError, answer, responses
from qrcascade.server.queue import Queue
from qrcascade.server.settings import Settings, is_loopback

__all__ = ["create_app", "serve"]

_DESCRIPTION = """
Reads QR codes from photos and scans of documents. Nothing that you send is kept.

To try it here, save [this picture](example.png), open an endpoint, choose *Try it out* and the file. Or:

    curl -O http://localhost:{port}/example.png
    curl --data-binary @example.png http://localhost:{port}/detect
    curl -F file=@invoice.pdf 'http://localhost:{port}/read?expect=all&explain=1'
"""
# Seconds after which models are loaded again, if no worker process could be started.
_AGAIN_S = 5.0
# Seconds in which connections that are waiting at SIGTERM are accepted.
_LAST_S = 0.3


class Health(BaseModel):
    """The answer of `/health`."""

    status: str
    version: str


class Ready(BaseModel):
    """The answer of `/ready`."""

    ready: bool = Field(description="Whether pictures can be read.")
    preset: str
    unavailable: list[str] = Field(description="Tiers that are installed and do not work.")
    missing: list[str] = Field(description="Tiers of the preset that are not installed.")


class _Readiness:
    """Whether pictures can be read: models are loaded at startup if so configured, else on first use."""

    def __init__(self, settings: Settings, reader: Reader, queue: Queue, metrics: Metrics) -> None:
        preset = settings.presets[0]
        self.state = Ready(ready=not settings.warm, preset=preset, unavailable=[], missing=[])
        self._settings, self._reader, self._queue, self._metrics = settings, reader, queue, metrics

    @contextlib.asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Load models in the background after startup; end all work at shutdown."""
        state = self.state
        state.missing = sorted(self._reader.missing(state.preset))
        if state.missing:
            logs.LOGGER.warning("missing", extra={"fields": {"preset": state.preset, "tiers": state.missing}})
        warming = asyncio.create_task(self._warm_up()) if self._settings.warm else None
        yield
        if warming is not None:
            warming.cancel()
        self._queue.close()
        self._reader.close()

    async def _warm_up(self) -> None:
        """Load the first preset's models in every worker, and note which of its tiers do not work."""
        state = self.state
        load = partial(self._reader.warm, state.preset, self._settings.concurrency)
        while True:
            try:
                result = await self._queue.run_apart(load)
                break
            except QRCascadeError:
                logs.LOGGER.exception("warm")
                state.ready, state.unavailable = False, [state.preset]
                await asyncio.sleep(_AGAIN_S)
        self._metrics.count_page(result)
        broken = {attempt.strategy: attempt.error for attempt in result.attempts if attempt.error}
        fields = {"preset": state.preset, "failed": broken}
        logs.LOGGER.info("warm", extra={"fields": fields})
        state.unavailable = sorted(broken.keys() - state.missing)
        state.ready = not state.unavailable


def create_app(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """Return the service as an ASGI app.

    Ignores the settings that `serve` uses: host, grace and, except in examples, port. If ``hosts`` is empty,
    callers may use any name; ``reader`` is for tests.
    """
    settings = settings or Settings()
    reader = reader or Reader(Limits(max_pixels=settings.max_pixels), settings.max_memory)
    queue = Queue(settings.concurrency, settings.queue, settings.max_wait)
    metrics = Metrics(queue)
    readiness = _Readiness(settings, reader, queue, metrics)
    app = FastAPI(
        title="qrcascade",
        version=__version__,
        description=_DESCRIPTION.format(port=settings.port),
        lifespan=readiness.lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.queue = queue
    app.add_middleware(Gate, queue=queue, paths=PATHS)
    app.add_middleware(OwnSite, hosts=settings.hosts)
    app.add_middleware(Head)
    app.add_middleware(logs.RequestLog, count=metrics.count_request)
    for kind in (ProblemError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
    allowed = guards(settings)
    app.include_router(router(settings, Responder(settings, reader, queue, metrics)), dependencies=allowed)
    _add_state(app, readiness)
    _add_metrics(app, settings, metrics, allowed)
    pages.add(app, settings.token is not None)
    return app


def _add_state(app: FastAPI, readiness: _Readiness) -> None:
    """Add the endpoints for load balancers and orchestrators."""

    @app.get("/health", tags=["operation"])
    async def health() -> Health:
        """Report that the service is alive."""
        return Health(status="ok", version=__version__)

    @app.get(
        "/ready",
        tags=["operation"],
        responses={503: {"model": Ready, "description": "Not ready yet, or a model is unavailable."}},
    )
    async def ready(answer: Response) -> Ready:
        """Report whether pictures can be read: with `--warm`, once the models are loaded."""
        answer.status_code = 200 if readiness.state.ready else 503
        return readiness.state


def _add_metrics(app: FastAPI, settings: Settings, metrics: Metrics, allowed: list[Any]) -> None:
    closed = responses(401) if settings.token else {}
    how: Any = {"response_class": PlainTextResponse, "responses": closed, "tags": ["operation"]}

    @app.get("/metrics", dependencies=allowed, **how)
    async def get_metrics() -> Response:
        """Return metrics for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT, then finish the requests in flight, within the grace time.

    Exits with 0 on these signals, and with 1 if the address cannot be used, which is logged.
    """
    logs.configure()
    # uvicorn raises the signal again once it has stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if settings.token is None and is_loopback(settings.host):
        settings = replace(settings, hosts=("localhost", *settings.hosts))
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=limit_connections(settings.max_wait),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace,
    )
    taken = _bind(settings)
    try:
        _Server(config).run(sockets=[taken])
    except KeyboardInterrupt:
        pass
    finally:
        _end_readings(app.state.queue)


def _bind(settings: Settings) -> socket.socket:
    """Return a socket with the service's address; exit with 1 if it cannot be used, which is logged."""
    fields: dict[str, Any] = {"host": settings.host, "port": settings.port}
    taken = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    try:
        # On Windows this would allow two services at one address.
        if os.name == "posix":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((settings.host, settings.port))
    except OSError as error:
        taken.close()
        fields.update(reason=error.strerror, help="choose others with --host, --port")
        logs.LOGGER.error("cannot listen", extra={"fields": fields})
        sys.exit(1)
    host = f"[{settings.host}]" if taken.family == socket.AF_INET6 else settings.host
    url = f"http://{host}:{taken.getsockname()[1]}"
    logs.LOGGER.info("starting", extra={"fields": {"url": url}})
    return taken


class _Server(uvicorn.Server):
    """uvicorn's server, which still takes the connections that are waiting when it is told to stop."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, at first only for connections that come later."""
        await asyncio.sleep(_LAST_S)
        await super().shutdown(sockets)


def _end_readings(queue: Queue) -> None:
    """End the process if a reading goes on beyond the grace time; the interpreter would wait for it."""
    if queue.running:
        for worker in multiprocessing.active_children():
            worker.kill()
        logging.shutdown()
        os._exit(0)

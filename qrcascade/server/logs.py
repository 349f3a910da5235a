"""Structured logs: one JSON object per line, one line per request."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qrcascade.report.words import to_json
from qrcascade.server.problems import ProblemError, response
from qrcascade.server.queue import GoneError

__all__ = ["LOGGER", "Lines", "RequestLog", "configure"]

LOGGER = logging.getLogger("qrcascade.server")

# Added to every answer: nobody may cache it, and browsers must not guess its type.
_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_GONE = 499


class Lines(logging.Formatter):
    """Formatter of a record as one line of JSON, including its ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # Payloads are a stranger's: no control characters, and nothing that turns the text around.
        return to_json(line)


def configure() -> None:
    """Write the logs of this service and of uvicorn to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines())
    for name in (LOGGER.name, "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
    # It warns of every form that is not well formed, which the request's line says as well.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


class RequestLog:
    """Middleware around the whole app: gives each request an id, logs it, and counts it.

    Endpoints add what they know to ``request.state.story``: outcome, preset, strategy and so on. ``count`` is
    called with endpoint, outcome, strategy and seconds of each request.
    """

    def __init__(self, app: ASGIApp, count: Callable[[str, str, str, float], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.monotonic()
        story: dict[str, Any] = {"id": str(uuid.uuid4())}
        scope.setdefault("state", {})["story"] = story
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*_HEADERS, (b"x-request-id", story["id"].encode())]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except (ClientDisconnect, GoneError):
            status, story["outcome"] = _GONE, "gone"
        except Exception:
            LOGGER.exception("broken", extra={"fields": {"id": story["id"]}})
            if not status:
                detail = "the service failed; its log says why, under the id in instance"
                answer = response(Request(scope), ProblemError(500, detail, "broken"))
                await answer(scope, receive, send_noting)
        self._write(scope, story, status, time.monotonic() - start)

    def _write(self, scope: Scope, story: dict[str, Any], status: int, seconds: float) -> None:
        # Log only paths that exist: callers can make up any others.
        endpoint = story.pop("endpoint", None) or getattr(scope.get("route"), "path", "other")
        story.setdefault("outcome", "ok" if status < 400 else "invalid")
        self._count(endpoint, story["outcome"], story.get("strategy") or "", seconds)
        line = {"method": scope["method"], "endpoint": endpoint, "status": status}
        LOGGER.info("request", extra={"fields": {**line, "ms": round(seconds * 1000, 1), **story}})

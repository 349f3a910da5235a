"""Structured logs: one JSON object a line, one line a request, and who may see what was read."""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qrcascade.server.problems import ProblemError, response
from qrcascade.server.queue import GoneError

__all__ = ["LOGGER", "Lines", "RequestLog", "configure"]

LOGGER = logging.getLogger("qrcascade.server")

# Of each answer: what was sent is nobody else's, and is what it says that it is.
_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_GONE = 499


class Lines(logging.Formatter):
    """A record as one line of JSON; its ``fields`` are the object's."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure() -> None:
    """Write this service's lines, and those of uvicorn, to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines())
    for name in (LOGGER.name, "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


class RequestLog:
    """Around the whole app: numbers each request, writes its line, and counts it.

    What the endpoints know goes into ``request.state.story``: outcome, preset, strategy and so on.

    Parameters
    ----------
    app : ASGI application
        What answers.
    count : callable
        Told endpoint, outcome, strategy and seconds of each request.
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

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*_HEADERS, (b"x-request-id", story["id"].encode())]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except (ClientDisconnect, GoneError):
            status, story["outcome"] = _GONE, "gone"
        except Exception:
            LOGGER.exception("broken", extra={"fields": {"id": story["id"]}})
            if not status:
                await _broken(Request(scope))(scope, receive, noting)
        self._write(scope, story, status, time.monotonic() - start)

    def _write(self, scope: Scope, story: dict[str, Any], status: int, seconds: float) -> None:
        # Only paths that exist are named: others are whatever somebody made up.
        endpoint = story.pop("endpoint", None) or getattr(scope.get("route"), "path", "other")
        story.setdefault("outcome", "ok" if status < 400 else "invalid")
        self._count(endpoint, story["outcome"], story.get("strategy") or "", seconds)
        line = {"method": scope["method"], "endpoint": endpoint, "status": status}
        LOGGER.info("request", extra={"fields": {**line, "ms": round(seconds * 1000, 1), **story}})


def _broken(request: Request) -> JSONResponse:
    return response(
        request,
        ProblemError(500, "the service failed; its log says why, under the number in instance", "broken"),
    )

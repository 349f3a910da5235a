"""Refusing requests early while the queue is full, so that refusals take no time from readings."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from qrcascade.server.problems import ProblemError, response
from qrcascade.server.queue import Queue

__all__ = ["Gate", "busy"]


class Gate:
    """Middleware that answers 503 on these paths while there is no place, before anything else is checked."""

    def __init__(self, app: ASGIApp, queue: Queue, paths: Collection[str]) -> None:
        self._app = app
        self._queue = queue
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths:
            retry_after = self._queue.retry_if_full()
            if retry_after is not None:
                scope["state"]["story"]["endpoint"] = scope["path"]
                request = Request(scope)
                await response(request, busy(self._queue.places, retry_after))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def busy(places: int, retry_after: int) -> ProblemError:
    """Return the refusal for a full queue, or for a turn that did not come in time."""
    detail = (
        f"the service is busy: it takes {places} requests at a time, including those that wait; "
        f"send this request again in {retry_after} s"
    )
    return ProblemError(503, detail, "full", {"Retry-After": str(retry_after)})

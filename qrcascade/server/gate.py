"""What a full queue refuses is refused first of all, so that it takes no time of what is read."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from qrcascade.server.problems import ProblemError, response
from qrcascade.server.queue import Queue

__all__ = ["Gate", "full"]


class Gate:
    """Around the endpoints that read: answers 503 while there is no place, before anything is looked at.

    Parameters
    ----------
    app : ASGI application
        What answers otherwise.
    queue : Queue
        Whose places are taken.
    paths : collection of str
        Of the endpoints that need one.
    """

    def __init__(self, app: ASGIApp, queue: Queue, paths: Collection[str]) -> None:
        self._app = app
        self._queue = queue
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._paths:
            retry_after = self._queue.full()
            if retry_after is not None:
                scope["state"]["story"]["endpoint"] = scope["path"]
                request = Request(scope)
                await response(request, full(self._queue.places, retry_after))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def full(places: int, retry_after: int) -> ProblemError:
    """The refusal where there is no place, or a turn did not come in time."""
    detail = (
        f"the service is busy: it takes {places} requests at a time, those that wait included; "
        f"send this one again in {retry_after} s"
    )
    return ProblemError(503, detail, "full", {"Retry-After": str(retry_after)})

"""What a request passes before its endpoint.

Only callers with the token may use the service, no web page but its own, and nobody while the queue is full.
"""

# No postponed annotations: FastAPI evaluates them, and some are defined inside functions.
import hmac
from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qrcascade.server.problems import ProblemError, response
from qrcascade.server.queue import Queue
from qrcascade.server.refusals import busy
from qrcascade.server.settings import Settings, is_loopback

__all__ = ["Gate", "Head", "OwnSite", "guards"]

_SAFE = ("GET", "HEAD", "OPTIONS")


def guards(settings: Settings) -> list[Any]:
    """Return the checks that a request must pass before its body is read."""
    if settings.token is None:
        return []
    token = settings.token.encode()
    bearer = HTTPBearer(auto_error=False, description="The service's QRCASCADE_TOKEN.")

    async def check_token(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token):
            sent = "" if given is None else "; the one that was sent is wrong"
            detail = f"send the service's token in the header Authorization: Bearer{sent}"
            raise ProblemError(401, detail, "unauthorised", {"WWW-Authenticate": "Bearer"})

    return [Depends(check_token)]


class OwnSite:
    """Middleware that refuses what other web pages make a browser send here.

    A page can send anything to the loopback, with or without its own name for it (DNS rebinding). So
    ``hosts``, if any, are the only names by which the service can be called, beside those of the loopback.
    What is not merely a GET must come from the service's own page, or from no page at all; the rules are
    those of Go's ``net/http.CrossOriginProtection``.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (why := self._refuse(scope["method"], Headers(scope=scope))):
            await response(Request(scope), ProblemError(403, why, "foreign"))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refuse(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "").lower()
        name = _split(f"//{host}").hostname or ""
        if self._hosts and not (name in self._hosts or is_loopback(name)):
            return f"this service is not known as {name[:100]!r}; its operator can add that with --allow-host"
        site = headers.get("sec-fetch-site")
        if method in _SAFE or site in ("same-origin", "none"):
            return None
        origin = headers.get("origin")
        if site is None and (origin is None or _split(origin.lower()).netloc == host):
            return None
        return "this request comes from another web page, and is not answered"


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


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
                refused = busy(self._queue.places, retry_after)
                await response(Request(scope), refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Head:
    """Middleware that answers HEAD as GET, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}
        await self._app(asked, receive, send_head)
        scope["route"] = asked.get("route")

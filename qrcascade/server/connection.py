"""Limits on one connection: its headers, the time of its caller, and answers that are not taken.

uvicorn bounds none of these with httptools, so this extends its protocol by counters and one timer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

__all__ = ["Connection", "limit_connections"]

# Bytes of a request's line and headers; uvicorn's default with h11.
_HEAD_BYTES = 65_536
# Seconds for a request's headers to arrive, also for the first request of a connection.
_HEAD_S = 15.0
# Requests sent ahead of their answers.
_PIPELINED = 16
# Seconds for a request that is on its way when the service stops.
_LAST_S = 0.5


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which also ends if its caller neither sends nor takes what is due."""

    patience_s = 30.0
    """Seconds for the caller to take an answer."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._is_stopping = False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait(_HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; refuse headers, trailers and chunk extensions without end."""
        # The parser's callbacks set it to 0 whenever this brings a request forward.
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes <= _HEAD_BYTES or self.transport.is_closing():
            return
        if self._is_idle:
            self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
        else:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Answer a request; if the service is stopping, it is the connection's last."""
        self._head_bytes = 0
        self._wait(None)
        super().on_headers_complete()
        if self._is_stopping:
            self.cycle.keep_alive = False
        if len(self.pipeline) > _PIPELINED:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or until the answer is taken."""
        super().on_response_complete()
        if not self.flow.write_paused:
            self._wait_idle()

    def pause_writing(self) -> None:
        """Start the time limit for the caller to take an answer."""
        super().pause_writing()
        self._wait(self.patience_s)

    def resume_writing(self) -> None:
        """Wait no longer: the caller has taken the answer."""
        super().resume_writing()
        self._wait_idle()

    def shutdown(self) -> None:
        """Close the connection after the request in progress, or one that has been sent but not seen."""
        self._is_stopping = True
        if self._is_idle:
            self.loop.call_later(_LAST_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle:
            self.transport.close()

    def _wait_idle(self) -> None:
        self._wait(_HEAD_S if self._is_idle else None)

    def _wait(self, seconds: float | None) -> None:
        """End the connection after this time; never, if None."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


def limit_connections(patience_s: float) -> type[Connection]:
    """Return the protocol for `uvicorn.Config`, whose callers have this many seconds to take an answer."""
    return type("Connection", (Connection,), {"patience_s": patience_s})

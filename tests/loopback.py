"""A real HTTP server on the loopback, which answers as it is told, and weights for it to serve."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Reply = Callable[[BaseHTTPRequestHandler], None]


def checkpoint(pickled: bytes = b"a model") -> bytes:
    """A file as torch writes it, as far as this project looks; larger than one chunk."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("qrdet/data.pkl", pickled)
        archive.writestr("qrdet/data/0", bytes(50_000))
    return buffer.getvalue()


def whole(body: bytes) -> Reply:
    return of_length(body, len(body))


def of_length(body: bytes, length: int | None) -> Reply:
    """The body under an announced length; a connection that ends before it is cut."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def status(code: int, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()

    return reply


def compressing(body: bytes) -> Reply:
    """Compresses the body for whom that suits."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if "gzip" not in handler.headers["Accept-Encoding"]:
            return whole(body)(handler)
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        packed = gzip.compress(body)
        handler.send_header("Content-Length", str(len(packed)))
        handler.end_headers()
        handler.wfile.write(packed)
        return None

    return reply


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close without a word."""


class Server:
    """Gives one reply a request, the last one for ever.

    Parameters
    ----------
    replies : callable
        Each is given the request's handler.
    wrap : callable, optional
        Makes another socket of the server's: TLS.
    """

    def __init__(self, *replies: Reply, wrap: Callable[[socket.socket], socket.socket] | None = None) -> None:
        self.asked: list[str] = []
        waiting = list(replies)

        def do_get(handler: BaseHTTPRequestHandler) -> None:
            self.asked.append(handler.path)
            (waiting.pop(0) if len(waiting) > 1 else waiting[0])(handler)

        quiet = {"do_GET": do_get, "log_message": lambda *_: None}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (BaseHTTPRequestHandler,), quiet))
        if wrap is not None:
            self._http.socket = wrap(self._http.socket)
        self.url = f"http{'s' if wrap else ''}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

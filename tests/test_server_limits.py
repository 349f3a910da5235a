"""What strangers can do to the service without a picture: it is a process of its own, and has to end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the server extra is not installed")
pytest.importorskip("httpx2")

import httpx2

from tests.test_serve import PHOTO, free_port, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM to be caught"),
]

# Reads for as long as it is told to, in the service's own process, as a bad file may.
PROGRAM = """
import sys, time
from qrcascade import Cascade, Findings, QRCode, Quad, Step
from qrcascade.server import Settings, app, cascades, connection

class Slow:
    name = "classical"
    def steps(self, scan):
        yield Step.call("slow", self.look)
    def look(self, frame):
        time.sleep(float(sys.argv[2]))
        return Findings((QRCode("read", Quad(((1, 1), (9, 1), (9, 9), (1, 9))), 0.9),))

cascades.Reader.cascade = lambda self, preset: Cascade([Slow()])
connection._HEAD_S = patience = float(sys.argv[3])
port, grace = int(sys.argv[1]), int(sys.argv[4])
app.serve(Settings(port=port, presets=("classical",), concurrency=4, max_wait=patience, grace=grace))
"""
# What is over within this time has not waited for a reading of 1000 s; a machine may be busy.
LONG_S = 120.0


@contextlib.contextmanager
def service(
    folder: Path, reads_s: float = 0.0, patience_s: float = 60.0, grace_s: int = 60
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    program = folder / "slow.py"
    program.write_text(PROGRAM, "utf-8")
    port = free_port()
    arguments = map(str, (port, reads_s, patience_s, grace_s))
    with running(str(program), *arguments, port=port) as (process, _):
        yield process, port


def connect(port: int, receive_bytes: int | None = None) -> socket.socket:
    one = socket.socket()
    if receive_bytes:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    one.settimeout(LONG_S)
    one.connect(("127.0.0.1", port))
    return one


def is_ended(one: socket.socket) -> bool:
    """Whether the other side has ended a connection, be it in order or not."""
    try:
        while one.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def test_a_header_without_end_is_refused_soon(tmp_path: Path) -> None:
    with service(tmp_path) as (_, port), connect(port) as one:
        with pytest.raises(ConnectionError):
            one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 2**26)
        assert httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: local"])
def test_a_connection_ends_if_no_request_comes(tmp_path: Path, sent: bytes) -> None:
    with service(tmp_path, patience_s=1.0) as (_, port), connect(port) as one:
        one.sendall(sent)
        assert is_ended(one), "socket.timeout would have been raised"


def fills_unread(port: int) -> socket.socket:
    """A connection on which answers wait that nobody takes."""
    one = connect(port, receive_bytes=4096)
    one.setblocking(False)
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.suppress(BlockingIOError):
        for _ in range(8):
            one.send(asked)
    return one


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def sockets_of(process: subprocess.Popen[str], port: int) -> int:
    """The number of connections that the service has."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "01" for row in rows)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="there is no /proc")
def test_answers_that_nobody_takes_are_dropped(tmp_path: Path) -> None:
    with service(tmp_path, patience_s=1.0) as (process, port), fills_unread(port):
        wait_until(lambda: sockets_of(process, port) > 0)
        wait_until(lambda: sockets_of(process, port) == 0)


def slow_reading(port: int) -> socket.socket:
    one = connect(port)
    body = PHOTO.read_bytes()
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    one.sendall(head.encode() + body)
    url = f"http://127.0.0.1:{port}/metrics"
    wait_until(lambda: "qrcascade_readings_running 1.0" in httpx2.get(url).text)
    return one


def half_a_head(port: int) -> socket.socket:
    one = connect(port)
    one.sendall(b"GET /health HTTP/1.1\r\nHost:")
    return one


def half_a_body(port: int) -> socket.socket:
    one = connect(port)
    one.sendall(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
    return one


@pytest.mark.parametrize(
    ("trouble", "number"),
    [
        (slow_reading, signal.SIGTERM),
        (slow_reading, signal.SIGINT),
        (fills_unread, signal.SIGTERM),
        (connect, signal.SIGTERM),
        (half_a_head, signal.SIGTERM),
        (half_a_body, signal.SIGTERM),
    ],
)
def test_it_ends_within_its_grace_time(
    tmp_path: Path, trouble: Callable[[int], socket.socket], number: int
) -> None:
    with service(tmp_path, reads_s=1000, grace_s=1) as (process, port), trouble(port):
        process.send_signal(number)
        process.communicate(timeout=LONG_S)
        assert process.returncode == 0


@pytest.mark.parametrize("before_s", [0.05, 0.0])
def test_what_was_sent_before_sigterm_is_answered(tmp_path: Path, before_s: float) -> None:
    body = PHOTO.read_bytes()
    head = f"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with service(tmp_path, reads_s=0.1) as (process, port), ThreadPoolExecutor(12) as asking:
        sockets = [connect(port) for _ in range(12)]
        for one in sockets:
            one.sendall(head.encode() + body)
        time.sleep(before_s)
        process.send_signal(signal.SIGTERM)
        answers = list(asking.map(lambda one: one.recv(15), sockets))
        process.communicate(timeout=LONG_S)
        for one in sockets:
            one.close()
    assert answers == [b"HTTP/1.1 200 OK"] * 12
    assert process.returncode == 0


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "slow.py"
    program.write_text(PROGRAM, "utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = subprocess.run(
            [sys.executable, str(program), str(taken_port := taken.getsockname()[1]), "0", "1", "1"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
    assert process.returncode == 1
    (line,) = map(json.loads, process.stdout.splitlines())
    assert (line["event"], line["port"]) == ("cannot listen", taken_port)
    assert "address already in use" in line["reason"].lower()
    assert "Traceback" not in process.stdout + process.stderr

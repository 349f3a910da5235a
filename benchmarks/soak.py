"""``python -m benchmarks soak``: many requests to a service, good and hostile, and its memory."""

from __future__ import annotations

import contextlib
import http.client
import io
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import mixed, processes
from benchmarks.options import option, saves
from benchmarks.render import publish, table

_EXAMPLES = Path("examples")
_ANSWER_S = 120.0
# Of what is sent, so many per cent are good files.
_GOOD = 85
_PARTS = 10


@click.command()
@option("--requests", "number", default=4000)
@option("--preset", default="light")
@option("--clients", default=4)
@saves("soak")
def soak(number: int, preset: str, clients: int, save: bool) -> None:
    """Mixed requests, hostile ones among them: what is answered, memory, and the end by SIGTERM."""
    with _started(preset) as (process, port):
        trials, draw = _trials(port), random.Random(0)
        chosen = [_choose(trials, draw) for _ in range(number)]
        outcomes: Counter[tuple[str, str]] = Counter()
        memory: list[tuple[float, float]] = []
        with ThreadPoolExecutor(clients) as pool:
            for part in np.array_split(np.array(chosen), _PARTS):
                told = pool.map(lambda name: (name, trials[name]()), part.tolist())
                outcomes.update((kind.partition(":")[0], answer) for kind, answer in told)
                memory.append(_memory(process.pid))
        ended = _ended_under_load(process, trials["good: photo.jpg"])
    publish("soak", _report(number, preset, clients, outcomes, memory, ended), save=save)


def _report(
    number: int,
    preset: str,
    clients: int,
    outcomes: Counter[tuple[str, str]],
    memory: list[tuple[float, float]],
    ended: tuple[int, float],
) -> Iterator[str]:
    yield (
        f"{number:,} requests of {clients} clients to `{preset}`, {_GOOD} % of them good files; the others "
        "are drawn\nfrom broken and hostile files, and from callers that hang up, send half a request or "
        "take no answer."
    )
    kinds = sorted({kind for kind, _ in outcomes})
    rows = []
    for kind in kinds:
        seen = sorted((answer, count) for (k, answer), count in outcomes.items() if k == kind)
        rows.append([kind, ", ".join(f"{count} {answer}" for answer, count in seen)])
    yield table(["requests", "answers"], rows, words=(0, 1))
    yield "Memory in MB after each tenth of the requests: of the service, and of all its workers."
    shown = [[f"{index * 100 // len(memory)} %", *both] for index, both in enumerate(memory, 1)]
    yield table(["requests", "service {:.0f}", "workers {:.0f}"], shown)
    first, last = (statistics.mean(own for own, _ in half) for half in (memory[1:4], memory[-3:]))
    yield f"The service's mean: {first:.0f} MB after the tenths 2 to 4, {last:.0f} MB after the last three."
    code, took = ended
    yield f"SIGTERM while {clients} clients asked: it ended with {code}, after {took:.1f} s."


@contextlib.contextmanager
def _started(preset: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = "from qrcascade.cli import main; main()"
    # So that what hangs or waits is over soon.
    options = ["--timeout", "2", "--max-timeout", "5", "--max-wait", "10", "--grace", "20"]
    command = [sys.executable, "-c", program, "serve", "--port", str(port), "--preset", preset, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield process, port
        finally:
            process.kill()


def _choose(trials: dict[str, Callable[[], str]], draw: random.Random) -> str:
    good = draw.random() < _GOOD / 100
    return draw.choice([name for name in trials if name.startswith("good") is good])


def _trials(port: int) -> dict[str, Callable[[], str]]:
    """What is sent, by name: each does it once, and returns the status of the answer, or what happened."""

    def post(path: str, data: bytes, **headers: str) -> Callable[[], str]:
        return lambda: _status(port, "POST", path, data, headers)

    found = {f"good: {name}": post("/detect", data) for name, data in _good().items()}
    found["good: read"] = post("/read?preview=1&explain=1", (_EXAMPLES / "photo.jpg").read_bytes())
    for name, data in _hostile().items():
        found[f"hostile file: {name}"] = post("/detect?timeout=0.5", data)
        found[f"hostile file, shown: {name}"] = post("/read?timeout=0.5&preview=1&explain=1", data)
    photo = (_EXAMPLES / "photo.jpg").read_bytes()
    found["foreign page"] = post("/detect", photo, Origin="https://evil.example")
    found["wrong option"] = post("/detect?timeout=0.001", photo)
    found["broken form"] = post("/detect", photo, **{"Content-Type": "multipart/form-data; boundary=b"})
    head = b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"
    found["hangs up"] = lambda: _raw(port, head + photo[:2000])
    found["header without end"] = lambda: _raw(port, b"GET /health HTTP/1.1\r\nX: " + b"x" * 2**20)
    found["takes no answer"] = lambda: _raw(
        port, b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
    )
    return found


def _good() -> dict[str, bytes]:
    files = {name: (_EXAMPLES / name).read_bytes() for name in ("photo.jpg", "printed.png", "two-codes.jpg")}
    return {**files, **{kind: mixed.KINDS[kind](0) for kind in ("receipt", "PDF, print")}}


def _hostile() -> dict[str, bytes]:
    """Files that are broken, or small and expensive; the same with every run."""
    draw = np.random.default_rng(0)
    photo = (_EXAMPLES / "photo.jpg").read_bytes()
    changed = bytearray(photo)
    for place in draw.integers(0, len(photo), 200):
        changed[place] = int(draw.integers(256))
    noise = draw.integers(0, 2, (700, 700), dtype=np.uint8) * np.uint8(255)
    ring = np.pad(np.ones((3, 3)), 1, constant_values=0)
    finder = np.pad(np.pad(ring, 1, constant_values=1), 1, constant_values=0)
    lattice = np.tile(np.kron(255 - finder * 255, np.ones((2, 2))), (70, 70)).astype(np.uint8)
    return {
        "cut JPEG": photo[: len(photo) // 2],
        "changed JPEG": bytes(changed),
        "60 megapixels of nothing": _file(Image.new("L", (7700, 7700), 255), "png"),
        "too many pixels": b"P5 32000 32000 255\n",
        "noise": _file(Image.fromarray(noise), "png"),
        "finder patterns": _file(Image.fromarray(lattice), "png"),
        "200 frames": _frames(200),
        "PDF that unpacks to 500 MB": _pdf(500),
        "PDF without pages": b"%PDF-1.7\nnothing",
        "text": b"hello",
    }


def _file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _frames(number: int) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("L", (60, 60), value % 256) for value in range(number)]
    frames[0].save(buffer, "gif", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _pdf(megabytes: int) -> bytes:
    """A page whose content is blanks, packed twice."""
    packer = zlib.compressobj(9)
    once = b"".join(packer.compress(b" " * 2**20) for _ in range(megabytes)) + packer.flush()
    content = zlib.compress(once, 9)
    filters = b"/Filter[/FlateDecode/FlateDecode]"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>",
        b"<<%s/Length %d>>\nstream\n%s\nendstream" % (filters, len(content), content),
    ]
    parts = [b"%d 0 obj\n%s\nendobj\n" % (number, text) for number, text in enumerate(objects, 1)]
    return b"%PDF-1.7\n" + b"".join(parts) + b"trailer<</Size 5/Root 1 0 R>>\n%%EOF\n"


def _status(port: int, method: str, path: str, data: bytes, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


def _raw(port: int, data: bytes) -> str:
    """Send this, and hang up without reading an answer."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
        one.sendall(data)
    return "sent"


def _memory(pid: int) -> tuple[float, float]:
    workers = [child for child in processes.children(pid) if processes.is_worker(child)]
    return processes.memory_mb(pid), sum(map(processes.memory_mb, workers))


def _ended_under_load(process: subprocess.Popen[bytes], ask: Callable[[], str]) -> tuple[int, float]:
    """Tell the service to end while it is asked; its exit code, and the seconds that it took."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set() and ask().isdecimal():
            pass

    asking = [threading.Thread(target=go_on) for _ in range(4)]
    for one in asking:
        one.start()
    time.sleep(1)
    since = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait()
    took = time.monotonic() - since
    over.set()
    for one in asking:
        one.join()
    return code, took

"""``python -m benchmarks soak``: many requests to a service, good and hostile, and its memory."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Annotated

import numpy as np
import requests
from PIL import Image

from benchmarks import mixed, processes
from benchmarks.harness import beside, timed
from benchmarks.pages import command, table
from benchmarks.processes import Service, started
from benchmarks.symbols import in_file
from benchmarks.worst import worst
from qrcascade.cascade import Preset

_EXAMPLES = Path("examples")
_ANSWER_S = 120.0
# Of what is sent, so many per cent are good files.
_GOOD = 85
_PARTS = 10


@command()
def soak(
    number: Annotated[int, "--requests"] = 4000, preset: Preset = "light", clients: int = 4
) -> Iterator[str]:
    """Send mixed requests, some of them hostile; report answers, memory, and the end by SIGTERM."""
    # So that what hangs or waits is over soon.
    with started(preset, timeout=2, max_timeout=5, max_wait=10, grace=20) as service:
        trials, draw = _trials(service), random.Random(0)
        chosen = [_choose(trials, draw) for _ in range(number)]
        outcomes: Counter[tuple[str, str]] = Counter()
        memory: list[tuple[float, float]] = []
        with ThreadPoolExecutor(clients) as pool:
            for part in np.array_split(np.array(chosen), _PARTS):
                told = pool.map(lambda name: (name, trials[name]()), part.tolist())
                outcomes.update((kind.partition(":")[0], answer) for kind, answer in told)
                memory.append(_memory(service.process.pid))
        ended = _ended_under_load(service.process, trials["good: photo.jpg"])
    yield (
        f"{number:,} requests of {clients} clients to `{preset}`, {_GOOD} % of them good files; the others "
        "are drawn\nfrom broken and hostile files, and from callers that hang up, send half a request or "
        "take no answer."
    )
    answers: dict[str, list[str]] = {}
    for (kind, answer), count in sorted(outcomes.items()):
        answers.setdefault(kind, []).append(f"{count} {answer}")
    rows = ([kind, ", ".join(said)] for kind, said in answers.items())
    yield table(["requests", "answers"], rows, words=(0, 1))
    yield "Memory in MB after each tenth of the requests: of the service, and of all its workers."
    shown = [[f"{index * 100 // len(memory)} %", *both] for index, both in enumerate(memory, 1)]
    yield table(["requests", "service {:.0f}", "workers {:.0f}"], shown)
    first, last = (np.mean(half, axis=0)[0] for half in (memory[1:4], memory[-3:]))
    yield f"The service's mean: {first:.0f} MB after tenths 2 to 4, {last:.0f} MB after the last three."
    yield f"SIGTERM while {clients} clients were asking: it exited with {ended[0]} after {ended[1]:.1f} s."


def _choose(trials: dict[str, Callable[[], str]], draw: random.Random) -> str:
    good = draw.random() < _GOOD / 100
    return draw.choice([name for name in trials if name.startswith("good") is good])


def _trials(service: Service) -> dict[str, Callable[[], str]]:
    """Return what is sent, by name: each sends once, and returns the answer's status, or what happened."""

    def post(path: str, data: bytes, **headers: str) -> Callable[[], str]:
        return partial(_status, service.url + path, data, headers)

    def raw(data: bytes) -> Callable[[], str]:
        return partial(_send, service.port, data)

    photo = (_EXAMPLES / "photo.jpg").read_bytes()
    found = {f"good: {name}": post("/detect", data) for name, data in _good().items()}
    found["good: read"] = post("/read?preview=1&explain=1", photo)
    for name, data in _hostile(photo).items():
        found[f"hostile file: {name}"] = post("/detect?timeout=0.5", data)
        found[f"hostile file, shown: {name}"] = post("/read?timeout=0.5&preview=1&explain=1", data)
    found["foreign page"] = post("/detect", photo, Origin="https://evil.example")
    found["wrong option"] = post("/detect?timeout=0.001", photo)
    found["broken form"] = post("/detect", photo, **{"Content-Type": "multipart/form-data; boundary=b"})
    head = b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"
    found["hangs up"] = raw(head + photo[:2000])
    found["header without end"] = raw(b"GET /health HTTP/1.1\r\nX: " + b"x" * 2**20)
    found["takes no answer"] = raw(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
    return found


def _good() -> dict[str, bytes]:
    files = {name: (_EXAMPLES / name).read_bytes() for name in ("photo.jpg", "printed.png", "two-codes.jpg")}
    return {**files, **{kind: mixed.KINDS[kind](0) for kind in ("receipt", "PDF, print")}}


def _hostile(photo: bytes) -> dict[str, bytes]:
    """Return files that are broken, or small and expensive; the same with every run."""
    draw = np.random.default_rng(0)
    changed = bytearray(photo)
    for place in draw.integers(0, len(photo), 200):
        changed[place] = int(draw.integers(256))
    noise = draw.integers(0, 2, (700, 700), dtype=np.uint8) * np.uint8(255)
    frames = [Image.new("L", (60, 60), value % 256) for value in range(200)]
    return {
        "cut JPEG": photo[: len(photo) // 2],
        "changed JPEG": bytes(changed),
        "60 megapixels of nothing": in_file(Image.new("L", (7700, 7700), 255), "PNG"),
        "too many pixels": b"P5 32000 32000 255\n",
        "noise": in_file(noise, "PNG"),
        "finder patterns": in_file(worst("finders, 2 px", size=(980, 980)), "PNG"),
        "200 frames": in_file(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "PDF that unpacks to 500 MB": _pdf(500),
        "PDF without pages": b"%PDF-1.7\nnothing",
        "text": b"hello",
    }


def _pdf(megabytes: int) -> bytes:
    """Return a page whose content is blanks, packed twice."""
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


def _status(url: str, data: bytes, headers: dict[str, str]) -> str:
    try:
        return str(requests.post(url, data, headers=headers, timeout=_ANSWER_S).status_code)
    except requests.RequestException as error:
        return type(error).__name__


def _send(port: int, data: bytes) -> str:
    """Send this, and hang up without reading an answer."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
        one.sendall(data)
    return "sent"


def _memory(pid: int) -> tuple[float, float]:
    return processes.memory_mb(pid), sum(map(processes.memory_mb, processes.workers(pid)))


def _ended_under_load(process: Popen[bytes], ask: Callable[[], str]) -> tuple[int, float]:
    """Tell the service to end while it is asked; its exit code, and the seconds that it took."""

    def go_on(over: threading.Event) -> None:
        while not over.is_set() and ask().isdecimal():
            pass

    with beside(go_on, 4):
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        code, ms = timed(process.wait)
    return code, ms / 1000

"""``python -m benchmarks load``: the service under load on the loopback, beside plain reading.

The load comes from ApacheBench (`benchmarks.ab`), on the same cores.
"""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import mixed, options, processes
from benchmarks.ab import COLUMNS, asked
from benchmarks.mixed import KINDS, MIX
from benchmarks.options import option, saves
from benchmarks.render import publish, table
from qrcascade import Cascade, read_document
from qrcascade.cascade import Preset

_EXAMPLES = Path("examples")
# Of the default queue: more than it holds wait, and four times as many ask.
_QUEUE = 16
# A worker that is older has started for sure.
_STARTED_S = 5.0


@dataclass(frozen=True, slots=True)
class _Service:
    """The service, and how it was started."""

    url: str
    pid: int
    preset: Preset
    processes: int


@click.command()
@option("--preset", default="light")
@option("--processes", "number", default=os.cpu_count() or 1)
@option("--seconds", default=8.0, text="Of each measurement.")
@options.rounds(3, "Of plain reading and service, in turns.")
@saves("load")
def load(preset: Preset, number: int, seconds: float, rounds: int, save: bool) -> None:
    """Throughput beside plain reading, four times too much, and worker processes that are killed."""
    with tempfile.TemporaryDirectory() as folder, _started(preset, number) as service:
        pictures = _pictures(Path(folder))
        parts = [*_throughput(service, seconds, rounds, pictures)]
        parts += _overload(service, pictures["photo.jpg"])
        parts += _killed(service, seconds, pictures["photo.jpg"])
    publish("load", parts, save=save)


def _pictures(folder: Path) -> dict[str, Path]:
    """Cheap to expensive: examples, one as large as a phone takes it, one with a code that nobody reads."""
    pixels = np.array(Image.open(_EXAMPLES / "two-codes.jpg").convert("L"))
    pixels[474:544, 245:315] = np.random.default_rng(0).choice([0, 255], (70, 70))
    spoilt = folder / "spoilt.jpg"
    Image.fromarray(pixels).save(spoilt, quality=90)
    phone = folder / "photo-12MP.jpg"
    Image.open(_EXAMPLES / "photo.jpg").resize((3000, 4000)).save(phone, quality=90)
    small = {name: _EXAMPLES / name for name in ("printed.png", "photo.jpg")}
    kinds = {kind: mixed.write(make(0), folder, kind) for kind, make in KINDS.items()}
    return {**small, phone.name: phone, spoilt.name: spoilt, **kinds}


@contextlib.contextmanager
def _started(preset: Preset, number: int) -> Iterator[_Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = "from qrcascade.cli import main; main()"
    options = ["--port", str(port), "--preset", preset, "--concurrency", str(number), "--warm"]
    command = [sys.executable, "-c", program, "serve", *options, "--queue", str(_QUEUE)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/ready"):
                    break
                time.sleep(0.1)
            yield _Service(url, process.pid, preset, number)
        finally:
            process.terminate()


def _plain(preset: Preset, picture: Path, seconds: float, ready: object, counts: object) -> None:
    cascade, data = Cascade.preset(preset), picture.read_bytes()

    def read() -> None:
        if picture.suffix == ".pdf":
            tuple(read_document(data, cascade=cascade))
        else:
            cascade.read(data)

    read()
    ready.wait()  # type: ignore[attr-defined]
    start, cpu, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds:
        read()
        count += 1
    cpu_ms = (time.process_time() - cpu) / count * 1000
    counts.put((count / (time.perf_counter() - start), cpu_ms))  # type: ignore[attr-defined]


def _reading(service: _Service, picture: Path, seconds: float) -> tuple[float, float]:
    """Readings a second of as many processes that do nothing else, and milliseconds of CPU for each."""
    context = multiprocessing.get_context("spawn")
    ready, counts = context.Barrier(service.processes), context.Queue()
    arguments = (service.preset, picture, seconds, ready, counts)
    children = [context.Process(target=_plain, args=arguments) for _ in range(service.processes)]
    for child in children:
        child.start()
    seen = [counts.get() for _ in children]
    for child in children:
        child.join()
    return sum(rate for rate, _ in seen), statistics.mean(cpu for _, cpu in seen)


def _throughput(service: _Service, seconds: float, rounds: int, pictures: dict[str, Path]) -> Iterator[str]:
    clients = 2 * service.processes
    yield (
        f"Throughput of `{service.preset}`: read() in {service.processes} processes, and the service with "
        f"{service.processes}\nreadings at a time, asked by {clients} clients; medians of {rounds} rounds in "
        "turns. CPU is\nwhat a reading takes, and what an answer takes of the service and its workers: their "
        f"ratio\nleaves out what other work, and ab, have of the cores. uvicorn runs on {_loop()}."
    )
    found: dict[str, tuple[float, ...]] = {}
    for name, picture in pictures.items():
        turns = [_turn(service, seconds, picture) for _ in range(rounds)]
        found[name] = tuple(statistics.median(column) for column in zip(*turns, strict=True))
    shares = np.array([*MIX.values()]) / 100
    plain, served, _, plain_cpu, cpu, _, ab = np.array([found[kind] for kind in MIX]).T
    # A second's share of each kind goes by what it takes.
    rates = (1 / (shares / rate).sum() for rate in (plain, served))
    found["the mix"] = _figures(*rates, *((shares * ms).sum() for ms in (plain_cpu, cpu, ab)))
    columns = ["picture", "read(), a second {:.1f}", "service {:.1f}", "ratio {:.2f}"]
    columns += ["read(), CPU ms {:.1f}", "service {:.1f}", "ratio {:.2f}", "ab, CPU ms {:.2f}"]
    yield table(columns, ([name, *row] for name, row in found.items()))
    yield mixed.SAID


def _turn(service: _Service, seconds: float, picture: Path) -> tuple[float, ...]:
    plain, plain_cpu = _reading(service, picture, seconds)
    before = processes.cpu_s(service.pid)
    seen = asked(service.url, picture, 2 * service.processes, plain * seconds)
    answers = sum(seen.outcomes.values())
    cpu = (processes.cpu_s(service.pid) - before) / answers * 1000
    return _figures(plain, seen.per_second, plain_cpu, cpu, seen.cpu_s / answers * 1000)


def _figures(plain: float, served: float, plain_cpu: float, cpu: float, ab: float) -> tuple[float, ...]:
    """Of a row: readings and answers a second; milliseconds of CPU of each, and of asking."""
    return plain, served, served / plain, plain_cpu, cpu, plain_cpu / cpu, ab


def _loop() -> str:
    """What uvicorn takes by itself."""
    fast = [name for name in ("uvloop", "httptools") if importlib.util.find_spec(name)]
    return " and ".join(fast) or "asyncio and h11"


def _overload(service: _Service, picture: Path) -> Iterator[str]:
    at_a_time = service.processes
    places = at_a_time + _QUEUE
    yield (
        f"Overload with {picture.name}: {places} places, {_QUEUE} of them in the queue. The bound is\n"
        f"{places} places / {at_a_time} readings at a time x P99 of a reading that has not to wait,\n"
        "which the first row has."
    )
    clients = (at_a_time, places, 4 * places)
    seen = [asked(service.url, picture, number, max(1000, 60 * number)) for number in clients]
    bound = places / at_a_time * seen[0].p99_ms
    rows = ([number, *one.cells(), bound] for number, one in zip(clients, seen, strict=True))
    yield table(["clients", *COLUMNS, "bound, ms {:.0f}"], rows, words=(4,))


def _killed(service: _Service, seconds: float, picture: Path) -> Iterator[str]:
    """Load while worker processes are killed, one every two seconds or so: those that have started."""
    over, killed = threading.Event(), 0

    def kill() -> None:
        nonlocal killed
        draw = random.Random(0)
        while not over.wait(draw.uniform(1, 3)):
            workers = filter(processes.is_worker, processes.children(service.pid))
            if started := [pid for pid in workers if processes.age_s(pid) > _STARTED_S]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(started), signal.SIGKILL)
                    killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        seen = asked(service.url, picture, 2 * service.processes, 1000 * seconds)
    finally:
        over.set()
        killer.join()
    yield f"Workers killed (SIGKILL) while {picture.name} was read."
    yield table(["killed", *COLUMNS], [[killed, *seen.cells()]], words=(4,))

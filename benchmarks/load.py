"""``python -m benchmarks load``: the service under load on the loopback, beside plain reading.

The load comes from ApacheBench, on the same cores.
"""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image

from benchmarks import mixed, processes
from benchmarks.harness import beside
from benchmarks.mixed import KINDS, MIX
from benchmarks.pages import command, table
from benchmarks.processes import COLUMNS, Service, ask, started
from qrcascade import Cascade, read_document
from qrcascade.cascade import Preset

_EXAMPLES = Path("examples")
# Of the default queue: more than it holds wait, and four times as many ask.
_QUEUE = 16
# A worker that is older has started for sure.
_STARTED_S = 5.0


@command()
def load(
    preset: Preset = "light",
    number: Annotated[int, "--processes"] = os.cpu_count() or 1,
    seconds: Annotated[float, "Of each measurement."] = 8.0,
    rounds: Annotated[int, "Of plain reading and service, in turns."] = 3,
) -> Iterator[str]:
    """Measure throughput beside plain reading, under four times too much, and with workers killed."""
    options = {"concurrency": number, "queue": _QUEUE, "warm": True}
    with tempfile.TemporaryDirectory() as folder, started(preset, **options) as service:
        pictures = _pictures(Path(folder))
        yield from _throughput(service, preset, number, seconds, rounds, pictures)
        yield from _overload(service, number, pictures["photo.jpg"])
        yield from _killed(service, 2 * number, seconds, pictures["photo.jpg"])


def _pictures(folder: Path) -> dict[str, Path]:
    """Return pictures, cheap to expensive: examples, one as large as a phone's, one that nobody reads."""
    pixels = np.array(Image.open(_EXAMPLES / "two-codes.jpg").convert("L"))
    pixels[474:544, 245:315] = np.random.default_rng(0).choice([0, 255], (70, 70))
    spoilt = folder / "spoilt.jpg"
    Image.fromarray(pixels).save(spoilt, quality=90)
    phone = folder / "photo-12MP.jpg"
    Image.open(_EXAMPLES / "photo.jpg").resize((3000, 4000)).save(phone, quality=90)
    small = {name: _EXAMPLES / name for name in ("printed.png", "photo.jpg")}
    kinds = {kind: mixed.write(make(0), folder, kind) for kind, make in KINDS.items()}
    return {**small, phone.name: phone, spoilt.name: spoilt, **kinds}


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


def _reading(preset: Preset, number: int, picture: Path, seconds: float) -> tuple[float, float]:
    """Measure readings a second of as many processes that do nothing else, and ms of CPU for each."""
    context = multiprocessing.get_context("spawn")
    ready, counts = context.Barrier(number), context.Queue()
    arguments = (preset, picture, seconds, ready, counts)
    children = [context.Process(target=_plain, args=arguments) for _ in range(number)]
    for child in children:
        child.start()
    seen = [counts.get() for _ in children]
    for child in children:
        child.join()
    return sum(rate for rate, _ in seen), statistics.mean(cpu for _, cpu in seen)


def _throughput(
    service: Service, preset: Preset, number: int, seconds: float, rounds: int, pictures: dict[str, Path]
) -> Iterator[str]:
    # What uvicorn takes by itself.
    fast = [name for name in ("uvloop", "httptools") if importlib.util.find_spec(name)]
    loop = " and ".join(fast) or "asyncio and h11"
    yield (
        f"Throughput of `{preset}`: read() in {number} processes, and the service with "
        f"{number}\nreadings at a time, asked by {2 * number} clients; medians of {rounds} rounds in "
        "turns. CPU is\nwhat a reading takes, and what an answer takes of the service and its workers: their "
        f"ratio\nleaves out what other work, and ab, have of the cores. uvicorn runs on {loop}."
    )
    found: dict[str, tuple[float, ...]] = {}
    for name, picture in pictures.items():
        turns = []
        for _ in range(rounds):
            plain, plain_cpu = _reading(preset, number, picture, seconds)
            before = processes.cpu_s(service.process.pid)
            seen = ask(service, picture, 2 * number, plain * seconds)
            answers = sum(seen.outcomes.values())
            cpu = (processes.cpu_s(service.process.pid) - before) / answers * 1000
            turns.append(_figures(plain, seen.per_second, plain_cpu, cpu, seen.cpu_s / answers * 1000))
        found[name] = tuple(np.median(turns, axis=0))
    shares = np.array([*MIX.values()]) / 100
    plain, served, _, plain_cpu, cpu, _, ab = np.array([found[kind] for kind in MIX]).T
    # A second's share of each kind goes by what it takes.
    rates = (1 / (shares / rate).sum() for rate in (plain, served))
    found["the mix"] = _figures(*rates, *((shares * ms).sum() for ms in (plain_cpu, cpu, ab)))
    columns = ["picture", "read(), a second {:.1f}", "service {:.1f}", "ratio {:.2f}"]
    columns += ["read(), CPU ms {:.1f}", "service {:.1f}", "ratio {:.2f}", "ab, CPU ms {:.2f}"]
    yield table(columns, ([name, *row] for name, row in found.items()))
    yield mixed.SAID


def _figures(plain: float, served: float, plain_cpu: float, cpu: float, ab: float) -> tuple[float, ...]:
    """Return a row's readings and answers a second, and ms of CPU of each and of asking."""
    return plain, served, served / plain, plain_cpu, cpu, plain_cpu / cpu, ab


def _overload(service: Service, at_a_time: int, picture: Path) -> Iterator[str]:
    places = at_a_time + _QUEUE
    yield (
        f"Overload with {picture.name}: {places} places, {_QUEUE} of them in the queue. The bound is\n"
        f"{places} places / {at_a_time} readings at a time x P99 of a reading that does not have to wait,\n"
        "given in the first row."
    )
    clients = (at_a_time, places, 4 * places)
    seen = [ask(service, picture, number, max(1000, 60 * number)) for number in clients]
    bound = places / at_a_time * seen[0].p99_ms
    rows = ([number, *one.cells(), bound] for number, one in zip(clients, seen, strict=True))
    yield table(["clients", *COLUMNS, "bound, ms {:.0f}"], rows, words=(4,))


def _killed(service: Service, clients: int, seconds: float, picture: Path) -> Iterator[str]:
    """Load while worker processes are killed, one every two seconds or so: those that have started."""
    killed = 0

    def kill(over: threading.Event) -> None:
        nonlocal killed
        draw = random.Random(0)
        while not over.wait(draw.uniform(1, 3)):
            workers = processes.workers(service.process.pid)
            if there := [pid for pid in workers if processes.age_s(pid) > _STARTED_S]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(there), signal.SIGKILL)
                    killed += 1

    with beside(kill):
        seen = ask(service, picture, clients, 1000 * seconds)
    yield f"Workers killed (SIGKILL) while {picture.name} was read."
    yield table(["killed", *COLUMNS], [[killed, *seen.cells()]], words=(4,))

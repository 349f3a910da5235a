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
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import report
from benchmarks.ab import asked
from benchmarks.mixed import KINDS, MIX, suffix
from qrcascade import Cascade, read_document

__all__ = ["load"]

_DOCS = Path("docs/benchmarks")
_EXAMPLES = Path("examples")
# Of the default queue: more than it holds wait, and four times as many ask.
_QUEUE = 16
# A worker that is older has started for sure.
_STARTED_S = 5.0


@click.option("--preset", default="light", show_default=True)
@click.option("--processes", default=os.cpu_count() or 1, show_default=True)
@click.option("--seconds", default=8.0, show_default=True, help="Of each measurement.")
@click.option("--rounds", default=3, show_default=True, help="Of plain reading and service, in turns.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/load.md.")
def load(preset: str, processes: int, seconds: float, rounds: int, save: bool) -> None:
    """Throughput beside plain reading, four times too much, and worker processes that are killed."""
    with tempfile.TemporaryDirectory() as folder, _service(preset, processes) as (pid, url):
        pictures = _pictures(Path(folder))
        parts = [_throughput(url, pid, preset, processes, seconds, rounds, pictures)]
        photo = pictures["photo.jpg"]
        parts.append(_overload(url, processes, photo))
        parts.append(_killed(url, pid, processes, seconds, photo))
    click.echo("\n\n".join(parts))
    if save:
        (_DOCS / "load.md").write_text(report.page("load", *parts), "utf-8")


def _pictures(folder: Path) -> dict[str, Path]:
    """Cheap to dear: examples, one as large as a phone takes it, one with a code that nobody reads."""
    pixels = np.array(Image.open(_EXAMPLES / "two-codes.jpg").convert("L"))
    pixels[474:544, 245:315] = np.random.default_rng(0).choice([0, 255], (70, 70))
    spoilt = folder / "spoilt.jpg"
    Image.fromarray(pixels).save(spoilt, quality=90)
    phone = folder / "photo-12MP.jpg"
    Image.open(_EXAMPLES / "photo.jpg").resize((3000, 4000)).save(phone, quality=90)
    small = {name: _EXAMPLES / name for name in ("printed.png", "photo.jpg")}
    return {**small, phone.name: phone, spoilt.name: spoilt, **_kinds(folder)}


def _kinds(folder: Path) -> dict[str, Path]:
    """A page of each kind of the mix."""
    files = {}
    for kind, make in KINDS.items():
        data = make(0)
        files[kind] = folder / f"{kind}{suffix(data)}"
        files[kind].write_bytes(data)
    return files


@contextlib.contextmanager
def _service(preset: str, processes: int) -> Iterator[tuple[int, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = "from qrcascade.cli import main; main()"
    options = ["--port", str(port), "--preset", preset, "--concurrency", str(processes), "--warm"]
    command = [sys.executable, "-c", program, "serve", *options, "--queue", str(_QUEUE)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/ready"):
                    break
                time.sleep(0.1)
            yield process.pid, url
        finally:
            process.terminate()


def _plain(preset: str, picture: Path, seconds: float, ready: object, counts: object) -> None:
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


def _reading(preset: str, picture: Path, processes: int, seconds: float) -> tuple[float, float]:
    """Readings a second of so many processes that do nothing else, and milliseconds of CPU for each."""
    context = multiprocessing.get_context("spawn")
    ready, counts = context.Barrier(processes), context.Queue()
    arguments = (preset, picture, seconds, ready, counts)
    children = [context.Process(target=_plain, args=arguments) for _ in range(processes)]
    for child in children:
        child.start()
    seen = [counts.get() for _ in children]
    for child in children:
        child.join()
    return sum(rate for rate, _ in seen), statistics.mean(cpu for _, cpu in seen)


def _cpu(pid: int) -> float:
    """Seconds of processor time that the service and its workers have had."""
    ticks = 0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def _throughput(
    url: str, pid: int, preset: str, processes: int, seconds: float, rounds: int, pictures: dict[str, Path]
) -> str:
    lines = [
        f"Throughput of `{preset}`: read() in {processes} processes, and the service with {processes}",
        f"readings at a time, asked by {2 * processes} clients; medians of {rounds} rounds in turns. CPU is",
        "what a reading takes, and what an answer takes of the service and its workers: their ratio",
        f"leaves out what other work, and ab, have of the cores. uvicorn runs on {_loop()}.",
        "",
        "| picture | read(), a second | service | ratio | read(), CPU ms | service | ratio | ab, CPU ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    found: dict[str, tuple[float, ...]] = {}
    for name, picture in pictures.items():
        turns = [_turn(url, pid, preset, processes, seconds, picture) for _ in range(rounds)]
        found[name] = tuple(statistics.median(column) for column in zip(*turns, strict=True))
        lines.append(_row(name, found[name]))
    shares = np.array([*MIX.values()]) / 100
    plain, service, _, plain_cpu, cpu, _, ab = np.array([found[kind] for kind in MIX]).T
    # A second's share of each kind goes by what it takes.
    plain, service = 1 / (shares / plain).sum(), 1 / (shares / service).sum()
    plain_cpu, cpu = (shares * plain_cpu).sum(), (shares * cpu).sum()
    mix = plain, service, service / plain, plain_cpu, cpu, plain_cpu / cpu, (shares * ab).sum()
    said = ", ".join(f"{share} % {kind}" for kind, share in MIX.items())
    return "\n".join([*lines, _row("the mix", mix), "", f"The mix: {said}."])


def _turn(
    url: str, pid: int, preset: str, processes: int, seconds: float, picture: Path
) -> tuple[float, ...]:
    """The figures of a row, once."""
    plain, plain_cpu = _reading(preset, picture, processes, seconds)
    before = _cpu(pid)
    seen = asked(url, picture, 2 * processes, plain * seconds)
    answers = sum(seen.outcomes.values())
    cpu = (_cpu(pid) - before) / answers * 1000
    rates = plain, seen.per_second, seen.per_second / plain
    return *rates, plain_cpu, cpu, plain_cpu / cpu, seen.cpu_s / answers * 1000


def _row(name: str, figures: Sequence[float]) -> str:
    a, b, ratio, c, d, of_cpu, e = figures
    return f"| {name} | {a:.1f} | {b:.1f} | {ratio:.2f} | {c:.1f} | {d:.1f} | {of_cpu:.2f} | {e:.2f} |"


def _loop() -> str:
    """What uvicorn takes by itself."""
    fast = [name for name in ("uvloop", "httptools") if importlib.util.find_spec(name)]
    return " and ".join(fast) or "asyncio and h11"


def _overload(url: str, processes: int, picture: Path) -> str:
    places = processes + _QUEUE
    lines = [
        f"Overload with {picture.name}: {places} places, {_QUEUE} of them in the queue. The bound is",
        f"{places} places / {processes} readings at a time x P99 of a reading that has not to wait,",
        "which the first row has.",
        "",
        "| clients | answers a second | P50, ms | P99, ms | outcomes | bound, ms |",
        "| ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    alone = 0.0
    for clients in (processes, places, 4 * places):
        seen = asked(url, picture, clients, max(1000, 60 * clients))
        alone = alone or seen.p99_ms
        lines.append(f"| {clients} | {seen.row()} | {places / processes * alone:.0f} |")
    return "\n".join(lines)


def _killed(url: str, pid: int, processes: int, seconds: float, picture: Path) -> str:
    """Load while worker processes are killed, one every two seconds or so: those that have started."""
    over, killed = threading.Event(), 0

    def kill() -> None:
        nonlocal killed
        draw = random.Random(0)
        while not over.wait(draw.uniform(1, 3)):
            if alive := [child for child in _children(pid) if _age_s(child) > _STARTED_S]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(alive), signal.SIGKILL)
                    killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        seen = asked(url, picture, 2 * processes, 1000 * seconds)
    finally:
        over.set()
        killer.join()
    head = "| killed | answers a second | P50, ms | P99, ms | outcomes |\n| ---: | ---: | ---: | ---: | --- |"
    return f"Workers killed (SIGKILL) while {picture.name} was read.\n\n{head}\n| {killed} | {seen.row()} |"


def _age_s(pid: int) -> float:
    """Seconds that a process has run; 0 of one that is no worker, or no more."""
    with contextlib.suppress(OSError):
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
            begun = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
            return float(Path("/proc/uptime").read_text().split()[0]) - begun / os.sysconf("SC_CLK_TCK")
    return 0.0

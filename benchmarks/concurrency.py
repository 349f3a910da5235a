"""One cascade shared by threads and processes: the same results, how many a second, and a soak."""

from __future__ import annotations

import functools
import io
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.pool import Pool
from pathlib import Path

import click
import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks import report, synthetic
from benchmarks.blanks import blank
from benchmarks.ruins import ruin
from qrcascade import Cascade, ImageError, ReadResult
from qrcascade.image.frame import Source

__all__ = ["Held", "compared", "concurrency", "held", "soaked", "sources", "told"]

_DOCS = Path("docs/benchmarks")
_PRESET = "classical"
_ROUNDS = 5


def sources(folder: Path) -> list[Source]:
    """A dozen pictures of every kind of source: easy, damaged, without a code, and no pictures at all."""
    page = synthetic.draw("invoice", 0.5, 0).rgb
    easy = [ruin((kind, 0))[0] for kind in ("jpeg", "small", "weak")]
    hard = [ruin(("crumple", 3))[0], ruin(("flips", 1))[0], blank(("half", 0))[0], blank(("text", 0))[0]]
    path = folder / "page.jpg"
    path.write_bytes(_coded(page, "JPEG"))
    files: list[Source] = [
        path,
        str(path),
        _coded(page[::2, ::2], "PNG"),
        io.BytesIO(_coded(easy[0], "WEBP")),
    ]
    return [*files, Image.fromarray(easy[1]), *easy[2:], *hard, b"", np.zeros((3, 0), np.uint8)]


def _coded(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def told(cascade: Cascade, source: Source) -> ReadResult | str:
    """What a cascade says of a source, without times and pixels; an error's message."""
    if isinstance(source, io.BytesIO):
        source = io.BytesIO(source.getvalue())
    try:
        result = cascade.read(source)
    except ImageError as error:
        return str(error)
    attempts = tuple(replace(attempt, elapsed_s=0.0) for attempt in result.attempts)
    return replace(result, attempts=attempts, elapsed_s=0.0, picture=None)


def compared(cascade: Cascade, given: Sequence[Source], threads: int, reads: int) -> int:
    """How many of ``threads`` times ``reads`` readings differ from those of the cascade alone."""
    alone = [told(cascade, source) for source in given]
    begin = threading.Barrier(threads)

    def work(number: int) -> int:
        begin.wait()
        order = np.random.default_rng(number).integers(0, len(given), reads)
        return sum(told(cascade, given[i]) != alone[i] for i in order)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds."""

    rss_mb: float
    files: int
    threads: int


def held() -> Held | None:
    """From Linux's /proc; None elsewhere."""
    if not Path("/proc/self/statm").exists():
        return None
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    rss = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    files, threads = (len(list(Path("/proc/self", what).iterdir())) for what in ("fd", "task"))
    return Held(rss, files, threads)


def soaked(cascade: Cascade, given: Sequence[Source], reads: int, every: int) -> Iterator[tuple[int, Held]]:
    """What is held after each so many readings; first of all after each source was read once."""
    for source in given:
        told(cascade, source)
    for number in tqdm(range(reads + 1), unit="read", desc="soak"):
        if number % every == 0:
            now = held()
            if now is None:
                raise click.UsageError("the soak looks into /proc, which only Linux has")
            yield number, now
        told(cascade, given[number % len(given)])


# Throughput


def _rate(run: Callable[[Sequence[int]], object], count: int, number: int) -> float:
    """Readings a second."""
    order = [i % number for i in range(count)]
    start = time.perf_counter()
    run(order)
    return count / (time.perf_counter() - start)


@functools.cache
def _own(folder: str) -> tuple[Cascade, list[Source]]:
    return Cascade.preset(_PRESET), sources(Path(folder))


def _one(folder: str, number: int) -> None:
    cascade, given = _own(folder)
    told(cascade, given[number])


def _throughput(folder: Path, reads: int) -> str:
    """Markdown: threads and processes, each the median of rounds that take turns."""
    cascade, given = _own(str(folder))
    context = multiprocessing.get_context("spawn")
    ways: dict[str, Callable[[Sequence[int]], object]] = {
        "this thread": lambda order: [told(cascade, given[i]) for i in order]
    }
    pools: list[ThreadPoolExecutor | Pool] = []
    one = functools.partial(_one, str(folder))
    for count in (1, 2, 4, 8):
        threads = ThreadPoolExecutor(count)
        pools.append(threads)
        ways[f"{count} threads"] = lambda order, pool=threads: list(pool.map(one, order))  # type: ignore[misc]
    for count in (1, 2, 4):
        processes = context.Pool(count)
        pools.append(processes)
        ways[f"{count} processes"] = lambda order, pool=processes: pool.map(one, order, 1)  # type: ignore[misc]
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in tqdm(range(_ROUNDS + 1), unit="round", desc="throughput"):
        for name, run in ways.items():
            rate = _rate(run, reads, len(given))
            # The first round starts what has to be started.
            rates[name] += [rate] if round_ else []
    for pool in pools:
        pool.shutdown() if isinstance(pool, ThreadPoolExecutor) else pool.terminate()
    base = np.median(rates["this thread"])
    lines = ["| by | readings a second | times one thread |", "| --- | ---: | ---: |"]
    lines += [f"| {n} | {np.median(r):.0f} | {np.median(r) / base:.2f} |" for n, r in rates.items()]
    return "\n".join(lines)


def _soak(folder: Path, reads: int) -> str:
    cascade, given = Cascade.preset(_PRESET), sources(folder)
    rows = list(soaked(cascade, given, reads, max(1, reads // 10)))
    lines = ["| readings | resident, MB | open files | threads |", "| ---: | ---: | ---: | ---: |"]
    lines += [f"| {n} | {now.rss_mb:.1f} | {now.files} | {now.threads} |" for n, now in rows]
    growth = rows[-1][1].rss_mb - rows[0][1].rss_mb
    return "\n".join([*lines, "", f"Growth: {growth:.1f} MB."])


@click.option("--threads", default=8, show_default=True)
@click.option("--reads", default=1_000, show_default=True, help="Of each thread.")
@click.option("--rate-reads", default=60, show_default=True, help="Of each round of the throughput.")
@click.option("--soak", default=10_000, show_default=True, help="Readings of the soak.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/concurrency.md.")
def concurrency(threads: int, reads: int, rate_reads: int, soak: int, save: bool) -> None:
    """One cascade shared by threads, throughput by threads and processes, and a soak."""
    with tempfile.TemporaryDirectory() as folder:
        parts = ["## Soak", _soak(Path(folder), soak)] if soak else []
        cascade, given = Cascade.preset(_PRESET), sources(Path(folder))
        start = time.perf_counter()
        differ = compared(cascade, given, threads, reads)
        text = (
            f"{threads} threads read {reads} times each, by one cascade, at random of {len(given)} sources: "
            f"{differ} of {threads * reads} results differ from those of the cascade alone "
            f"({time.perf_counter() - start:.0f} s)."
        )
        parts = ["## Shared by threads", text, *parts]
        if rate_reads:
            parts += ["## Throughput", _throughput(Path(folder), rate_reads)]
    click.echo("\n\n".join(parts))
    if save:
        page = report.page("concurrency", f"The preset `{_PRESET}`.", *parts)
        (_DOCS / "concurrency.md").write_text(page, encoding="utf-8")

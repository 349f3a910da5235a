"""One cascade shared by threads and processes: the same results, how many a second, and a soak."""

from __future__ import annotations

import functools
import io
import multiprocessing
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import click
import numpy as np
from PIL import Image

from benchmarks import processes, synthetic
from benchmarks.harness import each, in_turns, medians, timed
from benchmarks.pages import command, table
from benchmarks.ruins import blank, ruin
from benchmarks.symbols import in_file
from qrcascade import Cascade, ImageError, ReadResult
from qrcascade.cascade import Preset
from qrcascade.image.frame import Source

_PRESET: Preset = "classical"
_ROUNDS = 5


def sources(folder: Path) -> list[Source]:
    """Return a dozen sources of every kind: easy, damaged, without a code, and no pictures at all."""
    page = synthetic.draw("invoice", 0.5, 0).rgb
    easy = [ruin((kind, 0))[0] for kind in ("jpeg", "small", "weak")]
    hard = [ruin(("crumple", 3))[0], ruin(("flips", 1))[0], blank(("half", 0))[0], blank(("text", 0))[0]]
    path = folder / "page.jpg"
    path.write_bytes(in_file(page))
    files: list[Source] = [path, str(path), in_file(page[::2, ::2], "PNG")]
    files.append(io.BytesIO(in_file(easy[0], "WEBP")))
    return [*files, Image.fromarray(easy[1]), *easy[2:], *hard, b"", np.zeros((3, 0), np.uint8)]


def told(cascade: Cascade, source: Source) -> ReadResult | str:
    """Return what a cascade says of a source, without times and pixels; an error's message."""
    if isinstance(source, io.BytesIO):
        source = io.BytesIO(source.getvalue())
    try:
        result = cascade.read(source)
    except ImageError as error:
        return str(error)
    attempts = tuple(replace(attempt, elapsed_s=0.0) for attempt in result.attempts)
    return replace(result, attempts=attempts, elapsed_s=0.0, picture=None)


def compared(cascade: Cascade, given: Sequence[Source], threads: int, reads: int) -> int:
    """Count the ``threads`` times ``reads`` readings that differ from those of the cascade alone."""
    alone = [told(cascade, source) for source in given]
    begin = threading.Barrier(threads)

    def work(number: int) -> int:
        begin.wait()
        order = np.random.default_rng(number).integers(0, len(given), reads)
        return sum(told(cascade, given[i]) != alone[i] for i in order)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)))


class Held(NamedTuple):
    """What this process holds."""

    rss_mb: float
    files: int
    threads: int


def held() -> Held | None:
    """Return it from Linux's /proc; None elsewhere."""
    own = Path("/proc/self")
    if not (own / "task").exists():
        return None
    files, threads = (len(list((own / what).iterdir())) for what in ("fd", "task"))
    return Held(processes.memory_mb(os.getpid()), files, threads)


def soaked(cascade: Cascade, given: Sequence[Source], reads: int, every: int) -> Iterator[tuple[int, Held]]:
    """Yield what is held after each so many readings; first of all after each source was read once."""
    for source in given:
        told(cascade, source)

    def look(number: int) -> Held | None:
        now = held() if number % every == 0 else None
        told(cascade, given[number % len(given)])
        return now

    if held() is None:
        raise click.UsageError("the soak looks into /proc, which only Linux has")
    for number, now in enumerate(each(look, range(reads + 1), name="soak", unit="read")):
        if now is not None:
            yield number, now


_given = functools.cache(lambda folder: (Cascade.preset(_PRESET), sources(Path(folder))))


def _one(folder: str, number: int) -> None:
    cascade, given = _given(folder)
    told(cascade, given[number % len(given)])


def _throughput(folder: str, reads: int) -> str:
    """Compare threads and processes, each by the median of rounds that take turns."""
    one, numbers = functools.partial(_one, folder), range(reads)
    ways: dict[str, Callable[[], object]] = {"this thread": lambda: list(map(one, numbers))}
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        for count in (1, 2, 4, 8):
            threads = stack.enter_context(ThreadPoolExecutor(count))
            ways[f"{count} threads"] = lambda pool=threads: list(pool.map(one, numbers))  # type: ignore[misc]
        for count in (1, 2, 4):
            workers = stack.enter_context(context.Pool(count))
            ways[f"{count} processes"] = functools.partial(workers.map, one, numbers, 1)
        times = in_turns(_ROUNDS, ways)
    rates = {name: 1000 * reads / ms for name, ms in zip(times, medians(times), strict=True)}
    rows = ([name, rate, rate / rates["this thread"]] for name, rate in rates.items())
    return table(["by", "readings a second {:.0f}", "times one thread {:.2f}"], rows)


def _soak(folder: Path, reads: int) -> Iterator[str]:
    rows = list(soaked(Cascade.preset(_PRESET), sources(folder), reads, max(1, reads // 10)))
    yield "## Soak"
    columns = ["readings", "resident, MB {:.1f}", "open files", "threads"]
    yield table(columns, ([number, *now] for number, now in rows), words=())
    yield f"Growth: {rows[-1][1].rss_mb - rows[0][1].rss_mb:.1f} MB."


@command()
def concurrency(
    threads: int = 8,
    reads: Annotated[int, "Of each thread."] = 1_000,
    rate_reads: Annotated[int, "Of each round of the throughput."] = 60,
    soak: Annotated[int, "Readings of the soak."] = 10_000,
) -> Iterator[str]:
    """Share a cascade among threads, compare the throughput of threads and processes, and soak."""
    yield f"The preset `{_PRESET}`."
    with tempfile.TemporaryDirectory() as folder:
        # First the soak, while nothing else has grown.
        soaked = list(_soak(Path(folder), soak)) if soak else []
        cascade, given = Cascade.preset(_PRESET), sources(Path(folder))
        differ, ms = timed(compared, cascade, given, threads, reads)
        yield "## Shared by threads"
        yield (
            f"{threads} threads read {reads} times each, by one cascade, at random of {len(given)} sources: "
            f"{differ} of {threads * reads} results differ from those of the cascade alone "
            f"({ms / 1000:.0f} s)."
        )
        yield from soaked
        if rate_reads:
            yield from ("## Throughput", _throughput(folder, rate_reads))

"""``python -m benchmarks isolation``: what worker processes cost, and whether faults in them do harm."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import shared_memory
from typing import Annotated, Any

import numpy as np

from benchmarks.faults import Faulty
from benchmarks.harness import each, in_turns, medians, timed
from benchmarks.pages import command, table
from benchmarks.symbols import clear_page, in_file
from qrcascade import Cascade, ClassicalStrategy, Strategy
from qrcascade.image.frame import Gray
from qrcascade.isolation import Here, Worker

_PATIENCE_S = 60.0
_blocks: list[shared_memory.SharedMemory] = []
_FAULTS = ("abort", "sleep", "eat")
_TEXT = "https://example.org/pay?invoice=2026-0042"


def _costs(rounds: int) -> Iterator[str]:
    """Compare easy pictures here and in a worker process."""
    two, twelve = (clear_page(_TEXT, size, 10, (100, 100)) for size in ((1600, 1200), (4000, 3000)))
    coloured = [np.dstack([page] * 3) for page in (two, twelve)]
    sources: dict[str, Gray | bytes] = {
        "gray array, 2 MP": two,
        "RGB array, 2 MP": coloured[0],
        "JPEG bytes, 2 MP": in_file(coloured[0]),
        "JPEG bytes, 12 MP": in_file(coloured[1]),
        "gray array, 12 MP": twelve,
    }
    rows = []
    here = Cascade.preset("classical")
    with Cascade.preset("classical", isolation="process") as apart:
        apart.warm()
        for name, source in sources.items():
            ways = {"here": partial(here.read, source), "apart": partial(apart.read, source)}
            assert all(read() for read in ways.values())
            one, other = medians(in_turns(rounds, ways))
            rows.append([name, one, other, other - one])
    columns = (f"{what}, ms {{:.2f}}" for what in ("here", "isolated", "more"))
    yield from ("## What it costs", table(["easy picture", *columns], rows))


def _ways(rounds: int) -> Iterator[str]:
    """Send gray pixels to a worker and an answer back, through the pipe and by shared memory."""
    rows = []
    ways = {"pipe": _by_pipe, "new shared memory": _by_new_memory, "the same again": _by_old_memory}
    with contextlib.closing(Worker()) as worker:
        worker.wait_ready(None)
        for megapixels in (0.3, 2, 4, 12):
            side = round((megapixels * 1e6) ** 0.5)
            gray = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)
            times = in_turns(rounds, {name: partial(send, worker, gray) for name, send in ways.items()})
            rows.append([megapixels, *medians(times)])
            _free_blocks()
    columns = (f"{how}, ms {{:.2f}}" for how in ways)
    yield from ("## How pixels get there", table(["gray array, MP", *columns], rows, words=()))


def _by_pipe(worker: Worker, gray: Any) -> None:
    worker.call(look_at, gray, until=time.monotonic() + _PATIENCE_S)


def _by_new_memory(worker: Worker, gray: Any) -> None:
    _free_blocks()
    _blocks.append(shared_memory.SharedMemory(create=True, size=gray.nbytes))
    _by_old_memory(worker, gray)


def _by_old_memory(worker: Worker, gray: Any) -> None:
    (block,) = _blocks
    np.ndarray(gray.shape, gray.dtype, block.buf)[:] = gray
    worker.call(look_in, block.name, gray.shape, until=time.monotonic() + _PATIENCE_S)


def _free_blocks() -> None:
    while _blocks:
        block = _blocks.pop()
        block.close()
        block.unlink()


def look_at(_here: Here, gray: Any) -> int:
    """Look at some of an array, in the worker."""
    return int(gray[::64, ::64].sum())


def look_in(here: Here, name: str, shape: tuple[int, ...]) -> int:
    """Look at some of an array in shared memory, in the worker, which keeps that open."""
    if here.kept is None or here.kept.name != name:
        here.kept = shared_memory.SharedMemory(name)
    return look_at(here, np.ndarray(shape, np.uint8, here.kept.buf))


def _faults(pictures: int, timeout: float) -> Iterator[str]:
    """Yield one cascade with strategies that abort, hang and eat memory, picture after picture."""
    page = clear_page(_TEXT, (800, 600), 10, (100, 100))
    strategies: list[Strategy] = [*map(Faulty, _FAULTS), ClassicalStrategy()]
    with Cascade(strategies, isolation="process", max_memory=400) as cascade:
        cascade.warm()

        def look(_: int) -> tuple[bool, float]:
            result, ms = timed(partial(cascade.read, page, timeout=timeout))
            return result.texts == (_TEXT,), ms / 1000

        answers, spent = zip(*each(look, range(pictures)), strict=True)
    late = sum(seconds > timeout + 0.5 for seconds in spent)
    yield "## Faults"
    yield (
        f"One cascade with strategies that abort, hang and eat memory before the classical one, "
        f"`max_memory=400`, `timeout={timeout:g}`, {pictures} pictures in a row: "
        f"{sum(answers)} read correctly, {late} later than timeout + 0.5 s; "
        f"median {statistics.median(spent):.2f} s, at most {max(spent):.2f} s."
    )


@command()
def isolation(
    rounds: Annotated[int, "Readings of each easy picture."] = 60,
    pictures: Annotated[int, "Pictures read beside faults, in a row."] = 1000,
    timeout: Annotated[float, "Of those, seconds."] = 3.0,
) -> Iterator[str]:
    """Measure what isolation costs an easy picture, and what faults do to a cascade."""
    yield from _costs(rounds)
    yield from _ways(rounds)
    yield from _faults(pictures, timeout)

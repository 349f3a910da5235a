"""``python -m benchmarks isolation``: what worker processes cost, and whether faults in them do harm."""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import click
import numpy as np
import segno
from PIL import Image
from tqdm import tqdm

from benchmarks import report
from benchmarks.faults import Faulty
from qrcascade import Cascade, ClassicalStrategy, Strategy
from qrcascade.isolation import Here, Worker

__all__ = ["isolation"]

_DOCS = Path("docs/benchmarks")
_PATIENCE_S = 60.0
_blocks: list[shared_memory.SharedMemory] = []
_FAULTS = ("abort", "sleep", "eat")
_TEXT = "https://example.org/pay?invoice=2026-0042"


def _page(width: int, height: int) -> Any:
    """White, with one clear symbol; gray."""
    dark = np.array([[bool(v) for v in row] for row in segno.make(_TEXT, micro=False).matrix])
    symbol = np.kron(np.where(np.pad(dark, 4), 0, 255), np.ones((10, 10))).astype(np.uint8)
    page = np.full((height, width), 255, np.uint8)
    page[100 : 100 + len(symbol), 100 : 100 + len(symbol)] = symbol
    return page


def _jpeg(gray: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gray).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def _costs(rounds: int) -> list[str]:
    """Markdown: easy pictures here and in a worker process, in turns."""
    two, twelve = _page(1600, 1200), _page(4000, 3000)
    sources = {
        "gray array, 2 MP": two,
        "RGB array, 2 MP": np.dstack([two] * 3),
        "JPEG bytes, 2 MP": _jpeg(two),
        "JPEG bytes, 12 MP": _jpeg(twelve),
        "gray array, 12 MP": twelve,
    }
    lines = ["| easy picture | here, ms | isolated, ms | more, ms |", "| --- |" + " ---: |" * 3]
    here = Cascade.preset("classical")
    with Cascade.preset("classical", isolation="process") as apart:
        apart.warm()
        for name, source in sources.items():
            times: list[list[float]] = [[], []]
            for _ in range(rounds):
                for cascade, spent in zip((here, apart), times, strict=True):
                    start = time.perf_counter()
                    assert cascade.read(source)
                    spent.append((time.perf_counter() - start) * 1000)
            one, other = (statistics.median(spent) for spent in times)
            lines.append(f"| {name} | {one:.2f} | {other:.2f} | {other - one:.2f} |")
    return ["## What it costs", "\n".join(lines)]


def _ways(rounds: int) -> list[str]:
    """Markdown: gray pixels to a worker and an answer back, through the pipe and by shared memory."""
    lines = [
        "| gray array, MP | pipe, ms | new shared memory, ms | the same again, ms |",
        "|" + " ---: |" * 4,
    ]
    with contextlib.closing(Worker()) as worker:
        worker.wait_ready(None)
        for megapixels in (0.3, 2, 4, 12):
            side = round((megapixels * 1e6) ** 0.5)
            gray = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)
            times: list[list[float]] = [[], [], []]
            for _ in range(rounds):
                for spent, send in zip(times, (_by_pipe, _by_new_memory, _by_old_memory), strict=True):
                    start = time.perf_counter()
                    send(worker, gray)
                    spent.append((time.perf_counter() - start) * 1000)
            _free_blocks()
            cells = " | ".join(f"{statistics.median(spent):.2f}" for spent in times)
            lines.append(f"| {megapixels} | {cells} |")
    return ["## How pixels get there", "\n".join(lines)]


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


def _faults(pictures: int, timeout: float) -> list[str]:
    """Markdown: one cascade with strategies that abort, hang and eat memory, picture after picture."""
    page, right, late, spent = _page(800, 600), 0, 0, []
    strategies: list[Strategy] = [*map(Faulty, _FAULTS), ClassicalStrategy()]
    with Cascade(strategies, isolation="process", max_memory=400) as cascade:
        cascade.warm()
        for _ in tqdm(range(pictures), unit="picture"):
            start = time.perf_counter()
            result = cascade.read(page, timeout=timeout)
            spent.append(time.perf_counter() - start)
            right += result.texts == (_TEXT,)
            late += spent[-1] > timeout + 0.5
    text = (
        f"One cascade with strategies that abort, hang and eat memory before the classical one, "
        f"`max_memory=400`, `timeout={timeout:g}`, {pictures} pictures in a row: {right} answered right, "
        f"{late} later than timeout + 0.5 s; median {statistics.median(spent):.2f}, most {max(spent):.2f} s."
    )
    return ["## Faults", text]


@click.command()
@click.option("--rounds", default=60, show_default=True, help="Readings of each easy picture.")
@click.option("--pictures", default=1000, show_default=True, help="Pictures read beside faults, in a row.")
@click.option("--timeout", default=3.0, show_default=True, help="Of those, seconds.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/isolation.md.")
def isolation(rounds: int, pictures: int, timeout: float, save: bool) -> None:
    """What isolation costs an easy picture, and what faults do to a cascade."""
    parts = [*_costs(rounds), *_ways(rounds), *_faults(pictures, timeout)]
    click.echo("\n\n".join(parts))
    if save:
        (_DOCS / "isolation.md").write_text(report.page("isolation", *parts), encoding="utf-8")

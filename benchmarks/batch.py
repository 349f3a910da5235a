"""Batches and documents: threads against processes; whether memory grows with files or pages."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import cv2
import fpdf
from PIL import Image

from benchmarks import corpora, processes
from benchmarks.harness import in_turns, reader_of
from benchmarks.mixed import printed, scanned
from benchmarks.pages import command
from benchmarks.symbols import clear_page
from qrcascade import Cascade, read_many
from qrcascade.cascade import Preset

_SCANS = {"scans of 200 dpi": (1654, 2339), "scans of 300 dpi": (2480, 3508)}


@command()
def batch(
    corpus: str = "boofcv",
    every: Annotated[int, "Take every Nth picture."] = 5,
    preset: Preset = "classical",
    workers: int = 2,
    rounds: Annotated[int, "Interleaved; the best of each counts."] = 3,
) -> Iterator[str]:
    """Compare threads and processes over the files of a corpus: pictures a second."""
    files = [picture.path for picture in corpora.load(corpus)[::every] if picture.path is not None]
    random.Random(0).shuffle(files)
    cascade = Cascade.preset(preset)

    def by_threads(threads: int) -> None:
        cv2.setNumThreads(1)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda file: bool(cascade.read(file)), files))

    def by_processes() -> float:
        records = read_many([*files[:workers], *files], workers=workers, cascade=cascade)
        # Starting is not counted: a batch is long.
        for _ in range(workers):
            next(records)
        start = time.perf_counter()
        count = sum(1 for _ in records)
        return (time.perf_counter() - start) * 1000 * len(files) / count

    ways = {f"{threads} threads": lambda threads=threads: by_threads(threads) for threads in (1, workers)}
    found = in_turns(rounds, {**ways, f"{workers} processes": by_processes}, warm=0)
    for name, ms in found.items():
        yield f"{preset}, {len(files)} files, {name}: {1000 * len(files) / min(ms):.2f} pictures/s"


@command()
def growth(files: int = 10_000, workers: int = 2) -> Iterator[str]:
    """Run `qrcascade scan` over many made files, and watch its processes' memory (Linux)."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "files"), Path(name, "rows.jsonl")
        folder.mkdir()
        for number in range(files):
            _page(number).save(folder / f"{number:06}.png", compress_level=1)
        words = ["scan", str(folder), "--out", str(out), "--preset", "classical", "--workers", str(workers)]
        start = time.perf_counter()
        command = [sys.executable, "-c", "from qrcascade.cli import main; main()", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            yield from _watch(process, out, files)
            seconds = time.perf_counter() - start
            assert process.stdout is not None
            yield process.stdout.read().rstrip()
        rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        yield (
            f"{len(rows)} rows, {len({row['file'] for row in rows})} files, "
            f"{out.stat().st_size / len(rows):.0f} bytes a row, {seconds:.0f} s"
        )


def _watch(process: subprocess.Popen[str], out: Path, files: int) -> Iterator[str]:
    """Say at every tenth of the files what the process and its workers hold."""
    mark = files // 10
    while process.poll() is None:
        time.sleep(0.1)
        done = out.read_bytes().count(b"\n") if out.exists() else 0
        if done >= mark:
            mark = (done // (files // 10) + 1) * (files // 10)
            resident = [processes.memory_mb(pid) for pid in (process.pid, *processes.workers(process.pid))]
            yield f"{done:>6} files: {', '.join(f'{mb:.0f} MB' for mb in resident if mb)}"


def _page(number: int) -> Image.Image:
    """Return a small page with one sharp code."""
    return Image.fromarray(clear_page(f"https://example.com/{number}", (620, 877), 4, (384, 584)))


@command()
def pages(count: int = 300, preset: Preset = "classical") -> Iterator[str]:
    """Read a PDF of so many pages, each of print with a code, and another of so many scans."""
    for kind in ("print", *_SCANS):
        with tempfile.TemporaryDirectory() as folder:
            first, whole = Path(folder, "first.pdf"), Path(folder, "whole.pdf")
            _write(first, kind, 1)
            _write(whole, kind, count)
            reader = reader_of(Path.cwd(), preset=preset, document=True)
            reader.ask("")
            before = processes.memory_mb(reader.pid)
            reader.ask(first)
            base = processes.memory_mb(reader.pid)
            said = reader.ask(whole)
            most = processes.memory_mb(reader.pid, "VmHWM")
            reader.end()
        read, ms = said["found"], 1000 * said["wall"]
        yield (
            f"{preset}, {kind}: {read} pages with a code; {before:.0f} MB before, {base:.0f} MB after "
            f"one page, {most:.0f} MB at most, {ms / read:.0f} ms a page"
        )


def _write(path: Path, kind: str, count: int) -> None:
    pdf = fpdf.FPDF()
    for page in map(_page, range(count)):
        if kind == "print":
            printed(pdf)
            pdf.image(page.crop((380, 580, 560, 760)), 120, 220, 40)
        else:
            scanned(pdf, page.resize(_SCANS[kind], Image.Resampling.NEAREST))
    pdf.output(str(path))

"""Batches and documents: threads against processes; whether memory grows with files or pages."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import cv2
import fpdf
from PIL import Image

from benchmarks import corpora, options, processes
from benchmarks.harness import in_turns, own_process
from benchmarks.mixed import printed, scanned
from benchmarks.options import option
from benchmarks.symbols import clear_page
from qrcascade import Cascade, read_many
from qrcascade.cascade import Preset


@click.command()
@option("--corpus", default="boofcv")
@option("--every", default=5, text="Take every Nth picture.")
@option("--preset", default="classical")
@option("--workers", default=2)
@options.rounds(3, "Interleaved; the best of each counts.")
def batch(corpus: str, every: int, preset: Preset, workers: int, rounds: int) -> None:
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
        click.echo(f"{preset}, {len(files)} files, {name}: {1000 * len(files) / min(ms):.2f} pictures/s")


_SCAN = "from qrcascade.cli import main; main()"


@click.command()
@option("--files", default=10_000)
@option("--workers", default=2)
def growth(files: int, workers: int) -> None:
    """Run `qrcascade scan` over many made files, and watch its processes' memory (Linux)."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "files"), Path(name, "rows.jsonl")
        folder.mkdir()
        for number in range(files):
            _page(number).save(folder / f"{number:06}.png", compress_level=1)
        words = ["scan", str(folder), "--out", str(out), "--preset", "classical", "--workers", str(workers)]
        start = time.perf_counter()
        command = [sys.executable, "-c", _SCAN, *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            _watch(process, out, files)
            seconds = time.perf_counter() - start
            assert process.stdout is not None
            click.echo(process.stdout.read())
        rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        click.echo(
            f"{len(rows)} rows, {len({row['file'] for row in rows})} files, "
            f"{out.stat().st_size / len(rows):.0f} bytes a row, {seconds:.0f} s"
        )


def _watch(process: subprocess.Popen[str], out: Path, files: int) -> None:
    """Say at every tenth of the files what the process and its workers hold."""
    due = iter(range(files // 10, files + 1, files // 10))
    mark = next(due)
    while process.poll() is None:
        time.sleep(0.1)
        done = out.read_bytes().count(b"\n") if out.exists() else 0
        if done >= mark:
            while done >= mark:
                mark = next(due, files + 1)
            workers = filter(processes.is_worker, processes.children(process.pid))
            resident = [processes.memory_mb(pid) for pid in (process.pid, *workers)]
            click.echo(f"{done:>6} files: {', '.join(f'{mb:.0f} MB' for mb in resident if mb)}")


def _page(number: int) -> Image.Image:
    """A small page with one sharp code."""
    return Image.fromarray(clear_page(f"https://example.com/{number}", (620, 877), 4, (384, 584)))


_READ = """
import sys, time
from qrcascade import Cascade, read_document
from qrcascade.profile.child import memory
cascade = Cascade.preset(sys.argv[2])
before = memory()[0]
next(read_document(sys.argv[1], cascade=cascade))
base, start = memory()[0], time.perf_counter()
count = sum(bool(result) for result in read_document(sys.argv[1], cascade=cascade))
seconds = time.perf_counter() - start
print(f"{count} pages with a code; {before:.0f} MB before, {base:.0f} MB after one page, "
      f"{memory()[1]:.0f} MB at most, {1000 * seconds / count:.0f} ms a page")
"""
_SCANS = {"scans of 200 dpi": (1654, 2339), "scans of 300 dpi": (2480, 3508)}


@click.command()
@option("--count", default=300)
@option("--preset", default="classical")
def pages(count: int, preset: Preset) -> None:
    """Read a PDF of so many pages, each of print with a code, and another of so many scans."""
    for kind in ("print", *_SCANS):
        pdf = fpdf.FPDF()
        for page in map(_page, range(count)):
            if kind == "print":
                printed(pdf)
                pdf.image(page.crop((380, 580, 560, 760)), 120, 220, 40)
            else:
                scanned(pdf, page.resize(_SCANS[kind], Image.Resampling.NEAREST))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pages.pdf")
            pdf.output(str(path))
            click.echo(f"{preset}, {kind}: {own_process(_READ, path, preset).strip()}")

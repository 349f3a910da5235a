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

import click
import cv2
import numpy as np
import segno
from PIL import Image

from benchmarks import corpora
from qrcascade import Cascade, read_many

__all__ = ["batch", "growth", "pages"]


@click.command()
@click.option("--corpus", default="boofcv", show_default=True)
@click.option("--every", default=5, show_default=True, help="Take every Nth picture.")
@click.option("--preset", default="classical", show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Interleaved; the best of each counts.")
def batch(corpus: str, every: int, preset: str, workers: int, rounds: int) -> None:
    """Compare threads and processes over the files of a corpus: pictures a second."""
    files = [picture.path for picture in corpora.load(corpus)[::every] if picture.path is not None]
    random.Random(0).shuffle(files)
    cascade = Cascade.preset(preset)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for threads in (1, workers):
            cv2.setNumThreads(1)
            with ThreadPoolExecutor(threads) as pool:
                start = time.perf_counter()
                list(pool.map(lambda file: bool(cascade.read(file)), files))
                found.setdefault(f"{threads} threads", []).append(time.perf_counter() - start)
        records = read_many([*files[:workers], *files], workers=workers, cascade=cascade)
        # Starting is not counted: a batch is long.
        for _ in range(workers):
            next(records)
        start = time.perf_counter()
        count = sum(1 for _ in records)
        found.setdefault(f"{workers} processes", []).append(
            (time.perf_counter() - start) * len(files) / count
        )
    for name, seconds in found.items():
        click.echo(f"{preset}, {len(files)} files, {name}: {len(files) / min(seconds):.2f} pictures/s")


_SCAN = "from qrcascade.cli import main; main()"


@click.command()
@click.option("--files", default=10_000, show_default=True)
@click.option("--workers", default=2, show_default=True)
def growth(files: int, workers: int) -> None:
    """Run `qrcascade scan` over many made files, and watch its processes' memory (Linux)."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "files"), Path(name, "rows.jsonl")
        folder.mkdir()
        for number in range(files):
            _page(f"https://example.com/{number}").save(folder / f"{number:06}.png", compress_level=1)
        words = ["scan", str(folder), "--out", str(out), "--preset", "classical", "--workers", str(workers)]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", _SCAN, *words], stdout=subprocess.PIPE, text=True)
        due = iter(range(files // 10, files + 1, files // 10))
        mark = next(due)
        while process.poll() is None:
            time.sleep(0.1)
            done = out.read_bytes().count(b"\n") if out.exists() else 0
            if done >= mark:
                while done >= mark:
                    mark = next(due, files + 1)
                resident = [_resident(pid) for pid in (process.pid, *_children(process.pid))]
                click.echo(f"{done:>6} files: {', '.join(f'{mb:.0f} MB' for mb in resident if mb)}")
        seconds = time.perf_counter() - start
        assert process.stdout is not None
        click.echo(process.stdout.read())
        rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        click.echo(
            f"{len(rows)} rows, {len({row['file'] for row in rows})} files, "
            f"{out.stat().st_size / len(rows):.0f} bytes a row, {seconds:.0f} s"
        )


def _page(text: str) -> Image.Image:
    symbol = np.array([[0 if dark else 255 for dark in row] for row in segno.make(text, micro=False).matrix])
    page = np.full((877, 620), 255, np.uint8)
    large = np.kron(symbol, np.ones((4, 4))).astype(np.uint8)
    page[600 : 600 + len(large), 400 : 400 + len(large)] = large
    return Image.fromarray(page)


def _children(pid: int) -> Iterator[int]:
    """Its worker processes."""
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            parent = Path(status.parent, "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"spawn_main" in status.read_bytes():
                yield int(status.parent.name)
        except OSError:
            continue


def _resident(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


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


@click.command()
@click.option("--count", default=300, show_default=True)
@click.option("--preset", default="classical", show_default=True)
def pages(count: int, preset: str) -> None:
    """Read a PDF of so many pages, each of print with a code, and another of so many scans."""
    import fpdf

    for kind in ("print", "scans of 200 dpi", "scans of 300 dpi"):
        pdf = fpdf.FPDF()
        pdf.set_font("Helvetica", size=10)
        for number in range(count):
            pdf.add_page()
            page = _page(f"https://example.com/{number}")
            if kind == "print":
                for line in range(30):
                    pdf.text(
                        20, 20 + 5 * line, f"{line + 1} piece of something, 19 % VAT, {line * 7.5:.2f} EUR"
                    )
                pdf.image(page.crop((380, 580, 560, 760)), 120, 220, 40)
            else:
                size = (1654, 2339) if "200" in kind else (2480, 3508)
                pdf.image(page.resize(size, Image.Resampling.NEAREST), 0, 0, 210, 297)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pages.pdf")
            pdf.output(str(path))
            run = [sys.executable, "-c", _READ, str(path), preset]
            said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        click.echo(f"{preset}, {kind}: {said.strip()}")

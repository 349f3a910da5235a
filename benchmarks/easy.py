"""What an easy picture costs beside bare zxing-cpp: ``python -m benchmarks startup`` and ``easy``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import click
import numpy as np
from PIL import Image

import qrcascade
from benchmarks import options
from benchmarks.corpora import Picture
from benchmarks.harness import in_turns, own_process, pictures
from benchmarks.options import every, option
from benchmarks.readers import bare
from benchmarks.symbols import clear_page, in_file
from qrcascade import Cascade, Frame
from qrcascade.image.frame import Gray, Source

_LARGE = 11_000_000
_PAPER = 248


@click.command()
@option("--runs", default=40, text="Runs of each, interleaved.")
def startup(runs: int) -> None:
    """Compare imports as fresh processes, and an easy JPEG from its path with bare zxing-cpp."""
    imports = {name: partial(own_process, f"import {name}") for name in ("numpy", "qrcascade")}
    _compare("import, fresh process", max(5, runs // 4), imports)
    with tempfile.TemporaryDirectory() as folder:
        for width, height in ((1200, 1600), (3000, 4000)):
            path = Path(folder, f"{width}.jpg")
            path.write_bytes(in_file(Image.fromarray(_easy_page(width, height)).convert("RGB"), quality=85))
            ways = {"zxing": partial(_read_bare, path), "qrcascade": partial(_read_at_once, path)}
            _compare(f"easy {width}x{height} JPEG from its path", runs, ways)
    gray = _easy_page(1200, 1600)
    ways = {"zxing": partial(_read_bare, gray), "qrcascade": partial(_read_at_once, gray)}
    _compare("easy 1200x1600 gray array", 4 * runs, ways)


def _easy_page(width: int, height: int) -> Gray:
    """A light page with one sharp code."""
    text = "https://example.com/verify?id=12345"
    return clear_page(text, (width, height), width // 100, (width // 3, height // 3), _PAPER)


def _read_bare(source: Path | Gray) -> None:
    if not bare(Image.open(source) if isinstance(source, Path) else source):
        raise RuntimeError("zxing-cpp did not read the easy page")


def _read_at_once(source: Path | Gray) -> None:
    if len(qrcascade.read(source).attempts) != 1:
        raise RuntimeError("the easy page cost more than one attempt")


def _compare(title: str, runs: int, ways: Mapping[str, Callable[[], object]]) -> None:
    (base, base_times), (name, own_times) = in_turns(runs, ways).items()
    click.echo(
        f"{title}: {base} {np.median(base_times):.1f} ms, {name} {np.median(own_times):.1f} ms, "
        f"median ratio {np.median(np.divide(own_times, base_times)):.2f}"
    )


Pair = tuple[float, float]
"""Milliseconds that zxing-cpp and we took."""


@click.command()
@options.corpora("boofcv", "zxing", "jsqr")
@option("--runs", default=5, text="Runs of each on each picture, interleaved.")
@every
def easy(names: tuple[str, ...], runs: int, every: int) -> None:
    """Compare `classical` with bare zxing-cpp on the pictures that both read in one engine run.

    Processor time, since other work on the machine counts little in it; a picture's time is the
    median of its runs.
    """
    for name in names:
        taken: dict[str, list[Pair | None]] = {}
        for found in pictures(partial(_look, runs), name, every):
            for kind, pair in found:
                taken.setdefault(kind, []).append(pair)
        for kind, pairs in taken.items():
            if easy := [pair for pair in pairs if pair]:
                click.echo(f"{name}, {kind}: {_line(easy)}")
        more = taken.get("gray array", []).count(None)
        click.echo(f"{name}: {more} more arrays that zxing-cpp reads took further engine runs")


def _look(runs: int, picture: Picture) -> list[tuple[str, Pair | None]]:
    """Times of the sources that zxing-cpp reads; None where we took further engine runs."""
    read, taken = _classical().read, list[tuple[str, Pair | None]]()
    for kind, alone, source in _sources(picture):
        if alone() and len(read(source).attempts) > 1:
            taken.append((kind, None))
        elif alone():
            ways: dict[str, Callable[[], object]] = {"zxing": alone, "ours": partial(read, source)}
            times = in_turns(runs, ways, clock=time.process_time, warm=0)
            taken.append((kind, (float(np.median(times["zxing"])), float(np.median(times["ours"])))))
    return taken


@cache
def _classical() -> Cascade:
    return Cascade.preset("classical")


def _sources(picture: Picture) -> Iterator[tuple[str, Callable[[], list[object]], Source]]:
    """A picture's gray pixels and its file: what to call it, how bare zxing-cpp reads it, the source."""
    gray = Frame.load(picture.rgb()).gray
    yield "gray array", lambda: bare(gray), gray
    path = picture.path
    if path is not None:
        kind = "12 MP file" if gray.size >= _LARGE else "smaller file"
        yield kind, lambda: bare(Image.open(path)), path


def _line(pairs: list[tuple[float, float]]) -> str:
    zxing, ours = np.array(pairs).T
    return (
        f"{len(pairs)} pictures, sum {zxing.sum():.0f} ms against {ours.sum():.0f} ms, ratio "
        f"{ours.sum() / zxing.sum():.2f}; median {np.median(zxing):.2f} ms against {np.median(ours):.2f} ms, "
        f"median ratio {np.median(ours / zxing):.2f}"
    )

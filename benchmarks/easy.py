"""What easy and blank pictures cost beside bare zxing-cpp: ``startup``, ``easy`` and ``blank``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image

import qrcascade
from benchmarks.corpora import Picture
from benchmarks.harness import alone, in_turns, medians, own_process, pictures
from benchmarks.pages import Corpora, Every, command, table
from benchmarks.readers import bare
from benchmarks.symbols import clear_page, in_file
from qrcascade import Cascade, Frame
from qrcascade.image.frame import Gray, Source

_LARGE = 11_000_000
_PAPER = 248


@command()
def startup(runs: Annotated[int, "Runs of each, interleaved."] = 40) -> Iterator[str]:
    """Compare imports as fresh processes, and an easy JPEG from its path with bare zxing-cpp."""
    imports = {name: partial(own_process, f"import {name}") for name in ("numpy", "qrcascade")}
    yield _compared("import, fresh process", max(5, runs // 4), imports)
    with tempfile.TemporaryDirectory() as folder:
        for width, height in ((1200, 1600), (3000, 4000)):
            path = Path(folder, f"{width}.jpg")
            path.write_bytes(in_file(Image.fromarray(_easy_page(width, height)).convert("RGB"), quality=85))
            yield _compared(f"easy {width}x{height} JPEG from its path", runs, _ways(path))
    yield _compared("easy 1200x1600 gray array", 4 * runs, _ways(_easy_page(1200, 1600)))


def _easy_page(width: int, height: int) -> Gray:
    """Return a light page with one sharp code."""
    text = "https://example.com/verify?id=12345"
    return clear_page(text, (width, height), width // 100, (width // 3, height // 3), _PAPER)


def _ways(source: Path | Gray) -> dict[str, Callable[[], object]]:
    """Return bare zxing-cpp and ours, each of which must read the source at once."""

    def zxing() -> None:
        if not bare(Image.open(source) if isinstance(source, Path) else source):
            raise RuntimeError("zxing-cpp did not read the easy page")

    def ours() -> None:
        attempts = qrcascade.read(source).attempts
        # Beside the one that reads, a look tells whether there is more; the page is empty otherwise.
        if [attempt.kind for attempt in attempts] != ["picture", "plain"]:
            raise RuntimeError("the easy page cost more than one attempt")

    return {"zxing": zxing, "qrcascade": ours}


def _compared(title: str, runs: int, ways: Mapping[str, Callable[[], object]]) -> str:
    (base, base_times), (name, own_times) = in_turns(runs, ways).items()
    return (
        f"{title}: {base} {np.median(base_times):.1f} ms, {name} {np.median(own_times):.1f} ms, "
        f"median ratio {np.median(np.divide(own_times, base_times)):.2f}"
    )


@command()
def easy(
    names: Corpora = ("boofcv", "zxing", "jsqr"),
    runs: Annotated[int, "Runs of each on each picture, interleaved."] = 5,
    every: Every = 1,
) -> Iterator[str]:
    """Compare `classical` with bare zxing-cpp on the pictures that both read in one engine run.

    Processor time, since other work on the machine counts little in it; a picture's time is the
    median of its runs.
    """
    for name in names:
        taken: dict[str, list[list[float]]] = {}
        for found in pictures(partial(_look, runs), name, every):
            for kind, pair in found:
                taken.setdefault(kind, []).append(pair)
        for kind, pairs in taken.items():
            if easy := [pair for pair in pairs if pair]:
                yield f"{name}, {kind}: {_told(easy)}"
        more = taken.get("gray array", []).count([])
        yield f"{name}: {more} more arrays that zxing-cpp reads took further engine runs"


def _look(runs: int, picture: Picture) -> list[tuple[str, list[float]]]:
    """Time both on the sources that zxing-cpp reads; no times where ours took further engine runs."""
    read, taken = _classical().read, []
    for kind, zxing, source in _sources(picture):
        if zxing():
            ways: dict[str, Callable[[], object]] = {"zxing": zxing, "ours": partial(read, source)}
            at_once = len(read(source).attempts) == 1
            times = medians(in_turns(runs, ways, clock=time.process_time, warm=0)) if at_once else []
            taken.append((kind, times))
    return taken


@cache
def _classical() -> Cascade:
    return Cascade.preset("classical")


@command(title="Pictures without a code")
def blank(
    names: Corpora = ("negatives", "pages"),
    runs: Annotated[int, "Runs of each on each picture, interleaved; the fastest counts."] = 3,
    every: Every = 1,
) -> Iterator[str]:
    """Compare `light` with bare zxing-cpp on pictures without a code, in processor time."""
    alone()
    rows = []
    with Cascade.preset("light") as light:
        for name in names:
            taken: dict[str, list[tuple[float, float, float]]] = {}
            for found in pictures(partial(_look_in_vain, light, runs), name, every):
                for kind, theirs, own, alarm in found:
                    taken.setdefault(kind, []).append((theirs, own, alarm))
            for kind, outcomes in taken.items():
                zxing, ours, seen = np.array(outcomes).T
                figures = [zxing.mean(), ours.mean(), ours.sum() / zxing.sum()]
                p99 = np.quantile(ours / zxing, 0.99, method="lower")
                rows.append([f"{Path(name).name}, {kind}", len(outcomes), *figures, p99, int(seen.sum())])
    columns = ["pictures", "number", "zxing-cpp CPU ms {:.1f}", "light CPU ms {:.1f}", "ratio of sums {:.2f}"]
    yield table([*columns, "P99 of ratios {:.1f}", "with a detection"], rows)


def _look_in_vain(light: Cascade, runs: int, picture: Picture) -> list[tuple[str, float, float, float]]:
    """Time both on each source of a picture; say whether ours saw anything."""
    taken = []
    for kind, zxing, source in _sources(picture):
        result = light.read(source)
        ways: dict[str, Callable[[], object]] = {"zxing": zxing, "ours": partial(light.read, source)}
        theirs, ours = map(min, in_turns(runs, ways, clock=time.process_time, warm=0).values())
        taken.append((kind, theirs, ours, float(bool(result or result.regions))))
    return taken


def _sources(picture: Picture) -> Iterator[tuple[str, Callable[[], list[object]], Source]]:
    """Yield a picture's gray pixels and its file: a name, how bare zxing-cpp reads it, the source."""
    gray = Frame.load(picture.rgb()).gray
    yield "gray array", lambda: bare(gray), gray
    path = picture.path
    if path is not None:
        kind = "12 MP file" if gray.size >= _LARGE else "smaller file"
        yield kind, lambda: bare(Image.open(path)), path


def _told(pairs: list[list[float]]) -> str:
    zxing, ours = np.array(pairs).T
    return (
        f"{len(pairs)} pictures, sum {zxing.sum():.0f} ms against {ours.sum():.0f} ms, ratio "
        f"{ours.sum() / zxing.sum():.2f}; median {np.median(zxing):.2f} ms against {np.median(ours):.2f} ms, "
        f"median ratio {np.median(ours / zxing):.2f}"
    )

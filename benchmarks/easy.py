"""What an easy picture costs beside bare zxing-cpp, over the corpora: as a gray array, and as a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import click
import numpy as np
import zxingcpp
from PIL import Image
from tqdm import tqdm

from benchmarks import corpora
from qrcascade import Cascade, Frame
from qrcascade.image.frame import Source

__all__ = ["easy"]

_LARGE = 11_000_000


@click.option("--corpus", "names", multiple=True, default=("boofcv", "zxing", "jsqr"), show_default=True)
@click.option("--runs", default=5, show_default=True, help="Runs of each on each picture, interleaved.")
@click.option("--every", default=1, show_default=True, help="Take every Nth picture.")
def easy(names: tuple[str, ...], runs: int, every: int) -> None:
    """Compare `classical` with bare zxing-cpp on the pictures that both read in one engine run.

    Processor time, since other work on the machine counts little in it; a picture's time is the
    median of its runs.
    """
    read = Cascade.preset("classical").read
    for name in names:
        times: dict[str, list[tuple[float, float]]] = {}
        more = 0
        for picture in tqdm(corpora.load(name)[::every], unit="picture"):
            for kind, bare, source in _sources(picture):
                if not bare():
                    continue
                if len(read(source).attempts) > 1:
                    more += kind == "gray array"
                    continue
                pairs = [(_timed(bare), _timed(lambda source=source: read(source))) for _ in range(runs)]  # type: ignore[misc]
                zxing, ours = np.median(pairs, axis=0)
                times.setdefault(kind, []).append((float(zxing), float(ours)))
        for kind, pairs in times.items():
            click.echo(f"{name}, {kind}: {_line(pairs)}")
        click.echo(f"{name}: {more} more arrays that zxing-cpp reads took further engine runs")


def _sources(picture: corpora.Picture) -> Iterator[tuple[str, Callable[[], list[object]], Source]]:
    """A picture's gray pixels and its file: what to call it, how bare zxing-cpp reads it, the source."""
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    gray = Frame.load(picture.rgb()).gray
    yield "gray array", lambda: list(zxingcpp.read_barcodes(gray, formats=formats)), gray
    path = picture.path
    if path is not None:
        kind = "12 MP file" if gray.size >= _LARGE else "smaller file"
        yield kind, lambda: list(zxingcpp.read_barcodes(Image.open(path), formats=formats)), path


def _timed(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return (time.process_time() - start) * 1000


def _line(pairs: list[tuple[float, float]]) -> str:
    zxing, ours = np.array(pairs).T
    return (
        f"{len(pairs)} pictures, sum {zxing.sum():.0f} ms against {ours.sum():.0f} ms, ratio "
        f"{ours.sum() / zxing.sum():.2f}; median {np.median(zxing):.2f} ms against {np.median(ours):.2f} ms, "
        f"median ratio {np.median(ours / zxing):.2f}"
    )

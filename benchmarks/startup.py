"""What the easy case costs: importing the package, and one easy JPEG from its path."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import segno
import zxingcpp
from PIL import Image

import qrcascade
from qrcascade.image.frame import Gray

__all__ = ["startup"]


@click.option("--runs", default=40, show_default=True, help="Runs of each, interleaved.")
def startup(runs: int) -> None:
    """Compare imports as fresh processes, and an easy JPEG from its path with bare zxing-cpp."""
    imports = _interleaved(
        max(5, runs // 4),
        numpy=lambda: _process("import numpy"),
        qrcascade=lambda: _process("import qrcascade"),
    )
    _report("import, fresh process", imports)
    with tempfile.TemporaryDirectory() as folder:
        for width, height in ((1200, 1600), (3000, 4000)):
            path = Path(folder, f"{width}.jpg")
            _easy_page(width, height).save(path, quality=85)
            reads = _interleaved(
                runs,
                zxing=lambda path=path: _bare(path),  # type: ignore[misc]
                qrcascade=lambda path=path: _ours(path),  # type: ignore[misc]
            )
            _report(f"easy {width}x{height} JPEG from its path", reads)
    gray = np.asarray(_easy_page(1200, 1600).convert("L"))
    arrays = _interleaved(4 * runs, zxing=lambda: _bare_array(gray), qrcascade=lambda: _ours(gray))
    _report("easy 1200x1600 gray array", arrays)


def _process(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _easy_page(width: int, height: int) -> Image.Image:
    """A white page in colour with one sharp code."""
    buffer = io.BytesIO()
    segno.make("https://example.com/verify?id=12345", micro=False).save(
        buffer, kind="png", scale=width // 100, border=4
    )
    page = Image.new("RGB", (width, height), (250, 248, 240))
    page.paste(Image.open(buffer).convert("RGB"), (width // 3, height // 3))
    return page


def _bare(path: Path) -> None:
    found = zxingcpp.read_barcodes(
        Image.open(path), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    )
    if not found:
        raise RuntimeError("zxing-cpp did not read the easy page")


def _bare_array(gray: Gray) -> None:
    if not zxingcpp.read_barcodes(gray, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)):
        raise RuntimeError("zxing-cpp did not read the easy page")


def _ours(source: Path | Gray) -> None:
    if len(qrcascade.read(source).attempts) != 1:
        raise RuntimeError("the easy page cost more than one attempt")


def _interleaved(runs: int, **actions: Callable[[], None]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action()
    for _ in range(runs):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            times[name].append((time.perf_counter() - start) * 1000)
    return times


def _report(title: str, times: dict[str, list[float]]) -> None:
    (base, base_times), (name, own_times) = times.items()
    ratios = np.array(own_times) / np.array(base_times)
    click.echo(
        f"{title}: {base} {statistics.median(base_times):.1f} ms, "
        f"{name} {statistics.median(own_times):.1f} ms, median ratio {np.median(ratios):.2f}"
    )

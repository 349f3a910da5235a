"""The runtimes of QReader's detectors beside each other: time, memory, and whether they find the same."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks import corpora, report, synthetic
from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray
from qrcascade.image.views import limit
from qrcascade.neural.models import load
from qrcascade.neural.runtimes import EXPORTS, RUNTIMES
from qrcascade.neural.runtimes.export import export

__all__ = ["architectures", "runtimes"]

_PAGE = Path("docs/benchmarks/runtimes.md")
_IDLE_S = 0.3
Found = list[tuple[Quad, float]]

# A number is expected of a page without a symbol, so every tier looks.
_CHILD = """
import sys
import qrcascade
options = {"weights_folder": sys.argv[1], "runtime": sys.argv[2]}
tiers = [qrcascade.QReaderStrategy(size, **options) for size in sys.argv[3]]
result = qrcascade.Cascade([qrcascade.ClassicalStrategy(), *tiers]).read(sys.argv[4], expect=1)
looked = [a for a in result.attempts if a.step == "qreader detect" and a.error is None]
assert len(looked) == len(tiers), result.errors
assert sys.argv[2] == "torch" or not {"torch", "ultralytics"} & set(sys.modules)
from qrcascade.profile.child import memory
print(memory()[1])
"""


@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    envvar="QRCASCADE_WEIGHTS",
    show_envvar=True,
    help="Has qrdet-n.pt.",
)
@click.option("--corpus", "names", multiple=True, default=("boofcv", "zxing", "jsqr"), show_default=True)
@click.option("--every", default=1, show_default=True, help="Take every Nth picture.")
@click.option("--rounds", default=9, show_default=True, help="Detections of each, interleaved.")
@click.option("--threads", type=int, help="Of every runtime; its own choice if not given.")
@click.option("--save/--no-save", default=False, show_default=True, help=f"Write {_PAGE}.")
def runtimes(
    weights: Path, names: tuple[str, ...], every: int, rounds: int, threads: int | None, save: bool
) -> None:
    """Compare torch, OpenVINO and ONNX Runtime. Small and Medium are architectures with random weights."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shutil.copyfile(weights / "qrdet-n.pt", folder / "qrdet-n.pt")
        architectures(folder, "sm")
        for size in "nsm":
            for runtime in EXPORTS:
                export(size, runtime, folder)
        parts = [
            "## Time",
            *_times(folder, rounds, threads),
            "## Memory",
            *_memory(folder),
            "## The same detections",
            *_same(folder, names, every, threads),
        ]
    text = report.page("runtimes", *parts)
    click.echo(text)
    if save:
        _PAGE.write_text(text, encoding="utf-8")


def architectures(folder: Path, sizes: str) -> None:
    """Write checkpoints of the true architectures with random weights: right for time and memory alone."""
    import torch
    from ultralytics import YOLO
    from ultralytics.nn.tasks import SegmentationModel

    for size in sizes:
        torch.manual_seed(0)
        yolo: Any = YOLO(f"yolov8{size}-seg.yaml", task="segment")
        yolo.model = SegmentationModel(f"yolov8{size}-seg.yaml", nc=1, verbose=False)
        yolo.model.names = {0: "QR"}
        # The task is looked for in three places when a checkpoint is loaded.
        yolo.model.args = {"task": "segment", "imgsz": 640}
        yolo.model.task = yolo.overrides["task"] = "segment"
        yolo.save(folder / f"qrdet-{size}.pt")


def _times(folder: Path, rounds: int, threads: int | None) -> Iterator[str]:
    rgb = _page()
    rows = [
        "| size | runtime | median, ms | torch's time for one of its own |",
        "| --- | --- | ---: | ---: |",
    ]
    for size in "nsm":
        times = dict(zip(RUNTIMES, _turns(folder, size, rgb, rounds, threads), strict=True))
        torch = np.array(times["torch"])
        for name, taken in times.items():
            ratio = np.median(torch / np.array(taken))
            rows.append(f"| {_size(size)} | {name} | {np.median(taken):.0f} | {ratio:.2f} |")
    size = f"{rgb.shape[1]}x{rgb.shape[0]}"
    own = (
        "Each runtime has a process of its own: in one, the threads of one wait for work on another's cores."
    )
    yield f"One detection in a picture of {size}, {rounds} rounds in turns; medians. {own}"
    yield "\n".join(rows)


def _turns(folder: Path, size: str, rgb: Gray, rounds: int, threads: int | None) -> list[list[float]]:
    """Milliseconds of each runtime's detections; while one is at work the others are idle."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for name in RUNTIMES:
        here, there = context.Pipe()
        context.Process(target=_detect, args=(there, folder, size, name, rgb, threads), daemon=True).start()
        pipes.append(here)
    times: list[list[float]] = [[] for _ in RUNTIMES]
    for turn in range(-2, rounds):
        for pipe, taken in zip(pipes, times, strict=True):
            # What waits busily for the next detection has given up by then.
            time.sleep(_IDLE_S)
            pipe.send(True)
            ms = pipe.recv()
            if turn >= 0:
                taken.append(ms)
    for pipe in pipes:
        pipe.send(False)
    return times


def _detect(
    pipe: Connection[float, bool], folder: Path, size: str, runtime: str, rgb: Gray, threads: int | None
) -> None:
    model = load(size, folder, runtime=runtime)
    while pipe.recv():
        start = time.perf_counter()
        model.detect(rgb, threads)
        pipe.send((time.perf_counter() - start) * 1000)


def _page() -> Gray:
    """A picture of two megapixels without a symbol, RGB."""
    page = Frame.load(synthetic.page(0)).color
    return np.asarray(cv2.resize(page, (1200, 1600), interpolation=cv2.INTER_LINEAR), np.uint8)


def _memory(folder: Path) -> Iterator[str]:
    Image.fromarray(_page()).save(folder / "page.png")
    rows = ["| tiers | " + " | ".join(RUNTIMES) + " |", "| --- |" + " ---: |" * len(RUNTIMES)]
    for sizes in ("", "n", "s", "sm"):
        peaks = [_peak(folder, name, sizes) for name in RUNTIMES]
        tiers = " + ".join(["classical", *map(_size, sizes)])
        rows.append(f"| {tiers} | " + " | ".join(f"{peak:.0f}" for peak in peaks) + " |")
    yield "Peak resident memory in MB of a fresh process that reads one hard picture of 1200x1600."
    yield "\n".join(rows)


def _peak(folder: Path, runtime: str, sizes: str) -> float:
    command = [sys.executable, "-c", _CHILD, str(folder), runtime, sizes, str(folder / "page.png")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    return float(run.stdout.split()[-1])


def _size(size: str) -> str:
    return size if size == "n" else f"{size} (random weights)"


def _same(folder: Path, names: tuple[str, ...], every: int, threads: int | None) -> Iterator[str]:
    models = {name: load("n", folder, runtime=name) for name in RUNTIMES}
    seen: dict[str, list[tuple[Found, Found]]] = {name: [] for name in RUNTIMES if name != "torch"}
    for corpus in names:
        for picture in tqdm(corpora.load(corpus)[::every], unit="picture", desc=corpus):
            rgb: Gray = limit(2048)(Frame.load(picture.rgb())).color
            found = {name: model.detect(rgb, threads) for name, model in models.items()}
            for name, pairs in seen.items():
                pairs.append((found["torch"], found[name]))
    counted = ("runtime", "pictures", "another number of detections", "detections")
    titles = (*counted, "largest score difference", "IoU under 0.98", "median IoU", "least IoU")
    rows = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * (len(titles) - 1)]
    rows += [f"| {name} | " + " | ".join(_differences(pairs)) + " |" for name, pairs in seen.items()]
    where = f"{', '.join(names)}, every {every}. picture, at most 2048 pixels a side"
    yield f"Nano weights, against torch, on {where}. qrdet draws lots where a hull has many corners."
    yield "\n".join(rows)


def _differences(pairs: list[tuple[Found, Found]]) -> list[str]:
    other = sum(len(a) != len(b) for a, b in pairs)
    matched = [match for a, b in pairs for match in _matched(a, b)]
    scores = np.array([score for _, score in matched])
    overlaps = np.array([overlap for overlap, _ in matched])
    apart = f"{(overlaps < 0.98).sum()}"
    return [
        *map(str, (len(pairs), other, len(matched))),
        f"{scores.max():.4f}",
        apart,
        f"{np.median(overlaps):.4f}",
        f"{overlaps.min():.4f}",
    ]


def _matched(reference: Found, found: Found) -> list[tuple[float, float]]:
    """For each detection its best counterpart's overlap, and how far apart the scores are."""
    none: tuple[float, float] = (0.0, 1.0)
    return [
        max(((quad.overlap(other), abs(score - its)) for other, its in found), default=none)
        for quad, score in reference
    ]

"""The runtimes of QReader's detectors beside each other: time, memory, and whether they find the same."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np

from benchmarks import synthetic
from benchmarks.corpora import Picture
from benchmarks.harness import in_turns, own_process, pictures
from benchmarks.pages import FOLDER, Corpora, Every, command, table
from benchmarks.symbols import in_file
from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray
from qrcascade.image.views import limit
from qrcascade.neural.models import load
from qrcascade.neural.runtimes import EXPORTS, RUNTIMES
from qrcascade.neural.runtimes.export import export

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


@command()
def runtimes(
    weights: Annotated[Path, "Has qrdet-n.pt.", "$QRCASCADE_WEIGHTS", FOLDER],
    names: Corpora = ("boofcv", "zxing", "jsqr"),
    every: Every = 1,
    rounds: Annotated[int, "Detections of each, interleaved."] = 9,
    threads: Annotated[int | None, "Of every runtime; its own choice if not given."] = None,
) -> Iterator[str]:
    """Compare torch, OpenVINO and ONNX Runtime. Small and Medium are architectures with random weights."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shutil.copyfile(weights / "qrdet-n.pt", folder / "qrdet-n.pt")
        architectures(folder, "sm")
        for size, runtime in product("nsm", EXPORTS):
            export(size, runtime, folder)
        yield from _times(folder, rounds, threads)
        yield from _memory(folder)
        yield from _same(folder, names, every, threads)


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
    rows = []
    for size in "nsm":
        times = _turns(folder, size, rgb, rounds, threads)
        for name, taken in times.items():
            ratio = np.median(np.divide(times["torch"], taken))
            rows.append([_size(size), name, np.median(taken), ratio])
    yield "## Time"
    yield (
        f"One detection in a picture of {rgb.shape[1]}x{rgb.shape[0]}, {rounds} rounds in turns; medians. "
        "Each runtime has its own process: in a shared one, idle threads of one keep cores from another."
    )
    columns = ["size", "runtime", "median, ms {:.0f}", "torch's time for one of its own {:.2f}"]
    yield table(columns, rows, words=(0, 1))


def _turns(folder: Path, size: str, rgb: Gray, rounds: int, threads: int | None) -> dict[str, list[float]]:
    """Return the milliseconds of each runtime's detections; while one is at work the others are idle."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection[bool, float]] = {}
    for name in RUNTIMES:
        pipes[name], there = context.Pipe()
        context.Process(target=_detect, args=(there, folder, size, name, rgb, threads), daemon=True).start()
    times = in_turns(rounds, {name: partial(_asked, pipe) for name, pipe in pipes.items()}, warm=2)
    for pipe in pipes.values():
        pipe.send(False)
    return times


def _asked(pipe: Connection[bool, float]) -> float:
    # What waits busily for the next detection has given up by then.
    time.sleep(_IDLE_S)
    pipe.send(True)
    return pipe.recv()


def _detect(
    pipe: Connection[float, bool], folder: Path, size: str, runtime: str, rgb: Gray, threads: int | None
) -> None:
    model = load(size, folder, runtime=runtime)
    while pipe.recv():
        start = time.perf_counter()
        model.detect(rgb, threads)
        pipe.send((time.perf_counter() - start) * 1000)


def _page() -> Gray:
    """Return a picture of two megapixels without a symbol, RGB."""
    page = Frame.load(synthetic.page(0)).color
    return np.asarray(cv2.resize(page, (1200, 1600), interpolation=cv2.INTER_LINEAR), np.uint8)


def _memory(folder: Path) -> Iterator[str]:
    page = folder / "page.png"
    page.write_bytes(in_file(_page(), "PNG"))
    rows = []
    for sizes in ("", "n", "s", "sm"):
        peaks = (float(own_process(_CHILD, folder, name, sizes, page).split()[-1]) for name in RUNTIMES)
        rows.append([" + ".join(["classical", *map(_size, sizes)]), *peaks])
    yield "## Memory"
    yield "Peak resident memory in MB of a fresh process that reads one hard picture of 1200x1600."
    yield table(["tiers", *(f"{name} {{:.0f}}" for name in RUNTIMES)], rows)


def _size(size: str) -> str:
    return size if size == "n" else f"{size} (random weights)"


def _same(folder: Path, names: tuple[str, ...], every: int, threads: int | None) -> Iterator[str]:
    models = {name: load("n", folder, runtime=name) for name in RUNTIMES}

    def look(picture: Picture) -> dict[str, Found]:
        rgb: Gray = limit(2048)(Frame.load(picture.rgb())).color
        return {name: model.detect(rgb, threads) for name, model in models.items()}

    seen = [found for corpus in names for found in pictures(look, corpus, every)]
    others = (name for name in RUNTIMES if name != "torch")
    rows = ([name, *_differences([(found["torch"], found[name]) for found in seen])] for name in others)
    where = f"{', '.join(names)}, one picture in {every}, at most 2048 pixels a side"
    yield "## The same detections"
    yield f"Nano weights, against torch, on {where}. qrdet chooses at random where a hull has many corners."
    counted = ("runtime", "pictures", "another number of detections", "detections")
    least = ("largest score difference {:.4f}", "IoU under 0.98", "median IoU {:.4f}", "least IoU {:.4f}")
    yield table([*counted, *least], rows)


def _differences(pairs: list[tuple[Found, Found]]) -> list[object]:
    other = sum(len(a) != len(b) for a, b in pairs)
    matched = [match for a, b in pairs for match in _matched(a, b)]
    overlaps, scores = np.array(matched).T
    counts = [len(pairs), other, len(matched), scores.max(), (overlaps < 0.98).sum()]
    return [*counts, np.median(overlaps), overlaps.min()]


def _matched(reference: Found, found: Found) -> list[tuple[float, float]]:
    """Return each detection's overlap with its best counterpart, and how far apart their scores are."""
    none: tuple[float, float] = (0.0, 1.0)
    return [
        max(((quad.overlap(other), abs(score - its)) for other, its in found), default=none)
        for quad, score in reference
    ]

"""Measure the exported network on photographs that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.detections import MULTIPLE, Detections, Floats, Network, load_network
from qrcascade.engines.second_look import UPRIGHT_LOOK, find
from training.values import sides

_LOCATED, _BESIDE = 0.5, 0.1  # intersection over union: found; beside any code
_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass
class Tally:
    """Of one category: codes, those located, detections beside any, corner errors as shares of the side."""

    codes: int = 0
    located: int = 0
    beside: int = 0
    errors: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, truth: list[Floats], found: Detections) -> None:
        """Count one picture."""
        overlaps = np.array([[measure_overlap(quad, other) for other in found.quads] for quad in truth])
        overlaps = overlaps.reshape(len(truth), len(found.quads))
        self.codes += len(truth)
        for quad, row in zip(truth, overlaps, strict=True):
            if len(row) and row.max() > _LOCATED:
                self.located += 1
                self.errors.append(measure_corner_error(quad, found.quads[int(row.argmax())]))
            else:
                self.missed.append(name)
        self.beside += int((overlaps.max(0, initial=0) < _BESIDE).sum())


def read_truth(path: Path) -> list[Floats]:
    """Read the outlines of a BoofCV label file."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and line[0] != "#"]
    if lines and lines[0] == ["SETS"]:
        return [np.array(line, np.float32).reshape(-1, 2) for line in lines[1:]]
    points = np.array(lines, np.float32)
    return [points[start : start + 4] for start in range(0, len(points) - 3, 4)]


def measure_overlap(one: Floats, other: Floats) -> float:
    """Return the intersection over union of two convex outlines."""
    first, second = (cv2.convexHull(np.asarray(quad, np.float32)) for quad in (one, other))
    shared = cv2.intersectConvexConvex(first, second)[0]
    return float(shared / (cv2.contourArea(first) + cv2.contourArea(second) - shared + 1e-9))


def measure_corner_error(truth: Floats, found: Floats) -> float:
    """Return the mean distance of the corners in sides, in their best order."""
    orders = [np.roll(quad, turn, 0) for quad in (found, found[::-1]) for turn in range(4)]
    distance = min(float(np.linalg.norm(truth - quad, axis=1).mean()) for quad in orders)
    return distance / float(sides(truth))


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Return a picture's levels as they are stored."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise ValueError(f"not a picture: {path}")
    return np.asarray(picture, np.uint8)


def evaluate_photographs(
    network: Network, folder: Path, look: int, threshold: float, closer: bool
) -> dict[str, Tally]:
    """Tally by category the pictures of `category/name.txt` with a picture beside each."""
    tallies: dict[str, Tally] = {}
    for label in sorted(folder.glob("*/*.txt")):
        picture = next(path for kind in _PICTURES if (path := label.with_suffix(kind)).is_file())
        found = find(network, read_gray(picture), look, threshold, closer)
        tally = tallies.setdefault(label.parent.name, Tally())
        tally.add(f"{label.parent.name}/{label.stem}", read_truth(label), found)
    return tallies


def find_alarms(
    network: Network, folder: Path, look: int, threshold: float, closer: bool
) -> Iterator[tuple[str, float]]:
    """Yield each picture of a folder without QR codes and the best score in it; 0 below the threshold."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES):
        found = find(network, read_gray(path), look, threshold, closer)
        yield str(path.relative_to(folder)), float(found.scores.max(initial=0))


def measure_milliseconds(network: Network, look: int, times: int = 20) -> float:
    """Return the fastest of some looks at `look` x 3/4 of it, in CPU time of this process."""
    rows = -(-(look if look == UPRIGHT_LOOK else look * 3 // 4) // MULTIPLE) * MULTIPLE
    pictures = np.zeros((1, 1, rows, -(-look // MULTIPLE) * MULTIPLE), np.float32)
    spent = []
    for _ in range(times + 2):
        began = time.process_time()
        network(pictures)
        spent.append(time.process_time() - began)
    return 1000 * min(spent[2:])


def load_onnxruntime(path: Path) -> Network:
    """Return the network as a function, run by onnxruntime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda pictures: np.asarray(session.run(None, {"picture": pictures})[0])


def print_evaluation(
    model: Path,
    photographs: Path,
    empty: Sequence[Path],
    look: int,
    threshold: float,
    closer: bool,
    names: bool,
) -> None:
    """Print everything, as lines for `docs/detector.md`."""
    cv2.setNumThreads(1)
    network = load_network(model)
    tallies = evaluate_photographs(network, photographs, look, threshold, closer)
    for category, tally in sorted(tallies.items()):
        print(f"{category:14} {tally.located:4} of {tally.codes:4}, beside {tally.beside}")
        if names and tally.missed:
            print("   missed", *tally.missed)
    macro = 100 * np.mean([tally.located / tally.codes for tally in tallies.values()])
    errors = 100 * np.array([error for tally in tallies.values() for error in tally.errors])
    beside = sum(tally.beside for tally in tallies.values())
    print(f"look {look}, closer {closer}, threshold {threshold}: macro {macro:.1f} %, beside {beside}")
    print(f"corners: median {np.median(errors):.1f} %, 90th percentile {np.percentile(errors, 90):.1f} %")
    for folder in empty:
        alarms = dict(find_alarms(network, folder, look, threshold, closer))
        wrong = {name: round(score, 2) for name, score in alarms.items() if score}
        print(f"{folder.name}: {len(wrong)} of {len(alarms)} with a detection")
        if names and wrong:
            print("  ", wrong)
    for name, load in (("cv2.dnn", load_network), ("onnxruntime", load_onnxruntime)):
        spent = [f"{side}: {measure_milliseconds(load(model), side):.1f} ms" for side in (UPRIGHT_LOOK, look)]
        print(f"{name}, one thread:", *spent)

"""Measuring a profile: each configuration in its own process, on the same pictures."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from qrcascade.neural import runtimes, weights
from qrcascade.neural.runtimes import record_path, sha256
from qrcascade.profile.pictures import Picture
from qrcascade.profile.records import NO_RUNTIME, Measured, Profile, sizes_of

__all__ = ["PACKAGES", "configurations", "machine", "make_row", "measure", "versions", "weights_kind"]

PACKAGES = (
    "qrcascade",
    "numpy",
    "opencv-python",
    "Pillow",
    "zxing-cpp",
    "pyzbar",
    "qreader",
    "torch",
    "openvino",
    "onnxruntime",
)
"""The packages that affect what is read, and how fast."""
Output = dict[str, Any]


def configurations(names: Iterable[str], chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return every (name, runtime) to measure; a preset without a detector has a single row."""
    chosen = tuple(chosen)
    return [(name, r) for name in names for r in (chosen if sizes_of(name) else (NO_RUNTIME,))]


def measure(
    wanted: Sequence[tuple[str, str]],
    pictures: Sequence[Picture],
    *,
    rounds: int = 1,
    weights_folder: Path | None = None,
    architectures: Path | None = None,
    note: str = "",
    described: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Measure the configurations returned by `configurations`, one after the other.

    The time of each picture is the median over the rounds. ``architectures`` is a folder with checkpoints
    (and exports) of the true architectures with random weights. If given, time, memory and size are measured
    with them; the readings come from the other weights, with detections timed as with the architectures.
    ``note`` and ``described`` go into the profile; ``progress`` is called with the name of each next step.
    """
    rows, left_out = [], {}
    with tempfile.TemporaryDirectory(prefix="qrcascade-") as made:
        folder = Path(made)
        _write_pictures(pictures, folder)
        for number, (name, runtime) in enumerate(wanted, 1):
            label = name if runtime == NO_RUNTIME else f"{name} in {runtime}"
            progress(f"[{number} of {len(wanted)}] {label}")
            row = _measure_one(name, runtime, pictures, folder, rounds, weights_folder, architectures)
            if isinstance(row, str):
                left_out[label] = row
            else:
                rows.append(row)
    return Profile(
        machine=machine(),
        cores=os.cpu_count() or 1,
        date=date.today().isoformat(),
        versions=dict(versions()),
        pictures=described,
        rows=tuple(_fill_parameters(rows)),
        note=note,
        left_out=left_out,
    )


def _measure_one(
    name: str,
    runtime: str,
    pictures: Sequence[Picture],
    folder: Path,
    rounds: int,
    weights_folder: Path | None,
    architectures: Path | None,
) -> Measured | str:
    """Return the row of one configuration, or why there is none."""
    read = cost = _run_child(name, runtime, folder, rounds, weights_folder)
    cost_weights = weights_kind(name, weights_folder, architectures)
    if "error" not in read and cost_weights == "random":
        cost = _run_child(name, runtime, folder, 1, architectures)
    for output in (read, cost):
        if "error" in output:
            return str(output["error"])
    cost_folder = architectures if cost_weights == "random" else weights_folder
    return replace(
        make_row(name, runtime, read, cost, pictures),
        file_bytes=sum(_bytes(size, runtime, cost_folder) for size in sizes_of(name)),
        cost_weights=cost_weights,
        success_weights=weights_kind(name, weights_folder, None),
    )


def _write_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    names = [f"{i:05}" for i in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        (folder / name).write_bytes(picture.file)
    (folder / "index.json").write_text(json.dumps(names), "utf-8")


def _run_child(name: str, runtime: str, folder: Path, rounds: int, weights_folder: Path | None) -> Output:
    """Return what `qrcascade.profile.child` prints, or {"error": why it failed}."""
    # Offline, since fetching would count as loading time.
    environment = {**os.environ, "QRCASCADE_OFFLINE": "1"}
    if weights_folder:
        environment["QRCASCADE_WEIGHTS"] = str(weights_folder)
    command = [sys.executable, "-m", "qrcascade.profile.child", name, runtime, str(folder), str(rounds)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = run.stdout.splitlines()
    if run.returncode or not lines:
        last = run.stderr.strip().splitlines()[-1:] or ["no message"]
        return {"error": f"its process ended with {run.returncode}: {last[0]}"}
    output: Output = json.loads(lines[-1])
    return output


def make_row(name: str, runtime: str, read: Output, cost: Output, pictures: Sequence[Picture]) -> Measured:
    """Return the figures; if ``cost`` is another run, detections are timed as in that run."""
    walls, cpus = [], []
    conditions: dict[str, tuple[int, int]] = {}
    wrong = 0
    for picture, takes in zip(pictures, read["read"], strict=True):
        for one in takes if cost is not read else ():
            for size, wall, cpu in one["detections"]:
                one["wall"] += cost["detection"][size][0] - wall
                one["cpu"] += cost["detection"][size][1] - cpu
        walls.append(statistics.median(one["wall"] for one in takes) * 1000)
        cpus.append(statistics.median(one["cpu"] for one in takes) * 1000)
        right, count = conditions.get(picture.condition, (0, 0))
        texts = takes[0]["texts"]
        conditions[picture.condition] = (right + (sorted(texts) == sorted(picture.texts)), count + 1)
        wrong += len(set(texts) - set(picture.texts))
    p50, p95, p99 = (round(float(p), 1) for p in np.percentile(walls, (50, 95, 99)))
    return Measured(
        name,
        runtime,
        load_s=round(cost["load_s"], 2),
        mean_ms=round(statistics.fmean(walls), 1),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        cpu_ms=round(statistics.fmean(cpus), 1),
        conditions=conditions,
        wrong=wrong,
        parameters=cost["parameters"] or None,
        rss_start_mb=_round(cost["rss_start_mb"]),
        rss_loaded_mb=_round(cost["rss_loaded_mb"]),
        rss_peak_mb=_round(cost["rss_peak_mb"]),
    )


def _round(mb: float | None) -> float | None:
    return None if mb is None else round(mb, 1)


def _fill_parameters(rows: list[Measured]) -> list[Measured]:
    """Copy the parameter counts from torch to the exports, which cannot count them."""
    known = {row.name: row.parameters for row in rows if row.parameters}
    return [replace(row, parameters=known.get(row.name)) for row in rows]


def _bytes(size: str, runtime: str, folder: Path | None) -> int:
    if runtime == "torch":
        return weights.path(size, folder).stat().st_size
    opened = runtimes.find_export(size, runtime, folder).file
    return sum(file.stat().st_size for file in opened.parent.glob(f"{opened.stem}.*"))


def weights_kind(name: str, folder: Path | None, architectures: Path | None) -> str:
    """Return the worst kind of weights that a configuration ran with; see `Measured.cost_weights`."""
    kinds = ["none"]
    for size in sizes_of(name):
        own = _identity(size, folder)
        smaller = weights.SIZES[: weights.SIZES.index(size)]
        if architectures and _identity(size, architectures) != own:
            kinds.append("random")
        else:
            kinds.append("stand-in" if own in [_identity(s, folder) for s in smaller] else "given")
    return max(kinds, key=("none", "given", "stand-in", "random").index)


def _identity(size: str, folder: Path | None) -> str:
    """Return the SHA-256 of the weights of a size, or of the source of its export; "" if there is neither."""
    file = weights.path(size, folder)
    if file.is_file():
        return sha256(file)
    for runtime in runtimes.EXPORTS:
        record = record_path(size, runtime, folder)
        if record.is_file():
            return str(json.loads(record.read_text("utf-8"))["source"])
    return ""


def machine() -> str:
    """Describe the processor, its cores, the operating system and Python."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text("utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), cpu)
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def versions(packages: Iterable[str] = PACKAGES) -> Iterator[tuple[str, str]]:
    """Yield those packages that are installed, with their versions."""
    for package in packages:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            continue

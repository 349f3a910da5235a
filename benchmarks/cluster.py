"""``python -m benchmarks cluster``: the job of docs/scaling.md in a local Ray, beside `read_many` alone."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from benchmarks import mixed, processes
from benchmarks.commands import command
from benchmarks.mixed import KINDS, MIX
from benchmarks.render import table
from qrcascade import Cascade, read_many
from qrcascade.cascade import Preset

_EVERY_S = 0.5


def _job() -> ModuleType:
    path = Path(__file__).parents[1] / "docs" / "snippets" / "ray_job.py"
    spec = importlib.util.spec_from_file_location("ray_job", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _mix(folder: Path, copies: int) -> int:
    """So many times a hundred files of the mix, all different names of ten pictures a kind; their bytes."""
    total = 0
    for kind, share in MIX.items():
        made = [KINDS[kind](seed) for seed in range(10)]
        for number in range(share * copies):
            data = made[number % len(made)]
            # Spread over the folder, so that every block has its share of what is slow.
            mixed.write(data, folder, f"{number * 100 // (share * copies):03} {kind} {number}")
            total += len(data)
    return total


@contextlib.contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """The most memory that each process of this program's offspring has of its own, in MB (Linux)."""
    most: defaultdict[str, float] = defaultdict(float)
    over = threading.Event()

    def look() -> None:
        while not over.wait(_EVERY_S):
            for path in Path("/proc").glob("[0-9]*"):
                if role := _role(int(path.name)):
                    own = processes.memory_mb(int(path.name), "Pss", "smaps_rollup")
                    most[role] = max(most[role], own)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield most
    finally:
        over.set()
        watch.join()


def _role(pid: int) -> str | None:
    """What a process is to the job; None for others."""
    words = processes.command(pid)
    if words.startswith("ray::") and "ReadBatch" in words:
        return "actor"
    if "spawn_main" in words:
        return "its worker process" if _role(processes.parent(pid)) == "actor" else None
    if "raylet/raylet " in words:
        return "raylet, one a machine"
    return "driver" if pid == os.getpid() else None


def _rounds(
    job: ModuleType, store: Any, folder: Path, files: list[str], preset: Preset, workers: int, rounds: int
) -> str:
    """Pages a second of both ways in turns, as a table; what every job costs, however small, is not in it."""
    columns = ["round", "read_many, pages/s {:.1f}", "Ray, pages/s {:.1f}"]
    columns += ["its start, s {:.1f}", "driver's CPU, ms a page {:.1f}"]
    rows = []
    for number in range(1, rounds + 1):
        start = time.perf_counter()
        count = sum(1 for _ in read_many(files, workers=workers, cascade=Cascade.preset(preset)))
        alone = count / (time.perf_counter() - start)
        took, cpu = [], []
        for part, out in ((files[:workers], "start"), (files, "all")):
            start, used = time.perf_counter(), time.process_time()
            job.read(store, part, f"{folder}/{out} {preset} {number}", preset, workers)
            took.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
        if wrong := list(job.find_faults(files, f"{folder}/all {preset} {number}")):
            raise RuntimeError("\n".join(wrong))
        rate, driver = count / (took[1] - took[0]), 1000 * (cpu[1] - cpu[0]) / count
        rows.append([number, alone, rate, took[0], driver])
    return table(columns, rows)


@command()
def cluster(
    copies: Annotated[int, "Times a hundred pages of the mix."] = 10,
    presets: Annotated[tuple[Preset, ...], "--preset"] = ("classical", "light"),
    workers: int = 2,
    rounds: Annotated[int, "In turns."] = 3,
) -> Iterator[str]:
    """Pages a second of the job in a local Ray, and of `read_many`; memory of the job's processes."""
    import ray

    job = _job()
    yield f"Ray {ray.__version__}."
    with tempfile.TemporaryDirectory() as name, _watched() as most:
        folder, source = Path(name), Path(name, "in")
        source.mkdir()
        size = _mix(source, copies)
        store, files = job.list_files(str(source))
        ray.init(
            num_cpus=workers, include_dashboard=False, object_store_memory=500_000_000, log_to_driver=False
        )
        try:
            rates = [_rounds(job, store, folder, files, preset, workers, rounds) for preset in presets]
        finally:
            ray.shutdown()
        written = sum(path.stat().st_size for path in (folder / f"all {presets[0]} 1").glob("*.parquet"))
    yield (
        f"{workers} workers, {len(files):,} pages of the mix, {size / len(files) / 1000:.0f} KB each; "
        f"{written / len(files):.0f} bytes of Parquet a row. Each page was in exactly one row, each time."
    )
    for preset, said in zip(presets, rates, strict=True):
        yield from (f"`{preset}`", said)
    yield table(["process", "memory of its own at most, MB {:.0f}"], sorted(most.items()))

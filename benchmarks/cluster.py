"""``python -m benchmarks cluster``: the job of docs/scaling.md in a local Ray, beside `read_many` alone."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from benchmarks import report
from benchmarks.mixed import KINDS, MIX, suffix
from qrcascade import Cascade, read_many

__all__ = ["cluster"]

_ROOT = Path(__file__).parents[1]
_DOCS = Path("docs/benchmarks")
_EVERY_S = 0.5


def _job() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ray_job", _ROOT / "docs" / "snippets" / "ray_job.py")
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
            name = f"{number * 100 // (share * copies):03} {kind} {number}{suffix(data)}"
            (folder / name).write_bytes(data)
            total += len(data)
    return total


class _Watch(threading.Thread):
    """The most memory that each process of this program's offspring has of its own, in MB (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most: defaultdict[str, float] = defaultdict(float)
        self._over = threading.Event()

    def run(self) -> None:
        """Look until it is stopped."""
        while not self._over.wait(_EVERY_S):
            found = {int(path.name): path for path in Path("/proc").glob("[0-9]*")}
            for path in found.values():
                try:
                    self._look(path)
                except (OSError, IndexError, ValueError):
                    # It has ended.
                    continue

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def _look(self, path: Path) -> None:
        name = _role(path)
        if name is not None:
            lines = (path / "smaps_rollup").read_text().splitlines()
            pss = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            self.most[name] = max(self.most[name], pss / 1024)


def _role(path: Path) -> str | None:
    """What a process is to the job; None for others."""
    words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if words.startswith("ray::") and "ReadBatch" in words:
        return "actor"
    if "spawn_main" in words:
        parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
        return "its worker process" if _role(Path("/proc", parent)) == "actor" else None
    if "raylet/raylet " in words:
        return "raylet, one a machine"
    if int(path.name) == os.getpid():
        return "driver"
    return None


def _rounds(
    job: ModuleType, store: Any, folder: Path, files: list[str], preset: str, workers: int, rounds: int
) -> str:
    """Pages a second of both ways in turns, as a table; what every job costs, however small, is not in it."""
    head = ["round", "read_many, pages/s", "Ray, pages/s", "its start, s", "driver's CPU, ms a page"]
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * 4]
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
        lines.append(f"| {number} | {alone:.1f} | {rate:.1f} | {took[0]:.1f} | {driver:.1f} |")
    return "\n".join(lines)


@click.option("--copies", default=10, show_default=True, help="Times a hundred pages of the mix.")
@click.option("--preset", "presets", multiple=True, default=("classical", "light"), show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="In turns.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/cluster.md.")
def cluster(copies: int, presets: tuple[str, ...], workers: int, rounds: int, save: bool) -> None:
    """Pages a second of the job in a local Ray, and of `read_many`; memory of the job's processes."""
    import ray

    job = _job()
    parts = []
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name), Path(name, "in")
        source.mkdir()
        size = _mix(source, copies)
        store, files = job.list_files(str(source))
        ray.init(
            num_cpus=workers, include_dashboard=False, object_store_memory=500_000_000, log_to_driver=False
        )
        watch = _Watch()
        watch.start()
        try:
            for preset in presets:
                table = _rounds(job, store, folder, files, preset, workers, rounds)
                parts.append(f"`{preset}`\n\n{table}")
        finally:
            watch.stop()
            ray.shutdown()
        written = sum(path.stat().st_size for path in (folder / f"all {presets[0]} 1").glob("*.parquet"))
    said = (
        f"{workers} workers, {len(files):,} pages of the mix, {size / len(files) / 1000:.0f} KB each; "
        f"{written / len(files):.0f} bytes of Parquet a row. Each page was in exactly one row, each time."
    )
    memory = ["| process | memory of its own at most, MB |", "| --- | ---: |"]
    memory += [f"| {role} | {mb:.0f} |" for role, mb in sorted(watch.most.items())]
    parts = [said, *parts, "\n".join(memory)]
    click.echo("\n\n".join(parts))
    if save:
        page = report.page("cluster", f"Ray {ray.__version__}.", *parts)
        (_DOCS / "cluster.md").write_text(page, encoding="utf-8")

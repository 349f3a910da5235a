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


@click.option("--copies", default=10, show_default=True, help="Times a hundred pages of the mix.")
@click.option("--preset", default="light", show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="In turns.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/cluster.md.")
def cluster(copies: int, preset: str, workers: int, rounds: int, save: bool) -> None:
    """Pages a second of the job in a local Ray, and of `read_many`; memory of the job's processes."""
    import ray

    job, lines = (
        _job(),
        ["| round | read_many, pages/s | Ray, pages/s | its start, s |", "| --- |" + " ---: |" * 3],
    )
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "in")
        source.mkdir()
        size = _mix(source, copies)
        store, files = job.listed(str(source))
        ray.init(
            num_cpus=workers, include_dashboard=False, object_store_memory=500_000_000, log_to_driver=False
        )
        watch = _Watch()
        watch.start()
        try:
            for number in range(1, rounds + 1):
                start = time.perf_counter()
                count = sum(1 for _ in read_many(files, workers=workers, cascade=Cascade.preset(preset)))
                alone = count / (time.perf_counter() - start)
                # Of one small job: what is the same for any number of pages.
                start = time.perf_counter()
                job.read(store, files[:workers], f"{name}/start {number}", preset, workers)
                begun = time.perf_counter() - start
                start = time.perf_counter()
                job.read(store, files, f"{name}/{number}", preset, workers)
                rate = count / (time.perf_counter() - start - begun)
                lines.append(f"| {number} | {alone:.1f} | {rate:.1f} | {begun:.1f} |")
                if wrong := list(job.faults(files, f"{name}/{number}")):
                    raise RuntimeError("\n".join(wrong))
        finally:
            watch.stop()
            ray.shutdown()
        written = sum(path.stat().st_size for path in Path(name, "1").glob("*.parquet"))
    said = (
        f"`{preset}`, {workers} workers, {count:,} pages of the mix, {size / count / 1000:.0f} KB each; "
        f"{written / count:.0f} bytes of Parquet a row. Each page was in exactly one row, each time."
    )
    memory = ["| process | memory of its own at most, MB |", "| --- | ---: |"]
    memory += [f"| {role} | {mb:.0f} |" for role, mb in sorted(watch.most.items())]
    parts = [said, "\n".join(lines), "\n".join(memory)]
    click.echo("\n\n".join(parts))
    if save:
        page = report.page("cluster", f"Ray {ray.__version__}.", *parts)
        (_DOCS / "cluster.md").write_text(page, encoding="utf-8")

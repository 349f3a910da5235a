"""What a page costs a processor, what a cluster needs by that, and the job of docs/scaling.md in Ray."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np

from benchmarks import mixed, processes
from benchmarks.harness import beside, reader_of
from benchmarks.mixed import KINDS, MIX
from benchmarks.pages import command, table
from qrcascade import Cascade, read_many
from qrcascade.cascade import Preset
from qrcascade.profile.advice import UTILISATION

_PRESETS = ("classical", "light")
_RATES, _HOURS = (1, 100, 10_000), 730


class Cost(NamedTuple):
    """What a page of one kind takes of one processor.

    ``size`` is of its file, in bytes; ``cpu`` and ``wall`` are milliseconds. ``classical`` and ``grid`` are
    what engine runs have of ``cpu``; the rest is opening, decoding or rendering, and bookkeeping. ``read``
    is the share of the pages of which something was read.
    """

    size: float
    cpu: float
    wall: float
    classical: float
    grid: float
    read: float


def _measured(preset: str, count: int, rounds: int) -> tuple[dict[str, Cost], float]:
    """Return medians over rounds, means over pages, for each kind; and the process's peak memory in MB."""
    costs: dict[str, Cost] = {}
    peak = 0.0
    for kind, make in KINDS.items():
        reader = reader_of(Path.cwd(), preset=preset, document=True)
        with tempfile.TemporaryDirectory() as name:
            files = [mixed.write(make(seed), Path(name), str(seed)) for seed in range(count)]
            # The first round loads what has to be loaded.
            rows = [[_taken(reader.ask(file)) for file in files] for _ in range(rounds + 1)][1:]
            size = sum(file.stat().st_size for file in files) / count
        peak = max(peak, processes.memory_mb(reader.pid, "VmHWM"))
        reader.end()
        costs[kind] = Cost(size, *np.median(rows, axis=0).mean(axis=0).tolist())
    return costs, peak


def _taken(said: dict[str, Any]) -> list[float]:
    """Return all of a page's `Cost` but the size."""
    spent = said["spent"].items()
    by_tier = (sum(ms for step, ms in spent if step.startswith(tier)) for tier in ("classical", "grid"))
    return [1000 * said["cpu"], 1000 * said["wall"], *(1000 * s for s in by_tier), said["found"]]


def _mixed(costs: dict[str, Cost]) -> Cost:
    return Cost(*np.average([costs[kind] for kind in MIX], axis=0, weights=[*MIX.values()]).tolist())


def _costs_table(costs: dict[str, Cost]) -> str:
    rows = []
    for kind, cost in {**costs, "the mix": _mixed(costs)}.items():
        classical, grid = cost.classical / cost.cpu, cost.grid / cost.cpu
        known = (cost.read, cost.wall) if kind in costs else ("", "")
        times = cost.cpu, 1000 / cost.cpu, 1 - classical - grid, classical, grid
        rows.append([kind, cost.size / 1000, *known, *times])
    columns = ["page", "KB {:.0f}", "read {:.0%}", "wall ms {:.1f}", "CPU ms {:.1f}", "pages/s {:.1f}"]
    return table([*columns, "decoding {:.0%}", "classical {:.0%}", "grid {:.0%}"], rows)


def _needs_table(mixes: dict[str, Cost], actor_mb: float, core_hour: float, thousand: float) -> str:
    """Tabulate cores, each busy `UTILISATION` of the time, and what they and requests cost a month."""
    rows = []
    for rate in _RATES:
        for preset, mix in mixes.items():
            cores = rate * mix.cpu / 1000 / UTILISATION
            dollars = cores * core_hour * _HOURS, rate * 3600 * _HOURS / 1000 * thousand
            rows.append([rate, preset, cores, cores * actor_mb / 1024, rate * mix.size * 8 / 1e6, *dollars])
    columns = ["pages/s {:,}", "preset", "cores {:,.2f}", "memory GB {:,.1f}"]
    columns += ["from the store Mbit/s {:,.1f}", "cores $/month {:,.1f}", "requests $/month {:,.1f}"]
    return table(columns, rows)


@command()
def scaling(
    count: Annotated[int, "Pages of each kind."] = 12,
    rounds: Annotated[int, "Readings of each; the median counts."] = 5,
    actor_mb: Annotated[float, "Of an actor: `python -m benchmarks cluster`."] = 350.0,
    price_per_hour: Annotated[float, "Dollars, of a machine."] = 0.0168,
    vcpu: Annotated[int, "Its processors."] = 2,
    price_per_thousand: Annotated[float, "Dollars, of requests to the store."] = 0.0004,
) -> Iterator[str]:
    """Measure processor time a page, with one thread; say what 1, 100 and 10,000 pages a second need."""
    yield f"{count} made pages of each kind, the median of {rounds} readings of each."
    mixes = {}
    for preset in _PRESETS:
        costs, peak = _measured(preset, count, rounds)
        mixes[preset] = _mixed(costs)
        yield from (f"`{preset}`", _costs_table(costs), f"The reading process took {peak:.0f} MB at most.")
    yield (
        f"{mixed.SAID} Cores are busy {UTILISATION:.0%} of the time, each has an actor of {actor_mb:.0f} "
        f"MB; {vcpu} cost ${price_per_hour} an hour, a thousand requests ${price_per_thousand}, one a page."
    )
    yield _needs_table(mixes, actor_mb, price_per_hour / vcpu, price_per_thousand)


# In a local Ray

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
    """Write this many hundred files of the mix, all names of ten pictures a kind; return their bytes."""
    total = 0
    for kind, share in MIX.items():
        made = [KINDS[kind](seed) for seed in range(10)]
        for number in range(share * copies):
            data = made[number % len(made)]
            # Spread over the folder, so that every block has its share of what is slow.
            mixed.write(data, folder, f"{number * 100 // (share * copies):03} {kind} {number}")
            total += len(data)
    return total


def _watch(most: defaultdict[str, float], over: threading.Event) -> None:
    """Note the most memory that each process of this program's offspring has of its own, in MB (Linux)."""
    while not over.wait(_EVERY_S):
        for path in Path("/proc").glob("[0-9]*"):
            if role := _role(int(path.name)):
                own = processes.memory_mb(int(path.name), "Pss", "smaps_rollup")
                most[role] = max(most[role], own)


def _role(pid: int) -> str | None:
    """Return what a process is to the job; None for others."""
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
    """Tabulate pages a second of both ways, which take turns; what every job costs is left out."""
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
    """Measure pages a second in a local Ray and by `read_many`, and the memory of their processes."""
    import ray

    job = _job()
    yield f"Ray {ray.__version__}."
    most: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as name, beside(partial(_watch, most)):
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

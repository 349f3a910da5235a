"""``python -m benchmarks scaling``: what a page costs a processor, and from that what a cluster needs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks import report
from benchmarks.mixed import KINDS, MIX, suffix
from qrcascade.profile.advice import UTILISATION

__all__ = ["Needs", "needs", "scaling"]

_DOCS = Path("docs/benchmarks")
_PRESETS = ("classical", "light")
_RATES = (1, 100, 10_000)
_READ = """
import json, sys, time
from pathlib import Path
import cv2
from qrcascade import Cascade, read_document
from qrcascade.profile.child import memory
cv2.setNumThreads(1)
folder, preset, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
cascade = Cascade.preset(preset)
found = {}
for number in range(rounds + 1):  # the first one loads what has to be loaded
    for path in sorted(folder.iterdir()):
        start, cpu = time.perf_counter(), time.process_time()
        (result,) = read_document(path, cascade=cascade)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        engines = {"classical": 0.0, "grid": 0.0}
        for attempt in result.attempts:
            engines[attempt.strategy] += attempt.elapsed_s
        if number:
            found.setdefault(path.stem, []).append((cpu, wall, *engines.values(), bool(result)))
print(json.dumps({"takes": found, "peak_mb": memory()[1]}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page of one kind takes of one processor.

    Parameters
    ----------
    size : float
        Bytes of its file.
    cpu, wall : float
        Milliseconds.
    classical, grid : float
        Their engine runs' shares of the time; the rest is opening, decoding or rendering, and bookkeeping.
    read : float
        Share of the pages of which something was read.
    """

    size: float
    cpu: float
    wall: float
    classical: float
    grid: float
    read: float


@dataclass(frozen=True, slots=True)
class Needs:
    """What so many pages a second need.

    Parameters
    ----------
    cores : float
        Each busy `UTILISATION` of the time.
    memory : float
        Gigabytes, of an actor a core.
    network : float
        Megabits a second from the object store.
    dollars : float
        Of the cores, a month of 730 hours.
    requests : float
        Dollars a month for fetching a file a page.
    """

    cores: float
    memory: float
    network: float
    dollars: float
    requests: float


def needs(
    rate: float, cpu: float, size: float, *, actor_mb: float, core_hour: float, thousand: float
) -> Needs:
    """From milliseconds and bytes a page, the dollars of a core an hour and of a thousand requests."""
    cores = rate * cpu / 1000 / UTILISATION
    return Needs(
        cores=cores,
        memory=cores * actor_mb / 1024,
        network=rate * size * 8 / 1e6,
        dollars=cores * core_hour * 730,
        requests=rate * 3600 * 730 / 1000 * thousand,
    )


def _measured(preset: str, count: int, rounds: int) -> tuple[dict[str, Cost], float]:
    """Of each kind, medians over rounds, means over pages; and the process's memory at most, in MB."""
    costs: dict[str, Cost] = {}
    peak = 0.0
    for kind, make in KINDS.items():
        files = [make(seed) for seed in range(count)]
        with tempfile.TemporaryDirectory() as name:
            for number, data in enumerate(files):
                Path(name, f"{number}{suffix(data)}").write_bytes(data)
            run = [sys.executable, "-c", _READ, name, preset, str(rounds)]
            said = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
        takes = np.array([np.median(page, axis=0) for page in said["takes"].values()]).mean(axis=0)
        cpu, wall, classical, grid, read = map(float, takes)
        size = sum(map(len, files)) / count
        costs[kind] = Cost(size, 1000 * cpu, 1000 * wall, classical / wall, grid / wall, read)
        peak = max(peak, said["peak_mb"])
    return costs, peak


def _mixed(costs: dict[str, Cost], value: Callable[[Cost], float]) -> float:
    return sum(share * value(costs[kind]) for kind, share in MIX.items()) / 100


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _costs_table(preset: str, costs: dict[str, Cost]) -> str:
    head = ["page", "KB", "read", "wall ms", "CPU ms", "pages/s", "decoding", "classical", "grid"]
    rows = []
    for kind, cost in costs.items():
        shares = 1 - cost.classical - cost.grid, cost.classical, cost.grid
        times = f"{cost.size / 1000:.0f}", f"{cost.read:.0%}", f"{cost.wall:.1f}", f"{cost.cpu:.1f}"
        rows.append([kind, *times, f"{1000 / cost.cpu:.1f}", *(f"{share:.0%}" for share in shares)])
    size, cpu = _mixed(costs, lambda cost: cost.size), _mixed(costs, lambda cost: cost.cpu)
    classical = _mixed(costs, lambda cost: cost.classical * cost.cpu) / cpu
    grid = _mixed(costs, lambda cost: cost.grid * cost.cpu) / cpu
    parts = [f"{share:.0%}" for share in (1 - classical - grid, classical, grid)]
    mix = [f"{size / 1000:.0f}", "", "", f"{cpu:.1f}", f"{1000 / cpu:.1f}", *parts]
    return f"`{preset}`\n\n{_table(head, [*rows, ['the mix', *mix]])}"


def _needs_table(
    costs: dict[str, dict[str, Cost]], actor_mb: float, core_hour: float, thousand: float
) -> str:
    head = [
        "pages/s",
        "preset",
        "cores",
        "memory GB",
        "from the store Mbit/s",
        "cores $/month",
        "requests $/month",
    ]
    rows = []
    for rate in _RATES:
        for preset, of_kinds in costs.items():
            cpu, size = _mixed(of_kinds, lambda c: c.cpu), _mixed(of_kinds, lambda c: c.size)
            need = needs(rate, cpu, size, actor_mb=actor_mb, core_hour=core_hour, thousand=thousand)
            figures = need.memory, need.network, need.dollars, need.requests
            rows.append([f"{rate:,}", preset, f"{need.cores:,.2f}", *(f"{v:,.1f}" for v in figures)])
    return _table(head, rows)


@click.option("--count", default=12, show_default=True, help="Pages of each kind.")
@click.option("--rounds", default=5, show_default=True, help="Readings of each; the median counts.")
@click.option(
    "--actor-mb", default=350.0, show_default=True, help="Of an actor: `python -m benchmarks cluster`."
)
@click.option("--price-per-hour", default=0.0168, show_default=True, help="Dollars, of a machine.")
@click.option("--vcpu", default=2, show_default=True, help="Its processors.")
@click.option(
    "--price-per-thousand", default=0.0004, show_default=True, help="Dollars, of requests to the store."
)
@click.option("--save", is_flag=True, help="Write docs/benchmarks/scaling.md.")
def scaling(
    count: int,
    rounds: int,
    actor_mb: float,
    price_per_hour: float,
    vcpu: int,
    price_per_thousand: float,
    save: bool,
) -> None:
    """Processor time a page, in a process with one thread, and what 1, 100 and 10,000 pages a second need."""
    costs: dict[str, dict[str, Cost]] = {}
    parts = []
    for preset in _PRESETS:
        costs[preset], peak = _measured(preset, count, rounds)
        parts += [_costs_table(preset, costs[preset]), f"The reading process took {peak:.0f} MB at most."]
    mix = ", ".join(f"{share} % {kind}" for kind, share in MIX.items())
    said = (
        f"The mix: {mix}. Cores are busy {UTILISATION:.0%} of the time, each has an actor of {actor_mb:.0f} "
        f"MB; {vcpu} cost ${price_per_hour} an hour, a thousand requests ${price_per_thousand}, one a page."
    )
    parts += [said, _needs_table(costs, actor_mb, price_per_hour / vcpu, price_per_thousand)]
    click.echo("\n\n".join(parts))
    if save:
        title = f"{count} made pages of each kind, the median of {rounds} readings of each."
        (_DOCS / "scaling.md").write_text(report.page("scaling", title, *parts), encoding="utf-8")

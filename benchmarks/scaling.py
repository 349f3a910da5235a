"""``python -m benchmarks scaling``: what a page costs a processor, and from that what a cluster needs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from benchmarks import mixed, options
from benchmarks.harness import own_process
from benchmarks.mixed import KINDS, MIX
from benchmarks.options import option, saves
from benchmarks.render import publish, table
from qrcascade.profile.advice import UTILISATION

_PRESETS = ("classical", "light")
_RATES, _HOURS = (1, 100, 10_000), 730
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
    """Of each kind, medians over rounds, means over pages; and the process's memory at most, in MB."""
    costs: dict[str, Cost] = {}
    peak = 0.0
    for kind, make in KINDS.items():
        files = [make(seed) for seed in range(count)]
        with tempfile.TemporaryDirectory() as name:
            for number, data in enumerate(files):
                mixed.write(data, Path(name), str(number))
            said = json.loads(own_process(_READ, name, preset, rounds))
        takes = np.array([np.median(page, axis=0) for page in said["takes"].values()]).mean(axis=0)
        cpu, wall, classical, grid, read = takes.tolist()
        engines = 1000 * cpu * classical / wall, 1000 * cpu * grid / wall
        size = sum(map(len, files)) / count
        costs[kind] = Cost(size, 1000 * cpu, 1000 * wall, *engines, read)
        peak = max(peak, said["peak_mb"])
    return costs, peak


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
    """Cores, each busy `UTILISATION` of the time with an actor, and what they and requests cost a month."""
    rows = []
    for rate in _RATES:
        for preset, mix in mixes.items():
            cores = rate * mix.cpu / 1000 / UTILISATION
            dollars = cores * core_hour * _HOURS, rate * 3600 * _HOURS / 1000 * thousand
            rows.append([rate, preset, cores, cores * actor_mb / 1024, rate * mix.size * 8 / 1e6, *dollars])
    columns = ["pages/s {:,}", "preset", "cores {:,.2f}", "memory GB {:,.1f}"]
    columns += ["from the store Mbit/s {:,.1f}", "cores $/month {:,.1f}", "requests $/month {:,.1f}"]
    return table(columns, rows)


@click.command()
@option("--count", default=12, text="Pages of each kind.")
@options.rounds(5, "Readings of each; the median counts.")
@option("--actor-mb", default=350.0, text="Of an actor: `python -m benchmarks cluster`.")
@option("--price-per-hour", default=0.0168, text="Dollars, of a machine.")
@option("--vcpu", default=2, text="Its processors.")
@option("--price-per-thousand", default=0.0004, text="Dollars, of requests to the store.")
@saves("scaling")
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
    mixes = {}
    parts = []
    for preset in _PRESETS:
        costs, peak = _measured(preset, count, rounds)
        mixes[preset] = _mixed(costs)
        parts += [f"`{preset}`", _costs_table(costs), f"The reading process took {peak:.0f} MB at most."]
    parts.append(
        f"{mixed.SAID} Cores are busy {UTILISATION:.0%} of the time, each has an actor of {actor_mb:.0f} "
        f"MB; {vcpu} cost ${price_per_hour} an hour, a thousand requests ${price_per_thousand}, one a page."
    )
    parts.append(_needs_table(mixes, actor_mb, price_per_hour / vcpu, price_per_thousand))
    head = f"{count} made pages of each kind, the median of {rounds} readings of each."
    publish("scaling", parts, save=save, head=[head])

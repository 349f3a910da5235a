"""``python -m benchmarks scaling``: what a page costs a processor, and from that what a cluster needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from benchmarks import mixed, processes
from benchmarks.commands import command
from benchmarks.harness import reader_of
from benchmarks.mixed import KINDS, MIX
from benchmarks.render import table
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
    """Of each kind, medians over rounds, means over pages; and the process's memory at most, in MB."""
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
    """Of `Cost`, all but the size, for one page."""
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


@command()
def scaling(
    count: Annotated[int, "Pages of each kind."] = 12,
    rounds: Annotated[int, "Readings of each; the median counts."] = 5,
    actor_mb: Annotated[float, "Of an actor: `python -m benchmarks cluster`."] = 350.0,
    price_per_hour: Annotated[float, "Dollars, of a machine."] = 0.0168,
    vcpu: Annotated[int, "Its processors."] = 2,
    price_per_thousand: Annotated[float, "Dollars, of requests to the store."] = 0.0004,
) -> Iterator[str]:
    """Processor time a page, in a process with one thread, and what 1, 100 and 10,000 pages a second need."""
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

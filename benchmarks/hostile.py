"""``python -m benchmarks hostile``: what the worst pictures cost, and by how much a timeout is overrun."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import click
import numpy as np

from benchmarks.harness import each
from benchmarks.pages import command, table
from benchmarks.worst import SIZE, WORST, worst
from qrcascade.cascade import Cascade, Preset
from qrcascade.image.frame import Gray

_NOTE = """\
CPU is this process's time for a reading without a timeout. The longest step is one that nothing in the same
process can interrupt. "Over" is how much longer than its timeout an answer took, in the worst case; beside
it, the same less the time of the last step, which was running then. With isolation, a worker was ready.
Presets whose libraries or weights are not installed run without those tiers."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one reading took: seconds of processor and wall time, and of its longest and last steps."""

    kind: str
    cpu: float
    wall: float
    longest: float
    last: float
    attempts: int
    codes: int


def read(cascade: Cascade, kind: str, gray: Gray, timeout: float | None = None) -> Cost:
    """Read one picture."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = cascade.read(gray, timeout=timeout)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    steps = [attempt.elapsed_s for attempt in result.attempts] or [0.0]
    return Cost(kind, cpu, wall, max(steps), steps[-1], len(result.attempts), len(result.codes))


def _costs(preset: Preset, kinds: list[str], size: tuple[int, int]) -> Iterator[str]:
    """Without a timeout."""
    cascade = Cascade.preset(preset)
    found = [read(cascade, kind, worst(kind, size=size)) for kind in each(str, kinds, name=preset)]
    columns = ["picture", "CPU s {:.1f}", "longest step s {:.2f}", "attempts", "codes"]
    rows = [(c.kind, c.cpu, c.longest, c.attempts, c.codes) for c in found]
    yield f"`{preset}` without a timeout: at most {max(c.cpu for c in found):.1f} s of CPU"
    yield table(columns, rows)


def _overruns(
    preset: Preset, kinds: list[str], size: tuple[int, int], timeouts: tuple[float, ...], rounds: int
) -> Iterator[str]:
    """With timeouts, here and in a worker process."""
    rows = []
    with Cascade.preset(preset, isolation="process") as apart:
        here = Cascade.preset(preset)
        for timeout in timeouts:
            within, isolated = [], []
            for kind in each(str, kinds * rounds, name=f"{preset}, {timeout} s"):
                gray = worst(kind, size=size)
                cost = read(here, kind, gray, timeout)
                within.append((cost.wall - timeout, cost.wall - timeout - cost.last))
                # A worker that is late is ended; that another one starts then does not count.
                apart.warm()
                isolated.append(read(apart, kind, gray, timeout).wall - timeout)
            over, beyond = np.max(within, axis=0)
            rows.append((timeout, over, beyond, float(np.quantile(isolated, 0.99)), max(isolated)))
    yield f"`{preset}`, {len(kinds) * rounds} readings each: seconds over the timeout"
    columns = ["timeout", "over {:.2f}", "less the last step {:.2f}", "isolated, P99 {:.2f}"]
    yield table([*columns, "at most {:.2f}"], rows)


@command(title="The worst pictures")
def hostile(
    presets: Annotated[tuple[Preset, ...], "--preset"] = ("classical", "light", "thorough"),
    kinds: Annotated[tuple[str, ...], "--kind", click.Choice(list(WORST))] = tuple(WORST),
    timeouts: Annotated[tuple[float, ...], "--timeout"] = (0.05, 0.5, 2.0),
    share: Annotated[float, "Width and height, as a share of 4000 x 3000 pixels."] = 1.0,
    rounds: Annotated[int, "Readings of each picture with each timeout."] = 1,
) -> Iterator[str]:
    """Read the worst pictures with and without timeouts, in this process and in another."""
    yield _NOTE
    size = (round(SIZE[0] * share), round(SIZE[1] * share))
    for preset in presets:
        yield from _costs(preset, list(kinds), size)
        yield from _overruns(preset, list(kinds), size, timeouts, rounds)

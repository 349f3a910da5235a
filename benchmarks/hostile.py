"""``python -m benchmarks hostile``: what the worst pictures cost, and by how much a timeout is overrun."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import click
import numpy as np

from benchmarks.harness import each, timed
from benchmarks.pages import command, table
from benchmarks.worst import SIZE, WORST, worst
from qrcascade.cascade import Cascade, Preset

_NOTE = """\
CPU is this process's time for a reading without a timeout. The longest step is one that nothing in the same
process can interrupt. "Over" is how much longer than its timeout an answer took, in the worst case; beside
it, the same less the time of the last step, which was running then. With isolation, a worker was ready.
Presets whose libraries or weights are not installed run without those tiers."""


def _costs(preset: Preset, kinds: list[str], size: tuple[int, int]) -> Iterator[str]:
    """Measure without a timeout."""
    cascade, rows = Cascade.preset(preset), []
    for kind in each(str, kinds, name=preset):
        result, cpu_ms = timed(cascade.read, worst(kind, size=size), clock=time.process_time)
        longest = max((attempt.elapsed_s for attempt in result.attempts), default=0.0)
        rows.append((kind, cpu_ms / 1000, longest, len(result.attempts), len(result.codes)))
    yield f"`{preset}` without a timeout: at most {max(cpu for _, cpu, *_ in rows):.1f} s of CPU"
    yield table(["picture", "CPU s {:.1f}", "longest step s {:.2f}", "attempts", "codes"], rows)


def _overruns(
    preset: Preset, kinds: list[str], size: tuple[int, int], timeouts: tuple[float, ...], rounds: int
) -> Iterator[str]:
    """Measure with timeouts, here and in a worker process."""
    rows = []
    with Cascade.preset(preset, isolation="process") as apart:
        here = Cascade.preset(preset)
        for timeout in timeouts:
            within, isolated = [], []
            for kind in each(str, kinds * rounds, name=f"{preset}, {timeout} s"):
                gray = worst(kind, size=size)
                result, ms = timed(partial(here.read, gray, timeout=timeout))
                over, last = ms / 1000 - timeout, sum(one.elapsed_s for one in result.attempts[-1:])
                within.append((over, over - last))
                # A worker that is late is ended; that another one starts then does not count.
                apart.warm()
                isolated.append(timed(partial(apart.read, gray, timeout=timeout))[1] / 1000 - timeout)
            here_p99, apart_p99 = (np.quantile(over, 0.99) for over in ([o for o, _ in within], isolated))
            rows.append((timeout, here_p99, *np.max(within, axis=0), apart_p99, max(isolated)))
    yield f"`{preset}`, {len(kinds) * rounds} readings each: seconds over the timeout"
    columns = ["timeout", "over, P99 {:.2f}", "over {:.2f}", "less the last step {:.2f}"]
    yield table([*columns, "isolated, P99 {:.2f}", "at most {:.2f}"], rows)


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

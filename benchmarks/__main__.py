"""``python -m benchmarks``: one command for each of the figures in docs/benchmarks."""

from __future__ import annotations

import click

from benchmarks.batch import batch, growth, pages
from benchmarks.claims import claims
from benchmarks.cluster import cluster
from benchmarks.compare import compare
from benchmarks.concurrency import concurrency
from benchmarks.curves import curves
from benchmarks.easy import easy, startup
from benchmarks.hostile import hostile
from benchmarks.isolation import isolation
from benchmarks.kinds import kinds
from benchmarks.load import load
from benchmarks.mixtures import mixtures
from benchmarks.run import baseline, run
from benchmarks.runtimes import runtimes
from benchmarks.safety import safety
from benchmarks.safety_pictures import safety_pictures
from benchmarks.scaling import scaling
from benchmarks.schedule import schedule
from benchmarks.soak import soak
from benchmarks.tiles import small_codes
from benchmarks.where import where


@click.group()
def main() -> None:
    """Measure qrcascade and its peers."""


for _command in (run, baseline, schedule, startup, easy, safety, safety_pictures, concurrency, curves):
    main.add_command(_command)
for _command in (
    runtimes,
    claims,
    compare,
    isolation,
    load,
    soak,
    scaling,
    cluster,
    small_codes,
    batch,
    growth,
):
    main.add_command(_command)
for _command in (pages, kinds, hostile, mixtures, where):
    main.add_command(_command)

if __name__ == "__main__":
    main()

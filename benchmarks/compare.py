"""``python -m benchmarks compare``: this checkout beside another one, picture by picture in one run."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import corpora, options
from benchmarks.corpora import Picture
from benchmarks.harness import Program, each
from benchmarks.options import every, option
from benchmarks.render import publish, table
from benchmarks.symbols import in_file

# Only public names that both checkouts have: a line in is a file's path, a line out what came of it.
_READER = """
import json, sys, time, cv2, qrcascade
cv2.setNumThreads(1)
preset, expect, isolation = json.loads(sys.argv[1])
if __name__ == "__main__":
    with qrcascade.Cascade.preset(preset, isolation=isolation) as cascade:
        for line in sys.stdin:
            wall, cpu = time.perf_counter(), time.process_time()
            result = cascade.read(line.rstrip("\\n"), expect=expect)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps([wall, cpu, sorted(result.texts)]), flush=True)
"""


Pair = tuple[float, float, bool]
"""Seconds that this checkout and the other took for one picture, and whether they read the same."""


@click.command()
@click.argument("other", type=click.Path(path_type=Path, exists=True, file_okay=False))
@options.corpora("boofcv", "pages")
@option("--preset", default="light")
@click.option("--expect", type=click.Choice(["all"]), help="As for reading.")
@click.option("--isolated", is_flag=True, help="In worker processes; then wall time is compared.")
@every
@options.rounds(1, "Readings of each; the median counts.")
@click.option("--save", metavar="NAME", help="Write docs/benchmarks/NAME.md.")
def compare(
    other: Path,
    names: tuple[str, ...],
    preset: str,
    expect: str | None,
    isolated: bool,
    every: int,
    rounds: int,
    save: str | None,
) -> None:
    """Read with this checkout and with OTHER in turns, and print ratios of processor time."""
    asked = json.dumps([preset, expect, "process" if isolated else None])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            files = [file_of(picture, Path(folder)) for picture in corpora.load(name)[::every]]
            pairs = _measure(files, (Path.cwd(), other.resolve()), asked, isolated, rounds)
            rows.append([name, *_cells(pairs)])
    columns = ["corpus", "pictures", "time / other {:.3f}", "median picture {:.3f}"]
    columns += ["P95 picture {:.2f}", "read otherwise"]
    publish(save or "compare", [table(columns, rows)], save=bool(save))


def file_of(picture: Picture, folder: Path) -> Path:
    """A picture's file; one that is made is written into the folder."""
    path = picture.path
    if path is None:
        path = folder / f"{picture.name.replace('/', ' ')}.png"
        path.write_bytes(in_file(picture.rgb(), "PNG"))
    return path


def _measure(
    files: list[Path], checkouts: tuple[Path, Path], asked: str, isolated: bool, rounds: int
) -> list[Pair]:
    readers = [start(checkout, _READER, asked) for checkout in checkouts]
    # What is loaded at the first picture is nobody's time.
    for reader in readers:
        reader.ask(files[0])

    def look(task: tuple[int, Path]) -> Pair:
        number, file = task
        taken: list[list[Any]] = [[], []]
        for turn in range(rounds):
            # Who comes first changes from reading to reading.
            for which in (0, 1) if (number + turn) % 2 else (1, 0):
                taken[which].append(readers[which].ask(file))
        ours, theirs = (statistics.median(t[0 if isolated else 1] for t in each) for each in taken)
        return ours, theirs, taken[0][0][2] == taken[1][0][2]

    pairs = list(each(look, list(enumerate(files))))
    for reader in readers:
        reader.end()
    return pairs


def start(checkout: Path, code: str, asked: str) -> Program:
    """A program that imports from a checkout, not from where this one runs."""
    with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as script:
        script.write(code)
    return Program(sys.executable, script.name, asked, PYTHONPATH=str(checkout))


def _cells(pairs: list[Pair]) -> list[object]:
    ours, theirs, same = zip(*pairs, strict=True)
    ratios = sorted(np.divide(ours, theirs))
    p95 = ratios[int(0.95 * (len(ratios) - 1))]
    return [len(pairs), sum(ours) / sum(theirs), np.median(ratios), p95, len(same) - sum(same)]

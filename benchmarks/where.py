"""``python -m benchmarks where``: which steps processor time goes to, by what came of the picture."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import click

from benchmarks import corpora, options
from benchmarks.compare import file_of, start
from benchmarks.harness import each
from benchmarks.options import every, option, saves
from benchmarks.render import publish, table

# A line in is a file's path, a line out how many codes were read, and the seconds of each kind of step.
_READER = """
import json, sys, time, collections
time.perf_counter = time.process_time  # which is what attempts are timed by
import cv2, qrcascade
cv2.setNumThreads(1)
cascade = qrcascade.Cascade.preset(sys.argv[1])
for line in sys.stdin:
    result = cascade.read(line.rstrip("\\n"))
    spent = collections.Counter({"the rest": result.elapsed_s})
    for attempt in result.attempts:
        spent[f"{attempt.engine} {attempt.kind}"] += attempt.elapsed_s
        spent["the rest"] -= attempt.elapsed_s
    print(json.dumps([len(result), spent]), flush=True)
"""
# Steps with a smaller share of an outcome's time are left out.
_LEAST = 0.01


@click.command()
@click.argument("other", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@options.corpora("boofcv", "pages")
@option("--preset", default="light")
@every
@saves("where")
def where(other: Path | None, names: tuple[str, ...], preset: str, every: int, save: bool) -> None:
    """Split processor time by outcome and kind of step; with OTHER, a checkout, that of both in one run.

    A corpus may be a folder. "The rest" is loading and planning.
    """
    parts = []
    readers = [start(place.resolve(), _READER, preset) for place in (other, Path.cwd()) if place]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            pictures = [(file_of(one, Path(folder)), one.codes) for one in corpora.load(name)[::every]]
            for reader in readers:  # What is loaded at the first picture is no step's time.
                reader.ask(pictures[0][0])
            said = list(each(lambda one: (one[1], [reader.ask(one[0]) for reader in readers]), pictures))
        parts += [f"`{Path(name).name}`", _split(said, len(readers))]
    publish("where", parts, save=save, title="Where processor time goes")


def _split(said: list[tuple[int, list[tuple[int, dict[str, float]]]]], readers: int) -> str:
    """A row for each outcome and kind of step, from how many codes pictures have and what was said."""
    pictures: Counter[str] = Counter()
    sums: dict[tuple[str, str], list[float]] = {}
    for codes, answers in said:
        outcome = "read" if answers[-1][0] else "unread" if codes else "blank"
        pictures[outcome] += 1
        for which, (_, spent) in enumerate(answers):
            for kind, seconds in {**spent, "all": sum(spent.values())}.items():
                sums.setdefault((outcome, kind), [0.0] * readers)[which] += seconds
    rows = []
    for (outcome, kind), each_s in sorted(sums.items(), key=lambda row: (row[0][0], -max(row[1]))):
        if max(each_s) >= _LEAST * max(sums[outcome, "all"]):
            rows.append([f"{outcome} ({pictures[outcome]})", kind, *each_s])
    return table(["outcome (pictures)", "step", *["other s {:.2f}", "s {:.2f}"][-readers:]], rows, {0, 1})

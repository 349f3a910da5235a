"""This checkout beside another one, file by file in one run: what each took, and which steps took it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from benchmarks import corpora
from benchmarks.corpora import Picture
from benchmarks.harness import each, reader_of
from benchmarks.pages import FOLDER, Corpora, Every, command, table
from benchmarks.symbols import in_file
from qrcascade.cascade import Preset

Answers = list[list[dict[str, Any]]]
"""Of each round, what each reader said of one file."""
# Steps with a smaller share of an outcome's time are left out.
_LEAST = 0.01


def _asked(
    checkouts: list[Path], corpus: str, every: int, rounds: int = 1, **options: Any
) -> Iterator[tuple[Picture, Answers]]:
    """Give each file to a reader of each checkout, as often as asked; what is loaded first is nobody's."""
    readers = [reader_of(checkout.resolve(), **options) for checkout in checkouts]
    with tempfile.TemporaryDirectory() as folder:
        tasks = [(picture, _file(picture, Path(folder))) for picture in corpora.load(corpus)[::every]]
        for reader in readers:
            reader.ask(tasks[0][1])

        def look(task: tuple[int, tuple[Picture, Path]]) -> tuple[Picture, Answers]:
            number, (picture, file) = task
            answers = []
            for turn in range(rounds):
                # Who comes first changes from reading to reading.
                order = (1, -1)[(number + turn) % 2]
                answers.append([reader.ask(file) for reader in readers[::order]][::order])
            return picture, answers

        yield from each(look, list(enumerate(tasks)), name=corpus)
    for reader in readers:
        reader.end()


def _file(picture: Picture, folder: Path) -> Path:
    """Return a picture's file; write one that is made into the folder."""
    path = picture.path
    if path is None:
        path = folder / f"{picture.name.replace('/', ' ')}.png"
        path.write_bytes(in_file(picture.rgb(), "PNG"))
    return path


@command()
def compare(
    other: Annotated[Path, FOLDER],
    /,
    names: Corpora = ("boofcv", "pages"),
    preset: Preset = "light",
    expect: Annotated[Literal["all"] | None, "As for reading."] = None,
    isolated: Annotated[bool, "In worker processes; then wall time is compared."] = False,
    every: Every = 1,
    rounds: Annotated[int, "Readings of each; the median counts."] = 1,
) -> Iterator[str]:
    """Read with this checkout and with OTHER in turns, and print ratios of processor time."""
    options = {"preset": preset, "expect": expect, "isolation": "process" if isolated else None}
    clock, rows = "wall" if isolated else "cpu", []
    for name in names:
        answers = [found for _, found in _asked([Path.cwd(), other], name, every, rounds, **options)]
        times = np.array([[[one[clock] for one in pair] for pair in of_file] for of_file in answers])
        ours, theirs = np.median(times, axis=1).T
        ratios = np.divide(ours, theirs)
        p95 = np.quantile(ratios, 0.95, method="lower")
        differ = sum(one["texts"] != another["texts"] for ((one, another), *_) in answers)
        rows.append([name, len(ratios), ours.sum() / theirs.sum(), np.median(ratios), p95, differ])
    columns = ["corpus", "pictures", "time / other {:.3f}", "median picture {:.3f}"]
    yield table([*columns, "P95 picture {:.2f}", "read otherwise"], rows)


@command(title="Where processor time goes")
def where(
    other: Annotated[Path | None, FOLDER] = None,
    /,
    names: Corpora = ("boofcv", "pages"),
    preset: Preset = "light",
    every: Every = 1,
) -> Iterator[str]:
    """Split processor time by outcome and kind of step; with OTHER, a checkout, that of both in one run.

    A corpus may be a folder. "The rest" is loading and planning.
    """
    checkouts = [place for place in (other, Path.cwd()) if place]
    for name in names:
        said = [(picture, answers[0]) for picture, answers in _asked(checkouts, name, every, preset=preset)]
        yield from (f"`{Path(name).name}`", _split(said, len(checkouts)))


def _split(said: list[tuple[Picture, list[dict[str, Any]]]], readers: int) -> str:
    """Return a table with a row for each outcome and kind of step."""
    pictures: Counter[str] = Counter()
    sums: dict[tuple[str, str], list[float]] = {}
    for picture, answers in said:
        outcome = "read" if answers[-1]["found"] else "unread" if picture.codes else "blank"
        pictures[outcome] += 1
        for which, answer in enumerate(answers):
            steps = [(step.partition(": ")[2], spent) for step, spent in answer["spent"].items()]
            steps += [("the rest", answer["cpu"] - sum(spent for _, spent in steps)), ("all", answer["cpu"])]
            for step, spent in steps:
                sums.setdefault((outcome, step), [0.0] * readers)[which] += spent
    rows = [
        [f"{outcome} ({pictures[outcome]})", step, *spent]
        for (outcome, step), spent in sorted(sums.items(), key=lambda row: (row[0][0], -max(row[1])))
        if max(spent) >= _LEAST * max(sums[outcome, "all"])
    ]
    return table(["outcome (pictures)", "step", *["other s {:.2f}", "s {:.2f}"][-readers:]], rows, {0, 1})

"""Long runs: tasks in order, over processes, each outcome a line of a record, so that a cut run goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import cv2
from tqdm import tqdm

__all__ = ["Outcome", "Task", "outcomes"]

Task = tuple[str, int]
"""A kind and a seed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task gave: a subclass adds fields that JSON can hold."""

    kind: str
    seed: int


O = TypeVar("O", bound=Outcome)  # noqa: E741


def outcomes(
    look: Callable[[Task], O],
    restore: Callable[..., O],
    tasks: Sequence[Task],
    workers: int,
    record: Path | None = None,
    *,
    name: str = "",
    unit: str = "picture",
) -> list[O]:
    """In order, and the same whatever the number of workers; those in the record are not done again.

    Parameters
    ----------
    look : callable
        From a task to its outcome; can be pickled where there are several workers.
    restore : callable
        Makes an outcome again of its fields.
    tasks : sequence of (str, int)
    workers : int
        Processes; 1 is this one.
    record : Path, optional
        A file with a line of JSON for each outcome.
    name, unit : str
        For the progress bar.
    """
    done = _recorded(record, restore, tasks) if record else []
    bar = tqdm(total=len(tasks), initial=len(done), unit=unit, desc=name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(bar)
        file = stack.enter_context(record.open("a", 1, "utf-8")) if record else None
        found: Iterable[O] = map(look, tasks[len(done) :])
        if workers > 1:
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(workers, _alone))
            found = pool.imap(look, tasks[len(done) :], chunksize=16)
        for outcome in found:
            done.append(outcome)
            if file:
                file.write(json.dumps(dataclasses.asdict(outcome)) + "\n")
            bar.update()
    return done


def _recorded(record: Path, restore: Callable[..., O], tasks: Sequence[Task]) -> list[O]:
    """Outcomes of an earlier run of these tasks; a last line that was cut is dropped from the file."""
    whole = record.read_text(encoding="utf-8").rpartition("\n")[0] if record.exists() else ""
    done = [restore(**json.loads(line)) for line in whole.splitlines()][: len(tasks)]
    if [(outcome.kind, outcome.seed) for outcome in done] != list(tasks[: len(done)]):
        raise click.UsageError(f"{record} is the record of other tasks")
    record.write_text(whole and whole + "\n", encoding="utf-8")
    return done


def _alone() -> None:
    """Leave the other cores to the other workers."""
    cv2.setNumThreads(1)

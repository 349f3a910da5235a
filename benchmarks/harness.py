"""What every benchmark does: look at each of many tasks, time ways in turns, run a program by itself.

A look at a task gives a record. Records can go to a file of JSON Lines as they come, from which a run that
was cut goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import cv2
import numpy as np
from tqdm import tqdm

from benchmarks import corpora
from benchmarks.corpora import Picture

Task = tuple[str, int]
"""A kind and a seed."""
T = TypeVar("T")
R = TypeVar("R")


def each(
    look: Callable[[T], R],
    tasks: Sequence[T],
    workers: int = 1,
    *,
    start: int = 0,
    name: str = "",
    unit: str = "picture",
) -> Iterator[R]:
    """Look at tasks in order, but for the first ``start``; the same whatever the number of workers.

    Of one worker, which is this process, ``look`` need not be one that can be pickled; ``name`` and ``unit``
    are for the progress bar.
    """
    bar = tqdm(total=len(tasks), initial=start, desc=name or None, unit=unit)
    with contextlib.ExitStack() as stack, bar:
        found: Iterable[R] = map(look, tasks[start:])
        if workers > 1:
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(workers, alone))
            found = pool.imap(look, tasks[start:], chunksize=2)
        for record in found:
            yield record
            bar.update()


def alone() -> None:
    """Leave the other cores to the other workers."""
    cv2.setNumThreads(1)


def pictures(look: Callable[[Picture], R], corpus: str, every: int = 1) -> Iterator[R]:
    """Look at every so manieth picture of a corpus."""
    return each(look, corpora.load(corpus)[::every], name=corpus)


# Runs that can be cut


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
    folder: Path | None = None,
    *,
    name: str,
    unit: str = "picture",
) -> list[O]:
    """Do as `each` does, but skip those that the folder's file of that name has, a line of JSON each.

    ``restore`` makes an outcome again of its fields.
    """
    record = folder / f"{name}.jsonl" if folder and tasks else None
    done = _recorded(record, restore, tasks) if record else []
    with record.open("a", 1, "utf-8") if record else contextlib.nullcontext() as file:
        for outcome in each(look, tasks, workers, start=len(done), name=name, unit=unit):
            done.append(outcome)
            if file:
                file.write(json.dumps(dataclasses.asdict(outcome)) + "\n")
    return done


def _recorded(record: Path, restore: Callable[..., O], tasks: Sequence[Task]) -> list[O]:
    """Read outcomes of an earlier run of these tasks; drop a last line that was cut from the file."""
    record.parent.mkdir(parents=True, exist_ok=True)
    whole = record.read_text(encoding="utf-8").rpartition("\n")[0] if record.exists() else ""
    done = [restore(**json.loads(line)) for line in whole.splitlines()][: len(tasks)]
    if [(outcome.kind, outcome.seed) for outcome in done] != list(tasks[: len(done)]):
        raise click.UsageError(f"{record} is the record of other tasks")
    record.write_text(whole and whole + "\n", encoding="utf-8")
    return done


def in_rounds(
    kinds: Iterable[str], number: int, expensive: Iterable[str] = (), seldom: int = 1
) -> list[Task]:
    """Make tasks: kinds in turn, with seeds from 0; expensive kinds in every ``seldom``-th round."""
    tasks: list[Task] = []
    kinds, seed = list(kinds), 0
    while len(tasks) < number:
        tasks += [(kind, seed) for kind in kinds if kind not in expensive or seed % seldom == 0]
        seed += 1
    return tasks[:number]


# Times


def timed(
    action: Callable[..., R], *given: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[R, float]:
    """Return what an action gives, and the milliseconds that it took."""
    start = clock()
    result = action(*given)
    return result, (clock() - start) * 1000


def in_turns(
    rounds: int,
    ways: Mapping[str, Callable[[], object]],
    *,
    clock: Callable[[], float] = time.perf_counter,
    warm: int = 1,
) -> dict[str, list[float]]:
    """Time each way in each round, in ms; they take turns, so that they share what else goes on.

    A way that returns a float has taken its own time. The first ``warm`` rounds do not count: in them is
    loaded what has to be loaded.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-warm, rounds):
        for name, way in ways.items():
            own, took = timed(way, clock=clock)
            if number >= 0:
                times[name].append(own if isinstance(own, float) else took)
    return times


def medians(times: Mapping[str, Sequence[float]]) -> list[float]:
    """Return the median of each way's times."""
    return [float(np.median(ms)) for ms in times.values()]


@contextlib.contextmanager
def beside(work: Callable[[threading.Event], object], threads: int = 1) -> Iterator[None]:
    """Work in threads meanwhile, which end when the event that they are given is set."""
    over = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(work, over) for _ in range(threads)]
        try:
            yield
        finally:
            over.set()
    for one in working:
        one.result()


def own_process(code: str, *arguments: object) -> str:
    """Return what a program prints in a fresh process."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Program:
    """A program in a process of its own, which answers each line with a line of JSON."""

    def __init__(self, *command: str, **environment: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, **environment})
        self.pid = self._process.pid

    def ask(self, line: object, data: bytes = b"") -> Any:
        """Return its answer to a line, and to the data that follow the line."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{line}\n".encode() + data)
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return json.loads(answer)

    def end(self) -> None:
        """Close its input, and wait until it has ended."""
        self._process.communicate()


def reader_of(checkout: Path, **options: Any) -> Program:
    """Return what reads files with a checkout, as `benchmarks.child` says."""
    script = str(Path(__file__).with_name("child.py"))
    return Program(sys.executable, script, json.dumps(options), PYTHONPATH=str(checkout))

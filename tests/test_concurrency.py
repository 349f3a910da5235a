"""One cascade for many threads, in forked and spawned processes, and for a long time."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.concurrency import compared, held, soaked, sources, told
from qrcascade import Cascade
from qrcascade.cascade import Preset
from qrcascade.neural import models, runtimes
from qrcascade.neural.runtimes import torch
from tests import draw

METHODS = [name for name in ("fork", "spawn") if name in multiprocessing.get_all_start_methods()]
# Of the sources: one that is read at once, and one that takes every stage of the grid reader.
EASY, HARD = 6, 7
FORKS = pytest.mark.skipif("fork" not in METHODS, reason="this system cannot fork")
# Seconds after which a process that should have answered hangs.
PATIENCE_S = 120.0


@pytest.mark.slow
def test_threads_read_what_the_cascade_reads_alone(tmp_path: Path) -> None:
    assert compared(Cascade.preset("classical"), sources(tmp_path), threads=8, reads=12) == 0


@pytest.mark.slow
def test_the_grid_readers_work_is_not_shared_between_readings(tmp_path: Path) -> None:
    page = sources(tmp_path)[HARD : HARD + 1]
    cascade = Cascade.preset("light")
    assert any(attempt.strategy == "grid" for attempt in cascade.read(page[0]).attempts)
    assert compared(cascade, page, threads=4, reads=2) == 0


@contextlib.contextmanager
def started(method: str, work: Any, *arguments: Any) -> Iterator[Any]:
    """What a child process puts into a pipe."""
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads, which is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    try:
        yield ours
    finally:
        child.kill()
        child.join()
        child.close()
        ours.close()
        theirs.close()


def answer(pipe: Any) -> Any:
    assert pipe.poll(PATIENCE_S), "the child process hangs"
    return pipe.recv()


def reads(pipe: Any, cascade: Cascade | Preset, pictures: list[Any]) -> None:
    reader = Cascade.preset(cascade) if isinstance(cascade, str) else cascade
    pipe.send([told(reader, picture) for picture in pictures])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_other_processes_read_the_same(method: str, tmp_path: Path) -> None:
    cascade, given = Cascade.preset("light"), sources(tmp_path)[4 : HARD + 1]
    alone = [told(cascade, source) for source in given]
    with started(method, reads, cascade if method == "fork" else "light", given) as pipe:
        assert answer(pipe) == alone


@pytest.mark.slow
@FORKS
def test_a_fork_in_the_midst_of_other_threads_readings(tmp_path: Path) -> None:
    cascade, given = Cascade.preset("classical"), sources(tmp_path)
    picture, over = given[EASY], threading.Event()
    alone = told(cascade, picture)

    def read_on() -> None:
        while not over.is_set():
            told(cascade, given[HARD])

    threads = [threading.Thread(target=read_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            with started("fork", reads, cascade, [picture]) as pipe:
                assert answer(pipe) == [alone]
    finally:
        over.set()
        for thread in threads:
            thread.join()


# Models


class Detector:
    """Stands for a model that takes its time to load."""

    built = 0

    def __init__(self, *_: Any) -> None:
        time.sleep(0.05)
        type(self).built += 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Detector]:
    monkeypatch.setattr(models, "_models", {})
    monkeypatch.setattr(models, "choose", lambda *_: "onnx")
    monkeypatch.setattr(models, "is_installed", lambda _: True)
    monkeypatch.setattr(models, "_build", Detector)
    monkeypatch.setattr(Detector, "built", 0)
    return Detector


def test_a_model_is_built_once_under_contention(counted: type[Detector]) -> None:
    begin = threading.Barrier(16)

    def load(number: int) -> runtimes.Detector:
        begin.wait()
        return models.load("sm"[number % 2])

    with ThreadPoolExecutor(16) as pool:
        loaded = list(pool.map(load, range(16)))
    assert counted.built == 2
    assert len({id(model) for model in loaded}) == 2


def loads(pipe: Any) -> None:
    loaded = models.load("m") is not None
    # Another thread: for the one that has forked the parent's lock would be its own.
    with ThreadPoolExecutor(1) as other:
        free = other.submit(torch._calling.acquire, timeout=5).result()
    pipe.send((loaded, len(models._models), free))


@FORKS
def test_a_fork_in_the_midst_of_loading_leaves_no_lock_and_no_model_behind(counted: type[Detector]) -> None:
    """The parent's threads do not live on in the child: who holds the lock there, holds it for ever."""
    models.load("s")
    with models._loading, torch._calling, started("fork", loads) as pipe:
        assert answer(pipe) == (True, 1, True)
    assert next(iter(models._models))[1] == "s"


# Soak


@pytest.mark.slow
@pytest.mark.skipif(held() is None, reason="only Linux tells in /proc what a process holds")
def test_memory_files_and_threads_stay_constant(tmp_path: Path) -> None:
    given = [source for i, source in enumerate(sources(tmp_path)) if i != HARD]
    rows = [now for _, now in soaked(Cascade.preset("classical"), given, reads=300, every=100)]
    assert len(rows) == 4
    assert {(now.files, now.threads) for now in rows} == {(rows[0].files, rows[0].threads)}
    assert rows[-1].rss_mb - rows[0].rss_mb <= 30


@pytest.mark.skipif(held() is None, reason="only Linux tells in /proc what a process holds")
def test_what_is_held_is_seen(tmp_path: Path) -> None:
    before, over = held(), threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    with (tmp_path / "open").open("w"):
        during = held()
    over.set()
    thread.join()
    assert before is not None
    assert during is not None
    assert (during.files, during.threads) == (before.files + 1, before.threads + 1)
    assert 10 < before.rss_mb < 10_000


def test_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.pages.DOCS", tmp_path)
    monkeypatch.setattr("benchmarks.concurrency.sources", lambda _: [draw.symbol(text)[0] for text in "ab"])
    soak = "10" if held() else "0"
    options = ["--threads", "2", "--reads", "3", "--rate-reads", "0", "--soak", soak, "--save"]
    ran = CliRunner().invoke(main, ["concurrency", *options])
    assert ran.exit_code == 0, ran.output
    page = (tmp_path / "concurrency.md").read_text("utf-8")
    assert "0 of 6 results differ" in page
    assert soak == "0" or page.count("\n| ") == 13

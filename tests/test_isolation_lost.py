"""Worker processes that are killed from outside, or slow to start: what a reading loses by it."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qrcascade import Cascade, WorkerError
from qrcascade.isolation.worker import Worker
from qrcascade.isolation.workers import Workers
from tests.faults import Reads, Starting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

BLANK = np.full((60, 80), 255, np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("warmed", [False, True])
def test_killed_while_it_starts(tmp_path: Path, deaths: int, warmed: bool) -> None:
    starting = Starting(tmp_path / "starts", deaths=deaths)
    with Cascade([starting], isolation="process") as cascade:
        if warmed:
            cascade.warm(workers=1)
        result = cascade.read(BLANK)
    assert result.text == "read"
    assert result.errors == ()
    assert starting.starts == deaths + 1


@pytest.mark.slow
def test_killed_whenever_it_starts(tmp_path: Path) -> None:
    starting = Starting(tmp_path / "starts", deaths=100)
    cascade = Cascade([starting], isolation="process")
    with pytest.raises(WorkerError, match=r"3 worker processes ended while they started.*SIGKILL"):
        cascade.read(BLANK)
    assert starting.starts == 3


def test_who_loses_a_worker_does_not_wait_until_others_have_started(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, returned, in_time = Workers(), threading.Event(), []
    lost = workers.take(None)

    def start(*given: Any) -> Worker:
        in_time.append(returned.wait(60))
        return Worker(*given)

    monkeypatch.setattr("qrcascade.isolation.workers.Worker", start)
    workers.replace(lost)
    returned.set()
    workers.close()
    assert in_time == [True, True]


def test_what_an_exception_ended_is_not_started_again(tmp_path: Path) -> None:
    starting = Starting(tmp_path / "starts", error="no such library")
    cascade = Cascade([starting], isolation="process")
    with pytest.raises(WorkerError, match=r"ended while it started \(exit code 1\)"):
        cascade.warm()
    assert starting.starts == 1


@pytest.mark.slow
def test_to_start_does_not_count_into_the_timeout(tmp_path: Path) -> None:
    with Cascade([Starting(tmp_path / "starts", seconds=4)], isolation="process") as cascade:
        result = cascade.read(BLANK, timeout=3.0, expect="all")
    assert result.text == "read"
    assert not result.timed_out
    assert result.elapsed_s < 4


@pytest.mark.slow
def test_to_start_counts_where_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.isolation.executor._UNCOUNTED_S", 0.1)
    with Cascade([Starting(tmp_path / "starts", seconds=3)], isolation="process") as cascade:
        result = cascade.read(BLANK, timeout=0.1)
        assert result.timed_out
        assert result.errors == ("no worker process was ready within the timeout",)
        # Slow to start is not broken: the next picture finds it.
        assert cascade.read(BLANK).text == "read"


def test_one_that_never_starts_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.isolation.worker._START_S", 0.1)
    cascade = Cascade([Starting(tmp_path / "starts", seconds=60)], isolation="process")
    with pytest.raises(WorkerError, match=r"had not started after 0\.1 s"):
        cascade.read(BLANK)


ENDING = """
import os, signal
from pathlib import Path
from qrcascade import ClassicalStrategy, Frame, engines

def end(times, path, ends=lambda: os.kill(os.getpid(), signal.SIGKILL)):
    with Path(path).open("a") as file:
        file.write(".")
    if Path(path).stat().st_size <= times:
        ends()

class Killed(ClassicalStrategy):
    '''Killed at zbar so many times, from outside as it were.'''
    def __init__(self, steps, path, times):
        super().__init__(steps)
        self.path, self.times = str(path), times
    def __setstate__(self, state):
        self.__dict__.update(state)
        zbar = engines.engine("zbar").__class__
        if not hasattr(zbar, "whole"):
            zbar.whole = zbar.read
            def read(*given):
                end(self.times, self.path)
                return zbar.whole(*given)
            zbar.read = read

class KilledLoading(Killed):
    '''The same, and once while the picture is loaded again.'''
    def __setstate__(self, state):
        super().__setstate__(state)
        load = Frame.load
        def killed(*given, **how):
            if Path(self.path).exists():
                end(1, self.path + ".load")
            return load(*given, **how)
        Frame.load = killed
"""


@pytest.fixture
def ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "ending.py").write_text(ENDING)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("ending", None)
    return importlib.import_module("ending")


STEPS = ["zxing raw", "zbar raw", "zbar blur3", "zbar x2", "zxing x2"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Killed", "KilledLoading"])
def test_killed_once_it_loses_that_attempt_alone(tmp_path: Path, ending: Any, name: str) -> None:
    killed = getattr(ending, name)(STEPS, tmp_path / "reads", 1)
    with Cascade([killed, Reads("after")], isolation="process") as cascade:
        result = cascade.read(BLANK, expect=2)
    errors = [(a.step, a.error) for a in result.attempts if a.strategy == "classical"]
    assert errors == [
        ("zxing raw", None),
        ("zbar raw", "the worker process ended (killed by SIGKILL)"),
        *((step, None) for step in STEPS[2:]),
    ]
    assert result.text == "after"


@pytest.mark.slow
def test_an_engine_at_which_it_is_killed_twice_is_left_out(tmp_path: Path, ending: Any) -> None:
    with Cascade([ending.Killed(STEPS, tmp_path / "reads", 100)], isolation="process") as cascade:
        result = cascade.read(BLANK, expect=2)
    errors = {a.step: a.error or "" for a in result.attempts}
    assert list(errors) == STEPS
    assert [step for step in STEPS if "SIGKILL" in errors[step]] == ["zbar raw", "zbar blur3"]
    assert "it ended its process" in errors["zbar x2"]
    assert errors["zxing x2"] == ""

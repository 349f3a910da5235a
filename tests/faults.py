"""Strategies that are odd, local or slow to start, for the tests of isolation."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.faults import find_nothing
from qrcascade import Findings, Frame, QRCode, Quad, Region, Scan, Step
from qrcascade.reading.steps import Steps

PLACE = Quad(((10, 10), (50, 10), (50, 50), (10, 50)))


class Odd:
    """Reads and locates at places that are none."""

    def __init__(self, corner: float) -> None:
        self.name = "odd"
        self.corner = corner

    def steps(self, _scan: Scan) -> Steps:
        """As `Strategy.steps`."""
        yield Step.call("odd", self._find)

    def _find(self, _frame: Frame) -> Findings:
        quad = Quad(((self.corner, 10), (50, 10), (50, 50), (10, 50)))
        return Findings((QRCode("odd", quad, 0.9),), (Region(quad, 0.9, "odd"),))


class Local:
    """Has steps that no other process can take, and one that gives what cannot come back."""

    name = "local"

    def steps(self, _scan: Scan) -> Steps:
        """As `Strategy.steps`."""
        yield Step.call("there", lambda frame: find_nothing(frame))
        yield Step.call("back", self._find)

    def _find(self, _frame: Frame) -> Findings:
        return Findings(error=threading.Lock())  # type: ignore[arg-type]


class Reads:
    """Reads a text at one place, whatever the picture."""

    def __init__(self, text: str = "read", delay: float = 0.0) -> None:
        self.name = "reads"
        self.text = text
        self.delay = delay

    def steps(self, _scan: Scan) -> Steps:
        """As `Strategy.steps`."""
        yield Step.call("reads", self._read)

    def _read(self, _frame: Frame) -> Findings:
        time.sleep(self.delay)
        return Findings((QRCode(self.text, PLACE, 0.9),))


class Counting:
    """Says which process it runs in, as an error."""

    name = "counting"

    def steps(self, _scan: Scan) -> Steps:
        """As `Strategy.steps`."""
        yield Step.call("counting", say_process)


def say_process(_frame: Frame) -> Findings:
    """Return this process's number as what broke."""
    return Findings(error=str(os.getpid()))


class Starting(Reads):
    """Is killed, slow or broken where it comes to another process.

    Parameters
    ----------
    log : Path
        Grows by a byte a start.
    deaths : int
        So many of the first processes are killed.
    seconds : float
        What a start takes.
    error : str
        Raised, if it is not empty.
    """

    def __init__(self, log: Path, *, deaths: int = 0, seconds: float = 0.0, error: str = "") -> None:
        super().__init__()
        self.log, self.deaths, self.seconds, self.error = log, deaths, seconds, error

    @property
    def starts(self) -> int:
        """Processes that it came to."""
        return self.log.stat().st_size

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with self.log.open("a") as file:
            file.write(".")
        if self.starts <= self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        if self.error:
            raise ImportError(self.error)

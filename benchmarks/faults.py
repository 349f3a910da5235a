"""Strategies that do what must not happen, for tests and benchmarks of isolation."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qrcascade import Attempt, QRCode, Quad, Region, Scan

PLACE = Quad(((10, 10), (50, 10), (50, 50), (10, 50)))


def _sleep() -> None:
    while True:
        time.sleep(60)


def _eat() -> None:
    hoard = []
    while True:
        hoard.append(np.ones(2**20))


def _overflow() -> None:
    _overflow()


FAULTS: dict[str, Callable[[], object]] = {
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "sleep": _sleep,
    "eat": _eat,
    "overflow": _overflow,
    "raise": lambda: 1 / 0,
}


class Faulty:
    """Makes one attempt, and then does it."""

    def __init__(self, fault: str) -> None:
        self.fault = self.name = fault

    def attempts(self, _scan: Scan) -> Iterator[Attempt]:
        """As `Strategy.attempts`."""
        yield Attempt(self.name, "before")
        FAULTS[self.fault]()


class Odd:
    """Reads and locates at places that are none."""

    def __init__(self, corner: float) -> None:
        self.name = "odd"
        self.corner = corner

    def attempts(self, _scan: Scan) -> Iterator[Attempt]:
        """As `Strategy.attempts`."""
        quad = Quad(((self.corner, 10), (50, 10), (50, 50), (10, 50)))
        yield Attempt(
            self.name, "step", codes=(QRCode("odd", quad, 0.9),), regions=(Region(quad, 0.9, "odd"),)
        )


class Local:
    """Yields what no other process can take."""

    name = "local"

    def attempts(self, _scan: Scan) -> Iterator[Attempt]:
        """As `Strategy.attempts`."""
        yield replace(Attempt(self.name, "step"), error=threading.Lock())  # type: ignore[arg-type]


class Reads:
    """Reads a text at one place, whatever the picture."""

    def __init__(self, text: str = "read", delay: float = 0.0) -> None:
        self.name = "reads"
        self.text = text
        self.delay = delay

    def attempts(self, _scan: Scan) -> Iterator[Attempt]:
        """As `Strategy.attempts`."""
        time.sleep(self.delay)
        yield Attempt(self.name, "step", codes=(QRCode(self.text, PLACE, 0.9),))


class Counting:
    """Says which process it runs in."""

    name = "counting"

    def attempts(self, _scan: Scan) -> Iterator[Attempt]:
        """As `Strategy.attempts`."""
        yield Attempt(self.name, str(os.getpid()))


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

"""Strategies that do what must not happen, for tests and benchmarks of isolation."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable

import numpy as np

from qrcascade import Findings, Frame, Scan, Step
from qrcascade.reading.steps import Steps


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
    "sleep": lambda: time.sleep(1e6),
    "eat": _eat,
    "overflow": _overflow,
    "raise": lambda: 1 / 0,
}


def find_nothing(_frame: Frame) -> Findings:
    """Return nothing."""
    return Findings()


class Faulty:
    """Takes one harmless step, and then one that does it."""

    def __init__(self, fault: str) -> None:
        self.fault = self.name = fault

    def steps(self, _scan: Scan) -> Steps:
        """See `Strategy.steps`."""
        yield Step.call("before", find_nothing)
        yield Step.call(self.fault, self._do)

    def _do(self, _frame: Frame) -> Findings:
        FAULTS[self.fault]()
        return Findings()

"""A strategy that does what a picture says: importable, and quickly, so that worker processes have it too."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qrcascade import Findings, Frame, Scan, Step

FINE, KILLED, HANGS, EXITS, SLOW = 9, 1, 2, 3, 4


def shade(value: int) -> NDArray[np.uint8]:
    return np.full((4, 4), value, np.uint8)


class Told:
    name = "told"

    def steps(self, scan: Scan) -> Iterator[Step]:
        yield Step.call("look", self._look)

    def _look(self, frame: Frame) -> Findings:
        value = int(frame.gray[0, 0])
        if value == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        if value == HANGS:
            time.sleep(60)
        if value == EXITS:
            raise SystemExit(3)
        if value == SLOW:
            time.sleep(0.3)
        return Findings()


class InTurn:
    """Is done with a slow picture when two others are done; no clock decides."""

    name = "in turn"

    def __init__(self, log: Path) -> None:
        self.log = log

    def steps(self, scan: Scan) -> Iterator[Step]:
        yield Step.call("look", self._look)

    def _look(self, frame: Frame) -> Findings:
        if int(frame.gray[0, 0]) == SLOW:
            while not self.log.exists() or self.log.stat().st_size < 2:
                time.sleep(0.01)
        else:
            with self.log.open("a") as file:
                file.write(".")
        return Findings()


def broken_accept(text: str) -> bool:
    raise ZeroDivisionError(text)

"""The worker processes of one cascade: started when they are needed, used again, replaced when they end."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from qrcascade.errors import OptionError, WorkerError
from qrcascade.isolation import worker
from qrcascade.isolation.pixels import Outbox
from qrcascade.isolation.process import Spawned
from qrcascade.limits import Limits
from qrcascade.strategies import Strategy

__all__ = ["Hung", "Lost", "Worker", "Workers"]

# Seconds that a worker may take to start, importing what it needs, and with models to load as well.
_START_S, _WARM_S = 60.0, 600.0
# Idle workers to have once one was lost: the one that takes its place, and one more.
_SPARE = 2


class Lost(Exception):  # noqa: N818
    """The worker process has ended; the message says how."""


class Hung(Exception):  # noqa: N818
    """The worker process has not answered in time."""


class Worker:
    """One worker process.

    Parameters
    ----------
    strategies, limits, max_memory
        As for `qrcascade.Cascade`.
    warmed : bool
        Whether it loads its models before it is asked for anything.

    Raises
    ------
    OptionError
        If a strategy cannot be sent to another process.
    WorkerError
        If this process may start no other.
    """

    def __init__(
        self, strategies: Sequence[Strategy], limits: Limits, max_memory: int | None, warmed: bool
    ) -> None:
        self.outbox = Outbox()
        self._ready = False
        self._patience_s = _WARM_S if warmed else _START_S
        arguments = (tuple(strategies), limits, max_memory, warmed)
        try:
            self._process = Spawned(worker.main, *arguments, name="qrcascade")
        except WorkerError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise OptionError(f'isolation="process" needs strategies that can be pickled: {why}') from error

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.alive

    @property
    def started(self) -> bool:
        """Whether it is ready, or has said so by now."""
        return self._ready or self._process.connection.poll(0)

    def ready(self, until: float | None) -> None:
        """Wait until it has started.

        Raises
        ------
        Hung
            If it is not ready ``until`` then, by `time.monotonic`.
        WorkerError
            If it ends instead.
        """
        if self._ready:
            return
        patience = time.monotonic() + self._patience_s
        try:
            self.receive(patience if until is None else min(until, patience))
        except Lost as lost:
            raise WorkerError(
                f"a worker process ended while it started: {lost}; a program that uses isolation needs its "
                'start under `if __name__ == "__main__":`, and strategies that another process can import'
            ) from None
        self._ready = True

    def send(self, message: Any) -> None:
        """Send a message. Raises `Lost` if the process has ended."""
        try:
            self._process.connection.send(message)
        except OSError:
            raise Lost(self._process.end()) from None

    def receive(self, until: float) -> Any:
        """The next message.

        Raises
        ------
        Hung
            If none comes ``until`` then, by `time.monotonic`.
        Lost
            If the process has ended.
        """
        try:
            if not self._process.connection.poll(max(0.0, until - time.monotonic())):
                raise Hung
            return self._process.connection.recv()
        except (EOFError, OSError):
            raise Lost(self._process.end()) from None

    def close(self) -> None:
        """End the process."""
        self._process.close()
        self.outbox.close()


class Workers:
    """As many worker processes as there are readings at a time.

    Safe to share between threads. A forked process begins with none.

    Parameters
    ----------
    strategies, limits, max_memory
        As for `qrcascade.Cascade`.
    """

    def __init__(self, strategies: Sequence[Strategy], limits: Limits, max_memory: int | None) -> None:
        self._arguments = (strategies, limits, max_memory)
        self._warmed = False
        self._begin()

    def _begin(self) -> None:
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def take(self) -> Worker:
        """An idle worker, or a new one."""
        if os.getpid() != self._owner:
            self._begin()
        with self._lock:
            # Last used first, those that have not started last.
            self._idle.sort(key=lambda one: one.started)
            while self._idle:
                taken = self._idle.pop()
                if taken.alive:
                    return taken
                taken.close()
        return self._new()

    def give_back(self, taken: Worker) -> None:
        """Keep a worker that is ready for the next picture."""
        with self._lock:
            self._idle.append(taken)

    def _new(self) -> Worker:
        return Worker(*self._arguments, self._warmed)

    def replace(self, taken: Worker) -> None:
        """End a worker, and start others: who has lost one may lose the next, and should not wait for it."""
        taken.close()
        with contextlib.suppress(WorkerError):
            while len(self._idle) < _SPARE:
                self.give_back(self._new())

    def warm(self, number: int) -> None:
        """Have so many workers with their models loaded."""
        self._warmed = True
        self.close()
        taken = [self._new() for _ in range(number)]
        for one in taken:
            try:
                one.ready(None)
            except Hung:
                raise WorkerError(f"a worker process had not loaded its models after {_WARM_S:g} s") from None
            self.give_back(one)

    def close(self) -> None:
        """End those that are idle; the next reading starts another one."""
        if os.getpid() != self._owner:
            self._begin()
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()

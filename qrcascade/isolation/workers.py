"""As many worker processes as are needed: used again, and replaced when they end."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence

from qrcascade.errors import WorkerError
from qrcascade.isolation.worker import HungError, LostError, Worker

__all__ = ["Workers"]

# Processes started for one that is needed: what ends one while it starts may be over.
_STARTS = 3
# Idle workers to have once one was lost: the one that takes its place, and one more.
_SPARE = 2


class Workers:
    """The worker processes of one cascade, as many as are needed at a time.

    Safe to share between threads. A forked process begins with none.

    Parameters
    ----------
    shared, max_memory
        As for `Worker`.
    """

    def __init__(self, shared: Sequence[object] = (), max_memory: int | None = None) -> None:
        self._arguments = (tuple(shared), max_memory, None)
        self._is_warm = False
        self._begin()

    def _begin(self) -> None:
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def ready(self, until: float | None) -> Worker:
        """Return an idle worker, or a new one that has started.

        Raises
        ------
        HungError
            If it is not ready ``until`` then, by `time.monotonic`.
        WorkerError
            If none can be started.
        """
        return self._started(self._taken(), until)

    def _taken(self) -> Worker:
        if os.getpid() != self._owner:
            self._begin()
        with self._lock:
            # Last used first, those that have not started last.
            self._idle.sort(key=lambda one: one.is_ready)
            while self._idle:
                taken = self._idle.pop()
                if taken.is_alive:
                    return taken
                taken.close()
        return self._new()

    def _started(self, taken: Worker, until: float | None) -> Worker:
        """Return a worker once it has started, or another one where it ends meanwhile."""
        for number in range(1, _STARTS + 1):
            try:
                taken.wait_ready(until)
            except HungError:
                # Slow to start is not broken: the next picture finds it ready.
                self.give_back(taken)
                raise
            except LostError as lost:
                taken.close()
                if lost.is_exception or number == _STARTS:
                    raise _failed(number, lost) from None
                taken = self._new()
            except BaseException:
                taken.close()
                raise
            else:
                break
        return taken

    def give_back(self, taken: Worker) -> None:
        """Keep a worker that is ready for the next call."""
        with self._lock:
            self._idle.append(taken)

    def _new(self) -> Worker:
        return Worker(*self._arguments, self._is_warm)

    def replace(self, taken: Worker) -> None:
        """End a worker, and start others: who has lost one may lose the next, and should not wait for it."""
        taken.close()
        with contextlib.suppress(WorkerError):
            while len(self._idle) < _SPARE:
                self.give_back(self._new())

    def warm(self, number: int) -> None:
        """Have this many workers with their models loaded. Raises `WorkerError` where that cannot be."""
        self._is_warm = True
        self.close()
        coming = [self._new() for _ in range(number)]
        try:
            while coming:
                self.give_back(self._started(coming.pop(), None))
        finally:
            for one in coming:
                one.close()

    def close(self) -> None:
        """End those that are idle; the next call starts another one."""
        if os.getpid() != self._owner:
            self._begin()
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()


def _failed(number: int, lost: LostError) -> WorkerError:
    ended = "a worker process ended while it started"
    if number > 1:
        ended = f"{number} worker processes ended while they started, the last"
    return WorkerError(
        f"{ended} ({lost}); standard error has what it said. A program that uses isolation needs its start "
        'under `if __name__ == "__main__":`, and strategies that another process can import; else look '
        "whether memory is short, or max_memory too small"
    )

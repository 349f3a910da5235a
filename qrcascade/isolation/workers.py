"""A pool of worker processes, which are reused, and replaced when they end."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Sequence

from qrcascade.errors import WorkerError
from qrcascade.isolation.worker import HungError, LostError, Worker

__all__ = ["Workers"]

# Attempts to start a process: what ended one while it started may have passed.
_STARTS = 3
# Idle workers to keep after one was lost: its replacement, and one more.
_SPARE = 2

_pools: weakref.WeakSet[Workers] = weakref.WeakSet()


def _begin() -> None:
    """Start afresh in a forked process: its parent's workers and threads are not its own."""
    for pool in _pools:
        pool.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


class Workers:
    """The worker processes of a cascade, as many as are needed at the same time.

    Safe to share between threads. A forked process starts with none. For the arguments see `Worker`.
    """

    def __init__(
        self, shared: Sequence[object] = (), max_memory: int | None = None, threads: int | None = None
    ) -> None:
        self._arguments = (tuple(shared), max_memory, threads)
        self._is_warm = False
        self.begin()
        _pools.add(self)

    def begin(self) -> None:
        """Forget all workers."""
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._replacing: list[threading.Thread] = []

    def take(self, until: float | None) -> Worker:
        """Take a worker that has started: an idle one, or else a new one.

        Raises `HungError` if it is not ready by ``until``, as `time.monotonic` counts, and `WorkerError` if
        no worker can be started.
        """
        return self._await_start(self._take_idle(), until)

    def _take_idle(self) -> Worker:
        with self._lock:
            # Most recently used first, those still starting last.
            self._idle.sort(key=lambda one: one.is_ready)
            while self._idle:
                taken = self._idle.pop()
                if taken.is_alive:
                    return taken
                taken.close()
        return self._start_new()

    def _await_start(self, taken: Worker, until: float | None) -> Worker:
        """Wait until a worker has started, and return it; return another one if it ends meanwhile."""
        for number in range(1, _STARTS + 1):
            try:
                taken.wait_ready(until)
            except HungError:
                # A slow start is no failure: the next picture may find it ready.
                self.give_back(taken)
                raise
            except LostError as lost:
                taken.close()
                if lost.is_exception or number == _STARTS:
                    raise _describe_failure(number, lost) from None
                taken = self._start_new()
            except BaseException:
                taken.close()
                raise
            else:
                break
        return taken

    def give_back(self, taken: Worker) -> None:
        """Keep an idle worker for the next reading."""
        with self._lock:
            self._idle.append(taken)

    def _start_new(self) -> Worker:
        return Worker(*self._arguments, self._is_warm)

    def replace(self, taken: Worker) -> None:
        """Stop a worker and start others, so that nobody has to wait if the next one is lost as well.

        That takes a quarter of a second, for which the answer that was late already does not wait.
        """
        taken.kill()
        thread = threading.Thread(target=self._replace, args=(taken,), name="qrcascade-replace", daemon=True)
        try:
            # Started before `close` can wait for it.
            with self._lock:
                thread.start()
                self._replacing = [*filter(threading.Thread.is_alive, self._replacing), thread]
        except RuntimeError:
            # The host allows no more threads.
            self._replace(taken)

    def _replace(self, taken: Worker) -> None:
        taken.close()
        if not taken.is_own:
            return
        with contextlib.suppress(WorkerError):
            while len(self._idle) < _SPARE:
                self.give_back(self._start_new())

    def warm(self, number: int) -> None:
        """Start this many workers with their models loaded. Raises `WorkerError` if that fails."""
        self._is_warm = True
        self.close()
        coming = [self._start_new() for _ in range(number)]
        try:
            while coming:
                self.give_back(self._await_start(coming.pop(), None))
        finally:
            for one in coming:
                one.close()

    def close(self) -> None:
        """Stop idle workers; the next reading starts a new one."""
        with self._lock:
            replacing, self._replacing = self._replacing, []
        for thread in replacing:
            thread.join()
        with self._lock:
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()


def _describe_failure(number: int, lost: LostError) -> WorkerError:
    ended = "a worker process ended while it started"
    if number > 1:
        ended = f"{number} worker processes ended while they started, the last"
    return WorkerError(
        f"{ended} ({lost}); see its messages on standard error. A program that uses read_many or "
        'isolation must start under `if __name__ == "__main__":`, be a file, and use strategies that another '
        "process can import. Otherwise check whether memory is short, or max_memory is too small"
    )

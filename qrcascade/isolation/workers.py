"""Worker processes, from the side of the process that calls them: one, and as many as are needed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from qrcascade.errors import OptionError, WorkerError
from qrcascade.isolation import worker
from qrcascade.isolation.messages import Call, Question, Raised, Value, receive, send
from qrcascade.isolation.process import Spawned

__all__ = ["HungError", "LostError", "Worker", "Workers"]

# Seconds that a worker may take to start, importing what it needs, and with models to load as well.
_START_S, _WARM_S = 60.0, 600.0
# Processes started for one that is needed: what ends one while it starts may be over.
_STARTS = 3
# Idle workers to have once one was lost: the one that takes its place, and one more.
_SPARE = 2


class LostError(Exception):
    """The worker process has ended; the message says how.

    Parameters
    ----------
    how : str
        In words.
    killed : bool
        Whether that came from outside.
    """

    def __init__(self, how: str, killed: bool) -> None:
        super().__init__(how)
        self.killed = killed


class HungError(Exception):
    """The worker process has not answered in time."""


class Worker:
    """One worker process.

    Parameters
    ----------
    shared : sequence of object
        What its functions use: pickled once, at the start, and only named in calls. Those that have a
        ``warm()`` load their models by it.
    max_memory : int, optional
        Megabytes of private memory that it may have; only on Linux.
    threads : int, optional
        How many the libraries in it may use; None leaves that to them.
    is_warm : bool
        Whether it loads its models before it is asked for anything.

    Raises
    ------
    OptionError
        If something shared cannot be sent to another process.
    WorkerError
        If this process may start no other.
    """

    def __init__(
        self,
        shared: Sequence[object],
        max_memory: int | None = None,
        threads: int | None = None,
        is_warm: bool = False,
    ) -> None:
        self._shared = tuple(shared)
        self._ready = False
        self._patience_s = _WARM_S if is_warm else _START_S
        self._latest = time.monotonic() + self._patience_s
        try:
            self._process = Spawned(worker.main, self._shared, max_memory, threads, is_warm, name="qrcascade")
        except WorkerError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise OptionError(f"a worker process needs strategies that can be pickled: {why}") from error

    @property
    def connection(self) -> Any:
        """This side of the pipe, for `multiprocessing.connection.wait`."""
        return self._process.connection

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.alive

    @property
    def started(self) -> bool:
        """Whether it is ready, or has said so by now."""
        return self._ready or self._process.connection.poll(0)

    @property
    def raised(self) -> bool:
        """Whether an exception ended it."""
        return self._process.raised

    def wait_ready(self, until: float | None) -> None:
        """Wait until it has started.

        Raises
        ------
        HungError
            If it is not ready ``until`` then, by `time.monotonic`.
        LostError
            If it ends instead.
        WorkerError
            If it takes longer than any start should.
        """
        if self._ready:
            return
        try:
            self.receive(self._latest if until is None else min(until, self._latest))
        except HungError:
            if until is not None and until < self._latest:
                raise
            what = f"a worker process had not started after {self._patience_s:g} s"
            raise WorkerError(f"{what}, loading its models included") from None
        self._ready = True

    def begin(self, function: Callable[..., Any], *arguments: Any, has_answer: bool = True) -> None:
        """Have it call a function, whose first argument is `Here`, and do not wait.

        Raises
        ------
        LostError
            If the process has ended.
        Exception
            Whatever `pickle` raises where something cannot be sent; nothing was sent then.
        """
        self._send(Call(function, arguments, has_answer))

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        until: float,
        answer: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Return what a function returns there; ``answer`` answers what it asks meanwhile.

        Raises
        ------
        HungError
            If it has not returned ``until`` then, by `time.monotonic`.
        LostError
            If the process ends instead.
        QRCascadeError
            What the function raised, if it is one.
        RuntimeError
            If it raised anything else; the message says what.
        """
        self.begin(function, *arguments)
        while isinstance(message := self.receive(until), Question):
            self._send(_answered(answer, message.question))
        if isinstance(message, Raised):
            raise message.error or RuntimeError(message.text)
        return message.value

    def receive(self, until: float) -> Any:
        """Return the next message: see `qrcascade.isolation.messages`.

        Raises
        ------
        HungError
            If none comes ``until`` then, by `time.monotonic`.
        LostError
            If the process has ended.
        """
        try:
            if not self._process.connection.poll(max(0.0, until - time.monotonic())):
                raise HungError
            return receive(self._process.connection)
        except (EOFError, OSError):
            raise self._lost() from None

    def _send(self, message: object) -> None:
        try:
            send(self._process.connection, message, self._shared)
        except OSError:
            raise self._lost() from None

    def _lost(self) -> LostError:
        return LostError(self._process.end(), self._process.killed)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.close()


def _answered(answer: Callable[[Any], Any] | None, question: object) -> Value | Raised:
    if answer is None:
        return Raised(None, "nobody answers questions here")
    try:
        return Value(answer(question))
    except Exception as error:
        return Raised.of(error)


class Workers:
    """As many worker processes as are needed at a time: used again, and replaced when they end.

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
            self._idle.sort(key=lambda one: one.started)
            while self._idle:
                taken = self._idle.pop()
                if taken.alive:
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
                if taken.raised or number == _STARTS:
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

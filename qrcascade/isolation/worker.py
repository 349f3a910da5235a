"""A worker process, as seen by the process that calls it."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from qrcascade.errors import OptionError, WorkerError, in_words
from qrcascade.isolation import server
from qrcascade.isolation.messages import Call, Question, Raised, Value, receive, send

__all__ = ["HungError", "LostError", "Worker"]

# Seconds that a worker may take to start and import what it needs; and if it loads models as well.
_START_S, _WARM_S = 60.0, 600.0
# Seconds to wait for a killed process.
_END_S = 5.0
# Signals that no library sends to its own process; Windows has none.
_FROM_OUTSIDE = {getattr(signal, name, None) for name in ("SIGKILL", "SIGTERM", "SIGHUP")} - {None}

# Those that this process has started.
_own: weakref.WeakSet[Worker] = weakref.WeakSet()
# Held while one is started.
_starting = threading.Lock()


@atexit.register
def _stop_starting() -> None:
    """Let a thread finish a start that it has begun: after half a one the new process prints a traceback."""
    _starting.acquire(timeout=_END_S)


def _disown() -> None:
    """Let a forked process leave its parent's workers alone, which it would otherwise end when it exits."""
    global _starting
    _starting = threading.Lock()
    for worker in _own:
        # The exit handler of multiprocessing ends every daemonic child that it knows.
        multiprocessing.process._children.discard(worker._process)  # type: ignore[attr-defined]
        # Open here, it would hide from the worker that its parent has ended.
        worker.connection.close()
        worker.is_own = False
    _own.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)


class LostError(Exception):
    """The worker process has ended, with an exit code that is negative for a signal.

    ``is_killed`` is True if the cause came from outside: the process was killed, or memory ran out.
    ``is_exception`` is True if it was an exception, which would end another process as well.
    """

    def __init__(self, code: int | None) -> None:
        how = f"exit code {code}"
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"killed by {signal.Signals(-code).name}"
        super().__init__(how)
        self.is_killed = code is not None and -code in _FROM_OUTSIDE
        self.is_exception = code == 1


class HungError(Exception):
    """The worker process has not answered in time."""


class Worker:
    """A worker process. It does not outlive its parent; in a forked process it is lost.

    The objects in ``shared`` are pickled once, at the start, and only named in calls. If ``is_warm``, the
    worker loads their models by their ``warm()`` before its first call. It may use ``max_memory`` megabytes
    of private memory (Linux only) and ``threads`` threads of its libraries. ``connection`` is this side of
    the pipe, for `multiprocessing.connection.wait`; ``is_own`` says whether this process has started it.

    Raises
    ------
    OptionError
        If something shared cannot be sent to another process.
    WorkerError
        If this process cannot start another one.
    """

    def __init__(
        self,
        shared: Sequence[object] = (),
        max_memory: int | None = None,
        threads: int | None = None,
        is_warm: bool = False,
    ) -> None:
        self._shared, self._ready = tuple(shared), False
        self.is_own = True
        self._patience_s = _WARM_S if is_warm else _START_S
        self._latest = time.monotonic() + self._patience_s
        context = multiprocessing.get_context("spawn")
        self.connection: Connection[Any, Any]
        try:
            self.connection, theirs = context.Pipe()
            with theirs:
                arguments = theirs, self._shared, max_memory, threads, is_warm
                self._process = context.Process(
                    target=server.main, args=arguments, name="qrcascade", daemon=True
                )
                _own.add(self)
                with _starting:
                    self._process.start()
        except (AssertionError, OSError, RuntimeError) as error:
            raise WorkerError(f"no worker process can be started: {error}") from None
        except Exception as error:
            why = f"a worker process needs strategies that can be pickled: {in_words(error)}"
            raise OptionError(why) from error

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.is_own and self._process.is_alive()

    @property
    def is_ready(self) -> bool:
        """Whether the process has reported that it has started."""
        return self._ready or self.connection.poll(0)

    def wait_ready(self, until: float | None) -> None:
        """Wait until the process has started. Raises as `call` does, and `WorkerError` if it never starts."""
        if self._ready:
            return
        try:
            self.receive(self._latest if until is None else min(until, self._latest))
        except HungError:
            if until is not None and until < self._latest:
                raise
            what = f"a worker process had not started after {self._patience_s:g} s"
            raise WorkerError(f"{what}, including the time to load its models") from None
        self._ready = True

    def begin(self, function: Callable[..., Any], *arguments: Any, has_answer: bool = True) -> None:
        """Let the worker call a function, whose first argument is `Here`, without waiting for it.

        Raises as `pickle` does if something cannot be sent, and `LostError` if the process has ended.
        """
        self._send(Call(function, arguments, has_answer))

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        until: float,
        answer: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Call a function in the worker and return its result; ``answer`` answers its questions.

        Raises `HungError` if it has not returned by ``until``, as `time.monotonic` counts, and `LostError`
        if the process ends instead; a `QRCascadeError` if the function raised one, and RuntimeError, which
        says what, if it raised anything else.
        """
        try:
            self.begin(function, *arguments)
            while isinstance(message := self.receive(until), Question):
                self._send(_answer(answer, message.question))
        except Exception:
            raise
        except BaseException:
            # Nobody waits for its answer any more.
            self.close()
            raise
        if isinstance(message, Raised):
            raise message.error or RuntimeError(message.text)
        return message.value

    def receive(self, until: float) -> Any:
        """Return the next message (see `qrcascade.isolation.messages`). Raises as `call` does."""
        try:
            if not self.connection.poll(max(0.0, until - time.monotonic())):
                raise HungError
            return receive(self.connection)
        except (EOFError, OSError):
            raise self._make_lost_error() from None

    def _send(self, message: object) -> None:
        try:
            send(self.connection, message, self._shared)
        except OSError:
            raise self._make_lost_error() from None

    def _make_lost_error(self) -> LostError:
        if not self.is_own:
            return LostError(None)
        self._process.join(_END_S)
        return LostError(self._process.exitcode)

    def kill(self) -> None:
        """End the process from another thread than the one that waits for it, which gets a `LostError`."""
        if self.is_own:
            self._process.kill()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.connection.close()
        self.kill()
        if self.is_own:
            self._process.join(_END_S)


def _answer(answer: Callable[[Any], Any] | None, question: object) -> Value | Raised:
    if answer is None:
        return Raised(None, "the caller answers no questions")
    try:
        return Value(answer(question))
    except Exception as error:
        return Raised.of(error)

"""The code that runs in a worker process: it calls requested functions, one after the other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from qrcascade.isolation.messages import Call, Item, Question, Raised, Value, receive, send
from qrcascade.strategies.base import warm

__all__ = ["CAN_CAP_MEMORY", "Here", "main"]

CAN_CAP_MEMORY = sys.platform == "linux"
"""Whether a process's memory can be capped."""

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Bytes of freed memory to keep: those of the last picture.
_KEPT_BYTES = 64 * 2**20
# Seconds between looks at whether the parent process is still there.
_WATCH_S = 1.0


class Here:
    """What a called function can use: ``kept`` values of earlier calls, and questions to the caller."""

    def __init__(self, connection: Connection[Any, Any], shared: Sequence[object]) -> None:
        self.kept: Any = None
        self._connection, self._shared = connection, shared

    def ask(self, question: object) -> Any:
        """Return the calling process's answer; raise what it raises, as `Worker.call` does."""
        send(self._connection, Question(question))
        answer: Value | Raised = receive(self._connection, self._shared)
        if isinstance(answer, Raised):
            raise answer.error or RuntimeError(answer.text)
        return answer.value


def main(
    connection: Connection[Any, Any],
    shared: Sequence[object],
    max_memory: int | None,
    threads: int | None,
    is_warm: bool,
) -> None:
    """Serve a process until it closes its end of the connection."""
    _settle()
    _keep_freed_memory()
    if max_memory is not None:
        _cap_memory(max_memory)
    if threads is not None:
        _set_threads(threads)
    if is_warm:
        warm(shared)
    here = Here(connection, shared)
    with contextlib.suppress(EOFError, OSError):
        send(connection, Value(None))
        while True:
            _answer(connection, shared, here)


def _answer(connection: Connection[Any, Any], shared: Sequence[object], here: Here) -> None:
    """Receive a call and answer it. Only the end of the connection is raised."""
    try:
        call: Call = receive(connection, shared)
        value = call.function(here, *call.arguments)
        if isinstance(value, Generator):
            for item in value:
                send(connection, Item(item))
            value = None
        if call.has_answer:
            send(connection, Value(value))
    except (EOFError, BrokenPipeError):
        raise
    except Exception as error:
        send(connection, Raised.of(error))


def _settle() -> None:
    """Leave Ctrl-C to the parent process, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        # Another process forked from the parent may keep the sentinel open.
        while not wait([parent.sentinel], _WATCH_S) and os.getppid() == parent.pid:
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _keep_freed_memory() -> None:
    """Let glibc keep a picture's memory for the next one: allocating it costs more than a small picture."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 2)
            mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _cap_memory(megabytes: int) -> None:
    """Cap this process's private memory; a failed allocation raises, or ends the process."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        size = megabytes * 2**20
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _set_threads(threads: int) -> None:
    # Must precede the import of torch; numpy is already loaded.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with contextlib.suppress(ImportError):
        import cv2

        cv2.setNumThreads(threads)

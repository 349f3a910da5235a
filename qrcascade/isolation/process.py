"""A spawned process with a pipe to it: what every kind of worker process has in common."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from qrcascade.errors import WorkerError

__all__ = ["Spawned", "settle"]


class Spawned:
    """A process, from the side of the one that started it. It does not outlive that one.

    Parameters
    ----------
    main : callable
        What it runs, with its end of the pipe as the first argument; it should `settle` first.
    *arguments
        The others.
    name : str
        The process's.

    Attributes
    ----------
    connection : Connection
        This end of the pipe.

    Raises
    ------
    WorkerError
        If this process may start no other. What cannot be pickled raises what `pickle` does.
    """

    def __init__(self, main: Callable[..., None], *arguments: Any, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection[Any, Any]
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=main, args=(theirs, *arguments), name=name, daemon=True)
        try:
            self._process.start()
        except (AssertionError, OSError) as error:
            raise WorkerError(f"no worker process can be started: {error}") from error
        finally:
            theirs.close()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def end(self) -> str:
        """How it ended, in words."""
        self._process.join(5)
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def close(self) -> None:
        """End it, whatever it is at."""
        self.connection.close()
        self._process.kill()
        self._process.join(5)


def settle() -> None:
    """In the new process: leave Ctrl-C to the one that started it, and do not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

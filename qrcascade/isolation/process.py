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

# Signals that no library sends to its own process; Windows has no such.
_FROM_OUTSIDE = {getattr(signal, name, None) for name in ("SIGKILL", "SIGTERM", "SIGHUP")} - {None}


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
        code = self._code()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    @property
    def killed(self) -> bool:
        """Whether it was ended from outside: by who kills processes, or because memory ran out."""
        code = self._code()
        return code is not None and -code in _FROM_OUTSIDE

    @property
    def raised(self) -> bool:
        """Whether an exception ended it, as it would another one that does the same."""
        return self._code() == 1

    def _code(self) -> int | None:
        self._process.join(5)
        return self._process.exitcode

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

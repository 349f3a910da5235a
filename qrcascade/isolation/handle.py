"""One worker process, from the cascade's side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from qrcascade.errors import OptionError, WorkerError
from qrcascade.isolation import worker
from qrcascade.isolation.pixels import Outbox
from qrcascade.isolation.process import Spawned
from qrcascade.limits import Limits
from qrcascade.strategies import Strategy

__all__ = ["Hung", "Lost", "Worker"]

# Seconds that a worker may take to start, importing what it needs, and with models to load as well.
_START_S, _WARM_S = 60.0, 600.0


class Lost(Exception):  # noqa: N818
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
        self.outbox, self.colors = Outbox(), Outbox()
        self._ready = False
        self._patience_s = _WARM_S if warmed else _START_S
        self._latest = time.monotonic() + self._patience_s
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
        Lost
            If it ends instead.
        WorkerError
            If it takes longer than any start should.
        """
        if self._ready:
            return
        try:
            self.receive(self._latest if until is None else min(until, self._latest))
        except Hung:
            if until is not None and until < self._latest:
                raise
            what = f"a worker process had not started after {self._patience_s:g} s"
            raise WorkerError(f"{what}, loading its models included") from None
        self._ready = True

    @property
    def raised(self) -> bool:
        """Whether an exception ended it."""
        return self._process.raised

    def send(self, message: Any) -> None:
        """Send a message. Raises `Lost` if the process has ended."""
        try:
            self._process.connection.send(message)
        except OSError:
            raise self._lost() from None

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
            raise self._lost() from None

    def _lost(self) -> Lost:
        return Lost(self._process.end(), self._process.killed)

    def close(self) -> None:
        """End the process."""
        self._process.close()
        self.outbox.close()
        self.colors.close()

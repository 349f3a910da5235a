"""One picture read in a worker process, and in the next one where that ends or hangs."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence

import numpy as np

from qrcascade.errors import ImageError, QRCascadeError
from qrcascade.frame import Frame, Source, describe
from qrcascade.isolation.handle import Hung, Lost, Worker
from qrcascade.isolation.messages import (
    Attempted,
    Begun,
    ColorAsked,
    Ended,
    GoOn,
    Load,
    Loaded,
    Refused,
    Start,
)
from qrcascade.isolation.pool import Workers
from qrcascade.limits import Limits
from qrcascade.results import Attempt
from qrcascade.scan import OutOfTime, Scan
from qrcascade.strategies import Strategy

__all__ = ["Reading"]

# Seconds that an attempt, or decoding, may take where there is no deadline.
_HANG_S = 120.0
# With a deadline: the share of the time left that an attempt may take, so that others come after one that
# hangs, and the least of it in seconds.
_SHARE, _LEAST_S = 0.5, 0.05
# Seconds of waiting for workers to start that do not count into one picture's deadline.
_UNCOUNTED_S = 10.0
# Workers that may be lost to loading a picture; a strategy that costs more than so many on one is left.
_LOADS, _MOST_LOST = 2, 4


class Reading:
    """One picture in a worker process.

    Parameters
    ----------
    workers : Workers
        Whose.
    strategies : sequence of Strategy
        The same that the workers have.
    source, bgr, frame, draft, limits
        As for `Frame.load`.
    deadline : float, optional
        By `time.monotonic`; a worker that works on then is ended. Workers that have to start put it off.

    Attributes
    ----------
    frame : Frame
        The picture; its pixels are decoded in this process if they are asked for. Its size is (0, 0)
        until it was decoded there.
    """

    def __init__(
        self,
        workers: Workers,
        strategies: Sequence[Strategy],
        source: Source,
        *,
        bgr: bool,
        frame: int,
        draft: bool,
        limits: Limits,
        deadline: float | None,
    ) -> None:
        self._workers = workers
        self._strategies = strategies
        self._deadline = deadline
        self._limits = limits
        self._source, self._frame, self._draft = source, frame, draft
        self._described = describe(source)
        # All but an array's pixels are brought to RGB on the way.
        self._bgr = bgr and isinstance(source, np.ndarray)
        self._at, self._since = Begun(0), time.monotonic()
        self._uncounted_s = _UNCOUNTED_S
        self._suspects: set[str] = set()
        self._worker: Worker | None = None
        self._is_waiting = False
        # What is asked for later is loaded from what was sent, or from the same file.
        self.frame = Frame.deferred(
            (0, 0), lambda: Frame.load(self._source, bgr=bgr, frame=frame, limits=limits)
        )

    def attempts(self, scan: Scan) -> Generator[Attempt]:
        """What the strategies try, one by one; to be recorded in the scan before the next is asked for.

        Raises
        ------
        ImageError
            If the source is no picture that can be read, or decoding it ends the worker process.
        OutOfTime
            If the deadline has come, or what comes next does not fit into the time that is left.
        WorkerError
            If no worker process can be started.
        """
        lost = 0
        try:
            if why := self._unloaded(0, scan):
                yield Attempt("", "load", error=why)
                raise OutOfTime
            while True:
                try:
                    yield from self._made(scan)
                    return
                except (Lost, Hung) as end:
                    yield self._broken(end)
                    is_cause = self._is_cause(end)
                lost += 1
                self._drop()
                first = self._at.number + (lost > _MOST_LOST or (is_cause and not self._at.step))
                if first == len(self._strategies):
                    return
                if is_cause and self._at.step:
                    scan.broken.add(self._at.step.partition(" ")[0])
                try:
                    why = self._unloaded(first, scan)
                except QRCascadeError as error:
                    yield Attempt("", "load", error=str(error))
                    return
                if why:
                    raise OutOfTime
        finally:
            self._end()

    def _is_cause(self, end: Lost | Hung) -> bool:
        """Whether what was at work is to blame; where somebody else killed the worker, not the first time."""
        at_work = self._at.step.partition(" ")[0] or self._strategies[self._at.number].name
        if isinstance(end, Hung) or not end.killed or at_work in self._suspects:
            return True
        self._suspects.add(at_work)
        return False

    def _unloaded(self, first: int, scan: Scan) -> str:
        """Have a worker load the picture, and begin with a strategy; why that was not done in time, or ""."""
        why = "no worker process was ready within the timeout"
        try:
            for left in reversed(range(_LOADS)):
                try:
                    self._ready(scan)
                    why = "it was not decoded within the timeout"
                    self._load(self._worker_(), first, scan)
                    return ""
                except Lost as lost:
                    self._drop()
                    if not left:
                        ended = f"decoding it ended the worker process ({lost})"
                        raise ImageError(f"cannot read {self._described}: {ended}") from None
        except Hung:
            self._drop()
        return why

    def _ready(self, scan: Scan) -> None:
        """Have a worker that has started; to wait for that does not count, as long as it is not too long."""
        since = time.monotonic()
        until = None if self._deadline is None else self._deadline + self._uncounted_s
        try:
            self._worker = self._workers.ready(until)
        finally:
            if self._deadline is not None:
                waited = min(self._uncounted_s, time.monotonic() - since)
                self._uncounted_s -= waited
                self._deadline += waited
                scan.prolong(waited)

    def _load(self, taken: Worker, first: int, scan: Scan) -> None:
        sent, self._source = taken.outbox.lay(self._source, self._frame, self._limits)
        taken.send(Load(sent, self._bgr, self._frame, self._draft, self._start(first, scan)))
        self._at, self._since = Begun(first), time.monotonic()
        answer = taken.receive(self._deadline or self._since + _HANG_S)
        taken.outbox.hide()
        if isinstance(answer, Refused):
            self._keep()
            raise ImageError(f"cannot read {self._described}: {answer.message}")
        assert isinstance(answer, Loaded)
        self.frame.size = answer.size
        self._since = time.monotonic()

    def _made(self, scan: Scan) -> Iterator[Attempt]:
        """Attempts of one worker."""
        while True:
            message = self._worker_().receive(self._until())
            self._worker_().colors.hide()
            if isinstance(message, ColorAsked):
                self._send_color(self._worker_())
            elif isinstance(message, Ended):
                self._keep()
                if message.out_of_time:
                    raise OutOfTime
                return
            elif isinstance(message, Begun):
                self._at, self._since = message, time.monotonic()
            elif isinstance(message, Attempted):
                self._at, self._since = Begun(message.number), time.monotonic()
                self._is_waiting = True
                yield message.attempt
                self._since = time.monotonic()
                self._answer(GoOn(_rejected(scan)))

    def _send_color(self, taken: Worker) -> None:
        assert isinstance(self._source, Frame)
        try:
            answer, _ = taken.colors.lay(self._source.color, 0, self._limits)
        except Exception as error:
            taken.send(Refused(f"its colour cannot be had ({type(error).__name__}: {error})"))
        else:
            taken.send(answer)

    def _start(self, first: int, scan: Scan) -> Start:
        left = None if self._deadline is None else max(0.001, self._deadline - time.monotonic())
        made, broken, rejected = tuple(scan.attempts), frozenset(scan.broken), _rejected(scan)
        wanted = scan.expect, tuple(sorted(scan.formats)), scan.threshold
        return Start(first, made, broken, rejected, *wanted, left)

    def _until(self) -> float:
        """When the worker should have said something."""
        if self._deadline is None:
            return self._since + _HANG_S
        left = self._deadline - self._since
        is_last = not self._at.step and self._at.number == len(self._strategies) - 1
        return self._since + (left if is_last else max(_SHARE * left, _LEAST_S))

    def _broken(self, end: Lost | Hung) -> Attempt:
        """The attempt at which the worker ended or hung."""
        elapsed = time.monotonic() - self._since
        how = f"ended ({end})" if isinstance(end, Lost) else f"was ended: no answer within {elapsed:.2f} s"
        name = self._strategies[self._at.number].name
        error = f"the worker process {how}"
        return Attempt(name, self._at.step, elapsed, error=error, region=self._at.region)

    def _worker_(self) -> Worker:
        assert self._worker is not None
        return self._worker

    def _answer(self, message: GoOn | None) -> None:
        self._is_waiting = False
        self._worker_().send(message)

    def _end(self) -> None:
        """Give back a worker that waits for an answer; end one that is at work."""
        if self._worker is None:
            return
        if self._is_waiting:
            try:
                self._answer(None)
            except Lost:
                self._drop()
            else:
                self._keep()
        else:
            self._worker.close()
            self._worker = None

    def _keep(self) -> None:
        self._workers.give_back(self._worker_())
        self._worker = None

    def _drop(self) -> None:
        if self._worker is not None:
            self._workers.replace(self._worker)
            self._worker = None


def _rejected(scan: Scan) -> frozenset[str]:
    return frozenset(code.text for code in scan.codes if not code.accepted)

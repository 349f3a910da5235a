"""Run a reading's steps in a worker process, and in another one if that crashes or hangs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qrcascade.errors import ImageError, in_words
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits
from qrcascade.image.sources import describe, name_in_errors, read_content
from qrcascade.isolation.server import Here
from qrcascade.isolation.worker import HungError, LostError, Worker
from qrcascade.isolation.workers import Workers
from qrcascade.reading.executor import Executor, Outcome, OutOfTimeError, PictureLostError, perform
from qrcascade.reading.options import ReadOptions
from qrcascade.reading.steps import Context, Step
from qrcascade.results import Findings

__all__ = ["WorkerExecutor"]

# Seconds that a step, or decoding, may take without a deadline. With one: a share of the remaining time, so
# that others can follow a step that hangs, and its minimum in seconds.
_HANG_S, _SHARE, _LEAST_S = 120.0, 0.5, 0.05
# Seconds of waiting for a picture's first worker to start that do not count towards its deadline.
_UNCOUNTED_S = 10.0
# Workers that may be lost while loading a picture.
_LOADS = 2


class WorkerExecutor(Executor):
    """Runs steps in a worker process with the strategies; waiting for the first extends the deadline.

    The frame's size is (0, 0) until a worker has decoded it; its pixels are also decoded in this process if
    they are used.
    """

    def __init__(self, workers: Workers, source: Source, options: ReadOptions, limits: Limits) -> None:
        super().__init__(options.deadline)
        self._workers = workers
        self._worker: Worker | None = None
        self._source, self._options, self._limits = source, options, limits
        self._described = describe(source)
        self._uncounted_s = _UNCOUNTED_S
        self._suspects: set[str] = set()
        # Pixels that are used later are loaded from what was sent, or from the same file.
        self.frame = Frame.deferred((0, 0), self._load_here)

    def _load_here(self) -> Frame:
        options = self._options
        return Frame.load(self._source, bgr=options.bgr, frame=options.frame, limits=self._limits)

    def load(self) -> None:
        """Let a worker load the picture. Raises `WorkerError` if none can be started."""
        why = "no worker process was ready within the timeout"
        for left in reversed(range(_LOADS)):
            try:
                worker = self._take_worker()
                why = "it was not decoded within the timeout"
                self._send_picture(worker)
                return
            except HungError:
                self._drop()
                self.was_cut_off = True
                raise OutOfTimeError(why) from None
            except LostError as lost:
                self._drop()
                if not left:
                    ended = f"decoding it ended the worker process ({lost})"
                    raise ImageError(f"cannot read {self._described}: {ended}") from None

    def _take_worker(self) -> Worker:
        """Return a worker that has started; waiting for the first does not count, up to a limit."""
        since = time.monotonic()
        until = None if self._deadline is None else self._deadline + self._uncounted_s
        try:
            self._worker = self._workers.take(until)
            return self._worker
        finally:
            waited = time.monotonic() - since
            self.waited_s += waited
            if self._deadline is not None:
                self._deadline += min(self._uncounted_s, waited)
                # A picture that has ended a worker must not make its caller wait for another one.
                self._uncounted_s = 0.0

    def _send_picture(self, worker: Worker) -> None:
        packed, self._source = _pack(self._source, self._options.frame, self._limits)
        until = self._deadline or time.monotonic() + _HANG_S
        # Only an array can be BGR: other sources are decoded to RGB.
        bgr = self._options.bgr and isinstance(self._source, np.ndarray)
        how = {"bgr": bgr, "frame": self._options.frame, "draft": self._options.expect is None}
        arguments = packed, how, self._limits, frozenset(self._options.formats)
        refused, size, has_draft, notes = worker.call(load_picture, *arguments, until=until)
        if refused:
            raise ImageError(f"cannot read {self._described}: {refused}")
        self.frame.size, self.frame.has_draft, self.frame.notes = size, has_draft, notes

    def _perform(self, step: Step) -> Outcome:
        try:
            if self._worker is None:
                self.load()
        except ImageError as error:
            raise PictureLostError(str(error)) from error
        since = time.monotonic()
        left = _HANG_S if self._deadline is None else max(_SHARE * (self._deadline - since), _LEAST_S)
        assert self._worker is not None
        try:
            outcome: Outcome = self._worker.call(perform_step, step, until=since + left, answer=self._color)
        except (LostError, HungError) as end:
            self._drop()
            return self._describe_loss(step, end, time.monotonic() - since)
        except Exception as error:
            why = f"it cannot be sent to a worker process, or from it: {in_words(error)}"
            return Outcome(Findings(), time.monotonic() - since, why)
        return outcome

    def _color(self, _question: object) -> Any:
        """Return the picture's colour, since only gray was sent."""
        assert isinstance(self._source, Frame)
        try:
            return self._source.color
        except Exception as error:
            raise ImageError(f"its colour is not available ({in_words(error)})") from error

    def _describe_loss(self, step: Step, end: LostError | HungError, elapsed: float) -> Outcome:
        """Return the outcome of a step that ended or hung the worker, and leave its engine out from now on.

        If the worker was killed from outside, the engine gets a second chance.
        """
        if isinstance(end, LostError) and end.is_killed and step.engine not in self._suspects:
            self._suspects.add(step.engine)
        else:
            left_out = f"{step.engine} is left out for the rest of this picture: it ended its process"
            self._left_out[step.engine] = left_out
        how = f"ended ({end})"
        if isinstance(end, HungError):
            how = f"was ended: no answer within {elapsed:.2f} s"
            self.was_cut_off = self._deadline is not None
        return Outcome(Findings(), elapsed, f"the worker process {how}")

    def _drop(self) -> None:
        if self._worker is not None:
            self._workers.replace(self._worker)
            self._worker = None

    def close(self) -> None:
        """Return the worker to its pool."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        try:
            worker.begin(forget, has_answer=False)
        except LostError:
            self._workers.replace(worker)
        else:
            self._workers.give_back(worker)


@dataclass(frozen=True, slots=True)
class _Packed:
    """What is sent: a path, a file's bytes, or pixels; colour may be left out, to be sent on request."""

    source: str | bytes | NDArray[Any]
    has_color: bool = False


def _pack(source: Source, frame: int, limits: Limits) -> tuple[_Packed, Source]:
    """Return a source as it is sent, and as it can be loaded here if its pixels are used."""
    if isinstance(source, str | os.PathLike):
        # The worker keeps the working directory in which it was started.
        return _Packed(str(Path.cwd() / source)), source
    if isinstance(source, np.ndarray):
        if source.ndim not in (2, 3) or source.dtype.kind not in "biuf":
            # Loading raises an error that says what is wrong.
            return _Packed(Frame.load(source, limits=limits).gray), source
        with name_in_errors(source):
            limits.check_size(source.shape[1], source.shape[0])
        return _Packed(np.ascontiguousarray(source)), source
    if isinstance(source, Image.Image):
        source = Frame.load(source, frame=frame, limits=limits)
    if isinstance(source, Frame):
        with name_in_errors(source):
            limits.check_size(*source.size)
        # Colour needs another decoding or rendering, and most readings end without it.
        return _Packed(source.gray, source.is_colored), source
    data = read_content(source, limits)
    return _Packed(data), data


def load_picture(
    here: Here, packed: _Packed, how: dict[str, Any], limits: Limits, formats: frozenset[str]
) -> tuple[str, tuple[int, int], bool, tuple[str, ...]]:
    """Load a picture and keep it; return why that failed ("" if not), its size, has_draft and notes."""
    try:
        frame = Frame.load(packed.source, limits=limits, **how)
    except ImageError as error:
        # The caller names the source as it was given.
        return str(error).removeprefix(f"cannot read {describe(packed.source)}: "), (0, 0), False, ()
    if packed.has_color:
        frame = Frame(frame.gray, color=partial(here.ask, "color"))
    here.kept = Context(frame, formats)
    return "", frame.size, frame.has_draft, frame.notes


def perform_step(here: Here, step: Step) -> Outcome:
    """Run a step in the worker on the picture that it keeps."""
    return perform(step, here.kept)


def forget(here: Here) -> None:
    """Release the picture, since the next one may need its memory."""
    here.kept = None

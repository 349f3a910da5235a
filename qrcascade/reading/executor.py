"""Executors run the steps that strategies plan, in this process or, behind the same interface, elsewhere."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from qrcascade.errors import MissingDependencyError, QRCascadeError, in_words
from qrcascade.image.frame import Frame
from qrcascade.reading.costs import estimate_cost_s
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Context, Step, Steps, check_findings
from qrcascade.results import SKIPPED, Attempt, Findings, step_text

__all__ = [
    "Executor",
    "LocalExecutor",
    "OutOfTimeError",
    "Outcome",
    "PictureLostError",
    "perform",
    "run_plan",
]

# However fast attempts have been so far, do not count on the next one being faster than this.
_LEAST_PACE = 0.2


class OutOfTimeError(Exception):
    """The next step does not fit into the time left, so the reading ends."""


class PictureLostError(Exception):
    """The picture is no longer available, so the reading ends; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a step that was run.

    Parameters
    ----------
    findings : Findings
        Empty if the step failed.
    elapsed_s : float
        Seconds of wall time.
    error : str, optional
        What failed.
    is_missing : bool
        Whether the engine is not installed.
    """

    findings: Findings
    elapsed_s: float
    error: str | None = None
    is_missing: bool = False


def perform(step: Step, context: Context) -> Outcome:
    """Run a step in this process; an exception becomes the outcome's error."""
    start = time.perf_counter()
    findings, error, is_missing = Findings(), None, False
    try:
        findings = check_findings(step.work(context))
        error = findings.error
    except MissingDependencyError as missing:
        error, is_missing = str(missing), True
    except Exception as broken:
        error = in_words(broken)
    return Outcome(findings, time.perf_counter() - start, error, is_missing)


class Executor(ABC):
    """Runs the steps of one reading, one by one, and turns each outcome into an `Attempt`.

    Before each step it checks the deadline and the expected cost. Engines that do not work are left out.

    Parameters
    ----------
    deadline : float, optional
        When the reading should end, by the clock of `time.monotonic`.

    Attributes
    ----------
    frame : Frame
        The picture.
    was_cut_off : bool
        Whether the deadline cut off a step.
    waited_s : float
        Seconds spent waiting for a worker process to start.
    """

    def __init__(self, deadline: float | None) -> None:
        self.frame: Frame
        self.was_cut_off = False
        self.waited_s = 0.0
        self._deadline = deadline
        self._expected_s, self._spent_s = 0.0, 0.0
        # Engines that crashed their process, with the message to report.
        self._left_out: dict[str, str] = {}
        # Errors already reported, by strategy.
        self._reported: set[tuple[str, str]] = set()

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @abstractmethod
    def load(self) -> None:
        """Load the picture, if that is still to be done.

        Raises
        ------
        ImageError
            If the source is not a readable picture.
        OutOfTimeError
            If it takes too long; the message says what did.
        """

    def run(self, strategy: str, step: Step) -> Attempt:
        """Run a step for a strategy.

        If an engine is left out, or something is not installed, the first attempt has an error and later
        ones are of the kind "skipped".

        Raises
        ------
        PictureLostError
            If the picture has to be loaded again, and cannot be.
        OutOfTimeError
            If the step is not the first one and is not expected to fit into the time left, judged by the
            pace of the steps before it.
        """
        expected = estimate_cost_s(step)
        if not self._fits(expected):
            raise OutOfTimeError
        if step.engine in self._left_out:
            outcome = Outcome(Findings(), 0.0, self._left_out[step.engine], is_missing=True)
        else:
            outcome = self._perform(step)
            self._expected_s += expected
            self._spent_s += outcome.elapsed_s
        if outcome.is_missing:
            report = strategy, outcome.error or ""
            if report in self._reported:
                return Attempt(strategy, step.engine, step.view, SKIPPED, step.region)
            self._reported.add(report)
        return _make_attempt(strategy, step, outcome)

    @abstractmethod
    def close(self) -> None:
        """Release the picture."""

    def _fits(self, expected: float) -> bool:
        if self._deadline is None or not self._expected_s:
            return True
        pace = max(self._spent_s / self._expected_s, _LEAST_PACE)
        return time.monotonic() + pace * expected <= self._deadline

    @abstractmethod
    def _perform(self, step: Step) -> Outcome:
        """Run a step."""


class LocalExecutor(Executor):
    """Runs steps in this process.

    Parameters
    ----------
    frame : Frame
        The picture.
    formats : frozenset of str
        Symbologies to report.
    deadline : float, optional
        As for `Executor`.
    """

    def __init__(self, frame: Frame, formats: frozenset[str], deadline: float | None = None) -> None:
        super().__init__(deadline)
        self.frame = frame
        self._context = Context(frame, formats)

    def load(self) -> None:
        """Do nothing: the picture is already loaded."""

    def close(self) -> None:
        """Do nothing: the picture is freed with the executor."""

    def _perform(self, step: Step) -> Outcome:
        return perform(step, self._context)


def run_plan(strategy: str, plan: Steps, scan: Scan, executor: Executor) -> Iterator[Attempt]:
    """Run the steps that a strategy plans; record each attempt in the scan, and yield it.

    If the plan raises an exception, this becomes its last attempt.

    Raises
    ------
    OutOfTimeError, PictureLostError
        As `Executor.run` does.
    """
    step = _resume(strategy, plan, None)
    while isinstance(step, Step):
        attempt = executor.run(strategy, step)
        scan.record(attempt)
        yield attempt
        step = _resume(strategy, plan, attempt)
    if step is not None:
        scan.record(step)
        yield step


def _resume(
    strategy: str, plan: Generator[object, Any, None], attempt: Attempt | None
) -> Step | Attempt | None:
    """Return a plan's next step, None at its end, or an attempt with the error that it raised."""
    try:
        step = plan.send(attempt)
    except StopIteration:
        return None
    except QRCascadeError as error:
        return Attempt(strategy, error=str(error))
    except Exception as error:
        return Attempt(strategy, error=in_words(error))
    if isinstance(step, Step):
        return step
    return Attempt(strategy, error=f"TypeError: steps() must yield Step, got {step!r}")


def _make_attempt(strategy: str, step: Step, outcome: Outcome) -> Attempt:
    """Return the attempt that the scan records for a step."""
    findings, made = outcome.findings, outcome.findings.progress
    kind, view = (step.kind, step.view) if made is None else (made.kind, made.view)
    text = step_text(step.engine, kind, view)
    return Attempt(
        strategy,
        step.engine,
        view,
        kind,
        step.region,
        outcome.elapsed_s,
        tuple(replace(code, strategy=strategy, step=text) for code in findings.codes),
        findings.regions,
        outcome.error,
        None if made is None else made.following,
    )

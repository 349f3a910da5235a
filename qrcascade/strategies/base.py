"""The strategy protocol, and a stub for tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, runtime_checkable

from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Context, Step, Steps
from qrcascade.results import Attempt, Findings

__all__ = ["Strategy", "StubStrategy", "warm"]


@runtime_checkable
class Strategy(Protocol):
    """One tier of a cascade. Any object with these two members will do.

    A strategy plans but never runs anything itself: `steps` yields the next `Step` and is resumed with its
    `Attempt`, so that the cascade decides between steps whether to go on. The scan holds what has been read
    and located so far; each attempt is recorded in it before the generator is resumed.

    With isolation the plan is made in the caller's process, and its steps run in another one. So a plan must
    not look at pixels; only steps do.
    """

    @property
    def name(self) -> str:
        """The name that appears in `QRCode.strategy` and `Attempt.strategy`."""

    def steps(self, scan: Scan) -> Iterable[Step]:
        """Plan the reading of ``scan.frame``, step by step; attempts are sent to a generator."""
        ...


def warm(strategies: Iterable[object]) -> None:
    """Call ``warm()`` of the strategies that have one, to load now what they would load on first use.

    What cannot be loaded is reported by the attempts that need it.
    """
    for strategy in strategies:
        load = getattr(strategy, "warm", None)
        if load is not None:
            with contextlib.suppress(Exception):
                load()


class StubStrategy:
    """A strategy with canned results, for tests of cascades and applications.

    Parameters
    ----------
    attempts : sequence of Attempt
        The outcomes of its steps, in order; their ``strategy`` is replaced by this one's name.
    name : str
        Its name.
    error : Exception, optional
        Raised after the last attempt.

    Attributes
    ----------
    calls : int
        Number of readings that asked for its steps.
    """

    def __init__(
        self, attempts: Sequence[Attempt] = (), *, name: str = "stub", error: Exception | None = None
    ) -> None:
        self.name = name
        self.calls = 0
        self._attempts = tuple(attempts)
        self._error = error

    def steps(self, _scan: Scan) -> Steps:
        """Plan one step for each of the given attempts."""
        self.calls += 1
        for attempt in self._attempts:
            codes = tuple(replace(code, strategy=self.name) for code in attempt.codes)
            given = Findings(codes, attempt.regions, attempt.error)
            kind = attempt.kind or "call"
            yield Step(attempt.engine, attempt.view, attempt.region, kind, partial(_give, given))
        if self._error is not None:
            raise self._error


def _give(findings: Findings, _context: Context) -> Findings:
    return findings

"""What a strategy is, and the one way in which an engine run becomes an attempt."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from qrcascade.engines import Engine, engine
from qrcascade.errors import MissingDependencyError, QRCascadeError
from qrcascade.frame import Frame
from qrcascade.quad import Quad
from qrcascade.results import Attempt, Findings, QRCode, Region
from qrcascade.scan import OutOfTime, Scan
from qrcascade.strategies.costs import foreseen_s
from qrcascade.views import View, to_source, view

__all__ = ["Runner", "Step", "Strategy", "StubStrategy", "attempts", "carried", "warm"]


@runtime_checkable
class Strategy(Protocol):
    """One tier of a cascade. Any object with these two will do.

    `attempts` yields after every engine run, so that the cascade decides between any two runs
    whether to go on. It looks at the scan for what others read and located; the cascade fills
    it with what is yielded before the generator goes on.
    """

    @property
    def name(self) -> str:
        """As it appears in `QRCode.strategy` and `Attempt.strategy`."""

    def attempts(self, scan: Scan) -> Iterable[Attempt]:
        """Look at ``scan.frame`` and yield an `Attempt` for every engine run."""


@dataclass(frozen=True, slots=True)
class Step:
    """An engine and the view it looks at."""

    engine: Engine
    view: View

    @classmethod
    def of(cls, text: str) -> Step:
        """Parse "engine view", as "zxing clahe"."""
        name, pixels = text.split(" ", 1)
        return cls(engine(name), view(pixels))

    def __str__(self) -> str:
        return f"{self.engine.name} {self.view.name}"


class _LeftOut(Exception):  # noqa: N818
    """The engine is not asked on this picture."""


class Runner:
    """Runs engines for one strategy on one scan and makes attempts of it.

    What an engine or a view raises becomes the attempt's error. An engine that is not there is reported once.
    """

    def __init__(self, strategy: str, scan: Scan) -> None:
        self.strategy = strategy
        self._scan = scan
        self._formats = scan.formats
        self._absent: set[str] = set()

    def run(self, step: Step, frame: Frame, region: Quad | None = None) -> Attempt | None:
        """Run a step; None where its engine is not there, and that has been reported."""

        def look() -> Findings:
            seen = step.view(frame)
            return carried(step.engine.read(seen.gray, self._formats), seen)

        reported = frozenset(self._absent)
        attempt = self.attempt(str(step), look, region)
        return None if attempt.error in reported else attempt

    def attempt(self, step: str, look: Callable[[], Findings], region: Quad | None = None) -> Attempt:
        """Time ``look``, whose findings are in the source picture's pixels.

        Raises
        ------
        OutOfTime
            If the step does not fit into the time that is left.
        """
        done = self._scan.done(self.strategy, step, region)
        if done is not None:
            return done
        foreseen = foreseen_s(self.strategy, step)
        self._scan.begin(self.strategy, step, region, foreseen)
        start = time.perf_counter()
        findings, error = Findings(), None
        name = step.partition(" ")[0]
        try:
            if name in self._scan.broken:
                raise _LeftOut(f"{name} is left out for the rest of this picture: it ended its process")
            findings = look()
        except (MissingDependencyError, _LeftOut) as absent:
            error = str(absent)
            self._absent.add(error)
        except Exception as broken:
            error = f"{type(broken).__name__}: {broken}"
        elapsed = time.perf_counter() - start
        self._scan.end(foreseen, elapsed)
        codes = tuple(replace(c, strategy=self.strategy, step=step) for c in findings.codes)
        return Attempt(self.strategy, step, elapsed, codes, findings.regions, error, region)


def attempts(strategies: Iterable[Strategy], scan: Scan) -> Generator[Attempt]:
    """Every strategy's attempts in turn; what a strategy raises is its last attempt.

    Raises
    ------
    OutOfTime
        If what comes next does not fit into the time that is left.
    """
    for strategy in strategies:
        try:
            for attempt in strategy.attempts(scan):
                yield _sound(attempt)
        except OutOfTime:
            raise
        except QRCascadeError as error:
            yield Attempt(strategy.name, "", error=str(error))
        except Exception as error:
            yield Attempt(strategy.name, "", error=f"{type(error).__name__}: {error}")


def warm(strategies: Iterable[Strategy]) -> None:
    """Load now what strategies that have a ``warm()`` would load when they first run.

    What cannot be loaded is told by the attempts that need it.
    """
    for strategy in strategies:
        load = getattr(strategy, "warm", None)
        if load is not None:
            with contextlib.suppress(Exception):
                load()


def _sound(attempt: object) -> Attempt:
    """Check what a strategy yields, before the scan works with it."""
    if not isinstance(attempt, Attempt):
        raise TypeError(f"attempts() must yield Attempt, got {attempt!r}")
    for code in attempt.codes:
        if not (isinstance(code, QRCode) and isinstance(code.quad, Quad) and 0 <= code.confidence <= 1):
            raise TypeError(f"an attempt's codes must be QRCode with a Quad and a confidence, got {code!r}")
    for region in attempt.regions:
        if not (isinstance(region, Region) and isinstance(region.quad, Quad)):
            raise TypeError(f"an attempt's regions must be Region with a Quad, got {region!r}")
    for quad in [*(code.quad for code in attempt.codes), *(region.quad for region in attempt.regions)]:
        if not all(math.isfinite(n) for corner in quad for n in corner):
            raise TypeError(f"corners must be finite numbers, got {quad!r}")
    return attempt


def carried(findings: Findings, view: Frame) -> Findings:
    """Findings in a view's pixels, carried to the source picture's."""
    if view.is_source:
        return findings
    codes = [(code, _back(view, code.quad)) for code in findings.codes]
    regions = [(region, _back(view, region.quad)) for region in findings.regions]
    return Findings(
        tuple(replace(code, quad=quad) for code, quad in codes if quad is not None),
        tuple(replace(region, quad=quad) for region, quad in regions if quad is not None),
    )


def _back(view: Frame, quad: Quad) -> Quad | None:
    """A quad in the source picture; None where the view's perspective has it at infinity."""
    try:
        return to_source(view, quad)
    except ValueError:
        return None


class StubStrategy:
    """A strategy that yields what it was given: for tests of cascades and of apps.

    Parameters
    ----------
    attempts : sequence of Attempt
        Yielded in order; their ``strategy`` is replaced by this one's name.
    name : str
        Its name.
    error : Exception, optional
        Raised after the last attempt.

    Attributes
    ----------
    calls : int
        How many readings asked for its attempts.
    """

    def __init__(
        self, attempts: Sequence[Attempt] = (), *, name: str = "stub", error: Exception | None = None
    ) -> None:
        self.name = name
        self.calls = 0
        self._attempts = tuple(attempts)
        self._error = error

    def attempts(self, _scan: Scan) -> Iterable[Attempt]:
        """Yield the given attempts."""
        self.calls += 1
        for attempt in self._attempts:
            codes = tuple(replace(code, strategy=self.name) for code in attempt.codes)
            yield replace(attempt, strategy=self.name, codes=codes)
        if self._error is not None:
            raise self._error

"""A deadline is kept: no step is begun that does not fit into the time that is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from qrcascade import Cascade, Findings, Frame, Quad, Scan, Step
from qrcascade.engines import NAMES, engine
from qrcascade.image.views import limit, view
from qrcascade.reading.costs import estimate_cost_s
from qrcascade.reading.executor import LocalExecutor, OutOfTimeError
from qrcascade.reading.steps import Context
from qrcascade.strategies.classical import SCHEDULE, parse_step
from qrcascade.strategies.qreader import QReaderStrategy
from qrcascade.strategies.regions import REGION_LOOKS, look_at_region

BLANK = np.full((60, 80), 255, np.uint8)
SQUARE = Quad(((1, 1), (9, 1), (9, 9), (1, 9)))
EXPECTED_S = {"short": 0.01, "long": 1.0}


def step(name: str, seconds: float) -> Step:
    """A step that takes the time that is said, and is expected to take another one."""
    return Step(name, "", None, "call", partial(_wait, seconds), EXPECTED_S[name])


def _wait(seconds: float, _context: Context) -> Findings:
    time.sleep(seconds)
    return Findings()


class Plan:
    name = "plan"

    def __init__(self, *steps: tuple[str, float]) -> None:
        self.planned = [step(name, seconds) for name, seconds in steps]

    def steps(self, _scan: Scan) -> Iterator[Step]:
        yield from (one for one in self.planned)


def test_a_step_that_does_not_fit_is_not_begun() -> None:
    start = time.monotonic()
    result = Cascade([Plan(("short", 0.01), ("long", 30.0))]).read(BLANK, timeout=0.2)
    assert [a.step for a in result.attempts] == ["short"]
    assert result.timed_out
    assert time.monotonic() - start < 30, "the long step has run"


def test_the_pace_of_the_picture_counts() -> None:
    """What took ten times what was expected makes the next one as slow."""
    result = Cascade([Plan(("short", 0.1), ("short", 30.0))]).read(BLANK, timeout=0.19)
    assert len(result.attempts) == 1
    quick = Cascade([Plan(("long", 0.0), ("long", 0.0))]).read(BLANK, timeout=0.9)
    assert len(quick.attempts) == 2


def test_the_first_step_is_always_run() -> None:
    result = Cascade([Plan(("long", 0.0), ("long", 0.0))]).read(BLANK, timeout=0.1)
    assert len(result.attempts) == 1


def test_without_a_deadline_everything_fits() -> None:
    first, second = step("short", 0.02), step("long", 0.0)
    for deadline in (None, time.monotonic() + 1.5):
        executor = LocalExecutor(Frame(BLANK), frozenset(["QRCode"]), deadline)
        executor.run("any", first)
        if deadline is None:
            executor.run("any", second)
        else:
            with pytest.raises(OutOfTimeError):
                executor.run("any", second)


def test_every_shipped_step_has_a_cost_of_its_own() -> None:
    unknown = estimate_cost_s(Step.call("mine", lambda frame: Findings()))
    assert unknown > 0
    shipped = [*map(parse_step, SCHEDULE), *(look_at_region(*look, SQUARE) for look in REGION_LOOKS)]
    shipped += [Step.look(engine(name), view("raw")) for name in NAMES]
    shipped += [Step("grid", "", SQUARE, kind, _nothing) for kind in ("fit", "local", "deblur", "verify")]
    assert all(estimate_cost_s(one) != unknown for one in shipped)
    sizes = [QReaderStrategy(size, required=False).detection(limit(2048)) for size in "nsml"]
    costs = [estimate_cost_s(one) for one in sizes]
    assert costs == sorted(set(costs))


def _nothing(_context: Context) -> Findings:
    return Findings()

"""A deadline is kept: no attempt is begun that does not fit into the time that is left."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator

import numpy as np
import pytest

from qrcascade import Attempt, Cascade, Frame, Scan
from qrcascade.results import Findings
from qrcascade.scan import OutOfTime
from qrcascade.strategies import costs
from qrcascade.strategies.base import Runner
from qrcascade.strategies.classical import SCHEDULE
from qrcascade.strategies.regions import REGION_STEPS

BLANK = np.full((60, 80), 255, np.uint8)


class Steps:
    """Steps that take the time that is said."""

    name = "steps"

    def __init__(self, *steps: tuple[str, float]) -> None:
        self.steps = steps

    def attempts(self, scan: Scan) -> Iterator[Attempt]:
        runner = Runner(self.name, scan)
        for step, seconds in self.steps:
            yield runner.attempt(step, functools.partial(_wait, seconds))


def _wait(seconds: float) -> Findings:
    time.sleep(seconds)
    return Findings()


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_MS", {"short": 10.0, "long": 1000.0})
    monkeypatch.setattr(costs, "_PREFIXES", ["short", "long"])


@pytest.mark.usefixtures("foreseen")
def test_an_attempt_that_does_not_fit_is_not_begun() -> None:
    start = time.monotonic()
    result = Cascade([Steps(("short", 0.01), ("long", 30.0))]).read(BLANK, timeout=0.2)
    assert [a.step for a in result.attempts] == ["short"]
    assert result.timed_out
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("foreseen")
def test_the_pace_of_the_picture_counts() -> None:
    """What took ten times what was foreseen makes the next one as slow."""
    result = Cascade([Steps(("short", 0.1), ("short", 30.0))]).read(BLANK, timeout=0.19)
    assert len(result.attempts) == 1
    quick = Cascade([Steps(("short", 0.0), ("long", 0.0))]).read(BLANK, timeout=0.9)
    assert len(quick.attempts) == 2


@pytest.mark.usefixtures("foreseen")
def test_the_first_attempt_is_always_made() -> None:
    result = Cascade([Steps(("long", 0.0), ("long", 0.0))]).read(BLANK, timeout=0.1)
    assert len(result.attempts) == 1


def test_without_a_deadline_everything_fits() -> None:
    scan = Scan(Frame(BLANK))
    scan.end(0.001, 100.0)
    scan.begin("any", "zxing raw", None, 1e9)
    late = Scan(Frame(BLANK), deadline=time.monotonic() + 1)
    late.end(0.001, 0.1)
    with pytest.raises(OutOfTime):
        late.begin("any", "zxing raw", None, 0.1)


def test_every_shipped_step_has_a_cost_of_its_own() -> None:
    for step in (*SCHEDULE, *REGION_STEPS, "grid fit gray", "grid deblur disc 1.2", "texture raw"):
        assert any(step.startswith(prefix) for prefix in costs._PREFIXES)
    dear = [costs.foreseen_s(size, "qreader detect") for size in ("nano", "small", "medium", "large")]
    assert dear == sorted(set(dear))
    assert costs.foreseen_s("mine", "anything") > 0

"""Plans for tests: run one by itself, or make one of what its steps are to give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qrcascade import Attempt, Findings, Frame, QRCode, Region, Scan, Step
from qrcascade.reading.executor import LocalExecutor, run_plan
from qrcascade.reading.steps import Steps


def attempts(plan: Steps, scan: Scan) -> Iterator[Attempt]:
    """Run a plan's steps in this process, and record them."""
    return run_plan("test", plan, scan, LocalExecutor(scan.frame, scan.formats))


def give(name: str, codes: Iterable[QRCode] = (), regions: Iterable[Region] = ()) -> Step:
    """Return a step that finds what is given."""
    found = Findings(tuple(codes), tuple(regions))

    def find(_frame: Frame) -> Findings:
        return found

    return Step.call(name, find)

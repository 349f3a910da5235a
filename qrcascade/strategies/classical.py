"""The first tier: zxing-cpp, zbar and OpenCV over preprocessing views and located regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qrcascade.errors import OptionError
from qrcascade.results import Attempt, Quad
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.strategies.regions import credible_outline, reread

__all__ = ["QUICK", "SCHEDULE", "ClassicalStrategy"]

# Whole-picture steps, in the order that `python -m benchmarks schedule` found. The raw picture comes
# first: an easy one costs one engine run.
SCHEDULE: tuple[str, ...] = (
    "zxing raw",
    "finders <=1200px",
    "zbar <=500px+blur3",
    "zbar <=800px+adaptive31",
    "zxing equalize+otsu",
    "zbar >=1600px+adaptive31",
    "zxing x1.4",
    "zxing <=1200px+unsharp",
    "zxing x2",
    "zxing clahe",
    "zxing background",
    "zxing gamma0.5",
)
# So many steps look at every picture. The others are run on evidence: something is located and
# unread, or read with doubt, or the caller expects more codes than are read.
QUICK = 4


class ClassicalStrategy:
    """Engines over views of the whole picture, and over what they locate and cannot read.

    Parameters
    ----------
    schedule : sequence of str
        Steps as "engine view", in order; `SCHEDULE` by default.
    quick : int
        How many of them look at every picture; the others only where something was located or
        read by then, or where ``expect`` is a number.
    name : str
        Its name in results.

    Raises
    ------
    OptionError
        If a step names an engine or a view that does not exist.
    """

    def __init__(
        self, schedule: Sequence[str] = SCHEDULE, *, quick: int = QUICK, name: str = "classical"
    ) -> None:
        self.name = name
        self.quick = quick
        self.schedule = tuple(schedule)
        try:
            self._steps = tuple(Step.of(text) for text in self.schedule)
        except (KeyError, ValueError) as error:
            raise OptionError(f"no such step: {error}; a step is an engine and a view") from error

    def __repr__(self) -> str:
        return f"ClassicalStrategy({len(self.schedule)} steps)"

    def attempts(self, scan: Scan) -> Iterator[Attempt]:
        """Run the schedule, and read every credible region as soon as it is located."""
        runner = Runner(self.name, scan)
        tried: set[Quad] = set()
        for number, step in enumerate(self._steps):
            attempt = runner.run(step, scan.frame)
            if attempt is not None:
                yield attempt
            for region in scan.credible:
                if region.quad not in tried and credible_outline(region.quad, scan.frame):
                    tried.add(region.quad)
                    yield from reread(scan, region, runner)
            if number + 1 >= self.quick and not _promising(scan):
                return


def _promising(scan: Scan) -> bool:
    """Whether there is evidence of a code that is still unread."""
    if isinstance(scan.expect, int):
        return True
    return not scan.settled and bool(scan.codes or scan.regions)

"""The first tier: zxing-cpp, zbar and OpenCV over preprocessing views and located regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qrcascade.errors import OptionError
from qrcascade.results import Attempt, Quad
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.strategies.regions import credible_outline, reread

__all__ = ["SCHEDULE", "ClassicalStrategy"]

# Whole-picture steps. The raw picture comes first: an easy one costs one engine run.
SCHEDULE: tuple[str, ...] = (
    "zxing raw",
    "zbar <=500px+blur3",
    "aruco <=800px",
    "zxing >=1600px+background",
    "zxing blur7",
    "zbar <=500px+otsu",
    "zbar <=800px+adaptive31",
    "zxing <=1200px+clahe",
    "zxing equalize+otsu",
)
# Under "all", what locates is run even when all that is known is read.
_LOCATING = 3


class ClassicalStrategy:
    """Engines over views of the whole picture, and over what they locate and cannot read.

    Parameters
    ----------
    schedule : sequence of str
        Steps as "engine view", in order; `SCHEDULE` by default.
    name : str
        Its name in results.

    Raises
    ------
    OptionError
        If a step names an engine or a view that does not exist.
    """

    def __init__(self, schedule: Sequence[str] = SCHEDULE, *, name: str = "classical") -> None:
        self.name = name
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
            if scan.settled and number + 1 >= _LOCATING:
                return

"""The tier that reads what no engine reads: it fits the module grid of every unread region."""

from __future__ import annotations

from collections.abc import Sequence

from qrcascade.engines import engine
from qrcascade.image.quad import Quad
from qrcascade.image.views import view
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Step, Steps
from qrcascade.strategies.regions import WORTHWHILE, continue_grid, is_credible_outline, read_region, survey

__all__ = ["GridStrategy"]

_SEARCH = Step.look(engine("texture"), view("raw"))

# Further outlines of a region that are read, and after how many stages of the regions. Chosen: of 16 of them
# in the BoofCV and beyond sets two were read: fewer than by the stages before, more than by those after.
_MOST_OTHERS, _STAGES_BEFORE = 2, 3


class GridStrategy:
    """Reads located regions with `qrcascade.grid`, the best first, with cheap stages before expensive ones.

    If nothing is read this way, or more is expected, and no strategy before it has surveyed the picture, it
    runs the project's own detector and reads what that locates. If the caller expects a code and none is
    read, patches of texture are read last.

    Parameters
    ----------
    max_regions : int
        Maximum number of regions per picture, the most credible first.
    name : str
        Its name in results.
    """

    def __init__(self, *, max_regions: int = 16, name: str = "grid") -> None:
        self.max_regions = max_regions
        self.name = name

    def __repr__(self) -> str:
        return f"GridStrategy(max_regions={self.max_regions})"

    def steps(self, scan: Scan) -> Steps:
        """Plan a step per region and stage, until each region is read or all stages are done."""
        if "QRCode" not in scan.formats:
            return
        yield from self._read_regions(scan)
        if scan.needs_survey or (not scan.is_surveyed and (scan.expect is not None or not scan.accepted)):
            attempt = yield survey(scan)
            for region in attempt.regions:
                if not scan.is_read(region.quad) and is_credible_outline(region.quad, scan.frame):
                    yield from read_region(scan, region)
            yield from self._read_regions(scan)
        if scan.expect is not None and not scan.accepted:
            yield _SEARCH
            yield from self._read_regions(scan)

    def _read_regions(self, scan: Scan) -> Steps:
        worth = [r for r in scan.regions if r.score >= WORTHWHILE and is_credible_outline(r.quad, scan.frame)]
        worth = worth[: self.max_regions]
        others = (quad for region in worth for quad in scan.other_outlines(region)[:_MOST_OTHERS])
        yield from _read_grids(scan, [region.quad for region in worth], list(dict.fromkeys(others)))


def _read_grids(scan: Scan, waiting: Sequence[Quad], others: Sequence[Quad]) -> Steps:
    """Run the stages of several grids in turn, the cheap ones of all before the expensive ones of any."""
    stages = 0
    while waiting or others:
        if stages == _STAGES_BEFORE or not waiting:
            waiting, others = [*others, *waiting], ()
        going = []
        for quad in waiting:
            step = None if scan.is_read(quad) else continue_grid(scan, quad)
            if step is not None:
                attempt = yield step
                if attempt.following:
                    going.append(quad)
        waiting = going
        stages += 1

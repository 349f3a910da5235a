"""The tier that reads what no engine reads: it fits the module grid of every unread region."""

from __future__ import annotations

from qrcascade.engines import engine
from qrcascade.image.views import view
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Step, Steps
from qrcascade.strategies.regions import WORTHWHILE, continue_grid, is_credible_outline, read_region

__all__ = ["GridStrategy"]

_DETECT = Step.look(engine("detector"), view("raw"))
_SEARCH = Step.look(engine("texture"), view("raw"))


class GridStrategy:
    """Reads located regions with `qrcascade.grid`, the best first, with cheap stages before expensive ones.

    If nothing is read this way, or more is expected, it runs the project's own detector and reads what that
    locates, then searches for textured patches; each once.

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
        if self._is_missing_something(scan, _DETECT):
            detection = yield _DETECT
            for region in detection.regions:
                if not scan.is_read(region.quad) and is_credible_outline(region.quad, scan.frame):
                    yield from read_region(scan, region)
            yield from self._read_regions(scan)
        if self._is_missing_something(scan, _SEARCH):
            yield _SEARCH
            yield from self._read_regions(scan)

    def _read_regions(self, scan: Scan) -> Steps:
        worth = [r for r in scan.regions if r.score >= WORTHWHILE and is_credible_outline(r.quad, scan.frame)]
        waiting = worth[: self.max_regions]
        while waiting:
            going = []
            for region in waiting:
                step = None if scan.is_read(region.quad) else continue_grid(scan, region.quad)
                if step is not None:
                    attempt = yield step
                    if attempt.following:
                        going.append(region)
            waiting = going

    def _is_missing_something(self, scan: Scan, search: Step) -> bool:
        """Return whether a symbol may be there that is not located, and this search was not made yet."""
        made = any(
            (a.strategy, a.engine, a.view) == (self.name, search.engine, search.view) for a in scan.attempts
        )
        return not made and (scan.expect is not None or not scan.accepted)

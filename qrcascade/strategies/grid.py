"""The tier that reads what no engine reads: it fits the module grid of every region that is left."""

from __future__ import annotations

from collections.abc import Iterator

from qrcascade.results import Attempt
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.strategies.regions import WORTHWHILE, credible_outline, grid_stage

__all__ = ["GridStrategy"]

_SEARCH = Step.of("texture raw")


class GridStrategy:
    """Reads located regions by `qrcascade.grid`, the best first, cheap ways for all before dear ones.

    Where nothing is read even so, or more is expected, it searches for textured patches once itself.

    Parameters
    ----------
    max_regions : int
        How many regions of one picture are looked at, the most credible first.
    name : str
        Its name in results.
    """

    def __init__(self, *, max_regions: int = 16, name: str = "grid") -> None:
        self.max_regions = max_regions
        self.name = name

    def __repr__(self) -> str:
        return f"GridStrategy(max_regions={self.max_regions})"

    def attempts(self, scan: Scan) -> Iterator[Attempt]:
        """One attempt a region and way, until each is read or all ways are tried."""
        if "QRCode" not in scan.formats:
            return
        runner = Runner(self.name, scan)
        yield from self._read_regions(scan, runner)
        if self._is_missing_something(scan):
            attempt = runner.run(_SEARCH, scan.frame)
            if attempt is not None:
                yield attempt
                yield from self._read_regions(scan, runner)

    def _read_regions(self, scan: Scan, runner: Runner) -> Iterator[Attempt]:
        worth = [r for r in scan.regions if r.score >= WORTHWHILE and credible_outline(r.quad, scan.frame)]
        waiting = worth[: self.max_regions]
        while waiting:
            going = []
            for region in waiting:
                attempt = None if scan.is_read(region.quad) else grid_stage(scan, region, runner)
                if attempt is not None:
                    yield attempt
                    going.append(region)
            waiting = going

    def _is_missing_something(self, scan: Scan) -> bool:
        """Whether there should be a symbol that nobody has located, and it was not searched for yet."""
        searched = any(a.strategy == self.name and a.step == str(_SEARCH) for a in scan.attempts)
        return not searched and (scan.expect is not None or not scan.accepted)

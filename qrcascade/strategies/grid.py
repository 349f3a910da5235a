"""The tier that reads what no engine reads: it fits the module grid of every region that is left."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from qrcascade.grid import evidence
from qrcascade.grid.reader import GridReading, stages
from qrcascade.results import Attempt, Findings, QRCode, Region
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.strategies.regions import WORTHWHILE, credible_outline

__all__ = ["GridStrategy"]

_SEARCH = Step.of("texture raw")
# Outlines that overlap more lead to the same fit.
_SAME_OUTLINE = 0.85


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
        worth = [r for r in scan.regions if r.score >= WORTHWHILE and self._is_new(r, scan)]
        waiting = [(region, stages(scan.frame, region.quad)) for region in worth[: self.max_regions]]
        while waiting:
            going = []
            for region, ways in waiting:
                way = None if scan.is_read(region.quad) else next(ways, None)
                if way is not None:
                    name, run = way
                    look = functools.partial(_findings, run)
                    yield runner.attempt(f"grid {name}", look, region.quad)
                    going.append((region, ways))
            waiting = going

    def _is_missing_something(self, scan: Scan) -> bool:
        """Whether there should be a symbol that nobody has located, and it was not searched for yet."""
        searched = any(a.strategy == self.name and a.step == str(_SEARCH) for a in scan.attempts)
        return not searched and (scan.expect is not None or not scan.codes)

    def _is_new(self, region: Region, scan: Scan) -> bool:
        """Whether this outline can be a symbol's, and was not looked at as good as here by an earlier tier."""
        tried = (a.region for a in scan.attempts if a.strategy == self.name and a.region is not None)
        return credible_outline(region.quad, scan.frame) and not any(
            region.quad.overlap(quad) >= _SAME_OUTLINE for quad in tried
        )


def _findings(run: Callable[[], GridReading | None]) -> Findings:
    reading = run()
    if reading is None:
        return Findings()
    decoded = reading.decoded
    code = QRCode(
        text=decoded.payload.text,
        data=decoded.payload.data,
        quad=reading.quad,
        confidence=evidence.confidence(decoded.evidence_bits),
        engine="grid",
        version=str(decoded.version),
        ec_level=decoded.level,
        mirrored=reading.mirrored,
        evidence_bits=decoded.evidence_bits,
        mesh=tuple(tuple((float(x), float(y)) for x, y in row) for row in reading.mesh),
    )
    return Findings((code,))

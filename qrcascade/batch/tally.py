"""The summary of a batch: read rates, latencies and the slowest files."""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable

from qrcascade.batch.journal import Row

__all__ = ["Tally"]

_SLOWEST = 5


class Tally:
    """Counts over the rows of a journal, of which those of one source follow each other.

    ``slowest`` has the total milliseconds and names of the slowest files, ``ms`` those of each page, sorted;
    ``strategies`` the number of pages whose best code comes from each strategy.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.files = self.read_files = self.broken_files = self.pages = self.read_pages = 0
        self.strategies: Counter[str] = Counter()
        self.slowest: list[tuple[float, str]] = []
        ms = array("d")
        of_file: defaultdict[str, float] = defaultdict(float)
        is_read, is_broken, left = False, False, 0
        for row in rows:
            left = (left or row["rows"]) - 1
            is_broken |= row["error"] is not None
            if "ms" in row:
                self.pages += 1
                ms.append(row["ms"])
                of_file[row["file"]] += row["ms"]
            best = next((code for code in row.get("codes", ()) if code["accepted"]), None)
            if best is not None:
                is_read = True
                self.read_pages += 1
                self.strategies[best["strategy"]] += 1
            if not left:
                self._end_file(row["file"], of_file, is_read)
                self.broken_files += is_broken
                is_read = is_broken = False
        self.slowest.sort(reverse=True)
        self.ms = sorted(ms)

    def _end_file(self, name: str, of_file: defaultdict[str, float], is_read: bool) -> None:
        self.files += 1
        self.read_files += is_read
        heapq.heappush(self.slowest, (of_file.pop(name, 0.0), name))
        if len(self.slowest) > _SLOWEST:
            heapq.heappop(self.slowest)

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the pages was read, by nearest rank."""
        return self.ms[max(0, math.ceil(share * len(self.ms)) - 1)]

    def lines(self) -> list[str]:
        """Return the summary in words."""
        found = [
            f"files: {self.files:,}; read {_share(self.read_files, self.files)}; errors {self.broken_files:,}"
        ]
        if not self.pages:
            return found
        found.append(f"pages: {self.pages:,}; read {_share(self.read_pages, self.pages)}")
        found += [
            f"  by {name}: {_share(count, self.pages)}" for name, count in self.strategies.most_common()
        ]
        times = ", ".join(f"{p} % within {self.percentile(p / 100):,.0f}" for p in (50, 90, 99))
        found.append(f"milliseconds per page: {times}, slowest {self.ms[-1]:,.0f}")
        found.append("slowest files:")
        found += [f"  {ms:,.0f} ms  {name}" for ms, name in self.slowest]
        return found


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"

"""The summary of a batch: read rates, latencies and the slowest files."""

from __future__ import annotations

import heapq
import itertools
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from qrcascade.batch.journal import Row
from qrcascade.report.words import count

__all__ = ["Tally"]

_SLOWEST = 5
_MOST_ERRORS = 20


class Tally:
    """Counts over the rows of a journal, of which those of one source follow each other.

    ``slowest`` has the total milliseconds and names of the slowest files, ``ms`` those of each page, sorted;
    ``strategies`` the number of pages whose best code comes from each strategy, and ``errors`` the name and
    reason of the first errors.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.files = self.read_files = self.broken_files = self.pages = self.read_pages = self.late_pages = 0
        self.errors: list[str] = []
        self.strategies: Counter[str] = Counter()
        self.slowest: list[tuple[float, str]] = []
        ms = array("d")
        coming = iter(rows)
        for first in coming:
            ms.extend(self._add([first, *itertools.islice(coming, first["rows"] - 1)]))
        self.ms = sorted(ms)

    def _add(self, file: Sequence[Row]) -> list[float]:
        """Count the rows of a file; return the milliseconds of its pages."""
        times = [row["ms"] for row in file if "ms" in row]
        best = [next((code for code in row.get("codes", ()) if code["accepted"]), None) for row in file]
        strategies = [code["strategy"] for code in best if code is not None]
        self.files += 1
        self.read_files += bool(strategies)
        self.late_pages += sum(row.get("timed_out", False) for row in file)
        broken = next((row for row in file if row["error"] is not None), None)
        if broken is not None:
            self.broken_files += 1
            if len(self.errors) < _MOST_ERRORS:
                self.errors.append(f"{broken['file']}: {_explain(broken)}")
        self.pages += len(times)
        self.read_pages += len(strategies)
        self.strategies.update(strategies)
        if times:
            self.slowest = heapq.nlargest(_SLOWEST, [*self.slowest, (sum(times), file[0]["file"])])
        return times

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the pages was read, by nearest rank."""
        return self.ms[max(0, math.ceil(share * len(self.ms)) - 1)]

    def lines(self) -> list[str]:
        """Return the summary in words."""
        found = [
            f"files: {self.files:,}; read {_share(self.read_files, self.files)}; errors {self.broken_files:,}"
        ]
        if not self.pages:
            return [*found, *self.error_lines()]
        found.append(f"pages: {self.pages:,}; read {_share(self.read_pages, self.pages)}")
        found += [
            f"  by {name}: {_share(number, self.pages)}" for name, number in self.strategies.most_common()
        ]
        if self.late_pages:
            found.append(f"{count(self.late_pages, 'page')} timed out, and may hold more")
        times = ", ".join(f"{p} % within {self.percentile(p / 100):,.0f}" for p in (50, 90, 99))
        found.append(f"milliseconds per page: {times}, slowest {self.ms[-1]:,.0f}")
        found.append("slowest files:")
        found += [f"  {ms:,.0f} ms  {name}" for ms, name in self.slowest]
        return [*found, *self.error_lines()]

    def error_lines(self) -> Iterator[str]:
        """Yield the first errors in words."""
        if self.errors:
            yield "errors:"
            yield from (f"  {line}" for line in self.errors)
        if (more := self.broken_files - len(self.errors)) > 0:
            yield f"  and {count(more, 'more file')}, which the table names"


def _explain(row: Row) -> str:
    """Return the error of a row, without the name that its line has already."""
    where = "" if row["page"] is None else f"page {row['page']}: "
    return where + str(row["error"]).removeprefix(f"cannot read {row['file']!r}: ")


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"

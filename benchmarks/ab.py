"""Load from ApacheBench (``ab``, Debian's apache2-utils), which asks again at once after any answer."""

from __future__ import annotations

import re
import resource
import subprocess
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("answers a second {:.1f}", "P50, ms {:.0f}", "P99, ms {:.0f}", "outcomes")
_OUTCOME = re.compile(r'^qrcascade_requests_total\{endpoint="/detect",outcome="(\w+)".*\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Load:
    """What ApacheBench saw, how the service counted it, and the processor time that asking took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    outcomes: dict[str, int]
    cpu_s: float

    def cells(self) -> list[object]:
        """Of the columns of `COLUMNS`."""
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        return [self.per_second, self.p50_ms, self.p99_ms, outcomes]


def asked(url: str, picture: Path, clients: int, number: float) -> Load:
    """So many requests, none of which may fail to be answered."""
    before = _outcomes(url)
    options = ["-q", "-k", "-s", "60", "-c", str(clients), "-n", str(max(4 * clients, int(number)))]
    body = ["-p", str(picture), "-T", "application/octet-stream"]
    had = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["ab", *options, *body, f"{url}/detect"], capture_output=True, text=True, check=True
    )
    has = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = _outcomes(url)

    def figure(pattern: str) -> float:
        found = re.search(pattern, done.stdout)
        return float(found[1]) if found else float("nan")

    return Load(
        figure(r"Requests per second:\s+([\d.]+)"),
        figure(r"\n\s+50%\s+(\d+)"),
        figure(r"\n\s+99%\s+(\d+)"),
        dict(after - before),
        has.ru_utime + has.ru_stime - had.ru_utime - had.ru_stime,
    )


def _outcomes(url: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        for name, count in _OUTCOME.findall(answer.read().decode()):
            counts[name] += int(float(count))
    return counts

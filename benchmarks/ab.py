"""Load from ApacheBench (``ab``, Debian's apache2-utils), which asks again at once after any answer."""

from __future__ import annotations

import re
import resource
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "asked"]

_OUTCOME = re.compile(r'^qrcascade_requests_total\{endpoint="/detect",outcome="(\w+)".*\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Load:
    """What ApacheBench saw, how the service counted it, and the processor time that asking took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    outcomes: dict[str, int]
    cpu_s: float

    def row(self) -> str:
        """Cells of a table."""
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        return f"{self.per_second:.1f} | {self.p50_ms:.0f} | {self.p99_ms:.0f} | {outcomes}"


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

    counted = {name: count - before.get(name, 0) for name, count in after.items()}
    return Load(
        figure(r"Requests per second:\s+([\d.]+)"),
        figure(r"\n\s+50%\s+(\d+)"),
        figure(r"\n\s+99%\s+(\d+)"),
        {name: count for name, count in counted.items() if count},
        has.ru_utime + has.ru_stime - had.ru_utime - had.ru_stime,
    )


def _outcomes(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    counts: dict[str, int] = {}
    for name, count in _OUTCOME.findall(text):
        counts[name] = counts.get(name, 0) + int(float(count))
    return counts

"""The service in a process of its own, and load from ApacheBench (``ab``, Debian's apache2-utils)."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests

from qrcascade.cascade import Preset

COLUMNS = ("answers a second {:.1f}", "P50, ms {:.0f}", "P99, ms {:.0f}", "outcomes")
_OUTCOME = re.compile(r'^qrcascade_requests_total\{endpoint="/detect",outcome="(\w+)".*\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that listens on a port of the loopback."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where its endpoints are."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def started(preset: Preset, **options: object) -> Iterator[Service]:
    """The service with a preset and other options of ``qrcascade serve``, once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from qrcascade.cli import main; main()", "serve"]
    for name, value in {"port": port, "preset": preset, **options}.items():
        command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        service = Service(port, process)
        try:
            while process.poll() is None:
                with contextlib.suppress(requests.ConnectionError):
                    if requests.get(f"{service.url}/ready", timeout=60).ok:
                        break
                time.sleep(0.1)
            yield service
        finally:
            process.terminate()


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


def ask(service: Service, picture: Path, clients: int, number: float) -> Load:
    """So many requests, each at once after an answer, none of which may fail to be answered."""
    before, had = _outcomes(service), resource.getrusage(resource.RUSAGE_CHILDREN)
    options = ["-q", "-k", "-s", "60", "-c", str(clients), "-n", str(max(4 * clients, int(number)))]
    options += ["-p", str(picture), "-T", "application/octet-stream", f"{service.url}/detect"]
    said = subprocess.run(["ab", *options], capture_output=True, text=True, check=True).stdout
    has = resource.getrusage(resource.RUSAGE_CHILDREN)
    patterns = r"Requests per second:\s+([\d.]+)", r"\n\s+50%\s+(\d+)", r"\n\s+99%\s+(\d+)"
    rate, p50_ms, p99_ms = (
        float(found[1]) if (found := re.search(one, said)) else float("nan") for one in patterns
    )
    cpu_s = has.ru_utime + has.ru_stime - had.ru_utime - had.ru_stime
    return Load(rate, p50_ms, p99_ms, dict(_outcomes(service) - before), cpu_s)


def _outcomes(service: Service) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, count in _OUTCOME.findall(requests.get(f"{service.url}/metrics", timeout=60).text):
        counts[name] += int(float(count))
    return counts

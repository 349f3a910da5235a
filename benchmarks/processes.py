"""What /proc says of processes (Linux); the service in one of its own, and load from ApacheBench."""

from __future__ import annotations

import contextlib
import os
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

_TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """Return its state and what follows in /proc/PID/stat: 1 is the parent, 11 and 12 ticks, 19 the start."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def command(pid: int) -> str:
    """Return the words of its command; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def parent(pid: int) -> int:
    """Return the process that started it; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        return int(_fields(pid)[1])
    return 0


def children(pid: int) -> Iterator[int]:
    """Yield the processes that it started."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, file.read_text().split())


def workers(pid: int) -> list[int]:
    """Return those of its children that multiprocessing spawned."""
    return [child for child in children(pid) if "spawn_main" in command(child)]


def memory_mb(pid: int, line: str = "VmRSS", file: str = "status") -> float:
    """Return what a line of a file says, in MB: what is resident; 0 of a process that has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
        return next((int(said.split()[1]) / 1024 for said in lines if said.startswith(f"{line}:")), 0.0)
    return 0.0


def cpu_s(pid: int) -> float:
    """Return the processor time that it and its children have had."""
    fields = [_fields(process) for process in (pid, *children(pid))]
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICKS


def age_s(pid: int) -> float:
    """Return seconds that it has run; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        return float(Path("/proc/uptime").read_text().split()[0]) - int(_fields(pid)[19]) / _TICKS
    return 0.0


# The service. ApacheBench is ``ab``, of Debian's apache2-utils.

COLUMNS = ("answers a second {:.1f}", "P50, ms {:.0f}", "P99, ms {:.0f}", "outcomes")
_OUTCOME = re.compile(r'^qrcascade_requests_total\{endpoint="/detect",outcome="(\w+)".*\} (\S+)$', re.M)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that listens on a port of the loopback."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Return where its endpoints are."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def started(preset: Preset, **options: object) -> Iterator[Service]:
    """Yield the service with a preset and other options of ``qrcascade serve``, once it is ready."""
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
        """Return the cells of `COLUMNS`."""
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        return [self.per_second, self.p50_ms, self.p99_ms, outcomes]


def ask(service: Service, picture: Path, clients: int, number: float) -> Load:
    """Send this many requests, each right after an answer; none may go unanswered."""
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

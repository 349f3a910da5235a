"""What Linux's /proc says of processes: their children, memory, processor time and age."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """Its state and what follows that in /proc/PID/stat: 1 is the parent, 11 and 12 ticks, 19 the start."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def command(pid: int) -> str:
    """The words of its command; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def parent(pid: int) -> int:
    """The process that started it; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        return int(_fields(pid)[1])
    return 0


def children(pid: int) -> Iterator[int]:
    """The processes that it started."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, file.read_text().split())


def workers(pid: int) -> list[int]:
    """Those of its children that multiprocessing spawned."""
    return [child for child in children(pid) if "spawn_main" in command(child)]


def memory_mb(pid: int, line: str = "VmRSS", file: str = "status") -> float:
    """What a line of a file says, in MB: what is resident; 0 of a process that has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
        return next((int(said.split()[1]) / 1024 for said in lines if said.startswith(f"{line}:")), 0.0)
    return 0.0


def cpu_s(pid: int) -> float:
    """Processor time that it and its children have had."""
    fields = [_fields(process) for process in (pid, *children(pid))]
    return sum(int(each[11]) + int(each[12]) for each in fields) / _TICKS


def age_s(pid: int) -> float:
    """Seconds that it has run; 0 of one that has ended."""
    with contextlib.suppress(OSError):
        return float(Path("/proc/uptime").read_text().split()[0]) - int(_fields(pid)[19]) / _TICKS
    return 0.0

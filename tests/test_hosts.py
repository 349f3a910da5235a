"""Worker processes on odd hosts: programs that fork, are killed, or have hardly any files, and no input."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrcascade import Cascade, ImageError, Limits, WorkerError
from qrcascade.isolation import Worker
from tests.faults import Starting

ROOT = Path(__file__).parents[1]
BLANK = np.full((60, 80), 255, np.uint8)
posix = pytest.mark.skipif(os.name != "posix", reason="forks and limits of POSIX")

# `ask` returns the process that reads.
HOST = """
import io, os, sys, time
import numpy as np
from PIL import Image
from qrcascade import Cascade, read_document
from tests.faults import Counting
blank = np.full((60, 80), 255, np.uint8)
def ask(cascade):
    (error,) = cascade.read(blank).errors
    return int(error)
def fork(run):
    child = os.fork()
    if child == 0:
        run()
        sys.exit(0)  # not os._exit: exit handlers run
    return os.waitpid(child, 0)[1]
def pages():
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.full((9, 9), value, np.uint8)) for value in (0, 128, 255)]
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()
if __name__ == "__main__":
    with Cascade([Counting()], isolation="process") as cascade:
        {program}
"""


def run(tmp_path: Path, program: str, *, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program whose cascade says which process read; ``before`` is shell, for its limits."""
    script = tmp_path / "host.py"
    script.write_text(HOST.format(program=program.strip().replace("\n", "\n        ")))
    command = ["sh", "-c", f'{before} exec "$0" "$1"', sys.executable, str(script)]
    search = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    # Not through pipes: who waits for their end waits for every process that was forked.
    out, errors = tmp_path / "out", tmp_path / "errors"
    with out.open("w") as stdout, errors.open("w") as stderr:
        ended = subprocess.run(command, stdout=stdout, stderr=stderr, timeout=120, check=False, env=search)
    return subprocess.CompletedProcess(command, ended.returncode, out.read_text(), errors.read_text())


FORKS = {
    "exits": "fork(lambda: None)",
    "reads": "assert fork(lambda: print('child', ask(cascade) != first)) == 0",
    "closes": "fork(cascade.close)",
    "in a document": """
opened = read_document(pages(), cascade=cascade)
next(opened)
fork(opened.close)
assert len(list(opened)) == 2""",
    "of multiprocessing": """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]""",
}


@pytest.mark.slow
@posix
@pytest.mark.parametrize("how", FORKS)
def test_a_forked_process_leaves_its_parents_workers_alone(tmp_path: Path, how: str) -> None:
    ran = run(tmp_path, f"first = ask(cascade)\n{FORKS[how]}\nprint('kept', ask(cascade) == first)")
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[-1] == "kept True"
    assert "False" not in ran.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_workers_end_with_their_parent_though_a_process_forked_from_it_lives(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        """
print(ask(cascade), flush=True)
child = os.fork()
if child == 0:
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), 9)""",
    )
    worker, sibling = map(int, ran.stdout.split())
    try:
        until = time.monotonic() + 30
        while is_running(worker) and time.monotonic() < until:
            time.sleep(0.05)
        assert not is_running(worker)
        assert is_running(sibling)
    finally:
        os.kill(sibling, signal.SIGKILL)


def is_running(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


HOSTS = {
    "no input": "exec <&-;",
    "no input and no errors": "exec <&- 2>&-;",
    "few files": "ulimit -n 64;",
}


@pytest.mark.slow
@posix
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_with_little(tmp_path: Path, host: str) -> None:
    ran = run(tmp_path, "print(ask(cascade) == ask(cascade))", before=HOSTS[host])
    assert ran.stdout == "True\n", ran.stderr


@pytest.mark.slow
@posix
def test_no_shared_memory_and_no_semaphores(tmp_path: Path) -> None:
    """As without /dev/shm."""
    program = """
import _multiprocessing, _posixshmem
def refuse(*_):
    raise OSError(38, "no /dev/shm")
_multiprocessing.SemLock = _posixshmem.shm_open = refuse
print(ask(cascade) == ask(cascade))"""
    ran = run(tmp_path, program)
    assert ran.stdout == "True\n", ran.stderr


@pytest.mark.slow
@posix
def test_too_few_files_are_told(tmp_path: Path) -> None:
    program = """
from qrcascade import WorkerError
try:
    cascade.warm(12)
except WorkerError as error:
    print(error)
print(ask(cascade) == ask(cascade))"""
    ran = run(tmp_path, program, before="ulimit -n 20;")
    told, works = ran.stdout.splitlines()
    assert "Too many open files" in told
    assert works == "True"


def test_a_pipe_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(*_: Any, **__: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("multiprocessing.connection.Pipe", pipe)
    with pytest.raises(WorkerError, match="Too many open files"):
        Worker()


def broken_image() -> Image.Image:
    """Return a PIL image whose file was cut."""
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.getvalue()[:3000]))


def test_a_refused_source_costs_no_worker(tmp_path: Path) -> None:
    starting = Starting(tmp_path / "starts")
    refused: dict[str, Any] = {
        "object": [1],
        "shape": np.zeros((3, 50, 50)),
        "range": np.full((9, 9), -1.0),
        "bytes": b"x" * 100_001,
        "pixels": np.zeros((1000, 2000), np.uint8),
        "cut": broken_image(),
        "missing": tmp_path / "none.png",
        "garbage": b"garbage",
    }
    limits = Limits(max_bytes=100_000, max_pixels=1_000_000)
    with Cascade([starting], isolation="process", limits=limits) as cascade:
        cascade.warm()
        for source in refused.values():
            with pytest.raises(ImageError):
                cascade.read(source)
            # The next one need not wait for a start, which would count here.
            result = cascade.read(BLANK, timeout=60)
            assert (result.text, result.errors) == ("read", ())
    assert starting.starts == 1

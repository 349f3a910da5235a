"""Worker processes: what ends one is an attempt's error, and the reading goes on."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.faults import FAULTS, Faulty
from qrcascade import (
    Cascade,
    ClassicalStrategy,
    Findings,
    Frame,
    ImageError,
    Limits,
    OptionError,
    QRCode,
    Quad,
    Step,
    Strategy,
    StubStrategy,
    WorkerError,
)
from qrcascade.cascade import Isolation
from qrcascade.isolation import CAN_CAP_MEMORY, Here, Worker
from tests import draw
from tests.faults import Counting, Local, Odd, Reads
from tests.rows import slowly

BLANK = np.full((60, 80), 255, np.uint8)
on_linux = pytest.mark.skipif(not CAN_CAP_MEMORY, reason="memory can only be capped on Linux")


@pytest.fixture(scope="module")
def classical() -> Iterator[Cascade]:
    with Cascade.preset("classical", isolation="process") as cascade:
        yield cascade


@pytest.fixture(scope="module")
def limited() -> Iterator[Cascade]:
    limits = Limits(max_pixels=800, max_bytes=60_000)
    with Cascade([Reads()], isolation="process", limits=limits) as cascade:
        yield cascade


def png(gray: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG")
    return buffer.getvalue()


def sources(tmp_path: Path) -> dict[str, Any]:
    gray = np.kron(draw.symbol("isolated")[0], np.ones((2, 2), np.uint8))
    path = tmp_path / "symbol.png"
    path.write_bytes(png(gray))
    rgb = np.dstack([gray, gray, gray])
    return {
        "path": path,
        "text path": str(path),
        "bytes": png(gray),
        "file": io.BytesIO(png(gray)),
        "array": gray,
        "strided": gray[::-1, ::-1],
        "fortran": np.asfortranarray(gray),
        "rgb": rgb,
        "floats": gray / 255,
        "PIL": Image.fromarray(rgb),
        "frame": Frame(gray),
    }


def test_every_kind_of_source(classical: Cascade, tmp_path: Path) -> None:
    for kind, source in sources(tmp_path).items():
        result = classical.read(source)
        assert result.text == "isolated", kind
        assert result.attempts[0].strategy == "classical"
        # The picture comes from what was sent; it is decoded when it is asked for.
        assert result.draw().size == result.size


def test_the_same_answers_as_in_one_process(classical: Cascade) -> None:
    random = np.random.default_rng(0)
    within = Cascade.preset("classical")
    for payload in ("one", "two", "three"):
        gray = draw.page_of(draw.symbol(payload)[0], draw.symbol("other")[0])
        noisy = np.clip(gray + random.normal(0, 60, gray.shape), 0, 255).astype(np.uint8)
        apart, here = classical.read(noisy, expect=2), within.read(noisy, expect=2)
        assert apart.codes == here.codes
        assert apart.regions == here.regions
        assert [(a.step, a.region) for a in apart.attempts] == [(a.step, a.region) for a in here.attempts]


@pytest.mark.slow
def test_one_worker_is_used_again_and_replaced() -> None:
    with Cascade([Counting(), Faulty("abort")], isolation="process") as cascade:
        ids = [cascade.read(BLANK).attempts[0].error for _ in range(2)]
        assert ids[0] != ids[1]
    with Cascade([Counting()], isolation="process") as cascade:
        ids = [cascade.read(BLANK).attempts[0].error for _ in range(3)]
        assert len(set(ids)) == 1


@pytest.mark.parametrize(
    "fault", ["exit", *slowly(*(fault for fault in FAULTS if fault not in ("exit", "sleep", "eat")))]
)
def test_what_ends_a_worker_is_an_error_and_the_others_go_on(fault: str) -> None:
    with Cascade([Reads("doubtful", 0.0), Faulty(fault), Reads("after")], isolation="process") as cascade:
        result = cascade.read(BLANK, expect=2)
    assert [a.strategy for a in result.attempts] == ["reads", fault, fault, "reads"]
    said = {"raise": "ZeroDivisionError", "overflow": "RecursionError", "exit": "exit code 3"}
    assert said.get(fault, "the worker process ended") in result.errors[0]
    assert not result.timed_out


@pytest.mark.slow
def test_one_that_hangs_leaves_time_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.isolation.executor._SHARE", 0.05)
    with Cascade([Faulty("sleep"), Reads("after")], isolation="process") as cascade:
        cascade.warm()
        result = cascade.read(BLANK, timeout=20.0)
    assert result.text == "after"
    assert not result.timed_out
    assert "no answer within" in result.errors[0]


@pytest.mark.slow
def test_the_deadline_is_hard() -> None:
    with Cascade([Reads("first"), Faulty("sleep")], isolation="process") as cascade:
        cascade.warm()
        result = cascade.read(BLANK, timeout=1.0, expect=2)
    assert result.timed_out
    assert "no answer within" in result.errors[0], "the worker was waited for"
    assert result.texts == ("first",)


@pytest.mark.slow
@on_linux
def test_memory_is_capped() -> None:
    with Cascade([Faulty("eat"), Reads("after")], isolation="process", max_memory=400) as cascade:
        result = cascade.read(BLANK, timeout=20)
    assert result.text == "after"
    assert "Memory" in result.errors[0] or "the worker process ended" in result.errors[0]


@pytest.mark.slow
def test_an_engine_that_ends_its_worker_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zbar aborts on a picture that zxing-cpp cannot read: the other steps are still made, none twice."""
    (tmp_path / "aborting.py").write_text(
        "import os\n"
        "from qrcascade import ClassicalStrategy, engines\n"
        "class Aborting(ClassicalStrategy):\n"
        "    def __setstate__(self, state):\n"
        "        self.__dict__.update(state)\n"
        "        engines.engine('zbar').__class__.read = lambda *_: os.abort()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    aborting = importlib.import_module("aborting").Aborting
    steps = ["zxing raw", "zbar raw", "zbar blur3", "zxing invert", "zbar x2", "zxing x2"]
    with Cascade([aborting(steps), Reads("after")], isolation="process") as cascade:
        result = cascade.read(BLANK, expect=2)
    whole = [(a.step, a.error) for a in result.attempts if a.strategy == "classical"]
    assert [step for step, _ in whole] == ["zxing raw", "zbar raw", "zbar blur3", "zxing invert", "zxing x2"]
    assert whole[1][1] is not None
    assert "the worker process ended (killed by SIGABRT)" in whole[1][1]
    assert whole[2][1] is not None
    assert "it ended its process" in whole[2][1]
    assert result.text == "after"


@pytest.mark.parametrize("corner", [float("nan"), float("inf"), -1e9, 1e300])
@pytest.mark.parametrize("isolation", [None, *slowly("process")])
def test_odd_places_do_no_harm(corner: float, isolation: Isolation) -> None:
    strategies: list[Strategy] = [Odd(corner), ClassicalStrategy()]
    with Cascade(strategies, isolation=isolation) as cascade:
        result = cascade.read(draw.symbol("real")[0], expect="all")
    assert "real" in result.texts
    if not np.isfinite(corner):
        assert "finite" in result.errors[0]


@pytest.mark.slow
def test_what_cannot_be_sent_is_an_error() -> None:
    with Cascade([Local(), Reads("after")], isolation="process") as cascade:
        result = cascade.read(BLANK)
    assert result.text == "after"
    assert len(result.attempts) == 3
    assert all("sent to a worker process" in error for error in result.errors)
    with pytest.raises(OptionError, match="pickled"):
        Cascade([unpicklable()], isolation="process").read(BLANK)


def unpicklable() -> Any:
    stub = StubStrategy()
    stub.lock = threading.Lock()  # type: ignore[attr-defined]
    return stub


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such.png", "No such file"),
        (b"hello", "5 bytes: cannot identify"),
        (np.zeros((0, 4), np.uint8), "it has no pixels"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.array(["a"]), "shape"),
        (42, "must be a path"),
        ("\0", "null"),
        (np.zeros((30, 30), np.uint8), "at most 800 in total"),
        (b"a" * 70_000, "more than 60,000 bytes"),
    ],
)
def test_bad_sources(limited: Cascade, source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message) as refused:
        limited.read(source)
    # The message is the same as in one process: the source is named as it was given.
    with pytest.raises(ImageError) as plain:
        Cascade([Reads()], limits=limited.limits).read(source)
    assert str(refused.value) == str(plain.value)


@pytest.mark.slow
def test_a_decoder_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crashing.py").write_text(
        "import os\n"
        "from tests.faults import Reads\n"
        "class Crashing(Reads):\n"
        "    def __setstate__(self, state):\n"
        "        from PIL import ImageFile\n"
        "        ImageFile.ImageFile.load = lambda *_: os.abort()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    crashing = importlib.import_module("crashing").Crashing
    ended = r"decoding it ended the worker process \(killed by SIGABRT\)"
    with Cascade([crashing()], isolation="process") as cascade, pytest.raises(ImageError, match=ended):
        cascade.read(png(BLANK))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_killed_while_idle() -> None:
    with Cascade([Counting()], isolation="process") as cascade:
        first = int(cascade.read(BLANK).errors[0])
        os.kill(first, signal.SIGKILL)
        result = cascade.read(BLANK)
    assert len(result.attempts) == 1
    assert int(result.errors[0]) != first


def test_accept_is_asked_here() -> None:
    asked = []

    def accept(text: str) -> bool:
        asked.append(text)
        return text == "good"

    with Cascade([Reads("bad"), Reads("good")], isolation="process") as cascade:
        result = cascade.read(BLANK, accept=accept)
    assert asked == ["bad", "good"]
    assert len(result.attempts) == 2


@pytest.mark.slow
def test_threads_have_workers_of_their_own(classical: Cascade) -> None:
    pages = {text: draw.symbol(text)[0] for text in "abcd"}
    texts: dict[str, list[str | None]] = {text: [] for text in pages}

    def work(text: str) -> None:
        for _ in range(5):
            texts[text].append(classical.read(pages[text]).text)

    threads = [threading.Thread(target=work, args=(text,)) for text in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {text: [text] * 5 for text in pages}


@pytest.mark.slow
def test_a_cascade_can_be_sent_elsewhere() -> None:
    with Cascade([Reads("sent")], isolation="process", threshold=0.8) as cascade:
        cascade.read(BLANK)
        with pickle.loads(pickle.dumps(cascade)) as again:
            assert again.read(BLANK).text == "sent"
            assert (again.threshold, again.isolation) == (0.8, "process")


@pytest.mark.parametrize(
    "options",
    [
        {"isolation": "thread"},
        {"max_memory": 500},
        {"isolation": "process", "max_memory": 0},
        {"isolation": "process", "max_memory": 1.5},
        {"limits": 5},
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=list(options)[-1]):
        Cascade([Reads()], **options)
    with pytest.raises(OptionError, match="workers"):
        Cascade([Reads()]).warm(0)


READS = """
import sys, os, signal, numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore it
sys.path.insert(0, {root!r})
from qrcascade import Cascade
from benchmarks.faults import Faulty
from tests.faults import Counting
blank = np.full((60, 80), 255, np.uint8)
if __name__ == "__main__":
    cascade = Cascade([Counting(), Faulty({fault!r})], isolation="process")
    print(Cascade([Counting()], isolation="process").read(blank).errors[0], flush=True)
    print(os.getpid(), flush=True)
    {then}
"""
ROOT = str(Path(__file__).parents[1])


def is_running(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, None])
def test_no_process_is_left_behind(end: signal.Signals | None) -> None:
    then = "cascade.read(blank)" if end else "pass"
    program = [sys.executable, "-c", READS.format(root=ROOT, fault="sleep", then=then)]
    process = subprocess.Popen(program, text=True, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    idle, _ = int(process.stdout.readline()), process.stdout.readline()
    if end:
        time.sleep(1.0)  # until the second worker hangs
        children = [
            int(p) for p in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        ]
        process.send_signal(end)
    else:
        children = [idle]
    process.communicate(timeout=30)
    until = time.monotonic() + 10
    while any(map(is_running, [idle, *children])) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_running, [idle, *children]))


@pytest.mark.slow
def test_a_program_without_the_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        READS.format(root=ROOT, fault="raise", then="pass").replace('if __name__ == "__main__":', "if 1:")
    )
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert "WorkerError" in ran.stderr
    assert 'if __name__ == "__main__":' in ran.stderr


LEAVES = """
from qrcascade import Cascade

if __name__ == "__main__":
    Cascade.preset("classical", isolation="process").read({path!r})
    Cascade.preset("classical").read({path!r})
"""


@pytest.mark.slow
def test_nothing_is_said_at_the_end_of_a_program_that_drops_its_workers(tmp_path: Path) -> None:
    """The zxing-cpp package reports what is left of its objects."""
    script = tmp_path / "leaves.py"
    script.write_text(LEAVES.format(path=str(Path(ROOT) / "examples" / "photo.jpg")))
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


class Colors:
    """Asks for a picture's colour, twice, and says what it is."""

    name = "colors"

    def steps(self, scan: Any) -> Iterator[Step]:
        yield Step.call("colors", say_color)


def say_color(frame: Frame) -> Findings:
    color = frame.color
    assert frame.color is color
    return Findings(error=f"{color.shape} {color[0, 0].tolist()} gray {frame.gray[0, 0]}")


@pytest.mark.slow
def test_colour_is_sent_when_a_strategy_asks_for_it() -> None:
    asked: list[int] = []

    def framed(value: int, side: int) -> Frame:
        def color() -> Any:
            asked.append(value)
            return np.full((side, side, 3), (value, 0, 0), np.uint8)

        return Frame(np.full((side, side), 7, np.uint8), color=color)

    with Cascade([ClassicalStrategy(["zxing raw"])], isolation="process") as cascade:
        cascade.read(framed(1, 300))
    assert asked == []
    with Cascade([Colors()], isolation="process") as cascade:
        for value, side in ((1, 10), (2, 400), (3, 300), (4, 600)):
            (attempt,) = cascade.read(framed(value, side)).attempts
            assert attempt.error == f"({side}, {side}, 3) [{value}, 0, 0] gray 7"
        image = Image.new("RGB", (90, 80), (200, 100, 50))
        (attempt,) = cascade.read(image).attempts
        (here,) = Cascade([Colors()]).read(image).attempts
        assert attempt.error == here.error
    assert asked == [1, 2, 3, 4]


@pytest.mark.slow
def test_colour_that_cannot_be_had_is_an_error_of_who_asked() -> None:
    def broken() -> Any:
        raise ZeroDivisionError("no colour")

    with Cascade([Colors(), Reads("after")], isolation="process") as cascade:
        for _ in range(2):
            first, after = cascade.read(Frame(BLANK, color=broken)).attempts
            assert "its colour is not available (ZeroDivisionError: no colour)" in (first.error or "")
            assert after.codes


class Shared:
    def __init__(self) -> None:
        self.calls = 0


SHARED = Shared()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with contextlib.closing(Worker([SHARED])) as worker:
        worker.wait_ready(None)
        yield worker


def test_arrays_pass_between_processes(worker: Worker) -> None:
    arrays: list[Any] = [
        np.arange(10**6, dtype=np.float64).reshape(1000, 1000),
        np.asfortranarray(np.arange(600, dtype=np.uint8).reshape(10, 20, 3)),
        np.empty((0, 4), np.uint8),
        np.arange(100, dtype=np.uint16).reshape(10, 10)[::-2, ::3],
    ]
    for array in arrays * 2:
        back, other = worker.call(echo, (array, "other"), until=time.monotonic() + 60)
        np.testing.assert_array_equal(back, array)
        assert (back.dtype, other) == (array.dtype, "other")


def echo(_here: Here, value: Any) -> Any:
    return value


def test_what_is_shared_is_only_named(worker: Worker) -> None:
    calls = [worker.call(count, SHARED, until=time.monotonic() + 60) for _ in range(3)]
    assert calls == [1, 2, 3]
    assert SHARED.calls == 0


def count(_here: Here, shared: Shared) -> int:
    shared.calls += 1
    return shared.calls


@pytest.mark.slow
def test_a_strategy_keeps_what_it_loads_in_its_worker() -> None:
    with Cascade([Loads()], isolation="process") as cascade:
        said = [cascade.read(BLANK).errors[0] for _ in range(3)]
    assert said == ["loaded 1", "loaded 1", "loaded 1"]


class Loads:
    """Loads a model, as it were, where its step is run first."""

    name = "loads"

    def __init__(self) -> None:
        self.loaded = 0

    def steps(self, scan: Any) -> Iterator[Step]:
        yield Step.call("model", self._look)

    def _look(self, frame: Frame) -> Findings:
        self.loaded = self.loaded or 1
        return Findings(error=f"loaded {self.loaded}")


def test_no_worker_in_a_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("multiprocessing").process.current_process()._config, "daemon", True)
    with pytest.raises(WorkerError, match="daemonic"):
        Cascade([Reads()], isolation="process").read(BLANK)


class Turns:
    """Reads a text a step; one step in between ends the process."""

    name = "turns"

    def __init__(self, at: int) -> None:
        self.at = at

    def steps(self, scan: Any) -> Iterator[Step]:
        for number in range(4):
            if number == self.at:
                yield Step.call("ends", end_process)
            yield Step.call(f"reads {number}", partial(read_at, number))


def end_process(_frame: Frame) -> Findings:
    os.abort()


def read_at(number: int, _frame: Frame) -> Findings:
    left = 100.0 * number
    quad = Quad(((left, 0), (left + 50, 0), (left + 50, 50), (left, 50)))
    return Findings((QRCode(str(number), quad, 0.9),))


@pytest.mark.slow
@pytest.mark.parametrize("at", range(4))
def test_a_crash_at_any_point_costs_that_step_alone(at: int) -> None:
    with Cascade([Turns(at)], isolation="process") as cascade:
        result = cascade.read(BLANK, expect=4)
    here = Cascade([Turns(-1)]).read(BLANK, expect=4)
    assert result.codes == here.codes
    assert [a.engine for a in result.attempts if a.error] == ["ends"]
    assert result.ended == "expected"

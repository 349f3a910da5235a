from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from qrcascade import Cascade, ClassicalStrategy, OptionError, Step, WorkerError, read_many
from qrcascade.batch import jobs
from tests import draw, pages, told
from tests.plans import give
from tests.told import EXITS, FINE, HANGS, KILLED, SLOW, InTurn, shade

CLASSICAL = Cascade.preset("classical")


TOLD = Cascade([told.Told()])


def test_every_kind_of_source_in_one_batch(tmp_path: Path) -> None:
    gray = draw.symbol("one")[0]
    path = tmp_path / "one.png"
    Image.fromarray(gray).save(path)
    document = pages.frames("TIFF", Image.fromarray(gray), Image.new("L", (40, 40), 255))
    sources: list[Any] = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), gray, document]
    sources += [tmp_path / "missing.png", b"", io.StringIO("text"), 42, lambda: 1]
    records = list(read_many(sources, workers=2, ordered=True, cascade=CLASSICAL))
    assert [(r.index, r.page, r.result.text if r.result else None) for r in records[:7]] == [
        *((i, 1, "one") for i in range(6)),
        (5, 2, None),
    ]
    assert [r.rows for r in records] == [1] * 5 + [2] * 2 + [1] * 5
    assert [bool(r) for r in records] == [True] * 6 + [False] * 6
    assert [r.source for r in records[:3]] == [str(path), str(path), f"{len(path.read_bytes())} bytes"]
    errors = [r.error for r in records[7:]]
    for error, says in zip(
        errors, ["No such file", "empty", "binary mode", "must be a path", "cannot be sent"], strict=True
    ):
        assert error is not None
        assert says in error
    assert records[0].result is not None
    assert records[0].result.picture is None


@pytest.mark.slow
def test_results_as_they_come_or_in_order(tmp_path: Path) -> None:
    sources = [shade(SLOW), *(shade(FINE) for _ in range(5))]
    cascade = Cascade([InTurn(tmp_path / "log")])
    found = [r.index for r in read_many(sources, workers=2, cascade=cascade)]
    assert sorted(found) == list(range(6))
    assert found[0] != 0
    # More than may wait for the slow one.
    sources += [shade(FINE)] * 64
    assert [r.index for r in read_many(sources, workers=2, cascade=TOLD, ordered=True)] == list(range(70))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_what_ends_a_worker_is_one_record() -> None:
    sources = [shade(FINE), shade(KILLED), shade(FINE), shade(EXITS), shade(KILLED), shade(FINE)]
    records = list(read_many(sources, workers=2, ordered=True, cascade=TOLD))
    assert [r.index for r in records] == list(range(6))
    assert [r.error for r in records if r.index in (0, 2, 5)] == [None] * 3
    assert [r.error for r in records if r.index in (1, 4)] == [
        "its worker process ended (killed by SIGKILL)"
    ] * 2
    assert records[3].error == "its worker process ended (exit code 3)"


def test_pages_before_the_one_that_ends_a_worker_are_kept() -> None:
    document = pages.frames("TIFF", *(Image.fromarray(shade(v)) for v in (FINE, FINE, EXITS, FINE)))
    first, second, third = read_many([document], workers=1, cascade=TOLD)
    assert [(r.page, r.rows, r.error is None) for r in (first, second, third)] == [
        (1, 3, True),
        (2, 3, True),
        (None, 3, False),
    ]


@pytest.mark.slow
def test_what_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_SILENT_S", 1.0)
    hung, well = read_many([shade(HANGS), shade(FINE)], workers=1, ordered=True, cascade=TOLD)
    assert hung.error == "its worker process was stopped: silent for 1 s"
    assert well.result is not None


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [False, True])
def test_sources_are_taken_as_they_are_needed(ordered: bool) -> None:
    taken = itertools.count()

    def endless() -> Iterator[Any]:
        while True:
            next(taken)
            yield shade(FINE)

    records = read_many(endless(), workers=2, ordered=ordered, cascade=TOLD)
    assert next(taken) == 0
    for _ in range(20):
        next(records)
    assert next(taken) < 20 + 2 * 16 + 8
    records.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_what_sources_raise_ends_the_batch() -> None:
    def broken() -> Iterator[Any]:
        yield shade(FINE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_many(broken(), workers=1, cascade=TOLD))


@pytest.mark.slow
def test_options_reach_the_workers() -> None:
    page = draw.page_of(draw.symbol("advert")[0], draw.symbol("fiscal")[0])
    (record,) = read_many([page], workers=1, cascade=CLASSICAL, accept=re.compile("^fiscal"), expect=1)
    assert record.result is not None
    assert record.result.texts == ("fiscal",)
    assert record.to_dict()["codes"][0]["page"] == 1
    (record,) = read_many(
        [pages.frames("TIFF", *map(Image.fromarray, (page, page)))],
        workers=1,
        cascade=CLASSICAL,
        stop_early=True,
    )
    assert record.page == 1


class Unpicklable:
    name = "unpicklable"
    held = None

    def __init__(self) -> None:
        self.held = lambda: None

    def steps(self, scan: Any) -> Iterator[Step]:
        yield give("look")


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"workers": 1.5},
        {"expect": 0},
        {"timeout": 0},
        {"formats": []},
        {"accept": 3},
        {"accept": lambda text: True},
        {"cascade": Cascade([Unpicklable()])},
        {"cascade": Cascade([ClassicalStrategy()], isolation="process")},
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        read_many([], **options)


def test_what_accept_raises_ends_the_batch() -> None:
    with pytest.raises(OptionError, match="accept raised ZeroDivisionError"):
        list(read_many([draw.symbol("x")[0]], workers=1, cascade=CLASSICAL, accept=told.broken_accept))


UNGUARDED = "import qrcascade; print(list(qrcascade.read_many(['x.png'], workers=1)))"


@pytest.mark.slow
def test_a_program_without_a_guard_is_told_so(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(UNGUARDED)
    run = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert run.returncode == 1
    assert WorkerError.__name__ in run.stderr
    assert (
        'A program that uses read_many or isolation must start under `if __name__ == "__main__":`'
        in run.stderr
    )
    assert "direct cause" not in run.stderr


ABANDONED = """
import sys, qrcascade
if __name__ == "__main__":
    cascade = qrcascade.Cascade.preset("classical")
    records = qrcascade.read_many([sys.argv[1]] * 100, workers=2, cascade=cascade)
    print(next(records).result.text)
"""


@pytest.mark.slow
def test_workers_end_with_the_program(tmp_path: Path) -> None:
    """Though the iterator is not at its end, and still has a name."""
    Image.fromarray(draw.symbol("one")[0]).save(tmp_path / "one.png")
    program = tmp_path / "program.py"
    program.write_text(ABANDONED)
    run = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "one.png")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert (run.stdout, run.stderr) == ("one\n", "")

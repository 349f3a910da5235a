"""Whole cascades: no payload where there is no code, none that is wrong where one is damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import pages, safety_pictures
from benchmarks.__main__ import main
from benchmarks.harness import Task
from benchmarks.impostors import EXPENSIVE
from benchmarks.readers import READERS, by_cascade
from benchmarks.ruins import BLANKS, RUINS, Ruin, blank, blank_tasks, ruin, ruin_tasks
from benchmarks.safety_pictures import looked
from qrcascade import Cascade, StubStrategy
from qrcascade.engines import engine
from tests import draw
from tests.rows import thinned

QR = frozenset(["QRCode"])


def wrong(make: Callable[[Task], Ruin], reader: str, task: Task) -> list[safety_pictures.Said]:
    seen = looked(make, reader, task)
    assert seen.together == 0
    assert seen.errors == []
    return [said for said in seen.codes if said[1] == "wrong"]


@pytest.mark.parametrize("kind", thinned(BLANKS, 6))
def test_no_payload_without_a_code(kind: str) -> None:
    assert wrong(blank, "every-engine", (kind, 0)) == []
    assert kind in EXPENSIVE or kind == "bare mask" or wrong(blank, "light", (kind, 1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUINS)
def test_no_wrong_payload_of_a_damaged_code(kind: str) -> None:
    for seed in range(2):
        assert wrong(ruin, "every-engine", (kind, seed)) == []


@pytest.mark.slow
def test_damage_leaves_some_codes_and_takes_others() -> None:
    read = [bool(engine("zxing").read(ruin(task)[0], QR).codes) for task in ruin_tasks(3 * len(RUINS))]
    assert 0.2 < np.mean(read) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("make", "kinds"), [(blank, BLANKS), (ruin, RUINS)])
def test_a_seed_makes_one_picture(make: Callable[[Task], Ruin], kinds: dict[str, object]) -> None:
    for kind in kinds:
        (one, said), (same, again), (other, _) = (make((kind, seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert said == again
        assert one.shape != other.shape or (one != other).any()
        assert one.dtype == np.uint8
        assert max(one.shape) <= 800
        assert bool(said) == (make is ruin or kind in ("half", "two halves", "cropped"))


def test_every_kind_and_every_negative_is_looked_at(corpora: Path) -> None:
    tasks = list(blank_tasks(2000))
    assert len(set(tasks)) == len(tasks) == 2000
    assert {kind for kind, _ in tasks} == {"negatives", "pages", *BLANKS}
    assert sum(kind == "negatives" for kind, _ in tasks) >= 51
    assert sum(kind == "pages" for kind, _ in tasks) == 500


def symbol(kind: str) -> Ruin:
    """Says what it says, and is said to say that or another thing."""
    return draw.symbol("right")[0], (kind.encode(),)


def test_what_is_right_and_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    (said,) = looked(lambda task: symbol(task[0]), "classical", ("right", 0)).codes
    assert (said[0] > 0.9, *said[1:]) == (True, "right", "zxing, zxing raw", "right")
    (said,) = looked(lambda task: symbol(task[0]), "classical", ("another", 0)).codes
    assert said[1] == "wrong"
    broken = Cascade([StubStrategy(error=OSError("gone"))])
    monkeypatch.setitem(READERS, "broken", lambda: by_cascade(broken))
    assert looked(lambda task: symbol(task[0]), "broken", ("right", 0)).errors == ["OSError: gone"]


def test_the_page_counts_what_is_false(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two symbols that the truth does not know."""
    monkeypatch.setattr(safety_pictures, "blank", lambda task: symbol("nothing"))
    monkeypatch.setattr(safety_pictures, "ruin", lambda task: symbol("right"))
    monkeypatch.setattr(safety_pictures, "blank_tasks", lambda number: [("symbol", i) for i in range(number)])
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    options = ["--blank", "2", "--damaged", "3", "--light-damaged", "1", "--save"]
    ran = CliRunner().invoke(main, ["safety-pictures", *options])
    assert ran.exit_code == 0, ran.output
    page = (tmp_path / "safety-pictures.md").read_text(encoding="utf-8")
    assert "2 of 2 pictures that show no payload gave one" in page
    assert "symbol 1: 'right' at 0.99" in page
    assert "0 of 3 payloads with a confidence of 0.7 or more were wrong" in page
    assert "| 0.99 to 1.0 | 3 |" in page


def test_a_cut_run_goes_on_and_needs_no_picture_again(tmp_path: Path) -> None:
    command = ["safety-pictures", "--blank", "3", "--damaged", "2", "--record", str(tmp_path)]
    first = CliRunner().invoke(main, command)
    assert first.exit_code == 0, first.output
    records = sorted(tmp_path.iterdir())
    assert [record.name for record in records] == [
        "blank-classical.jsonl",
        "blank-light.jsonl",
        "ruin-every-engine.jsonl",
        "ruin-light.jsonl",
    ]
    before = [record.read_text("utf-8") for record in records]
    again = CliRunner().invoke(main, command)
    assert [record.read_text("utf-8") for record in records] == before
    tables = [ran.stdout[ran.stdout.index("## ") :] for ran in (first, again)]
    assert tables[0] == tables[1]

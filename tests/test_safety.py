"""No payload from what is no symbol, none that is wrong, and pictures that are what they are said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click import UsageError
from click.testing import CliRunner

from benchmarks import conditions, deformed, impostors, pages, rates, safety
from benchmarks.__main__ import main
from benchmarks.corpora import Picture
from benchmarks.readers import Output, Reading, build
from benchmarks.scoring import most, score
from qrcascade import Quad
from qrcascade.symbology.layout import interleaving
from tests.rows import thinned

# Of the grid reader's ways; all of them on every kind would take minutes.
WAYS = 2


@pytest.mark.parametrize("kind", thinned(impostors.KINDS, 7))
def test_nothing_false_is_read_where_there_is_no_symbol(kind: str) -> None:
    for seed in range(2):
        outcome = safety.looked(safety.region, (kind, seed), WAYS)
        assert outcome.result != "wrong"
        assert outcome.result == "unread" or "hal" in kind
        # Whatever says that it gets as far as the decoder does.
        if kind in ("scrambled", "random words", "shuffled words", "random parity"):
            assert outcome.progress == "fitted"
        if kind == "random block":
            assert outcome.progress == "in part"


def test_padding_does_not_make_up_for_a_lost_block() -> None:
    """Data and padding are right and parity is random: once a block that decoded by accident passed."""
    assert safety.looked(safety.region, ("random parity", 400)).result == "unread"


@pytest.mark.parametrize("kind", thinned(deformed.DAMAGES, 6))
def test_damaged_symbols_are_read_right_or_not_at_all(kind: str) -> None:
    results = {safety.looked(safety.true_symbol, (kind, seed), WAYS).result for seed in range(4)}
    assert "wrong" not in results
    assert "right" in results


def undamaged(kind: str, seed: int) -> safety.Given:
    random = np.random.default_rng(seed)
    made = deformed.symbol(random, (1, 10))
    return *deformed.damaged(random, kind, made, 0.0), (made.payload,)


@pytest.mark.parametrize("kind", thinned(deformed.DAMAGES, 6))
def test_undamaged_symbols_are_read(kind: str) -> None:
    for seed in range(2):
        assert safety.looked(undamaged, (kind, seed), WAYS).result == "right"


@pytest.mark.parametrize("kind", thinned(impostors.KINDS, 8))
def test_a_seed_makes_one_region(kind: str) -> None:
    (one, quad, said), (same, again, _), (other, _, _) = (safety.region(kind, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert quad == again
    assert one.shape != other.shape or (one != other).any()
    assert bool(said) == (kind in ("half", "two halves"))
    assert 80 < quad.side < 240


def test_codewords_go_in_and_out() -> None:
    random = np.random.default_rng(0)
    for _ in range(8):
        made = deformed.symbol(random, (1, 12))
        np.testing.assert_array_equal(made.saying(made.codewords()), made.modules)
        changed = made.saying(made.codewords() ^ np.uint8(255))
        assert (changed == made.modules)[~made.data].all()
        block, _ = interleaving(made.version, made.level)
        assert (changed != made.modules).sum() == 8 * len(block)


def test_paint_covers_its_share_and_no_finder_pattern() -> None:
    random = np.random.default_rng(3)
    made = deformed.symbol(random, (4, 4), "H")
    plain = deformed.drawn(made.modules)
    cell = round(len(plain) / (len(made.modules) * (1 + 2 * made.border)))
    assert (deformed.covered(random, made, 0.0) == plain).all()
    # A gray that the drawing has not.
    painted = next(a for a in (deformed.covered(random, made, 0.2) for _ in range(50)) if 130 in a)
    assert (painted == 130).sum() == pytest.approx(0.2 * (~made.finders).sum() * cell**2, abs=1)
    finders = np.pad(np.kron(made.finders, np.ones((cell, cell), bool)), 4 * cell)
    assert (painted == plain)[finders].all()


def test_dear_kinds_come_seldom() -> None:
    tasks = safety.region_tasks(1000, 10)
    assert len(set(tasks)) == len(tasks) == 1000
    seeds = {kind: [seed for name, seed in tasks if name == kind] for kind in impostors.KINDS}
    assert seeds["noise"][:3] == [0, 1, 2]
    assert all(seeds[kind][:3] == [0, 10, 20] for kind in impostors.EXPENSIVE)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing() -> None:
    tasks = [("noise", 0), ("text", 0), ("page", 1)]
    alone, shared = (safety.outcomes(safety.region, tasks, workers) for workers in (1, 2))
    assert [replace(o, ms=0) for o in alone] == [replace(o, ms=0) for o in shared]
    assert [(o.kind, o.seed) for o in alone] == tasks


def test_a_run_that_was_cut_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = safety.region_tasks(3, 40)
    record = tmp_path / "regions.jsonl"
    whole = safety.outcomes(safety.region, tasks, 1, tmp_path)
    lines = record.read_text("utf-8").splitlines()
    assert len(lines) == 3
    record.write_text("\n".join([*lines[:2], lines[2][:20]]), "utf-8")
    made: list[tuple[str, int]] = []

    def region(kind: str, seed: int) -> safety.Given:
        made.append((kind, seed))
        return safety.region(kind, seed)

    again = safety.outcomes(region, tasks, 1, tmp_path)
    assert made == tasks[2:]
    assert [replace(o, ms=0) for o in again] == [replace(o, ms=0) for o in whole]
    assert record.read_text("utf-8").splitlines()[:2] == lines[:2]
    with pytest.raises(UsageError, match="other tasks"):
        safety.outcomes(region, tasks[1:], 1, tmp_path)


def test_how_often_at_most() -> None:
    assert most(0, 1000) == pytest.approx(3 / 1000, rel=0.01)
    assert most(1, 100) == pytest.approx(0.0466, abs=1e-4)
    assert most(2, 2) == most(0, 0) == 1.0


@pytest.mark.slow
def test_the_safety_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "true_symbol", undamaged)
    ran = CliRunner().invoke(main, ["safety", "--regions", "2", "--damaged", "3"])
    assert ran.exit_code == 0
    assert "0 of 2 were false:" in ran.output
    assert "Wrong payloads: 0 of 3 that" in ran.output


@pytest.mark.parametrize("condition", thinned(conditions.CONDITIONS, 4))
def test_conditions_begin_easy(condition: str) -> None:
    (easy, payload), (same, _) = (conditions.picture(condition, 0.0, 5) for _ in range(2))
    np.testing.assert_array_equal(easy, same)
    assert says(build("light")(easy), payload)
    hard, still = conditions.picture(condition, 1.0, 5)
    assert still == payload
    assert hard.shape == easy.shape
    assert (hard != easy).any()


def says(reading: Reading, payload: bytes) -> bool:
    picture = Picture(lambda: np.zeros((1, 1), np.uint8), "", "", payload=payload)
    return bool(score("", picture, reading, 0.0).read)


def test_the_exact_payload_counts() -> None:
    quad = Quad(((0, 0), (1, 0), (1, 1), (0, 1)))
    assert says(Reading([Output("x", quad), Output("Grüße", quad)]), "Grüße".encode())
    assert not says(Reading([Output("Grüße", quad, b"Gr")]), "Grüße".encode())


@pytest.mark.slow
def test_the_page_of_curves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(rates, "_LEVELS", 2)
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    ran = CliRunner().invoke(main, ["curves", "--reader", "zxing-cpp", "--seeds", "1", "--save"])
    assert ran.exit_code == 0
    page = (tmp_path / "curves.md").read_text(encoding="utf-8")
    assert all(f"## {condition}" in page for condition in conditions.CONDITIONS)
    assert "WeChat's reader was left out" in page
    assert (tmp_path / "curves.png").stat().st_size > 10_000

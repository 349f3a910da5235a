"""Two symbols mixed in one picture: what neither says is never sure, and damage is no mixture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import deformed, mixing, pages
from benchmarks.__main__ import main
from benchmarks.harness import Task
from benchmarks.safety_pictures import decoded
from qrcascade import Cascade, ClassicalStrategy
from qrcascade.engines import confidence, engine
from qrcascade.symbology import reedsolomon
from qrcascade.symbology.interleaving import Words, make_plan
from qrcascade.symbology.layout import blocks, layout
from qrcascade.symbology.mixture import MIXTURE_BITS, weigh_mixture
from tests import draw
from tests.rows import slowly, thinned

QR = frozenset(["QRCode"])
# Mixtures of which a payload comes out that neither symbol says, by zxing-cpp, the grid or both.
WRONG: list[Task] = [("codewords", 21), ("codewords", 26), ("halves", 153), ("patch", 156), ("sweep", 187)]


def symbol(random: np.random.Generator, version: int, level: str) -> Words:
    """Codewords of random data, block by block."""
    plan = make_plan(version, level)
    words = np.zeros((len(blocks(version, level)), plan.width), np.uint8)
    words.flat[plan.data] = random.integers(0, 256, len(plan.data))
    return reedsolomon.encode(words[:, : plan.width - plan.parity], plan.parity)


def weigh(seen: Words, words: Words, version: int, level: str) -> float:
    return weigh_mixture([seen], words, version, level)


@pytest.mark.parametrize(("version", "level"), [(3, "Q"), (6, "M"), (8, "Q"), (15, "H"), (20, "L")])
def test_a_second_word_shows_by_half_of_what_differs(version: int, level: str) -> None:
    """One character changed in one block, and half of the other message's parity seen there."""
    random = np.random.default_rng(version)
    plan, words = make_plan(version, level), symbol(random, version, level)
    data = words[:, : plan.width - plan.parity].copy()
    data[0, -1] ^= 0x15
    other = reedsolomon.encode(data, plan.parity)
    seen = words.copy()
    taken = random.choice(np.arange(plan.width - plan.parity, plan.width), plan.parity // 2, replace=False)
    seen[0, taken] = other[0, taken]
    assert weigh(seen, words, version, level) > 2 * MIXTURE_BITS
    # As much of anything else is dirt.
    seen[0, taken] = random.permutation(seen[0, taken]) ^ 0x5A
    assert weigh_second_word(seen, words, version, level) < MIXTURE_BITS


def weigh_second_word(seen: Words, words: Words, version: int, level: str) -> float:
    """The evidence of a second word, with errors in every block, so that they are not uneven."""
    spread = seen.copy()
    spread[1:, -1] ^= 1
    return weigh(spread, words, version, level)


@pytest.mark.parametrize(("version", "level"), [(5, "Q"), (10, "M"), *slowly((7, "H"), (14, "L"), (20, "Q"))])
def test_damage_is_no_mixture(version: int, level: str) -> None:
    """Codewords at random, a run of them, and a scratch along a row, as far as they can be corrected."""
    random = np.random.default_rng(version)
    plan, order = make_plan(version, level), layout(version).order
    rows = order[:, 0].reshape(-1, 8)
    for trial in range(40):
        words = symbol(random, version, level)
        count = len(plan.block)
        start = int(random.integers(count))
        hit = [
            random.random(count) < random.uniform(0, 0.15),
            (np.arange(count) - start) % count < random.integers(count // 6),
            (rows == rows[start, 0]).any(1),
        ][trial % 3]
        seen = words.copy()
        there = plan.block[hit], plan.column[hit]
        seen[there] = random.integers(0, 256, len(there[0]))
        errors = (seen != words).sum(1)
        if errors.max() <= plan.parity // 2:
            assert weigh(seen, words, version, level) <= MIXTURE_BITS, (trial, errors)


def test_errors_in_few_of_many_blocks_are_a_mixture() -> None:
    """Though each says nothing of a second word: part of each codeword is of either message."""
    random = np.random.default_rng(1)
    plan, words = make_plan(15, "H"), symbol(random, 15, "H")
    seen = words.copy()
    for row in (2, 11):
        seen[row, random.choice(plan.width - 1, 10, replace=False) + 1] ^= 0x41
    assert weigh(seen, words, 15, "H") > MIXTURE_BITS


def test_one_block_is_no_mixture() -> None:
    random = np.random.default_rng(2)
    words = symbol(random, 2, "M")
    assert weigh(words ^ random.integers(0, 2, words.shape, np.uint8), words, 2, "M") == 0


@pytest.mark.parametrize("task", WRONG)
def test_what_neither_symbol_says_is_doubted(task: Task) -> None:
    codes = decoded(task).codes
    assert any(verdict == "wrong" for _, verdict, _, _ in codes)
    assert all(sure == confidence.MIXED for sure, verdict, _, _ in codes if verdict == "wrong")


@pytest.mark.parametrize("kind", thinned(mixing.MIXES, 3))
def test_no_mixture_is_read_wrongly_and_surely(kind: str) -> None:
    for seed in range(3):
        assert all(sure < 0.7 for sure, verdict, _, _ in decoded((kind, seed)).codes if verdict == "wrong")


@pytest.mark.parametrize("way", ["plain", "mirrored", "inverted", "turned"])
def test_zxing_finds_a_mixture_however_it_is_shown(way: str) -> None:
    _, one, other, art = mixing.draw_mixture(("codewords", 21))
    gray = art.astype(np.uint8)
    shown = {"plain": gray, "mirrored": gray[:, ::-1], "inverted": 255 - gray, "turned": np.rot90(gray)}[way]
    (code,) = engine("zxing").read(np.ascontiguousarray(shown), QR).codes
    assert code.data not in (one.payload, other.payload)
    assert code.confidence == confidence.MIXED


def test_a_cascade_does_not_end_with_a_mixture() -> None:
    gray, payloads = mixing.mixture(("codewords", 21))
    result = Cascade([ClassicalStrategy(("zxing raw", "zbar raw"))]).read(gray)
    assert result.codes
    assert all(code.confidence < 0.7 for code in result.codes if code.data not in payloads)


@pytest.mark.parametrize("errors", range(12))
def test_zxing_says_how_much_correction_is_left(errors: int) -> None:
    """One error less than the most is where zxing-cpp 3.1 writes 0.09 as 0.9."""
    random = np.random.default_rng(errors)
    made = deformed.symbol(random, (8, 8), "Q")
    plan, words = make_plan(8, "Q"), made.codewords()
    words[np.flatnonzero(plan.block == 0)[:errors]] ^= 0x81
    # The other blocks have as many, but for one: no mixture.
    for block in range(1, 6):
        words[np.flatnonzero(plan.block == block)[: max(0, errors - 1)]] ^= 0x81
    (code,) = engine("zxing").read(deformed.drawn(made.saying(words)).astype(np.uint8), QR).codes
    assert code.data == made.payload
    assert code.confidence == pytest.approx(confidence.of_unused_correction(1 - errors / 11), abs=0.001)


@pytest.mark.parametrize("kind", ["scratches", *slowly("flips", "highlight", "blobs")])
def test_damaged_symbols_are_not_doubted(kind: str) -> None:
    read = 0
    for seed in range(4):
        gray, payloads = mixing.damaged((kind, seed))
        for code in engine("zxing").read(gray, QR).codes:
            assert code.data in payloads
            assert code.confidence >= 0.9
            read += 1
    assert read


def test_clean_symbols_are_not_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.engines.zxing.weigh_mixture", lambda *_: pytest.fail("weighed"))
    gray, _ = draw.symbol("nothing to correct" * 8, version=10)
    assert engine("zxing").read(gray, QR).codes[0].confidence == pytest.approx(0.99)


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    options = ["--decoded", "9", "--mixed", "0", "--damaged", "1", "--save"]
    ran = CliRunner().invoke(main, ["mixtures", *options], catch_exceptions=False)
    assert ran.exit_code == 0
    page = (tmp_path / "mixtures.md").read_text(encoding="utf-8")
    assert "of 9 mixtures" in page
    assert "right readings were taken for mixtures" in page

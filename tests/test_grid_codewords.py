"""Symbols of segno with noise, holes and wrong blocks; and how seldom chance is believed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from benchmarks import deformed
from qrcascade.grid import codewords, evidence
from qrcascade.grid.accept import accept
from qrcascade.grid.blocks import Trial, deinterleave, solve_blocks
from qrcascade.grid.codewords import (
    Decoded,
    Partial,
    assume_padding,
    decode,
    find_padding,
    measure_doubt,
)
from qrcascade.grid.formats import choose_formats, score_format
from qrcascade.symbology import reedsolomon
from qrcascade.symbology.information import FORMAT_WORDS
from qrcascade.symbology.layout import LEVELS, blocks, data_mask, interleaving, layout
from tests.rows import slowly

Soft = NDArray[np.float64]


def symbol(version: int, level: str, mask: int = 2, filled: float = 1.0) -> tuple[str, Soft]:
    """A payload that fills so much of a symbol, and the symbol's modules as +1 and -1."""
    room = sum(inner for _, inner in blocks(version, level)) - 3
    text = "".join(chr(97 + i * 7 % 26) for i in range(int(room * filled)))
    code = segno.make(
        text, version=version, error=level, mask=mask, mode="byte", boost_error=False, micro=False
    )
    return text, np.array([list(row) for row in code.matrix], float) * 2 - 1


def noisy(modules: Soft, sigma: float, seed: int) -> Soft:
    return modules + np.random.default_rng(seed).normal(0, sigma, modules.shape)


def damaged(modules: Soft, version: int, which: NDArray[np.bool_], factor: float) -> Soft:
    """The modules of some codewords (in order of placement) times a factor: 0 unknown, -1 wrong."""
    soft = modules.copy()
    places = tuple(layout(version).order[np.repeat(which, 8)].T)
    soft[places] *= factor
    return soft


def texts(sigma: float, modules: Soft, version: int, count: int) -> list[str]:
    """What was decoded of so many noisy copies."""
    results = (decode(noisy(modules, sigma, seed), version) for seed in range(count))
    return [result.payload.text for result in results if isinstance(result, Decoded)]


@pytest.mark.parametrize("version", [1, 2, 6, 7, 14, *slowly(10, 25, 40)])
def test_clean_symbols(version: int) -> None:
    for i, level in enumerate(LEVELS):
        mask = (version + i) % 8
        text, modules = symbol(version, level, mask)
        result = decode(modules, version)
        assert isinstance(result, Decoded)
        assert result.payload.text == text
        assert (result.version, result.level, result.mask) == (version, level, mask)
        assert (result.modules == modules).all()
        assert (result.errors, result.erased) == (0, 0)
        assert result.evidence_bits > 45
        assert score_format(modules, version) == 1.0


def test_doubt_counts_uncertain_codewords_and_not_wrong_ones() -> None:
    _, modules = symbol(5, "Q")
    count = layout(5).order.shape[0] // 8
    parity = sum(total - inner for total, inner in blocks(5, "Q"))
    half = np.arange(count) < parity / 2
    assert measure_doubt(modules, 5) == pytest.approx(0.02 * count / parity, abs=0.02)
    clear = measure_doubt(4 * modules, 5)
    assert clear < 1e-6
    assert measure_doubt(damaged(4 * modules, 5, half, -1.0), 5) == clear
    assert measure_doubt(damaged(4 * modules, 5, half, 1e-3), 5) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("version", "level"), [(2, "M"), (3, "H"), (5, "Q"), (10, "L"), (15, "H")])
def test_errors_and_holes_up_to_capacity(version: int, level: str) -> None:
    text, modules = symbol(version, level)
    block, _ = interleaving(version, level)
    parity = np.subtract(*blocks(version, level)[0])
    random = np.random.default_rng(version)
    order = random.permutation(len(block))
    # The first so many of each block in random order.
    rank = np.empty(len(block), int)
    for i in range(len(blocks(version, level))):
        mine = order[block[order] == i]
        rank[mine] = np.arange(len(mine))
    wrong = damaged(modules, version, rank < parity // 2, -1.0)
    result = decode(wrong, version)
    assert isinstance(result, Decoded)
    assert result.payload.text == text
    assert result.errors == parity // 2 * len(blocks(version, level))
    # Six parity symbols are spared: a symbol of a single block needs them for evidence.
    unknown = damaged(modules, version, rank < parity - 6, 0.0)
    result = decode(unknown, version)
    assert isinstance(result, Decoded)
    assert result.payload.text == text
    assert (result.modules == modules).all()
    beyond = damaged(modules, version, rank < parity + 1, 0.0)
    assert decode(beyond, version) is None


@pytest.mark.parametrize(("version", "level", "sigma"), [(1, "M", 0.4), (4, "Q", 0.5), (12, "M", 0.4)])
def test_noise(version: int, level: str, sigma: float) -> None:
    text, modules = symbol(version, level)
    read = texts(sigma, modules, version, 20)
    assert set(read) == {text}
    assert len(read) >= 18


def test_one_copy_of_the_format_information_is_enough() -> None:
    text, modules = symbol(8, "Q", mask=6)
    for lost in layout(8).format_cells:
        soft = modules.copy()
        soft[tuple(lost.T)] = 0
        result = decode(soft, 8)
        assert isinstance(result, Decoded)
        assert result.payload.text == text
        assert (result.modules == modules).all()
        assert score_format(soft, 8) == 0.5


def test_a_worse_format_word_is_tried() -> None:
    text, modules = symbol(3, "M")
    own = FORMAT_WORDS[LEVELS.index("M") * 8 + 2]
    # Four of the seven bits that make the difference to another word are wrong.
    other = next(word for word in FORMAT_WORDS if (word != own).sum() == 7)
    for cells in layout(3).format_cells:
        modules[tuple(cells[own != other][:4].T)] *= -1
    assert score_format(modules, 3) == pytest.approx(9 / 15)
    result = decode(modules, 3)
    assert isinstance(result, Decoded)
    assert result.payload.text == text
    assert (result.level, result.mask) == ("M", 2)
    assert choose_formats(modules, 3)[0] != ("M", 2)


def test_a_transposed_symbol_fits_worse() -> None:
    for mask in range(8):
        modules = symbol(5, "L", mask)[1]
        assert score_format(modules, 5) > score_format(modules.T, 5) + 0.1


def test_assumed_padding_helps_and_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text, modules = symbol(3, "M", filled=0.4)
    read = texts(0.55, modules, 3, 20)
    assert set(read) == {text}
    # A clean symbol's evidence is the same with and without it, but for the charge.
    clean = trial(modules, 3, "M", 2)
    starts = find_padding(clean)
    plain = accept(solve_blocks(clean), None)
    assuming = accept(solve_blocks(assume_padding(clean, starts[0], len(starts))), None)
    assert plain is not None
    assert assuming is not None
    assert assuming.payload == plain.payload
    assert assuming.evidence_bits <= plain.evidence_bits
    assert plain.evidence_bits - assuming.evidence_bits < 3
    monkeypatch.setattr(codewords, "find_padding", lambda _: [])
    assert len(texts(0.55, modules, 3, 20)) < len(read) - 3


def test_a_block_answers_for_itself() -> None:
    assert evidence.of_weakest([20.0], 4.0) == 18.0
    assert evidence.of_weakest([60.0, 20.0], 4.0) == 18.0


def trial(modules: Soft, version: int, level: str, mask: int) -> Trial:
    return deinterleave(modules, version, level, mask, 1.0)


@pytest.mark.parametrize("version", [1, 9, 20])
@pytest.mark.parametrize("filled", [0.1, 0.3, 0.7])
def test_where_padding_begins(version: int, filled: float) -> None:
    modules = symbol(version, "M", filled=filled)[1]
    clean = decode(modules, version)
    assert isinstance(clean, Decoded)
    padding = clean.payload.padding[1]
    soft = noisy(modules, 0.5, seed=version)
    noisy_trial = trial(soft, version, "M", 2)
    assert padding in [assume_padding(noisy_trial, start).assumed for start in find_padding(noisy_trial)]


def test_padding_assumed_where_there_is_none_is_contradicted() -> None:
    modules = symbol(3, "M", filled=1.0)[1]
    assert solve_blocks(assume_padding(trial(modules, 3, "M", 2), 30)).found == (None,)


def test_flipping_bits_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    text, modules = symbol(1, "L")
    read = texts(0.45, modules, 1, 30)
    assert set(read) <= {text}
    monkeypatch.setattr(codewords, "flip_bits", lambda trial, vain: trial)
    assert len(texts(0.45, modules, 1, 30)) < len(read)


def test_decoded_blocks_are_reported_although_one_is_missing() -> None:
    version, level = 10, "M"
    _, modules = symbol(version, level)
    block, _ = interleaving(version, level)
    soft = damaged(modules, version, block == 1, 0.0)
    result = decode(soft, version)
    assert isinstance(result, Partial)
    assert result.blocks == len(blocks(version, level)) - 1
    unknown = result.modules == 0
    assert (result.modules == modules)[~unknown].all()
    lost = np.zeros(modules.shape, bool)
    lost[tuple(layout(version).order[np.repeat(block == 1, 8)].T)] = True
    assert (unknown == lost).all()


def test_more_hypotheses_need_more_evidence() -> None:
    modules = symbol(1, "L")[1]
    plain, many = decode(modules, 1), decode(modules, 1, hypotheses=1024)
    assert isinstance(plain, Decoded)
    assert isinstance(many, Decoded)
    assert many.evidence_bits == pytest.approx(plain.evidence_bits - 10)
    assert decode(modules, 1, hypotheses=2.0**60) is None


def test_a_valid_code_of_an_invalid_stream_is_refused() -> None:
    """All codewords 0xFF: a codeword of every block, and no mode has that number."""
    version, level, mask = 4, "L", 0
    places = layout(version)
    word = reedsolomon.encode(np.full((1, 80), 0xFF, np.uint8), 20)
    dark = np.zeros((places.size, places.size), bool)
    dark[tuple(places.order.T)] = np.unpackbits(word[0])
    soft = np.where(dark ^ data_mask(mask, places.size), 1.0, -1.0)
    for cells in places.format_cells:
        soft[tuple(cells.T)] = FORMAT_WORDS[LEVELS.index(level) * 8 + mask]
    assert decode(soft, version) is None


@pytest.mark.slow
def test_nothing_is_read_in_noise() -> None:
    random = np.random.default_rng(0)
    for i in range(500):
        version = 1 + i % 5
        soft = random.normal(0, 1, (17 + 4 * version,) * 2)
        if i % 3:
            soft = np.sign(soft)
        assert decode(soft, version) is None
    for version in (1, 7, 30):
        assert decode(np.zeros((17 + 4 * version,) * 2), version) is None
        assert decode(np.ones((17 + 4 * version,) * 2), version) is None


@pytest.mark.parametrize(("length", "parity", "erasures"), [(20, 4, 2), (20, 4, 3), (44, 3, 1), (100, 4, 1)])
def test_chance_accepts_a_block_as_seldom_as_the_bound_says(length: int, parity: int, erasures: int) -> None:
    count = 40_000
    words = np.random.default_rng(1).integers(0, 256, (count, length), dtype=np.uint8)
    erased = np.broadcast_to(np.arange(length) < erasures, words.shape)
    _, errors, ok = reedsolomon.decode(words, parity, erased)
    for most in range((parity - erasures) // 2 + 1):
        bound = 2.0 ** -evidence.of_block(length, parity, erasures, most)
        seen = (ok & (errors <= most)).mean()
        assert seen <= bound + 4 * math.sqrt(bound / count)


def test_chance_accepts_the_best_of_many_tries_as_seldom_as_the_bound_says() -> None:
    """Erasing ever more of a random word, at a parity so small that it does happen."""
    count, length, parity = 5_000, 30, 5
    words = np.random.default_rng(2).integers(0, 256, (count, length), dtype=np.uint8)
    best = np.full(count, -np.inf)
    for erasures in range(parity - 1):
        erased = np.broadcast_to(np.arange(length) < erasures, words.shape)
        _, errors, ok = reedsolomon.decode(words, parity, erased)
        bits = [evidence.of_block(length, parity, erasures, t, parity - 1) for t in errors.tolist()]
        best = np.where(ok, np.maximum(best, bits), best)
    for least in (0.5, 1, 2, 4, 6):
        bound = 2.0**-least
        assert (best >= least).mean() <= bound + 4 * math.sqrt(bound / count)


@pytest.mark.parametrize("count", [1, *slowly(2, 3, 4)])
def test_chance_accepts_a_symbol_as_seldom_as_the_bound_says(count: int) -> None:
    """The worst that blocks can be: evidence above the floor with exactly the chance allowed."""
    draws = 20_000
    luck = np.random.default_rng(3).exponential(1 / math.log(2), (draws, count)) + evidence.BLOCK_BITS
    totals = np.array([evidence.of_symbol(row) for row in luck.tolist()])
    for bits in range(int(evidence.BLOCK_BITS) * count, int(evidence.BLOCK_BITS) * count + 10, 2):
        bound = 2.0 ** (evidence.BLOCK_BITS * count - bits)
        assert (totals >= bits).mean() <= bound + 4 * math.sqrt(bound / draws)


def test_evidence_of_padding_and_of_the_end() -> None:
    blocks_ = [20.0, 20.0]
    plain = evidence.of_symbol(blocks_)
    assert evidence.of_symbol(blocks_, 8) == pytest.approx(plain - 3)
    assert evidence.of_symbol(blocks_, zero_terminated=False) == pytest.approx(plain - 8)
    assert evidence.of_symbol(blocks_, padding=(3, 6)) == plain
    assert evidence.of_symbol(blocks_, padding=(0, 1)) == plain
    some, most, far_more = (evidence.of_symbol(blocks_, padding=(n, n)) for n in (3, 5, 500))
    assert plain < some < most == far_more < plain + evidence.PADDING_BITS


def test_confidence() -> None:
    values = [evidence.confidence(bits) for bits in (0, 20, evidence.ACCEPTED_BITS, 34, 50, 20_000)]
    assert values == sorted(values)
    assert values[2] >= 0.9
    assert values[-1] == 0.999
    assert values[0] < 0.01


def test_a_lost_block_does_not_pass_on_the_evidence_of_the_others() -> None:
    """A found case: the second block decodes by accident, with 6 bits, and the first one has 142."""
    random = np.random.default_rng([7569, 99])
    made = deformed.symbol(random, (3, 3), "Q")
    soft = made.modules + random.normal(0, 0.2, made.modules.shape)
    block, _ = interleaving(3, "Q")
    lost = block == random.integers(block.max() + 1)
    cells = tuple(layout(3).order[np.repeat(lost, 8)].T)
    soft[cells] = random.choice([-1, 1], len(cells[0])) * random.uniform(0, 1, len(cells[0]))
    assert not isinstance(decode(soft, 3, hypotheses=256), Decoded)


def test_blocks_that_helped_to_find_the_soft_values_gain_nothing() -> None:
    modules = symbol(7, "M")[1].astype(float)
    exact = decode(modules, 7)
    assert isinstance(exact, Decoded)
    count = len(blocks(7, "M"))
    weak = Partial(count - 1, exact.modules, exact.level, exact.mask, (30.0,) * (count - 1) + (math.inf,))
    again = decode(modules, 7, before=weak)
    assert isinstance(again, Decoded)
    assert again.evidence_bits <= 30.0 < exact.evidence_bits

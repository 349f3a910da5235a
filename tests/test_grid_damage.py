"""Covers and other damage: what hides modules is erased, what lies near errors is doubted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from qrcascade.grid import codewords, evidence
from qrcascade.grid.codewords import Decoded, decode, is_covered
from qrcascade.grid.cover import find_hidden
from qrcascade.symbology import reedsolomon
from tests.test_grid_codewords import Soft, symbol

_STAMP = np.s_[12:30, 13:31]


def stamped(modules: Soft, level: float) -> Soft:
    """Return a symbol of version 6 with a square of one level in its middle, 18 modules wide."""
    soft = modules.copy()
    soft[_STAMP] = level
    return soft


@pytest.mark.parametrize("version", [1, 2, 7, 14, 27, 40])
def test_nothing_is_hidden_in_a_clean_symbol(version: int) -> None:
    """Neither function patterns nor masked data hold a square of one colour."""
    for mask in range(8):
        assert not find_hidden(symbol(version, "M", mask)[1]).any()


def test_what_is_hidden() -> None:
    _, modules = symbol(6, "M")
    for level in (1.0, -0.3):
        hidden = find_hidden(stamped(modules, level))
        assert hidden[_STAMP].all()
        # What adjoins a cover may look like it.
        assert hidden.sum() < 18 * 18 + 60
    smaller = modules.copy()
    smaller[20:24, 20:24] = 1.0
    assert not find_hidden(smaller)[:16].any()


@pytest.mark.parametrize("level", [1.0, -1.0])
def test_what_is_hidden_is_erased(level: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen of 16 parity codewords of a block would not be enough for as many errors."""
    text, modules = symbol(6, "M")
    soft = stamped(modules, level)
    found = decode(soft, 6)
    assert isinstance(found, Decoded)
    assert found.payload.text == text
    assert (found.modules == modules).all()
    assert found.evidence_bits > evidence.LOST_BLOCK_BITS
    assert found.confidence > 0.99
    assert not is_covered(soft, 6)
    monkeypatch.setattr("qrcascade.grid.blocks.find_hidden", lambda soft: np.zeros(soft.shape, bool))
    assert not isinstance(decode(soft, 6), Decoded)


def test_a_symbol_may_be_covered_beyond_correction() -> None:
    _, modules = symbol(6, "M")
    half = modules.copy()
    half[:, 21:] = -1.0
    assert is_covered(half, 6)
    assert not isinstance(decode(half, 6), Decoded)
    assert not is_covered(modules, 6)
    wrong = modules * np.where(np.random.default_rng(0).random(modules.shape) < 0.3, -1, 1)
    assert not is_covered(wrong, 6)


def test_what_lies_near_errors_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inverted patches leave some blocks undecoded, until the others show where the patches are."""
    soft = {}
    for seed in range(20):
        text, modules = symbol(10, "M")
        for row, column in np.random.default_rng(seed).integers(9, 40, (5, 2)):
            modules[row : row + 9, column : column + 9] *= -1
        soft[seed] = modules

    def read() -> set[int]:
        found = {seed: decode(modules, 10) for seed, modules in soft.items()}
        texts = {seed: one.payload.text for seed, one in found.items() if isinstance(one, Decoded)}
        assert set(texts.values()) == {text}
        return set(texts)

    doubted = read()
    monkeypatch.setattr(codewords, "doubt_nearby", lambda trial, hypotheses: trial)
    plain = read()
    assert plain < doubted
    assert len(doubted) >= len(plain) + 3


@pytest.mark.parametrize(
    ("length", "parity", "erasures", "hidden"), [(20, 4, 3, 22), (44, 3, 2, 10), (30, 5, 3, 20)]
)
def test_chance_agrees_with_what_is_seen_of_erased_codewords_as_seldom_as_the_bound_says(
    length: int, parity: int, erasures: int, hidden: int
) -> None:
    count = 60_000
    words = np.random.default_rng(5).integers(0, 256, (count, length), dtype=np.uint8)
    erased = np.broadcast_to(np.arange(length) < erasures, words.shape)
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    # The first bits of the erased codewords are hidden.
    differs: NDArray[np.uint8] = np.unpackbits((corrected ^ words)[:, :erasures], axis=1)[:, hidden:]
    seen = differs.shape[1]
    wrong = differs.sum(1)
    bits = np.array(
        [
            evidence.of_block(length, parity, erasures, t, 1.0, (seen, d))
            for t, d in zip(errors.tolist(), wrong.tolist(), strict=True)
        ]
    )
    bits[~ok] = -np.inf
    for least in (0.0, 1.0, 2.0, 4.0, 6.0):
        bound = 2.0**-least
        assert (bits >= least).mean() <= bound + 4 * math.sqrt(bound / count)
    assert (bits > 2).any()

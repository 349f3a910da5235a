from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qrcascade.symbology import reedsolomon


def is_codeword(words: NDArray[np.uint8], parity: int) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (reedsolomon.encode(words[:, :-parity], parity) == words).all(1)
    return same


def nothing_erased(words: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.zeros(words.shape, bool)


def test_encode_the_standards_example() -> None:
    """ISO/IEC 18004, Annex I.2: 01234567 in version 1-M."""
    data = [0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, *(0xEC, 0x11) * 5]
    parity = [0xA5, 0x24, 0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55]
    assert reedsolomon.encode(np.array([data], np.uint8), 10)[0].tolist() == data + parity


def test_every_single_error_is_corrected() -> None:
    word = reedsolomon.encode(np.array([[7, 0, 255]], np.uint8), 2)[0]
    cases = list(itertools.product(range(5), range(1, 256)))
    words = np.tile(word, (len(cases), 1))
    for row, (place, change) in enumerate(cases):
        words[row, place] ^= change
    corrected, errors, ok = reedsolomon.decode(words, 2, nothing_erased(words))
    assert ok.all()
    assert (errors == 1).all()
    assert (corrected == word).all()


def test_every_set_of_erasures_with_an_error_elsewhere() -> None:
    length, parity = 8, 4
    word = reedsolomon.encode(np.array([[1, 2, 3, 4]], np.uint8), parity)[0]
    cases = [
        (places, other)
        for count in range(parity - 1)
        for places in itertools.combinations(range(length), count)
        for other in range(length)
        if other not in places
    ]
    words, erased = np.tile(word, (len(cases), 1)), np.zeros((len(cases), length), bool)
    for row, (places, other) in enumerate(cases):
        erased[row, list(places)] = True
        words[row, list(places)] = 0
        words[row, other] ^= 0x80
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    assert ok.all()
    assert (errors == 1).all()
    assert (corrected == word).all()


@given(st.data(), st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_whatever_is_within_capacity_is_corrected(data: st.DataObject, parity: int, seed: int) -> None:
    """Rows of one batch with all mixtures of errors and erasures, in words of any length."""
    length = data.draw(st.integers(parity + 1, 153))
    random = np.random.default_rng(seed)
    mixtures = [(e, t) for e in range(parity + 1) for t in range((parity - e) // 2 + 1)]
    mixtures = [(e, t) for e, t in mixtures if e + t <= length]
    clean = reedsolomon.encode(
        random.integers(0, 256, (len(mixtures), length - parity), dtype=np.uint8), parity
    )
    words, erased = clean.copy(), nothing_erased(clean)
    for row, (e, t) in enumerate(mixtures):
        places = random.permutation(length)
        erased[row, places[:e]] = True
        words[row, places[:e]] = random.integers(0, 256, e)
        words[row, places[e : e + t]] ^= random.integers(1, 256, t, dtype=np.uint8)
    before = words.copy()
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    assert ok.all()
    assert (corrected == clean).all()
    assert errors.tolist() == [t for _, t in mixtures]
    assert (words == before).all()


@given(st.integers(2, 12), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_beyond_capacity_nothing_but_codewords_is_ok(parity: int, inner: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    words = random.integers(0, 256, (300, parity + 1 + inner), dtype=np.uint8)
    erased = random.random(words.shape) < random.random((300, 1)) * 0.5
    corrected, errors, ok = reedsolomon.decode(words, parity, erased)
    assert is_codeword(corrected[ok], parity).all()
    assert (2 * errors + erased.sum(1) <= parity)[ok].all()
    assert ((corrected != words) & ~erased).sum(1)[ok].tolist() == errors[ok].tolist()
    assert (corrected == words)[~ok].all()
    assert not errors[~ok].any()
    # As many erasures as parity symbols can always be filled in.
    assert ok[erased.sum(1) == parity].all()
    assert not ok[erased.sum(1) > parity].any()


def test_codewords_come_back_as_they_are() -> None:
    words = reedsolomon.encode(np.arange(60, dtype=np.uint8).reshape(3, 20), 10)
    corrected, errors, ok = reedsolomon.decode(words, 10, nothing_erased(words))
    assert ok.all()
    assert not errors.any()
    assert (corrected == words).all()


@pytest.mark.parametrize("count", [0, 1])
def test_small_batches(count: int) -> None:
    words = np.full((count, 26), 3, np.uint8)
    corrected, errors, ok = reedsolomon.decode(words, 10, nothing_erased(words))
    assert corrected.shape == (count, 26)
    assert errors.shape == ok.shape == (count,)

"""Reed-Solomon codes over GF(256) as QR Code uses them: errors and erasures, many words at once.

The field is GF(2)[x] / 0x11D with primitive element 2, and a code with p parity symbols has the
roots 2**0 to 2**(p-1) (ISO/IEC 18004:2015, 7.5.2 and Annex A). A word of n symbols is a polynomial
whose highest coefficient comes first, so symbol i stands for the power n - 1 - i. Polynomials that
are not words (syndromes, locators) have the lowest coefficient first.

Every array has one row for each word. Loops run over parity symbols, never over rows.

References
----------
R. E. Blahut, Algebraic Codes for Data Transmission (2003), chapters 6 and 7: the Forney
syndromes, the Berlekamp-Massey and the Forney algorithm.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode", "encode"]

Words = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

# The most parity that Table 9 of ISO/IEC 18004 has is 30.
_MAX_PARITY = 32


def _field() -> tuple[Words, Ints]:
    """Powers of the primitive element, three periods of them, and logarithms (that of 0 is void)."""
    powers = [1]
    for _ in range(254):
        double = powers[-1] << 1
        powers.append(double ^ 0x11D if double & 0x100 else double)
    logs = np.zeros(256, np.intp)
    logs[powers] = np.arange(255)
    return np.array(powers * 3, np.uint8), logs


_EXP, _LOG = _field()
_MUL = _EXP[_LOG[:, None] + _LOG]
_MUL[0] = _MUL[:, 0] = 0
_INVERSE = _EXP[255 - _LOG]


def decode(received: Words, parity: int, erased: Bools) -> tuple[Words, Ints, Bools]:
    """Correct errors and erasures in each row.

    Parameters
    ----------
    received : ndarray of uint8, shape (B, n)
        The words, n at most 255.
    parity : int
        Parity symbols, at most 32 and less than n.
    erased : ndarray of bool, shape (B, n)
        The symbols that are not to be believed; their values do not matter.

    Returns
    -------
    words : ndarray of uint8, shape (B, n)
        The corrected words; as received where not ok.
    errors : ndarray of int, shape (B,)
        How many symbols outside the erasures were corrected; 0 where not ok.
    ok : ndarray of bool, shape (B,)
        The word is a codeword and 2 * errors + erasures <= parity. No spare parity is demanded:
        a row with as many erasures as parity is always ok, and proves nothing.
    """
    words = received.copy()
    erasures = erased.sum(1)
    syndromes = _syndromes(received, parity)
    if not syndromes.any():
        return words, np.zeros(len(words), np.intp), erasures <= parity
    roots = _erased_roots(erased)
    forney = _times_roots(syndromes, roots)
    locator, errors = _berlekamp_massey(forney, erasures)
    ok = (erasures <= parity) & (2 * errors + erasures <= parity)
    rows = np.flatnonzero(ok)
    places = _evaluate(locator[rows], words.shape[1]) == 0
    sound = (places.sum(1) == errors[rows]) & ~(places & erased[rows]).any(1)
    rows = rows[sound]
    change = _magnitudes(forney[rows], locator[rows], roots[rows], places[sound] | erased[rows])
    corrected = words[rows] ^ change
    # The theory says that these are codewords; that it is said here of nothing else is cheap to see to.
    sure = ~_syndromes(corrected, parity).any(1)
    words[rows[sure]] = corrected[sure]
    ok[:] = False
    ok[rows[sure]] = True
    return words, np.where(ok, errors, 0), ok


def encode(data: Words, parity: int) -> Words:
    """Append the parity symbols: shape (B, k) to (B, k + parity)."""
    generator = np.ones((1, 1), np.uint8)
    for root in _EXP[:parity]:
        generator = _times_roots(np.pad(generator, ((0, 0), (0, 1))), root[None, None])
    rest = np.zeros((len(data), parity + 1), np.uint8)
    for symbol in data.T:
        rest[:, 0] ^= symbol
        rest ^= _MUL[rest[:, :1], generator]
        rest = np.roll(rest, -1, 1)
    return np.concatenate([data, rest[:, :parity]], 1)


@functools.lru_cache(maxsize=1)
def _syndrome_table() -> NDArray[np.uint64]:
    """A symbol's part in all syndromes by its power and value: 32 bytes seen as 4 words (2 MB)."""
    powers = np.arange(255)[:, None] * np.arange(_MAX_PARITY) % 255
    products: Words = _MUL[_EXP[powers]].transpose(0, 2, 1).copy()
    return products.view(np.uint64)


@functools.lru_cache(maxsize=1)
def _value_table() -> NDArray[np.uint64]:
    """A coefficient's part in a polynomial's values at 2**-x, x = 0 to 255, by power and value (2 MB)."""
    powers = np.arange(_MAX_PARITY + 1)[:, None] * -np.arange(256) % 255
    products: Words = _MUL[_EXP[powers]].transpose(0, 2, 1).copy()
    return products.view(np.uint64)


def _syndromes(words: Words, parity: int) -> Words:
    """Values of the words at the roots of the code, shape (B, parity)."""
    powers = np.arange(words.shape[1] - 1, -1, -1)
    sums: NDArray[np.uint64] = np.bitwise_xor.reduce(_syndrome_table()[powers[:, None], words.T], axis=0)
    return sums.view(np.uint8)[:, :parity]


def _evaluate(polynomials: Words, length: int) -> Words:
    """Values at the inverses of the locations of all symbols of words of a length, shape (B, length)."""
    table = _value_table()
    values: NDArray[np.uint64] = table[0][polynomials[:, 0]]
    for i in range(1, polynomials.shape[1]):
        values ^= table[i][polynomials[:, i]]
    return values.view(np.uint8)[:, :length][:, ::-1]


def _erased_roots(erased: Bools) -> Words:
    """Locations of the erased symbols, filled up with 0, shape (B, most erasures of a row)."""
    length = erased.shape[1]
    order = np.argsort(~erased, axis=1, kind="stable")[:, : erased.sum(1).max(initial=0)]
    return np.where(np.take_along_axis(erased, order, 1), _EXP[length - 1 - order], 0).astype(np.uint8)


def _times_roots(polynomials: Words, roots: Words) -> Words:
    """Multiply each polynomial by (1 - X x) for each X of its roots, modulo its number of coefficients."""
    product = polynomials.copy()
    for root in roots.T:
        product[:, 1:] ^= _times(root[:, None], product[:, :-1])
    return product


def _times(a: Words, b: Words) -> Words:
    """Products in the field; shapes as NumPy broadcasts them."""
    products: Words = _MUL.take((a.astype(np.intp) << 8) + b)
    return products


def _berlekamp_massey(forney: Words, erasures: Ints) -> tuple[Words, Ints]:
    """Error locators from Forney syndromes of different lengths.

    Parameters
    ----------
    forney : ndarray of uint8, shape (B, parity)
        The syndromes times the erasures' locator: from the number of erasures on, they hold the
        errors alone.
    erasures : ndarray of int, shape (B,)
        That number.

    Returns
    -------
    locator : ndarray of uint8, shape (B, parity // 2 + 1)
    errors : ndarray of int, shape (B,)
        The linear complexity. Where twice this is more than the sequence has, or the locator has
        not so many roots, there are too many errors; a locator cut off is such a case.
    """
    count, parity = forney.shape
    width = parity // 2 + 1
    longest = parity - int(erasures.min(initial=parity))
    # From here on a column for each word: steps shift whole rows. The sequences are reversed, each
    # begins where its word's erasures end, and zeros stand for what comes before.
    sequence = np.zeros((longest + width, count), np.intp)
    places = erasures[:, None] + np.arange(longest)
    inside = places < parity
    taken = np.take_along_axis(forney, np.minimum(places, parity - 1), 1)
    sequence[:longest] = np.where(inside, taken, 0).T[::-1]
    locator = np.zeros((width, count), np.intp)
    locator[0] = 1
    previous = locator.copy()
    inverse = np.ones(count, np.intp)
    errors = np.zeros(count, np.intp)
    for step in range(longest):
        previous[1:] = previous[:-1]
        previous[0] = 0
        window = sequence[longest - 1 - step :][:width]
        discrepancy = np.bitwise_xor.reduce(_MUL.take((locator << 8) + window), axis=0)
        discrepancy = np.where(inside[:, step], discrepancy, 0).astype(np.intp)
        factor = _MUL.take((discrepancy << 8) + inverse).astype(np.intp)
        change = _MUL.take((factor << 8) + previous)
        longer = (discrepancy != 0) & (2 * errors <= step)
        np.copyto(previous, locator, where=longer)
        np.copyto(inverse, _INVERSE[discrepancy], where=longer)
        np.copyto(errors, step + 1 - errors, where=longer)
        locator ^= change
    return locator.T.astype(np.uint8), errors


def _magnitudes(forney: Words, locator: Words, roots: Words, places: Bools) -> Words:
    """What to add to each symbol (the Forney algorithm), shape (B, n); 0 outside ``places``."""
    parity, length = forney.shape[1], places.shape[1]
    evaluator = np.zeros_like(forney)
    for i in range(min(parity, locator.shape[1])):
        evaluator[:, i:] ^= _times(locator[:, i : i + 1], forney[:, : parity - i])
    both = np.zeros((len(locator), parity + 1), np.uint8)
    both[:, : locator.shape[1]] = locator
    both = _times_roots(both, roots)
    # Times x, the derivative keeps the odd powers; the location cancels because the first root is 1.
    both[:, ::2] = 0
    values = _times(_evaluate(evaluator, length), _INVERSE[_evaluate(both, length)])
    return np.where(places, values, 0).astype(np.uint8)

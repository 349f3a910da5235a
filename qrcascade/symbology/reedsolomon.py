"""QR Code's Reed-Solomon codes over GF(256): correct errors and erasures of many words at once.

The field is GF(2)[x] / 0x11D with primitive element 2, and a code with p parity symbols has the
roots 2**0 to 2**(p-1) (ISO/IEC 18004:2015, 7.5.2 and Annex A). A word of n symbols is a polynomial
whose highest coefficient comes first, so symbol i stands for the power n - 1 - i. Polynomials that
are not words (syndromes, locators) have the lowest coefficient first.

Every array has one row per word. Loops run over parity symbols, never over rows.

References
----------
R. E. Blahut, Algebraic Codes for Data Transmission (2003), chapters 6 and 7: the Forney
syndromes, the Berlekamp-Massey and the Forney algorithm.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode", "encode", "log_volume"]

Words = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

# Table 9 of ISO/IEC 18004 has at most 30; rounded up so that a table's row is whole words of 8 bytes.
_MAX_PARITY = 32
# Number of nonzero elements of the field, and its polynomial (7.5.2).
_ORDER, _POLYNOMIAL = 255, 0x11D


def _build_field() -> tuple[Words, Ints]:
    """Return three periods of powers of the primitive element, and logarithms (that of 0 is undefined)."""
    powers = [1]
    for _ in range(_ORDER - 1):
        double = powers[-1] << 1
        powers.append(double ^ _POLYNOMIAL if double > _ORDER else double)
    logs = np.zeros(_ORDER + 1, np.intp)
    logs[powers] = np.arange(_ORDER)
    return np.array(powers * 3, np.uint8), logs


_EXP, _LOG = _build_field()
_MUL = _EXP[_LOG[:, None] + _LOG]
_MUL[0] = _MUL[:, 0] = 0
_INVERSE = _EXP[_ORDER - _LOG]


def decode(received: Words, parity: int, erased: Bools) -> tuple[Words, Ints, Bools]:
    """Correct errors and erasures in each row.

    Parameters
    ----------
    received : ndarray of uint8, shape (B, n)
        The words, n at most 255.
    parity : int
        Number of parity symbols, at most 32 and less than n.
    erased : ndarray of bool, shape (B, n)
        The erased symbols; their values do not matter.

    Returns
    -------
    words : ndarray of uint8, shape (B, n)
        The corrected words; as received where not ok.
    errors : ndarray of int, shape (B,)
        Number of corrected symbols outside the erasures; 0 where not ok.
    ok : ndarray of bool, shape (B,)
        Whether the word is a codeword and 2 * errors + erasures <= parity; equality proves nothing.
    """
    words, ok = received.copy(), np.zeros(len(received), bool)
    erasures = erased.sum(1)
    syndromes = _find_syndromes(received, parity)
    if not syndromes.any():
        return words, np.zeros(len(words), np.intp), erasures <= parity
    roots = _locate_erased(erased)
    forney = _multiply_roots(syndromes, roots)
    locator, errors = _find_locators(forney, erasures)
    rows = np.flatnonzero(2 * errors + erasures <= parity)
    places = _evaluate(locator[rows], words.shape[1]) == 0
    sound = (places.sum(1) == errors[rows]) & ~(places & erased[rows]).any(1)
    rows = rows[sound]
    if len(rows):
        change = _find_magnitudes(forney[rows], locator[rows], roots[rows], places[sound] | erased[rows])
        corrected = words[rows] ^ change
        sure = ~_find_syndromes(corrected, parity).any(1)
        words[rows[sure]], ok[rows[sure]] = corrected[sure], True
    return words, np.where(ok, errors, 0), ok


def encode(data: Words, parity: int) -> Words:
    """Append parity symbols: shape (B, k) to (B, k + parity)."""
    generator = np.ones((1, 1), np.uint8)
    for root in _EXP[:parity]:
        generator = _multiply_roots(np.pad(generator, ((0, 0), (0, 1))), root[None, None])
    rest = np.zeros((len(data), parity + 1), np.uint8)
    for symbol in data.T:
        rest[:, 0] ^= symbol
        rest ^= _MUL[rest[:, :1], generator]
        rest = np.roll(rest, -1, 1)
    return np.concatenate([data, rest[:, :parity]], 1)


@functools.lru_cache(maxsize=4096)
def log_volume(length: int, errors: int) -> float:
    """Return the binary logarithm of how many words differ from a given one in at most some places."""
    return math.log2(sum(math.comb(length, i) * _ORDER**i for i in range(errors + 1)))


@functools.lru_cache(maxsize=1)
def _build_syndrome_table() -> NDArray[np.uint64]:
    """Return a symbol's share in all syndromes by power and value: 32 bytes viewed as 4 words (2 MB)."""
    powers = np.arange(_ORDER)[:, None] * np.arange(_MAX_PARITY) % _ORDER
    products: Words = _MUL[_EXP[powers]].transpose(0, 2, 1).copy()
    return products.view(np.uint64)


@functools.lru_cache(maxsize=1)
def _build_value_table() -> NDArray[np.uint64]:
    """Return a coefficient's share in values at 2**-x, x = 0 to 255, by power and value (2 MB)."""
    powers = np.arange(_MAX_PARITY + 1)[:, None] * -np.arange(_ORDER + 1) % _ORDER
    products: Words = _MUL[_EXP[powers]].transpose(0, 2, 1).copy()
    return products.view(np.uint64)


def _find_syndromes(words: Words, parity: int) -> Words:
    """Return the values of the words at the roots of the code, shape (B, parity)."""
    powers = np.arange(words.shape[1] - 1, -1, -1)
    table = _build_syndrome_table()[..., : -(-parity // 8)]
    sums: NDArray[np.uint64] = np.bitwise_xor.reduce(table[powers[:, None], words.T], axis=0)
    return sums.view(np.uint8)[:, :parity]


def _evaluate(polynomials: Words, length: int) -> Words:
    """Return values at the inverses of the locations of all symbols of a word, shape (B, length)."""
    table = _build_value_table()[..., : -(-length // 8)]
    values: NDArray[np.uint64] = table[0][polynomials[:, 0]]
    for i in range(1, polynomials.shape[1]):
        values ^= table[i][polynomials[:, i]]
    return values.view(np.uint8)[:, :length][:, ::-1]


def _locate_erased(erased: Bools) -> Words:
    """Return the locations of the erased symbols, padded with 0, shape (B, the most erasures of any row)."""
    counts = erased.sum(1)
    row, column = np.nonzero(erased)
    locations = np.zeros((len(erased), counts.max(initial=0)), np.uint8)
    locations[row, np.arange(len(row)) - (counts.cumsum() - counts)[row]] = _EXP[erased.shape[1] - 1 - column]
    return locations


def _multiply_roots(polynomials: Words, roots: Words) -> Words:
    """Multiply each polynomial by (1 - X x) for each X of its roots, modulo its number of coefficients."""
    product = polynomials.copy()
    for root in roots.T:
        product[:, 1:] ^= _multiply(root[:, None], product[:, :-1])
    return product


def _multiply(a: Words, b: Words) -> Words:
    """Return products in the field; shapes as NumPy broadcasts them."""
    products: Words = _MUL.take((a.astype(np.intp) << 8) + b)
    return products


def _find_locators(forney: Words, erasures: Ints) -> tuple[Words, Ints]:
    """Return error locators and numbers of errors, from Forney syndromes of different lengths.

    Parameters
    ----------
    forney : ndarray of uint8, shape (B, parity)
        The syndromes times the erasures' locator: from the number of erasures on, they depend on the
        errors alone.
    erasures : ndarray of int, shape (B,)
        The number of erasures.

    Returns
    -------
    locator : ndarray of uint8, shape (B, parity // 2 + 1)
    errors : ndarray of int, shape (B,)
        The linear complexity. If the sequence is shorter than twice this, or the locator has fewer roots,
        there are too many errors; this includes truncated locators.
    """
    parity = forney.shape[1]
    places = erasures[:, None] + np.arange(parity - int(erasures.min(initial=parity)))
    inside = places < parity
    taken = np.take_along_axis(forney, np.minimum(places, parity - 1), 1)
    locator, errors = _berlekamp_massey(np.where(inside, taken, 0), inside, parity // 2 + 1)
    return locator.T.astype(np.uint8), errors


def _berlekamp_massey(rows: Words, inside: Bools, width: int) -> tuple[Ints, Ints]:
    """Return the shortest recurrences of sequences, ``width`` coefficients per column, and their lengths.

    A sequence is a row of ``rows``, as far as it is ``inside``.
    """
    count, longest = rows.shape
    # From here on there is a column per word, so that steps shift whole rows. The sequences are reversed, and
    # padded with zeros for what precedes them.
    sequence = np.zeros((longest + width, count), np.intp)
    sequence[:longest] = rows.T[::-1]
    locator = np.zeros((width, count), np.intp)
    locator[0] = 1
    # Every step multiplies these by x: where they begin moves instead, over rows of zeros.
    shifted = np.zeros((longest + width, count), np.intp)
    shifted[longest] = 1
    inverse = np.ones(count, np.intp)
    errors = np.zeros(count, np.intp)
    for step in range(longest):
        degrees = min(step + 2, width)
        known = locator[:degrees]
        previous, window = (table[longest - 1 - step :][:degrees] for table in (shifted, sequence))
        discrepancy = np.bitwise_xor.reduce(_MUL.take((known << 8) + window), axis=0)
        discrepancy = np.where(inside[:, step], discrepancy, 0).astype(np.intp)
        factor = _MUL.take((discrepancy << 8) + inverse).astype(np.intp)
        change = _MUL.take((factor << 8) + previous)
        longer = (discrepancy != 0) & (2 * errors <= step)
        np.copyto(previous, known, where=longer)
        np.copyto(inverse, _INVERSE[discrepancy], where=longer)
        np.copyto(errors, step + 1 - errors, where=longer)
        known ^= change
    return locator, errors


def _find_magnitudes(forney: Words, locator: Words, roots: Words, places: Bools) -> Words:
    """Return what to add to each symbol (the Forney algorithm), shape (B, n); 0 outside ``places``."""
    parity, length = forney.shape[1], places.shape[1]
    evaluator = np.zeros_like(forney)
    for i in range(min(parity, locator.shape[1])):
        evaluator[:, i:] ^= _multiply(locator[:, i : i + 1], forney[:, : parity - i])
    both = np.zeros((len(locator), parity + 1), np.uint8)
    both[:, : locator.shape[1]] = locator
    both = _multiply_roots(both, roots)
    # x times the derivative keeps the odd powers; the location cancels because the first root is 1.
    both[:, ::2] = 0
    values = _multiply(_evaluate(evaluator, length), _INVERSE[_evaluate(both, length)])
    return np.where(places, values, 0).astype(np.uint8)

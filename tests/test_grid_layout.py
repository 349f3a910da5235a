"""The layout against segno, an independent encoder, and against its copies of the standard's tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import segno
from numpy.typing import NDArray
from segno import consts

from qrcascade.symbology import layout as grid
from qrcascade.symbology import reedsolomon
from qrcascade.symbology.information import FORMAT_WORDS, VERSION_WORDS
from qrcascade.symbology.segments import parse
from tests.rows import thinned

VERSIONS = range(1, 41)
SEGNO_LEVELS = {
    "L": consts.ERROR_LEVEL_L,
    "M": consts.ERROR_LEVEL_M,
    "Q": consts.ERROR_LEVEL_Q,
    "H": consts.ERROR_LEVEL_H,
}
# Every version and level with one mask each, so that every version and mask also meet; one version in full.
CASES = [(v, level, (v + 2 * i) % 8) for v in VERSIONS for i, level in enumerate("LMQH")]
CASES += [(7, level, mask) for level in "LMQH" for mask in range(8)]


def matrix(payload: str, version: int, level: str, mask: int) -> NDArray[np.int8]:
    code = segno.make(payload, version=version, error=level, mask=mask, boost_error=False, micro=False)
    return np.array([list(row) for row in code.matrix], np.int8) * 2 - 1


def text(version: int, level: str) -> str:
    """Fills a third of a symbol, so that there is padding too."""
    return "".join(chr(97 + i % 26) for i in range(sum(d for _, d in grid.blocks(version, level)) // 3))


@pytest.mark.parametrize("version", thinned(VERSIONS, 9))
def test_symbols_are_read_through_the_layout(version: int) -> None:
    places = grid.layout(version)
    for _, level, mask in [case for case in CASES if case[0] == version]:
        payload = text(version, level)
        modules = matrix(payload, version, level, mask)
        known = places.pattern != 0
        assert (modules == places.pattern)[known].all()
        for cells in places.format_cells:
            assert (modules[tuple(cells.T)] == FORMAT_WORDS[grid.LEVELS.index(level) * 8 + mask]).all()
        for cells in places.version_cells:
            assert (modules[tuple(cells.T)] == VERSION_WORDS[version - 7]).all()
        dark = (modules > 0) ^ grid.data_mask(mask, places.size)
        assert not dark[tuple(places.remainder.T)].any()
        codewords = np.packbits(dark[tuple(places.order.T)])
        block, position = grid.interleaving(version, level)
        words = [codewords[block == i][position[block == i].argsort()] for i in range(block.max() + 1)]
        parts = grid.blocks(version, level)
        for total, inner in set(parts):
            rows = np.stack([word for word, part in zip(words, parts, strict=True) if part == (total, inner)])
            assert (reedsolomon.encode(rows[:, :inner], total - inner) == rows).all()
        data = b"".join(bytes(word[:inner]) for word, (_, inner) in zip(words, parts, strict=True))
        read = parse(data, version)
        assert read.text == payload
        assert read.padding[0] == read.padding[1] > 0
        assert read.zero_terminated


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_are_those_of_the_standard(version: int) -> None:
    places = grid.layout(version)
    assert places.alignment == (tuple(consts.ALIGNMENT_POS[version - 2]) if version > 1 else ())
    for level, number in SEGNO_LEVELS.items():
        expected = []
        table: Any = consts.ECC
        for group in table[version][number]:
            expected += [(group.num_total, group.num_data)] * group.num_blocks
        assert grid.blocks(version, level) == tuple(expected)


def test_bch_words_are_those_of_the_standard() -> None:
    for words, table in ((FORMAT_WORDS, consts.FORMAT_INFO), (VERSION_WORDS, consts.VERSION_INFO)):
        powers = 1 << np.arange(words.shape[1])[::-1]
        assert ((words > 0) @ powers).tolist() == list(table)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_module_has_one_role(version: int) -> None:
    places = grid.layout(version)
    roles = places.function.astype(int)
    for cells in (places.order, places.remainder):
        np.add.at(roles, tuple(cells.T), 1)
    assert (roles == 1).all()
    assert places.function[places.pattern != 0].all()
    assert places.function[tuple(places.format_cells.reshape(-1, 2).T)].all()
    assert not places.pattern[tuple(places.format_cells.reshape(-1, 2).T)].any()
    assert places.timing.sum() == 2 * (places.size - 16) - 5 * 2 * max(0, len(places.alignment) - 2)
    assert (places.pattern[places.timing] == np.where(np.argwhere(places.timing).sum(1) % 2, -1, 1)).all()


def test_arrays_are_shared_and_read_only() -> None:
    places = grid.layout(7)
    assert grid.layout(7) is places
    arrays = [getattr(places, name) for name in ("pattern", "function", "order", "remainder", "timing")]
    arrays += [places.format_cells, places.version_cells, grid.data_mask(3, 45), FORMAT_WORDS]
    for array in (*arrays, *grid.interleaving(7, "H"), VERSION_WORDS):
        assert not array.flags.writeable


@pytest.mark.parametrize("version", [0, 41, -1])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(ValueError, match="no version"):
        grid.layout(version)

"""Payloads encoded again, against symbols of segno and against the parser."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from qrcascade.grid.blocks import Trial, deinterleave
from qrcascade.symbology import encode
from qrcascade.symbology.layout import LEVELS, blocks
from qrcascade.symbology.segments import ALPHANUMERIC, BYTE, KANJI, NUMERIC, parse
from tests.rows import slowly

# Text, how segno writes it, and the bytes that a scanner transmits.
WRITTEN: list[tuple[str, dict[str, Any], bytes]] = [
    ("0123456", {"mode": "numeric"}, b"0123456"),
    ("HTTP://EXAMPLE.COM/7%", {"mode": "alphanumeric"}, b"HTTP://EXAMPLE.COM/7%"),
    ("4711", {"mode": "byte"}, b"4711"),
    ("https://example.com/?id=4711", {}, b"https://example.com/?id=4711"),
    ("Grüße, Jörg", {"encoding": "utf-8"}, "Grüße, Jörg".encode()),
    ("Grüße, Jörg", {"encoding": "latin-1"}, "Grüße, Jörg".encode("latin-1")),
    ("Grüße, Jörg", {"encoding": "utf-8", "eci": True}, "Grüße, Jörg".encode()),
    ("点茗漢字", {"mode": "kanji"}, "点茗漢字".encode("shift_jis")),
    ("点茗漢字", {"encoding": "shift_jis", "mode": "byte"}, "点茗漢字".encode("shift_jis")),
    ("汉字", {"encoding": "utf-8"}, "汉字".encode()),
    ("a\x00b\x1dc\r\n", {"mode": "byte"}, b"a\x00b\x1dc\r\n"),
]


def reading(code: segno.QRCode) -> Trial:
    """What stands in a symbol."""
    modules = np.array([list(row) for row in code.matrix], float) * 2 - 1
    return deinterleave(modules, int(code.version), code.error, code.mask, 1.0)


def room(version: int, level: str) -> int:
    return sum(inner for _, inner in blocks(version, level))


def ways(text: str, version: int, level: str) -> dict[bytes, int]:
    return dict(encode.streams(text, version, room(version, level)))


@pytest.mark.parametrize("version", [3, 10, *slowly(7, 9, 14, 26, 27, 40)])
@pytest.mark.parametrize("number", range(len(WRITTEN)))
def test_symbols_of_segno(number: int, version: int) -> None:
    """At one level each; every version sees every level."""
    text, options, data = WRITTEN[number]
    level = LEVELS[number % (2 if version == 3 else 4)]
    mask = (version + number) % 8
    code = segno.make(text, version=version, error=level, mask=mask, boost_error=False, **options)
    symbol = reading(code)
    (stream,) = (
        stream
        for stream in ways(text, version, level)
        if (encode.add_correction(stream, symbol.plan, len(symbol.values)) == symbol.values).all()
    )
    assert parse(stream, version).data == data


@given(
    st.text(st.sampled_from("0123456789ABC xyzü点"), min_size=1, max_size=40),
    st.sampled_from([5, 15, 30]),
    st.sampled_from(LEVELS),
)
@settings(max_examples=60, deadline=None)
def test_every_stream_says_the_text(text: str, version: int, level: str) -> None:
    possible = {data for data, _ in encode.payloads(text)}
    said = {stream: parse(stream, version) for stream in ways(text, version, level)}
    assert {payload.data for payload in said.values()} <= possible
    for stream, message in ways(text, version, level).items():
        assert len(stream) == room(version, level)
        assert said[stream].padding[0] == said[stream].padding[1] >= len(stream) - message - 1
        assert said[stream].zero_terminated


@given(st.text(st.sampled_from("01A:a"), min_size=1, max_size=6), st.sampled_from([1, 10, 27]))
@settings(max_examples=60, deadline=None)
def test_no_split_is_shorter(text: str, version: int) -> None:
    data = text.encode()
    characters = [bytes([byte]) for byte in data]
    possible = [[mode for mode in (NUMERIC, ALPHANUMERIC, BYTE) if encode.fits(mode, c)] for c in characters]

    def bits(segments: list[tuple[int, bytes]]) -> int:
        return sum(len(encode.write_segment(mode, part, version)) for mode, part in segments)

    best = min(
        bits(encode.join_segments(zip(modes, characters, strict=True)))
        for modes in itertools.product(*possible)
    )
    assert bits(encode.split_shortest(characters, version)) == best


def test_kanji_beside_other_characters() -> None:
    data = "ab点茗漢字点茗漢字".encode("shift_jis")
    assert encode.split_shortest(encode.split_characters(data), 3) == [(BYTE, b"ab"), (KANJI, data[2:])]


def test_long_runs_have_modes_of_their_own() -> None:
    data = b"no=" + b"7" * 20 + b" id=" + b"A" * 19 + b"ABC:" + b"12"
    assert encode.split_runs(data) == [
        (BYTE, b"no="),
        (NUMERIC, b"7" * 20),
        (BYTE, b" id="),
        (ALPHANUMERIC, b"A" * 19 + b"ABC:12"),
    ]


def test_what_does_not_fit_is_left_out() -> None:
    assert ways("x" * 17, 1, "L")
    assert not ways("x" * 18, 1, "L")
    assert not ways("", 1, "L")

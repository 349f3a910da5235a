"""Messages that are divided among symbols: read by each engine, joined in any order."""

from __future__ import annotations

import functools
import operator
import random
from dataclasses import replace

import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

import qrcascade
from qrcascade import Frame, OptionError, Part, QRCode, Quad, join_parts
from qrcascade.engines import engine
from qrcascade.engines.zxing import ZXingEngine
from qrcascade.image.views import view
from qrcascade.reading.scan import Scan
from qrcascade.reading.steps import Context, Step
from qrcascade.strategies.regions import continue_grid
from qrcascade.symbology import charset
from tests import draw
from tests.rows import slowly

SQUARE = Quad(((0, 0), (10, 0), (10, 10), (0, 10)))
QR = frozenset({"QRCode"})


def divide(data: bytes, count: int, stretches: tuple[int | None, ...] = (None,)) -> list[QRCode]:
    """The codes of a message in equal parts, which may end inside a character."""
    parity = functools.reduce(operator.xor, data, 0)
    size = -(-len(data) // count)
    codes = []
    for index in range(count):
        own = data[index * size : (index + 1) * size]
        said = charset.decode([(stretches[0], own)])
        part = Part(index + 1, count, parity)
        codes.append(
            QRCode(
                said.text,
                SQUARE,
                0.99,
                own,
                charset_source=said.charset_source,
                charset=said.charset,
                part=part,
            )
        )
    return codes


@given(st.text(min_size=16, max_size=60), st.integers(1, 16), st.randoms())
def test_joined_in_any_order(text: str, count: int, order: random.Random) -> None:
    codes = divide(text.encode(), count)
    order.shuffle(codes)
    (message,) = join_parts([*codes, codes[0]])
    assert message
    assert (message.text, message.data, message.missing) == (text, text.encode(), ())
    assert message.parity_agrees


def test_characters_cut_in_two_under_an_eci() -> None:
    (message,) = join_parts(divide("äöü".encode(), 6, stretches=(26,)))
    assert message.text == "äöü"
    (message,) = join_parts(divide("αβγ".encode("iso8859_7"), 3, stretches=(9,)))
    assert message.text == "αβγ"


def test_a_set_that_the_first_part_names() -> None:
    text = "ST00011|Name=Свет|Purpose=оплата"
    (message,) = join_parts(divide(text.encode("cp1251"), 3))
    assert message.text == text


def test_results_are_joined_and_say_what_they_are_part_of() -> None:
    symbols = segno.make_sequence("in three parts, or so", symbol_count=3)
    results = [qrcascade.read(draw.drawn(symbol, 5)[0], preset="classical") for symbol in symbols]
    (message,) = join_parts(results)
    assert message.text == "in three parts, or so"
    assert join_parts(results[0]) == join_parts([results[0]]) != ()
    said = "a message is divided among 3 symbols, and 1 of them was read; join_parts joins them"
    assert results[0].notes == (said,)
    assert "part 1 of 3 of a message" in results[0].explain()
    with pytest.raises(OptionError, match="must be QRCodes or results"):
        join_parts(["text"])  # type: ignore[list-item]


def test_missing_parts() -> None:
    codes = divide(b"in four parts, or so", 4)
    (message,) = join_parts([codes[3], codes[1]])
    assert not message
    assert message.missing == (1, 3)
    assert (message.text, message.data, message.parity_agrees) == (None, None, False)
    assert [code.data for code in message.parts] == [codes[1].data, codes[3].data]


def test_a_part_that_is_read_in_two_ways_is_missing() -> None:
    codes = divide(b"in two parts", 2)
    (message,) = join_parts([*codes, replace(codes[1], data=b"other")])
    assert message.missing == (2,)


def test_several_messages_and_other_codes() -> None:
    first, second = divide(b"one message", 2), divide(b"another one", 3)
    alone = QRCode("alone", SQUARE, 0.99, b"alone")
    found = join_parts([second[2], alone, first[1], first[0], second[0], second[1]])
    assert [message.text for message in found] == ["another one", "one message"]
    assert join_parts([alone]) == ()


def test_a_parity_that_disagrees() -> None:
    codes = [replace(code, part=Part(index, 2, 1)) for index, code in enumerate(divide(b"ab", 2), 1)]
    (message,) = join_parts(codes)
    assert message.text == "ab"
    assert not message.parity_agrees


@pytest.mark.parametrize(
    ("mirrored", "inverted"), [(False, False), (True, True), *slowly((False, True), (True, False))]
)
def test_symbols_of_segno(mirrored: bool, inverted: bool) -> None:
    text = "Grüße in drei Teilen, einer nach dem anderen: 点茗"
    codes = []
    for symbol in segno.make_sequence(text, symbol_count=3, encoding="utf-8"):
        gray, quad = draw.drawn(symbol, 5)
        gray = np.ascontiguousarray(gray.T) if mirrored else gray
        frame = Frame(255 - gray if inverted else gray)
        grid = continue_grid(Scan(frame), quad)
        assert grid is not None
        thrifty, negative = ZXingEngine(thrifty=True), view("invert+x2+invert+invert")
        steps = [Step.look(engine("zxing"), view("raw")), Step.look(thrifty, negative), grid]
        read = [code for step in steps for code in step.work(Context(frame, QR)).codes]
        facts = {(code.text, code.data, code.charset, code.part, code.symbology_identifier) for code in read}
        assert (len(read), len(facts)) == (3, 1)
        assert {(code.mirrored, code.inverted) for code in read} == {(mirrored, inverted)}
        codes += read
    (message,) = join_parts(reversed(codes))
    assert message.text == text
    assert message.parity_agrees

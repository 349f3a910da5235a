"""What engines read differently at one place: less sure, and never both reported."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrcascade import Attempt, Cascade, QRCode, Quad, StubStrategy
from qrcascade.engines import confidence

BLANK = np.full((300, 300), 255, np.uint8)
SQUARE = np.array([[100.0, 100], [200, 100], [200, 200], [100, 200]])
ENGINES = ("zxing", "zbar", "qreader", "opencv", "aruco", "grid", "somebody's")
# Engines place one symbol's corners differently, by up to a few modules.
corner = st.tuples(st.floats(-8, 8), st.floats(-8, 8))
places = st.lists(corner, min_size=4, max_size=4).map(lambda moved: Quad.of(SQUARE + moved))


@st.composite
def readings(draw: st.DrawFn) -> list[QRCode]:
    """Readings of one symbol by several engines, with bytes or without."""
    codes = []
    for _ in range(draw(st.integers(2, 6))):
        text = draw(st.sampled_from(("one", "two", "three")))
        exact = draw(st.booleans())
        sure, engine = draw(st.floats(0.05, 0.99)), draw(st.sampled_from(ENGINES))
        codes.append(QRCode(text, draw(places), sure, text.encode() if exact else None, engine))
    return codes


def told(codes: list[QRCode]) -> QRCode:
    """The only code of a cascade whose tiers read so."""
    tiers = [
        StubStrategy([Attempt("", "step", codes=(code,))], name=f"tier {i}") for i, code in enumerate(codes)
    ]
    (code,) = Cascade(tiers).read(BLANK, expect="all").codes
    return code


def alone(codes: list[QRCode], text: str) -> float:
    return confidence.agree((code.engine, code.confidence) for code in codes if code.text == text)


@given(readings())
def test_one_comes_out_and_less_sure_than_without_the_others(codes: list[QRCode]) -> None:
    shown = told(codes)
    sure = {text: alone(codes, text) for text in {code.text for code in codes}}
    others = [other for text, other in sure.items() if text != shown.text]
    if not others:
        assert shown.confidence == sure[shown.text]
        return
    assert shown.confidence < sure[shown.text]
    # The one that most speaks for; equals are even.
    assert sure[shown.text] >= max(others)
    if max(others) == sure[shown.text]:
        assert shown.confidence <= 0.5


@pytest.mark.slow
@settings(max_examples=100)
@given(readings())
def test_the_order_of_engines_does_not_matter(codes: list[QRCode]) -> None:
    shown = [told(list(order)) for order in itertools.islice(itertools.permutations(codes), 24)]
    assert np.ptp([code.confidence for code in shown]) < 1e-9
    *_, second, first = [0.0, *sorted(alone(codes, text) for text in {code.text for code in codes})]
    if first > second + 1e-9:
        assert len({code.text for code in shown}) == 1


def test_many_engines_outweigh_a_surer_one() -> None:
    """Each of the three is less sure than the one that is wrong: what counts is what they are together."""
    trio = [code("right", engine, 0.7) for engine in ("zxing", "zbar", "opencv")]
    shown = told([code("wrong", "somebody's", 0.95), *trio])
    assert shown.text == "right"
    assert 0.5 < shown.confidence < confidence.contradict(alone(trio, "right"), 0.9)


def code(text: str, engine: str, sure: float) -> QRCode:
    return QRCode(text, Quad.of(SQUARE), sure, text.encode(), engine)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Cascade
from qrcascade.engines import confidence

probability = st.floats(0.01, 0.99)
# Of readings that found no mixture.
undoubted = st.floats(0.26, 0.99)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_unused_correction_is_never_less_sure(a: float, b: float) -> None:
    low, high = sorted([a, b])
    sure = confidence.of_unused_correction
    assert 0.9 <= sure(low) <= sure(high) <= 0.99


def test_engines_without_evidence_start_lower() -> None:
    assert confidence.of_engine("zbar") <= confidence.of_unused_correction(0.0)
    assert confidence.of_engine("opencv") < confidence.of_engine("zbar")
    assert confidence.of_engine("somebody's") == 0.5


@pytest.mark.parametrize("engine", ["zbar", "qreader", "opencv", "aruco"])
def test_what_nothing_bears_out_ends_no_reading_unless_another_engine_agrees(engine: str) -> None:
    own = confidence.of_engine(engine)
    threshold = Cascade.preset("classical").threshold
    assert own < threshold
    assert confidence.agree([(engine, own), ("somebody's", 0.75)]) > threshold


@given(undoubted, undoubted)
def test_independent_agreement_raises_and_never_reaches_one(a: float, b: float) -> None:
    both = confidence.agree([("zxing", a), ("zbar", b)])
    assert max(a, b) < both < 1


@given(undoubted, undoubted)
def test_views_of_one_family_do_not_add_up(a: float, b: float) -> None:
    assert confidence.agree([("zbar", a), ("zbar", b)]) == max(a, b)
    assert confidence.agree([("qreader", a), ("zbar", b)]) == max(a, b)
    assert confidence.agree([("opencv", a), ("aruco", b)]) == max(a, b)


@given(undoubted, undoubted)
def test_no_agreement_makes_up_for_a_mixture(a: float, b: float) -> None:
    found = ("grid", confidence.MIXED)
    assert confidence.agree([("zxing", a), found, ("zbar", b)]) == confidence.MIXED
    assert confidence.agree([found]) == confidence.MIXED


@given(probability, probability)
def test_contradiction_lowers(a: float, b: float) -> None:
    assert confidence.contradict(a, b) < a
    # Two equal claims for one place cannot both be likely.
    assert confidence.contradict(a, a) <= 0.5

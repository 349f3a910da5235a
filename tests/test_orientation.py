from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qrcascade import Quad
from qrcascade.engines.orientation import find_top_left, is_inverted
from tests import draw
from tests.rows import slowly


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("version", [1, 7, *slowly(25)])
def test_inverted(version: int, turns: int, inverted: bool) -> None:
    gray, quad = draw.symbol("inside out", version=version)
    shown = np.ascontiguousarray(np.rot90(gray, -turns))
    own = Quad.of(np.roll(np.asarray(quad), -turns, axis=0))
    assert is_inverted(255 - shown if inverted else shown, own, version) is inverted


def test_a_flat_picture_tells_nothing() -> None:
    gray, quad = draw.symbol("flat")
    assert is_inverted(np.full_like(gray, 90), quad, 1) is None
    assert is_inverted(gray, Quad.of([(0, 0), (9, 9), (9, 0), (0, 9)]), 1) is None


@pytest.mark.parametrize(("examples", "most"), [(20, 12), *slowly((40, 40))])
def test_top_left(examples: int, most: int) -> None:
    """Of a rough outline, its corners off by up to 3 % of the side."""

    @settings(max_examples=examples)
    @given(
        st.integers(1, most),
        st.integers(0, 3),
        st.booleans(),
        st.lists(st.floats(-0.03, 0.03), min_size=8, max_size=8),
    )
    def check(version: int, turns: int, inverted: bool, shifts: list[float]) -> None:
        gray, quad = draw.symbol("round", version=version)
        shown = np.ascontiguousarray(np.rot90(gray, -turns))
        shown = 255 - shown if inverted else shown
        rough = np.asarray(quad) + np.reshape(shifts, (4, 2)) * quad.side
        assert find_top_left(cv2.GaussianBlur(shown, (3, 3), 0).astype(np.uint8), Quad.of(rough)) == turns

    check()

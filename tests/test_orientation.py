from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Quad
from qrcascade.engines.orientation import encode_format, find_top_left, is_mirrored
from tests import draw


@given(st.sampled_from("LMQH"), st.integers(0, 7))
def test_format_bits_are_a_code_word(level: str, mask: int) -> None:
    """ISO/IEC 18004, annex C: any two of the 32 words differ in at least 7 bits."""
    words = {(a, b): encode_format(a, b) for a in "LMQH" for b in range(8)}
    own = words.pop((level, mask))
    distances = [sum(a != b for a, b in zip(own, other, strict=True)) for other in words.values()]
    assert min(distances) >= 7


def test_format_bits_of_the_standards_example() -> None:
    """ISO/IEC 18004, 7.9.1: level M, mask 101 is 100000011001110."""
    assert "".join(str(int(bit)) for bit in encode_format("M", 0b101)[::-1]) == "100000011001110"


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("version", [1, 7, 25])
def test_mirrored(version: int, mirrored: bool, inverted: bool) -> None:
    gray, quad = draw.symbol("mirror", version=version, error="M", boost_error=False, mask=3)
    # Transposing keeps the outline and its top-left corner.
    shown = np.ascontiguousarray(gray.T) if mirrored else gray
    shown = 255 - shown if inverted else shown
    assert is_mirrored(shown, quad, version, "M", 3) is mirrored


def test_a_flat_picture_tells_nothing() -> None:
    gray, quad = draw.symbol("flat")
    assert is_mirrored(np.full_like(gray, 90), quad, 1, "M", 0) is None


@given(
    st.integers(1, 40),
    st.integers(0, 3),
    st.booleans(),
    st.lists(st.floats(-0.03, 0.03), min_size=8, max_size=8),
)
def test_top_left(version: int, turns: int, inverted: bool, shifts: list[float]) -> None:
    """Of a rough outline, its corners off by up to 3 % of the side."""
    gray, quad = draw.symbol("round", version=version)
    shown = np.ascontiguousarray(np.rot90(gray, -turns))
    shown = 255 - shown if inverted else shown
    rough = np.asarray(quad) + np.reshape(shifts, (4, 2)) * quad.side
    assert find_top_left(cv2.GaussianBlur(shown, (3, 3), 0).astype(np.uint8), Quad.of(rough)) == turns

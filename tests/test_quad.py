from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Quad

SQUARE = Quad(((0, 0), (10, 0), (10, 10), (0, 10)))


def shifted(dx: float, dy: float = 0) -> Quad:
    return Quad.of([(x + dx, y + dy) for x, y in SQUARE])


def test_quad_is_an_array_of_its_corners() -> None:
    array = np.asarray(SQUARE)
    assert array.shape == (4, 2)
    assert array.dtype == float
    assert array.tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert np.asarray(SQUARE, dtype=np.float32).dtype == np.float32


def test_quad_turns_clockwise_and_keeps_its_first_corner() -> None:
    assert Quad.of([(0, 0), (0, 10), (10, 10), (10, 0)]) == SQUARE


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0, 0)] * 3,
        [(0, 0)] * 5,
        [(0, 0), (1, 0), (1, 1), (0, float("nan"))],
        [0, 0, 1, 1],
        [(0, 0, 0)] * 4,
        ["ab"] * 4,
        None,
    ],
)
def test_quad_refuses_what_is_no_quad(points: Any) -> None:
    with pytest.raises(ValueError, match="4 finite"):
        Quad.of(points)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1.0),
        (shifted(5), 1 / 3),
        (shifted(5, 5), 1 / 7),
        (shifted(10), 0.0),
        (shifted(30), 0.0),
        (Quad(((2, 2), (4, 2), (4, 4), (2, 4))), 0.04),
        (Quad(((5, -5), (15, 5), (5, 15), (-5, 5))), 0.5),
        (Quad(((3, 3), (3, 3), (3, 3), (3, 3))), 0.0),
    ],
)
def test_overlap(other: Quad, expected: float) -> None:
    assert SQUARE.overlap(other) == pytest.approx(expected)
    assert other.overlap(SQUARE) == pytest.approx(expected)


coordinate = st.integers(-50, 50).map(float)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=4, max_size=4), coordinate, coordinate)
def test_overlap_is_symmetrical_and_moves_with_both(
    points: list[tuple[float, float]], dx: float, dy: float
) -> None:
    quad = Quad.of(points)
    if not quad.convex:
        return
    moved = Quad.of([(x + dx, y + dy) for x, y in quad])
    overlap = quad.overlap(SQUARE)
    assert 0 <= overlap <= 1
    assert SQUARE.overlap(quad) == pytest.approx(overlap, abs=1e-9)
    assert moved.overlap(shifted(dx, dy)) == pytest.approx(overlap, abs=1e-9)

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Attempt, NotFoundError, QRCode, Quad, ReadResult, Region

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
    "points", [[], [(0, 0)] * 3, [(0, 0)] * 5, [(0, 0), (1, 0), (1, 1), (0, float("nan"))]]
)
def test_quad_refuses_what_is_no_quad(points: list[tuple[float, float]]) -> None:
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


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (("x", b"x"), ("x", b"x"), True),
        (("x", b"x"), ("x", b"y"), False),
        (("x", None), ("x", b"x"), True),
        (("x", None), ("y", b"y"), False),
        # zbar guessed another character set: only the ASCII part is evidence.
        (("Größe 4", "Größe 4".encode()), ("Grテカe 4", None), True),
        (("Größe 4", "Größe 4".encode()), ("Größe 5", None), False),
        (("日本", None), ("中国", "中国".encode()), False),
        (("", None), ("é", "é".encode()), False),
    ],
)
def test_same_payload(a: tuple[str, bytes | None], b: tuple[str, bytes | None], same: bool) -> None:
    first, second = (QRCode(text, SQUARE, 0.9, data) for text, data in (a, b))
    assert first.same_payload(second) is same
    assert second.same_payload(first) is same


def result(*codes: QRCode, **changes: object) -> ReadResult:
    attempts = (
        Attempt("classical", "zxing raw", 0.01, codes, error=None),
        Attempt("small", "qreader detect", error="no weights"),
    )
    found = ReadResult(codes, (Region(SQUARE, 0.8, "zxing"),), attempts, (640, 480), 0.02)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def test_a_result_with_codes() -> None:
    found = result(QRCode("a", SQUARE, 0.9), QRCode("b", shifted(20), 0.8))
    assert found
    assert found.text == "a"
    assert found.texts == ("a", "b")
    assert found.require().text == "a"
    assert [attempt.found for attempt in found.attempts] == [2, 0]


def test_a_result_without_codes_says_what_was_tried() -> None:
    found = result(timed_out=True)
    assert not found
    assert found.text is None
    assert found.texts == ()
    with pytest.raises(
        NotFoundError, match=r"640x480.*2 attempts \(classical, small\).*1 regions.*timeout.*no weights"
    ):
        found.require()


def test_results_are_values() -> None:
    found = result(QRCode("a", SQUARE, 0.9))
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(result(QRCode("a", SQUARE, 0.9)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.codes[0].text = "b"  # type: ignore[misc]
    assert not hasattr(found, "__dict__")

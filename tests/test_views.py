from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Frame, Quad
from qrcascade.engines import engine
from qrcascade.image.views import NAMES, crop, limit, rectify, to_source, view
from tests import draw

QR = frozenset(["QRCode"])
ROOM = np.random.default_rng(7).integers(0, 256, (60, 90), np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_views_do_not_change_the_frame(name: str) -> None:
    gray = ROOM.copy()
    seen = view(name)(Frame(gray))
    np.testing.assert_array_equal(gray, ROOM)
    assert seen.gray.dtype == np.uint8
    assert seen.gray.flags.c_contiguous
    assert seen.to_source.shape == (3, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 2)])
def test_views_take_tiny_pictures(name: str, shape: tuple[int, int]) -> None:
    assert view(name)(Frame(np.zeros(shape, np.uint8))).gray.size > 0


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("x0.25", "adaptive31", "adaptive71")])
def test_corners_come_back_through_a_view(name: str) -> None:
    """What an engine finds in a view lies where it is in the picture."""
    gray, quad = draw.symbol("view maps", scale=8)
    seen = view(name)(Frame(draw.page_of(gray)))
    (code,) = engine("zxing").read(seen.gray, QR).codes
    expected = np.asarray(quad) + 40
    assert np.abs(np.asarray(to_source(seen, code.quad)) - expected).max() <= 5


@given(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.floats(0, 80), st.floats(0, 50)), min_size=4, max_size=4),
)
def test_maps_compose(first: str, second: str, points: list[tuple[float, float]]) -> None:
    frame = Frame(ROOM)
    whole = view(f"{first}+{second}")(frame)
    inner = view(first)(frame)
    outer = view(second)(Frame(inner.gray, color=lambda: inner.color))
    np.testing.assert_allclose(whole.to_source, inner.to_source @ outer.to_source, atol=1e-9)
    quad = Quad.of(points)
    np.testing.assert_allclose(
        np.asarray(to_source(whole, quad)), np.asarray(to_source(inner, to_source(outer, quad))), atol=1e-6
    )


def test_a_crop_keeps_the_pixels_and_joins_other_views() -> None:
    frame = Frame(ROOM, color=lambda: np.dstack([ROOM, 255 - ROOM, ROOM]))
    part = crop(30, 20, 40, 25)(frame)
    np.testing.assert_array_equal(part.gray, ROOM[20:45, 30:70])
    np.testing.assert_array_equal(part.color, frame.color[20:45, 30:70])
    corners = Quad(((0, 0), (39, 0), (39, 24), (0, 24)))
    assert to_source(part, corners) == Quad(((30, 20), (69, 20), (69, 44), (30, 44)))
    inner = crop(5, 6, 10, 10).then(view("x2"))(part)
    np.testing.assert_allclose(inner.to_source @ (0.5, 0.5, 1), (35, 26, 1))


def test_limit_leaves_small_pictures_alone() -> None:
    frame = Frame(ROOM)
    assert limit(90)(frame) is frame
    assert limit(45)(frame).size == (45, 30)


@pytest.mark.parametrize("side", [150, 300, 600])
def test_rectify_makes_a_square_and_maps_back(side: int) -> None:
    gray, quad = draw.symbol("perspective", scale=8)
    n = len(gray)
    matrix = np.array([[0.9, 0.2, 60], [-0.1, 0.8, 90], [2e-4, 5e-4, 1]])
    page, corners = draw.warped(gray, quad, matrix, (2 * n, 2 * n))
    crop = rectify(Frame(page), Quad.of(corners), side)
    assert crop.size == (side + 2 * round(side * 0.15),) * 2
    (code,) = engine("zxing").read(crop.gray, QR).codes
    assert code.text == "perspective"
    assert np.abs(np.asarray(to_source(crop, code.quad)) - corners).max() <= 4
    assert crop.color.shape == (*crop.gray.shape, 3)


def test_rectify_beyond_the_picture_is_white() -> None:
    outside = Quad(((-40, -40), (20, -40), (20, 20), (-40, 20)))
    crop = rectify(Frame(np.zeros((50, 50), np.uint8)), outside, 100)
    assert crop.gray[0, 0] == 255
    assert crop.gray[-20, -20] == 0


@pytest.mark.parametrize("shift", [(-500, 0), (500, 0), (0, -500), (0, 500)])
def test_what_lies_outside_the_picture_is_white(shift: tuple[int, int]) -> None:
    quad = Quad.of(np.array([(0, 0), (40, 0), (40, 40), (0, 40)]) + shift)
    assert (rectify(Frame(ROOM), quad, 40).gray == 255).all()

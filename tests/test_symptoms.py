"""What is measured of a place, against what was drawn."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from qrcascade import Frame, Quad, Region
from qrcascade.engines.finders import search
from qrcascade.report.places import Place, find_places
from qrcascade.report.symptoms import measure_sharpest, measure_sharpness
from tests import draw, unread
from tests.rows import slowly, thinned


def region(gray: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], quad: Quad) -> Place:
    (place,) = find_places(Frame(gray), [Region(quad, 0.9, "test")])
    return place


@pytest.mark.parametrize("module", [3, 5, 8])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_blur(module: int, share: float) -> None:
    """Within a tenth, and half a pixel, up to nine tenths of a module."""
    gray, quad = draw.symbol("x" * 60, module)
    blurred = cv2.GaussianBlur(gray, (0, 0), share * module).astype(np.uint8)
    seen = measure_sharpness(Frame(blurred), quad)
    assert seen.blur == pytest.approx(share * module, rel=0.1, abs=0.5)


def test_blur_by_motion_is_seen_along_one_side() -> None:
    gray, quad = draw.symbol("x" * 60, 5)
    for kernel in (np.ones((1, 15)), np.ones((15, 1))):
        moved = cv2.filter2D(gray, -1, kernel / 15).astype(np.uint8)
        assert measure_sharpness(Frame(moved), quad).blur > 3
    assert measure_sharpness(Frame(gray), quad).blur < 0.5


def test_contrast() -> None:
    gray, quad = draw.symbol("x", 5)
    for low, high in ((0, 255), (100, 140)):
        levels = (low + gray.astype(int) * (high - low) // 255).astype(np.uint8)
        assert measure_sharpness(Frame(levels), quad).contrast == pytest.approx(high - low, rel=0.05)
    flat = measure_sharpness(Frame(np.full_like(gray, 90)), quad)
    assert flat.contrast == 0
    assert math.isnan(flat.blur)


@pytest.mark.parametrize("version", [1, 5, *slowly(12, 25)])
def test_modules(version: int) -> None:
    gray, quad = draw.symbol("x", 4, version=version)
    (located,) = (at for at in search(gray) if at.patterns > 1)
    assert located.patterns == 3
    assert located.module == pytest.approx(4, rel=0.02)
    assert region(gray, quad).module == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("level", "kind", "share"),
    thinned(
        [
            (level, kind, share)
            for share in (0.0, 0.3, 0.5)
            for level, kind in ((255, "light"), (0, "dark"), (128, "gray"))
        ],
        4,
    ),
)
def test_what_is_lost(level: int, kind: str, share: float) -> None:
    """A square of one level over the data of a symbol, its side a share of the symbol's."""
    gray, quad = draw.symbol("x" * 300, 4, error="l")
    side = round(quad.side * share)
    start = round(quad.center[0] - side / 2)
    gray[start : start + side, start : start + side] = level
    lost = region(gray, quad).lost
    shares = {"light": lost.light, "dark": lost.dark, "gray": lost.gray}
    assert shares.pop(kind) == pytest.approx(share**2, abs=0.05)
    assert max(shares.values()) < 0.03


@pytest.mark.parametrize("modules", [-4, 3, *slowly(0, 8)])
def test_how_far_it_reaches_beyond_the_picture(modules: int) -> None:
    """With its bottom cut off so far, from the outline of its two upper finder patterns."""
    gray, _ = draw.symbol("x" * 60, 5)
    cut = gray[: len(gray) - (4 + modules) * 5]
    (place,) = find_places(Frame(cut), ())
    assert place.outside == pytest.approx(modules, abs=0.5)


def test_what_is_read_is_no_place() -> None:
    from qrcascade import Cascade

    gray = draw.page_of(draw.symbol("a", 6)[0], draw.symbol("b", 6)[0])
    result = Cascade.preset("classical").read(gray, expect=2)
    assert len(result.codes) == 2
    first, second = (code.quad for code in result.codes)
    assert find_places(result.picture, (), [first, second]) == []
    (left,) = find_places(result.picture, (), [first])
    assert left.region.quad.same_place(second)


def test_the_sharpest_part_of_a_picture() -> None:
    gray = unread.picture(seed=1, noise=1)
    assert measure_sharpest(Frame(gray)).blur < 1.5
    half = gray.copy()
    half[:400] = cv2.GaussianBlur(gray, (0, 0), 6)[:400]
    assert measure_sharpest(Frame(half)).blur < 1.5
    # Thin strokes tell half of it: their own contrast goes with the blur.
    assert 3 < measure_sharpest(Frame(cv2.GaussianBlur(gray, (0, 0), 6).astype(np.uint8))).blur < 6
    # A large picture is measured in a reduced one, and told in its own pixels.
    soft = cv2.GaussianBlur(gray, (0, 0), 6).astype(np.uint8)
    soft = cv2.resize(soft, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    assert 20 < measure_sharpest(Frame(soft)).blur < 40
    assert math.isnan(measure_sharpest(Frame(np.full((5, 300), 255, np.uint8))).blur)


@pytest.mark.parametrize(
    "corners",
    [
        [(5000, 5000), (5100, 5000), (5100, 5100), (5000, 5100)],
        *slowly([(10, 10), (12, 10), (12, 12), (10, 12)]),
        [(10, 10), (60, 60), (60, 10), (10, 60)],
        *slowly(
            [(0, 0), (600, 0), (330, 20), (300, 20)], [(-300, -300), (900, -300), (900, 900), (-300, 900)]
        ),
    ],
)
def test_regions_of_any_shape_and_place(corners: list[tuple[float, float]]) -> None:
    frame = Frame(unread.picture(5, seed=1))
    (place,) = find_places(frame, [Region(Quad.of(corners), 0.9, "test")])
    assert place.region.quad == Quad.of(corners)

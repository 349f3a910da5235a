"""Versions and turns from rough outlines of drawn symbols."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qrcascade import Frame, Quad
from qrcascade.grid.canvas import Canvas, blur_widely, normalize_contrast
from qrcascade.grid.locate import Pose, find_poses
from qrcascade.grid.recentre import recentre_outline
from tests import warp
from tests.rows import slowly, thinned

Vector = NDArray[np.float64]


def located(picture: NDArray[np.uint8], quad: Quad) -> list[Pose]:
    canvas = Canvas.of(Frame(picture), quad)
    return find_poses(canvas, canvas.gray)


def rolled(quad: Quad, turn: int) -> Quad:
    """The same outline from another corner: corner ``turn`` is the symbol's own top-left."""
    return Quad.of(np.roll(np.asarray(quad), turn, axis=0))


def finders(drawn: warp.Warped) -> Vector:
    """Centres of the finder patterns at top-left, top-right and bottom-left."""
    middles = (drawn.mesh[:-1, :-1] + drawn.mesh[1:, 1:]) / 2
    return middles[[3, 3, -4], [3, -4, 3]]


def off(canvas: Canvas, pose: Pose, drawn: warp.Warped) -> float:
    """Modules by which the worst finder pattern is located wrongly."""
    points = np.column_stack([pose.finders(canvas), np.ones(3)]) @ canvas.frame.to_source.T
    return float(np.hypot(*(points[:, :2] / points[:, 2:] - finders(drawn)).T).max() / drawn.module)


@pytest.mark.parametrize("module", [2.5, 6.0])
@pytest.mark.parametrize("version", [1, 2, 7, *slowly(5, 10)])
def test_version_and_turn(version: int, module: float) -> None:
    drawn = warp.symbol("which", version=version, module=module, noise=10)
    for turn in range(4):
        first = located(drawn.gray, rolled(drawn.quad, turn))[0]
        assert (first.version, first.turn) == (version, turn)
        assert np.abs(first.shifts).max() < 0.3


@pytest.mark.parametrize("version", thinned(range(1, 21), 6))
def test_every_version_up_to_20(version: int) -> None:
    drawn = warp.symbol("which", version=version, module=2.5)
    first = located(drawn.gray, drawn.quad)[0]
    assert (first.version, first.turn, first.size) == (version, 0, len(drawn.modules))


@pytest.mark.parametrize(
    ("dark", "light", "noise"), [(0, 255, 0), (10, 45, 3), (190, 250, 3), (0, 255, 70), (60, 200, 40)]
)
def test_paper_and_noise(dark: int, light: int, noise: int) -> None:
    drawn = warp.symbol("which", version=4)
    ink = (235.0 - drawn.gray) / 215
    coins = np.random.default_rng(3).normal(0, noise, ink.shape)
    picture = np.clip(light + (dark - light) * ink + coins, 0, 255).astype(np.uint8)
    first = located(picture, drawn.quad)[0]
    assert (first.version, first.turn) == (4, 0)


def test_shade_across_the_symbol() -> None:
    drawn = warp.symbol("which", version=6)
    shade = np.linspace(0.12, 1.0, drawn.gray.shape[1])
    first = located((drawn.gray * shade).astype(np.uint8), drawn.quad)[0]
    assert (first.version, first.turn) == (6, 0)


def test_a_symbol_matches_better_than_what_is_none() -> None:
    drawn = warp.symbol("which", version=4)
    coins = np.random.default_rng(4).integers(0, 256, drawn.gray.shape).astype(np.uint8)
    symbol, noise = (located(picture, drawn.quad)[0].score for picture in (drawn.gray, coins))
    assert symbol > 0.8
    assert noise < 0.4


def test_versions_too_fine_for_the_pixels_are_not_tried() -> None:
    drawn = warp.symbol("which", version=2, module=2)
    pixels = drawn.quad.side
    sizes = [pose.size for pose in located(drawn.gray, drawn.quad)]
    assert 25 in sizes
    assert pixels / max(sizes) > 1.1


@pytest.mark.parametrize("wrong", [0.6, 1.0, 1.5])
def test_a_rough_module_width_leaves_versions_out_and_keeps_the_true_one(wrong: float) -> None:
    drawn = warp.symbol("which", version=10, module=6)
    canvas, found = recentre_outline(drawn.frame, drawn.quad, 6 * wrong)
    assert found[0].version == 10
    assert off(canvas, found[0], drawn) < 0.5
    rough = drawn.quad.side / (6 * wrong)
    # Next to a likely version, one that is less likely is tried.
    assert all(0.5 * rough - 4 <= pose.size <= 1.6 * rough + 4 for pose in found)


def test_a_region_of_few_modules_is_cut_out_small() -> None:
    drawn = warp.symbol("which", version=2, module=30)
    canvas, found = recentre_outline(drawn.frame, drawn.quad, 30.0)
    assert canvas.side < Canvas.of(drawn.frame, drawn.quad).side / 2
    assert found[0].version == 2


@pytest.mark.parametrize("share", [0.06, *slowly(0.03)])
@pytest.mark.parametrize("version", [1, 3, 7, *slowly(12)])
def test_corners_that_are_off(version: int, share: float) -> None:
    """The first pose is at the finder patterns; the true version is among those that are fitted."""
    drawn = warp.symbol("about here", version=version, module=5, noise=10)
    for seed in range(3):
        canvas, found = recentre_outline(drawn.frame, drawn.jittered(share, seed))
        assert off(canvas, found[0], drawn) < 0.5
        assert abs(found[0].version - version) <= 1
        assert (version, 0) in [(pose.version, pose.turn) for pose in found[:4]]


def test_a_good_outline_is_left_alone() -> None:
    drawn = warp.symbol("about here", version=3)
    canvas, _ = recentre_outline(drawn.frame, drawn.quad)
    assert (canvas.frame.to_source == Canvas.of(drawn.frame, drawn.quad).frame.to_source).all()


def test_recentring_improves_the_match() -> None:
    """A corner that is off by much shears the patterns; the moved outline takes the shear off."""
    drawn = warp.symbol("about here", version=7, module=5)
    for seed in (0, 3, 4):
        quad = drawn.jittered(0.08, seed)
        assert recentre_outline(drawn.frame, quad)[1][0].score > located(drawn.gray, quad)[0].score + 0.1


pictures = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (24, 32)).repeat(4, 0).repeat(4, 1)
)


@given(pictures, st.floats(0.1, 1.0), st.floats(-50, 50))
def test_contrast_is_normalized_the_same_for_any_paper_and_ink(
    picture: NDArray[np.int_], contrast: float, brightness: float
) -> None:
    plain = normalize_contrast(picture.astype(np.float32), 48)
    assert np.abs(plain).max() <= 1.4 + 1e-6
    other = normalize_contrast((contrast * picture + brightness).astype(np.float32), 48)
    assert np.abs(plain - other).max() < 1e-2


def test_normalizing_contrast_takes_shade_off() -> None:
    board = (np.indices((160, 160)) // 8).sum(0) % 2
    shade = np.linspace(30, 220, 160)
    even = normalize_contrast((board * shade + 10).astype(np.float32), 64)
    inner = np.s_[20:-20, 20:-20]
    assert even[inner][board[inner] == 0].min() > 0.5
    assert even[inner][board[inner] == 1].max() < -0.5


def test_no_contrast_is_made_of_nothing() -> None:
    assert np.abs(normalize_contrast(np.full((80, 80), 128, np.float32), 32)).max() < 0.05


@pytest.mark.parametrize("sigma", [3.0, 9.5, 25.0, 60.0])
@pytest.mark.parametrize("shape", [(300, 300), (211, 340)])
def test_a_wide_blur_is_a_gaussian(sigma: float, shape: tuple[int, int]) -> None:
    gray = np.random.default_rng(0).integers(0, 2, (shape[0] // 5 + 1, shape[1] // 5 + 1)) * 255.0
    gray = np.kron(gray, np.ones((5, 5)))[: shape[0], : shape[1]].astype(np.float32)
    away = np.abs(blur_widely(gray, sigma) - cv2.GaussianBlur(gray, (0, 0), sigma))
    assert away.shape == shape
    # Where black meets white, and a little less exactly at the edges.
    assert away.mean() < 1
    margin = int(sigma)
    assert away[margin:-margin, margin:-margin].max() < 4

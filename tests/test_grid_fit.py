"""Fitted grids against the modules' true places; soft bits and deconvolution against the true modules."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qrcascade.grid import codewords
from qrcascade.grid.blur import Blur, estimate_blur, rank_blurs
from qrcascade.grid.canvas import MODULE as CANVAS_MODULE
from qrcascade.grid.canvas import Canvas, Pixels
from qrcascade.grid.choose import choose_fit
from qrcascade.grid.deblur import deconvolve
from qrcascade.grid.fields import QUIET, SAMPLES, average, average_centres, spread
from qrcascade.grid.fit import Fit, Patch, add_known, estimate_levels, lay_grid
from qrcascade.grid.grow import (
    find_alignment,
    fit_data,
    fit_finders,
    fit_timing,
    grow_outwards,
    pull_corner,
    refine_locally,
)
from qrcascade.grid.recentre import recentre_outline
from qrcascade.grid.region import RegionReader
from qrcascade.grid.soft import cancel_leakage, sample_centres
from qrcascade.grid.variants import VARIANTS
from tests import warp
from tests.rows import slowly, thinned

TEXT = "https://example.com/grid?id=4711"
MODULE = 6.0
CRUMPLES = tuple(functools.partial(warp.crumple, seed=seed) for seed in range(3))


def begun(drawn: warp.Warped) -> Fit:
    """A grid by three finder patterns."""
    canvas, found = recentre_outline(drawn.frame, drawn.quad)
    pose = next(pose for pose in found if pose.version == drawn.version)
    return lay_grid(canvas, Patch.cut(canvas, canvas.gray, pose), pose)


def by_patterns(drawn: warp.Warped) -> Fit:
    return grow_outwards(fit_timing(fit_finders(begun(drawn))))


def fitted(drawn: warp.Warped, *, locally: bool = True) -> Fit:
    fit = fit_data(by_patterns(drawn))
    return refine_locally(fit) if locally else fit


def off(drawn: warp.Warped, fit: Fit) -> NDArray[np.float64]:
    """Modules from where each module's corner is to where the grid has it."""
    canvas = Canvas.of(drawn.frame, drawn.quad)
    mesh = fit.mesh()
    points = np.dstack([mesh, np.ones(mesh.shape[:2])]) @ canvas.frame.to_source.T
    away = points[..., :2] / points[..., 2:] - drawn.mesh
    return np.asarray(np.hypot(*np.moveaxis(away, 2, 0)) / drawn.module)


def wrong(soft: Pixels, drawn: warp.Warped) -> float:
    """Share of the modules whose sign is not the true one."""
    return float((np.sign(soft) != drawn.modules).mean())


@pytest.mark.parametrize(
    ("way", "version"),
    thinned(itertools.product([warp.flat, warp.tilted, warp.cylinder, warp.bend, *CRUMPLES], [2, 5]), 5),
)
def test_the_mesh_is_where_the_modules_are(way: warp.Displacement, version: int) -> None:
    text = TEXT[: 12 * version]
    drawn = warp.symbol(text, way, version=version, module=5, noise=6)
    fit = fitted(drawn)
    away = off(drawn, fit)
    assert np.median(away) < 0.03
    assert away.max() < 0.2
    assert wrong(sample_centres(fit), drawn) == wrong(cancel_leakage(fit), drawn) == 0


def test_a_larger_symbol_on_a_bend() -> None:
    drawn = warp.symbol(TEXT, warp.bend, version=12, module=4, noise=6)
    fit = fitted(drawn)
    assert off(drawn, fit).max() < 0.2
    assert wrong(sample_centres(fit), drawn) == 0


def test_each_step_of_the_fit_brings_it_nearer() -> None:
    drawn = warp.symbol(TEXT, warp.cylinder, version=5, module=5)
    fit = begun(drawn)
    away = [np.median(off(drawn, fit))]
    for step in (fit_finders, fit_timing, fit_data, refine_locally):
        fit = step(fit)
        away.append(np.median(off(drawn, fit)))
    assert away == sorted(away, reverse=True)
    assert away[0] > 10 * away[-1]


def test_the_corner_follows_its_alignment_pattern() -> None:
    fit = by_patterns(warp.symbol(TEXT, version=5, noise=3))
    pulled = pull_corner(fit, (1.0, -0.5))
    back = find_alignment(pulled)
    assert back == pytest.approx((-1.0, 0.5), abs=0.3)
    # Finder patterns stay where they are.
    for part in (np.s_[:8, :8], np.s_[:8, -8:], np.s_[-8:, :8]):
        assert np.hypot(*(pulled.places - fit.places))[part].max() < 0.5 * CANVAS_MODULE
    assert find_alignment(by_patterns(warp.symbol("none", version=1))) is None


def test_the_true_version_agrees_best() -> None:
    drawn = warp.symbol(TEXT, version=4)
    canvas, found = recentre_outline(drawn.frame, drawn.quad)
    scores = {}
    for pose in found[:6]:
        fit = fit_timing(fit_finders(lay_grid(canvas, Patch.cut(canvas, canvas.gray, pose), pose)))
        scores[pose.version, pose.turn, pose.inverted] = fit.agreement
    best = scores.pop((4, 0, False))
    assert best > 1.5
    assert best > max(scores.values()) + 0.5


def test_the_edge_of_a_shadow_is_taken_off() -> None:
    drawn = warp.symbol(TEXT, version=5, noise=3)
    half = np.arange(drawn.gray.shape[1]) < drawn.gray.shape[1] / 2
    shaded = replace(drawn, gray=np.where(half, drawn.gray * 0.4, drawn.gray).astype(np.uint8))
    fit = by_patterns(shaded)
    assert wrong(sample_centres(fit), drawn) > 0
    assert wrong(sample_centres(fit_data(fit)), drawn) == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_modules_spread_to_samples_come_back(seed: int, count: int) -> None:
    field = np.random.default_rng(seed).normal(0, 1, (count, count)).astype(np.float32)
    samples = spread(field)
    assert samples.shape == (count * SAMPLES,) * 2
    assert np.allclose(average_centres(samples), field, atol=1e-6)
    assert np.allclose(average(samples), field, atol=1e-6)


def test_what_is_known_is_not_decided_again() -> None:
    fit = begun(warp.symbol(TEXT, version=3))
    random = np.random.default_rng(0).normal(0, 1, (len(fit.known) * SAMPLES,) * 2).astype(np.float32)
    decided = fit.decide(random)
    known = fit.known != 0
    assert (decided[known] == fit.known[known]).all()
    assert (np.sign(decided) == np.sign(average_centres(random)))[~known].all()
    # The quiet zone is light all round.
    edge = np.ones(known.shape, bool)
    edge[QUIET:-QUIET, QUIET:-QUIET] = False
    assert (fit.known[edge] == -1).all()


@functools.cache
def blurred(name: str, size: float, degrees: float = 0.0) -> warp.Warped:
    """A symbol blurred by so many modules: a Gaussian's standard deviation, or a motion's length."""
    pixels = size * MODULE
    kernel = warp.gaussian(pixels) if name == "gaussian" else warp.motion(pixels, degrees)
    return warp.symbol("deblurred", version=3, error="q", module=MODULE, kernel=kernel, noise=2)


BLURS = [
    ("gaussian", 0.35, 0.0),
    ("gaussian", 0.5, 0.0),
    ("gaussian", 0.7, 0.0),
    ("motion", 1.5, 0.0),
    ("motion", 2.0, 45.0),
    ("motion", 2.0, 100.0),
    ("motion", 2.6, 22.5),
]


@pytest.mark.parametrize(("name", "size", "degrees"), thinned(BLURS, 4))
def test_the_blur_is_seen_at_the_finder_patterns(name: str, size: float, degrees: float) -> None:
    """By its second moments, as kernels of different families can look alike."""
    best = rank_blurs(fitted(blurred(name, size, degrees), locally=False))[0]
    half = len(best.kernel) // 2
    assert best.kernel.sum() == pytest.approx(1, abs=1e-4)
    at = np.arange(-half, half + 1) / 2
    x, y = np.meshgrid(at, at)
    moments = [[float((best.kernel * a * b).sum()) for a in (x, y)] for b in (x, y)]
    (narrow, wide), axes = np.linalg.eigh(moments)
    # A line of length n has a standard deviation of n / sqrt(12).
    assert best.measure_width() == pytest.approx(np.sqrt(wide))
    assert np.sqrt(wide) == pytest.approx(size if name == "gaussian" else size / 12**0.5, abs=0.17)
    if name == "gaussian":
        assert np.sqrt(narrow) == pytest.approx(size, abs=0.17)
    else:
        turn = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) - degrees
        assert abs((turn + 90) % 180 - 90) < 23


@pytest.mark.parametrize(
    ("name", "size", "degrees", "most"),
    [
        ("gaussian", 0.5, 0.0, 0.0),
        ("gaussian", 0.6, 0.0, 0.03),
        ("motion", 2.0, 100.0, 0.01),
        ("motion", 2.6, 22.5, 0.08),
    ],
)
def test_taking_leakage_off_helps(name: str, size: float, degrees: float, most: float) -> None:
    drawn = blurred(name, size, degrees)
    fit = fitted(drawn, locally=False)
    before, after = wrong(sample_centres(fit), drawn), wrong(cancel_leakage(fit), drawn)
    assert after <= most
    assert after < before / 2


@pytest.mark.parametrize(
    ("name", "size", "degrees", "most"),
    [
        ("gaussian", 0.7, 0.0, 0.02),
        ("motion", 2.6, 22.5, 0.01),
        *slowly(("gaussian", 0.6, 0.0, 0.01), ("gaussian", 1.0, 0.0, 0.22), ("motion", 2.0, 100.0, 0.0)),
    ],
)
def test_deconvolution_helps(name: str, size: float, degrees: float, most: float) -> None:
    drawn = blurred(name, size, degrees)
    fit = fitted(drawn, locally=False)
    before = wrong(sample_centres(fit), drawn)
    found = deconvolve(fit, rank_blurs(fit)[0])
    assert found.soft.shape == drawn.modules.shape
    assert np.abs(found.modules).max() <= 1
    assert wrong(found.soft, drawn) <= most
    assert wrong(found.soft, drawn) < 0.75 * before


def test_a_blur_of_no_family_is_found_blindly() -> None:
    """An L: a motion that turns. What explains the finder patterns best is improved by the whole symbol."""
    kernel = np.zeros((13, 13))
    kernel[6, 6:] = kernel[:7, 6] = 1
    drawn = warp.symbol(TEXT, version=4, module=MODULE, kernel=kernel / kernel.sum(), noise=2)
    fit = fitted(drawn, locally=False)
    first = rank_blurs(fit)[0]
    found = deconvolve(fit, first)
    better = estimate_blur(found.fit, first, found.modules)
    assert better.kernel.min() >= 0
    assert better.kernel.sum() == pytest.approx(1, abs=1e-4)
    again = deconvolve(found.fit, better, modules=found.modules, rounds=3)

    def doubt(values: Pixels) -> float:
        return float(((values - drawn.modules) ** 2).mean())

    assert doubt(again.soft) < doubt(found.soft)


IDENTITY = Blur("none", np.pad(np.ones((1, 1), np.float32), 1))
STEPS: dict[str, Callable[[Fit], object]] = {
    "finders": fit_finders,
    "timing": fit_timing,
    "outwards": grow_outwards,
    "data": fit_data,
    "locally": refine_locally,
    "levels": estimate_levels,
    "known": lambda fit: add_known(fit, np.ones((fit.size, fit.size), np.int8)),
    "centres": sample_centres,
    "leakage": cancel_leakage,
    "blurs": rank_blurs,
    "deconvolution": lambda fit: deconvolve(fit, IDENTITY, rounds=2),
    "blind": lambda fit: estimate_blur(fit, IDENTITY, fit.known),
}


def arrays(fit: Fit) -> list[NDArray[Any]]:
    return [fit.places, fit.known, fit.far, fit.patch.gray, fit.patch.even, *(fit.levels or ())]


@pytest.mark.parametrize(
    ("seed", "version", "with_levels"),
    [(1, 2, True), *slowly((2, 1, False), (3, 3, True), (4, 3, False), (5, 1, True), (6, 2, False))],
)
def test_no_step_changes_the_fit_that_it_is_given(seed: int, version: int, with_levels: bool) -> None:
    drawn = warp.symbol("value", functools.partial(warp.crumple, seed=seed), version=version, module=4)
    fit = fit_finders(begun(drawn))
    fit = estimate_levels(fit) if with_levels else fit
    before = [array.copy() for array in arrays(fit)]
    soft = sample_centres(fit).copy()
    for array in arrays(fit):
        # Writing raises from here on.
        array.flags.writeable = False
    for name, step in STEPS.items():
        result = step(fit)
        assert result is not fit, name
        assert all((a == b).all() for a, b in zip(arrays(fit), before, strict=True)), name
    assert (fit.levels is not None) == with_levels
    assert (sample_centres(fit) == soft).all()
    assert (sample_centres(replace(fit)) == soft).all()


def test_a_fit_cannot_be_assigned_to() -> None:
    fit = begun(warp.symbol("value", version=1))
    with pytest.raises(FrozenInstanceError):
        fit.places = fit.far  # type: ignore[misc]


def test_deconvolution_begins_with_the_levels_of_its_own_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the fits to data and the local fit made of the same grid in between is nothing to it."""
    kernel = warp.motion(14.0, 30.0)
    drawn = warp.symbol("accident", version=2, error="m", scrambled=True, kernel=kernel, noise=3)
    given: list[Pixels] = []
    decode = codewords.decode

    def recorded(soft: Pixels, *args: Any, **options: Any) -> Any:
        given.append(soft)
        return decode(soft, *args, **options)

    monkeypatch.setattr(codewords, "decode", recorded)
    region = RegionReader(drawn.frame, drawn.quad)
    region.fit(VARIANTS[0])
    region.refine()
    (candidate,) = region.candidates
    blur = rank_blurs(candidate.fit)[0]
    given.clear()
    region.deblur(candidate.fit, blur)
    canvas, poses = recentre_outline(drawn.frame, drawn.quad)
    fresh = choose_fit(canvas, canvas.gray, poses)
    assert fresh is not None
    expected = deconvolve(fresh, blur).soft
    assert any(np.array_equal(given[0], soft) for soft in (expected, expected.T))
    # The levels of the fit to data would not do.
    later = replace(fresh, levels=fit_data(fresh).levels)
    assert not np.array_equal(deconvolve(later, blur).soft, expected)

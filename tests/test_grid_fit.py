"""Fitted grids against the modules' true places; soft bits and deconvolution against the true modules."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qrcascade.grid import deblur
from qrcascade.grid.fields import SAMPLES, centres, means, spread
from qrcascade.grid.fit import QUIET, Fit
from qrcascade.grid.locate import Canvas, Pixels
from qrcascade.grid.recentre import recentred
from qrcascade.grid.soft import cancelled, centred
from tests import warp

TEXT = "https://example.com/grid?id=4711"
MODULE = 6.0
CRUMPLES = tuple(functools.partial(warp.crumple, seed=seed) for seed in range(3))


def begun(drawn: warp.Warped) -> tuple[Canvas, Fit]:
    """A grid by three finder patterns."""
    canvas, found = recentred(drawn.frame, drawn.quad)
    start = next(start for start in found if start.version == drawn.version)
    return canvas, Fit(canvas, canvas.gray, start)


def fitted(drawn: warp.Warped, *, locally: bool = True) -> tuple[Canvas, Fit]:
    canvas, fit = begun(drawn)
    fit.by_finders()
    fit.by_timing()
    fit.outwards()
    fit.by_data()
    if locally:
        fit.locally()
    return canvas, fit


def off(drawn: warp.Warped, canvas: Canvas, fit: Fit) -> NDArray[np.float64]:
    """Modules from where each module's corner is to where the grid has it."""
    scale = len(fit.sheet) / len(canvas.gray)
    mesh = (fit.mesh() + 0.5) / scale - 0.5
    points = np.dstack([mesh, np.ones(mesh.shape[:2])]) @ canvas.frame.to_source.T
    away = points[..., :2] / points[..., 2:] - drawn.mesh
    return np.asarray(np.hypot(*np.moveaxis(away, 2, 0)) / drawn.module)


def wrong(soft: Pixels, drawn: warp.Warped) -> float:
    """Share of the modules whose sign is not the true one."""
    return float((np.sign(soft) != drawn.modules).mean())


@pytest.mark.parametrize("version", [2, 5])
@pytest.mark.parametrize("way", [warp.flat, warp.tilted, warp.cylinder, warp.bend, *CRUMPLES])
def test_the_mesh_is_where_the_modules_are(way: warp.Displacement, version: int) -> None:
    text = TEXT[: 12 * version]
    drawn = warp.symbol(text, way, version=version, module=5, noise=6)
    canvas, fit = fitted(drawn)
    away = off(drawn, canvas, fit)
    assert np.median(away) < 0.03
    assert away.max() < 0.2
    assert wrong(centred(fit), drawn) == wrong(cancelled(fit), drawn) == 0


def test_a_larger_symbol_on_a_bend() -> None:
    drawn = warp.symbol(TEXT, warp.bend, version=12, module=4, noise=6)
    canvas, fit = fitted(drawn)
    assert off(drawn, canvas, fit).max() < 0.2
    assert wrong(centred(fit), drawn) == 0


def test_each_step_of_the_fit_brings_it_nearer() -> None:
    drawn = warp.symbol(TEXT, warp.cylinder, version=5, module=5)
    canvas, fit = begun(drawn)
    away = [np.median(off(drawn, canvas, fit))]
    for step in (fit.by_finders, fit.by_timing, fit.by_data, fit.locally):
        step()
        away.append(np.median(off(drawn, canvas, fit)))
    assert away == sorted(away, reverse=True)
    assert away[0] > 10 * away[-1]


def test_the_true_version_agrees_best() -> None:
    drawn = warp.symbol(TEXT, version=4)
    canvas, found = recentred(drawn.frame, drawn.quad)
    scores = {}
    for start in found[:6]:
        fit = Fit(canvas, canvas.gray, start)
        fit.by_finders()
        fit.by_timing()
        scores[start.version, start.turn, start.inverted] = fit.score
    best = scores.pop((4, 0, False))
    assert best > 1.5
    assert best > max(scores.values()) + 0.5


def test_the_edge_of_a_shadow_is_taken_off() -> None:
    drawn = warp.symbol(TEXT, version=5, noise=3)
    half = np.arange(drawn.gray.shape[1]) < drawn.gray.shape[1] / 2
    shaded = replace(drawn, gray=np.where(half, drawn.gray * 0.4, drawn.gray).astype(np.uint8))
    fit = begun(shaded)[1]
    fit.by_finders()
    fit.by_timing()
    fit.outwards()
    assert wrong(centred(fit), drawn) > 0
    fit.by_data()
    assert wrong(centred(fit), drawn) == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_modules_spread_to_samples_come_back(seed: int, count: int) -> None:
    field = np.random.default_rng(seed).normal(0, 1, (count, count)).astype(np.float32)
    samples = spread(field)
    assert samples.shape == (count * SAMPLES,) * 2
    assert np.allclose(centres(samples), field, atol=1e-6)
    assert np.allclose(means(samples), field, atol=1e-6)


def test_what_is_known_is_not_decided_again() -> None:
    fit = begun(warp.symbol(TEXT, version=3))[1]
    random = np.random.default_rng(0).normal(0, 1, (len(fit.known) * SAMPLES,) * 2).astype(np.float32)
    decided = fit.decided(random)
    known = fit.known != 0
    assert (decided[known] == fit.known[known]).all()
    assert (np.sign(decided) == np.sign(centres(random)))[~known].all()
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


@pytest.mark.parametrize(("name", "size", "degrees"), BLURS)
def test_the_blur_is_seen_at_the_finder_patterns(name: str, size: float, degrees: float) -> None:
    """By its second moments, as kernels of different families can look alike."""
    best = deblur.blurs(fitted(blurred(name, size, degrees), locally=False)[1])[0]
    half = len(best.kernel) // 2
    assert best.kernel.sum() == pytest.approx(1, abs=1e-4)
    at = np.arange(-half, half + 1) / 2
    x, y = np.meshgrid(at, at)
    moments = [[float((best.kernel * a * b).sum()) for a in (x, y)] for b in (x, y)]
    (narrow, wide), axes = np.linalg.eigh(moments)
    # A line of length n has a standard deviation of n / sqrt(12).
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
    fit = fitted(drawn, locally=False)[1]
    before, after = wrong(centred(fit), drawn), wrong(cancelled(fit), drawn)
    assert after <= most
    assert after < before / 2


@pytest.mark.parametrize(
    ("name", "size", "degrees", "most"),
    [
        ("gaussian", 0.6, 0.0, 0.01),
        ("gaussian", 0.7, 0.0, 0.02),
        ("gaussian", 1.0, 0.0, 0.22),
        ("motion", 2.0, 100.0, 0.0),
        ("motion", 2.6, 22.5, 0.01),
    ],
)
def test_deconvolution_helps(name: str, size: float, degrees: float, most: float) -> None:
    drawn = blurred(name, size, degrees)
    fit = fitted(drawn, locally=False)[1]
    before = wrong(centred(fit), drawn)
    soft, modules = deblur.deconvolved(fit, deblur.blurs(fit)[0])
    assert soft.shape == drawn.modules.shape
    assert np.abs(modules).max() <= 1
    assert wrong(soft, drawn) <= most
    assert wrong(soft, drawn) < 0.75 * before


def test_a_blur_of_no_family_is_found_blindly() -> None:
    """An L: a motion that turns. What explains the finder patterns best is improved by the whole symbol."""
    kernel = np.zeros((13, 13))
    kernel[6, 6:] = kernel[:7, 6] = 1
    drawn = warp.symbol(TEXT, version=4, module=MODULE, kernel=kernel / kernel.sum(), noise=2)
    fit = fitted(drawn, locally=False)[1]
    first = deblur.blurs(fit)[0]
    soft, modules = deblur.deconvolved(fit, first)
    better = deblur.blind(fit, first, modules)
    assert better.kernel.min() >= 0
    assert better.kernel.sum() == pytest.approx(1, abs=1e-4)
    again = deblur.deconvolved(fit, better, modules=modules, rounds=3)[0]

    def doubt(values: Pixels) -> float:
        return float(((values - drawn.modules) ** 2).mean())

    assert doubt(again) < doubt(soft)

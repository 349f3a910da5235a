"""From an outline to a payload: what is read, after how much, and what is reported of it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from qrcascade import Attempt, Cascade, Frame, GridStrategy, QRCode, Quad, Region, Scan, StubStrategy
from qrcascade.grid import codewords, region
from qrcascade.grid.canvas import Pixels
from qrcascade.grid.evidence import ACCEPTED_BITS, confidence
from qrcascade.grid.reader import GridReading, Stages
from qrcascade.grid.variants import differ
from qrcascade.strategies.regions import WORTHWHILE
from tests import draw, warp
from tests.plans import attempts
from tests.rows import slowly, thinned

TEXT = "https://example.com/grid?id=4711"
SQUARE = Quad(((50, 50), (250, 50), (250, 250), (50, 250)))
GRID = Cascade([GridStrategy()])

symbol = functools.partial(warp.symbol, boost_error=False)


def run(frame: Frame, quad: Quad, most: int = 12) -> tuple[list[str], GridReading | None]:
    """Names of the stages that were run, and what the last one read."""
    names = []
    for kind, name, stage in Stages(frame, quad):
        names.append(f"{kind} {name}")
        reading = stage()
        if reading is not None or len(names) == most:
            return names, reading
    return names, None


def moved(quad: Quad, pixels: int) -> Quad:
    """To the right."""
    return Quad.of([(x + pixels, y) for x, y in quad])


def away(reading: GridReading, drawn: warp.Warped) -> float:
    """Modules by which the mesh is off at the worst corner of a module."""
    return float(np.hypot(*np.moveaxis(reading.mesh - drawn.mesh, 2, 0)).max() / drawn.module)


@pytest.mark.parametrize(("version", "level"), [(3, "M"), (7, "Q"), (10, "L")])
def test_a_clean_symbol_is_read_by_the_first_stage(version: int, level: str) -> None:
    drawn = symbol(TEXT, version=version, error=level, module=4, noise=5)
    names, reading = run(drawn.frame, drawn.quad)
    assert names == ["fit gray"]
    assert reading is not None
    found = reading.decoded
    assert (found.payload.text, found.payload.data) == (TEXT, TEXT.encode())
    assert (found.version, found.level, found.errors, found.erased) == (version, level, 0, 0)
    assert (found.modules == drawn.modules).all()
    assert away(reading, drawn) < 0.1
    # A clean symbol has the evidence of its own modules, less what a first reading costs.
    exact = codewords.decode(drawn.modules.astype(float), version, hypotheses=2)
    assert isinstance(exact, codewords.Decoded)
    assert found.evidence_bits == exact.evidence_bits


@pytest.mark.parametrize(("quarters", "mirrored"), thinned(itertools.product(range(4), [False, True]), 3))
def test_turned_and_mirrored(quarters: int, mirrored: bool) -> None:
    drawn = symbol(TEXT[:20], version=2, error="M", noise=5).turned(quarters)
    drawn = drawn.mirrored() if mirrored else drawn
    names, reading = run(drawn.frame, drawn.quad)
    assert names == ["fit gray"]
    assert reading is not None
    assert reading.decoded.payload.text == TEXT[:20]
    assert reading.mirrored is mirrored
    # In the symbol's own rows and columns, whatever the picture did to them.
    assert away(reading, drawn) < 0.1
    assert np.abs(np.asarray(reading.quad) - np.asarray(drawn.quad)).max() < 0.1 * drawn.module


@pytest.mark.parametrize("way", [warp.cylinder, *slowly(warp.tilted, warp.bend, warp.crumple)])
def test_paper_that_is_not_flat(way: warp.Displacement) -> None:
    drawn = symbol(TEXT, way, version=5, error="M", module=5, noise=6)
    names, reading = run(drawn.frame, drawn.jittered(0.04))
    assert len(names) <= 2
    assert reading is not None
    assert reading.decoded.payload.text == TEXT
    assert away(reading, drawn) < 1


@pytest.mark.parametrize(
    "which", [np.s_[10:18, 10:18], np.s_[26:, 26:], np.s_[4:10, 12:25], np.s_[16:22, :10]]
)
def test_covered_parts(which: tuple[slice, slice]) -> None:
    drawn = symbol(TEXT, version=5, error="Q", cover=which, noise=6)
    _, reading = run(drawn.frame, drawn.quad)
    assert reading is not None
    assert reading.decoded.payload.text == TEXT
    assert reading.decoded.errors + reading.decoded.erased > 0
    assert (reading.decoded.modules == drawn.modules).all()


@pytest.mark.parametrize(("glare", "looks"), [(0, ["fit gray"]), (255, ["fit gray", "fit clipped"])])
def test_what_seems_covered_is_looked_at_without_glare_once_more(glare: int, looks: list[str]) -> None:
    drawn = symbol(TEXT * 3, version=5, error="L", cover=np.s_[9:30, 9:30], noise=3)
    y, x = np.indices(drawn.gray.shape) / len(drawn.gray)
    light = glare * np.exp(-((x - 0.5) ** 2 + (y - 0.95) ** 2) / (2 * 0.1**2))
    names, reading = run(Frame(np.clip(0.4 * drawn.gray + light, 0, 255).astype(np.uint8)), drawn.quad)
    assert names == looks
    assert reading is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "way", "version", "last"),
    [
        (warp.gaussian(3.0), warp.cylinder, 5, "fit"),
        (warp.motion(12, 30), warp.cylinder, 5, "fit"),
        (warp.motion(18, 30), warp.flat, 3, "deblur line"),
    ],
)
def test_blur(kernel: NDArray[np.float64], way: warp.Displacement, version: int, last: str) -> None:
    drawn = symbol(TEXT[:14], way, version=version, error="Q", kernel=kernel, noise=3)
    names, reading = run(drawn.frame, drawn.quad, most=40)
    assert reading is not None
    assert reading.decoded.payload.text == TEXT[:14]
    assert names[-1].startswith(last)


def test_an_inverted_symbol() -> None:
    drawn = symbol(TEXT, version=3, error="M")
    names, reading = run(Frame(255 - drawn.gray), drawn.quad)
    assert names == ["fit gray"]
    assert reading is not None
    assert reading.decoded.payload.text == TEXT


def lines_of_text() -> NDArray[np.uint8]:
    page = np.full((300, 300), 240, np.uint8)
    for top in range(20, 300, 14):
        cv2.putText(page, "Invoice 4711 total 12.90", (5, top), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 20, 1)
    return page


NOISE = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)


@pytest.mark.parametrize(
    "page",
    [np.full((300, 300), 255, np.uint8), NOISE, cv2.GaussianBlur(NOISE, (0, 0), 3), lines_of_text()],
    ids=["blank", "noise", "cloud", "text"],
)
def test_a_region_without_a_symbol_costs_one_look(page: NDArray[np.uint8]) -> None:
    names, reading = run(Frame(page), SQUARE)
    assert reading is None
    assert names in (["fit gray"], ["fit gray", "local gray"])


@pytest.mark.parametrize("blur", [0.0, *slowly(3.0)])
def test_random_modules_are_not_read(blur: float) -> None:
    """Blur is taken off only where there is some."""
    kernel = warp.gaussian(blur) if blur else None
    drawn = symbol("accident", version=1, error="M", scrambled=True, kernel=kernel)
    names, reading = run(drawn.frame, drawn.quad, most=9)
    assert reading is None
    assert len(names) == len(set(names))
    assert names[:2] == ["fit gray", "local gray"]
    assert any(name.startswith("deblur") for name in names) == bool(blur)


def test_variants_that_say_the_same_are_not_fitted_locally() -> None:
    drawn = symbol("accident", version=1, error="M", scrambled=True)
    names, _ = run(drawn.frame, drawn.quad)
    assert names == ["fit gray", "local gray", "fit detail"]


def test_the_outline_s_fourth_corner_is_believed_if_it_lies_elsewhere() -> None:
    drawn = symbol("accident", version=1, error="M", scrambled=True)
    corners = np.array(drawn.quad.corners)
    corners[2] += drawn.module
    names, _ = run(drawn.frame, Quad.of(corners))
    assert names == ["fit gray", "local gray", "fit detail", "fit wide detail", "fit corner"]


def test_outlines_that_lead_to_one_grid_share_its_stages() -> None:
    drawn = symbol("accident", version=1, error="M", scrambled=True)
    first = Stages(drawn.frame, drawn.quad)
    next(first).run()
    second = Stages(drawn.frame, moved(drawn.quad, 1), [first])
    next(second).run()
    assert second.twin is first
    assert second.following == ""
    assert first.following == "local"
    elsewhere = Stages(drawn.frame, moved(drawn.quad, 1))
    next(elsewhere).run()
    assert elsewhere.twin is None
    assert elsewhere.following == "local"


@pytest.mark.slow
def test_too_much_doubt_ends_deconvolution(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = symbol("accident", version=1, error="L", scrambled=True, kernel=warp.gaussian(3.0))
    names, _ = run(drawn.frame, drawn.quad)
    monkeypatch.setattr(region, "_MOST_DOUBT", 0.0)
    fewer, _ = run(drawn.frame, drawn.quad)
    looks = [name for name in names if name.startswith("deblur")]
    assert [name.partition("highpass")[2] for name in looks] == [" 2", " 1.2", ""]
    assert fewer == [name for name in names if name not in looks[1:]]


@pytest.mark.parametrize(
    ("other", "more"),
    [
        (lambda gray: gray, False),
        (lambda gray: 0.7 * gray + 30, False),
        (lambda gray: np.full_like(gray, 90), True),
        (lambda gray: np.roll(gray, 40, 1), True),
    ],
    ids=["same", "other light", "plain", "other pattern"],
)
def test_variants_that_differ(other: Callable[[Pixels], Pixels], more: bool) -> None:
    gray = symbol(TEXT, version=3, error="M").gray.astype(np.float32)
    assert differ(gray, other(gray)) is more


def test_what_the_strategy_tells() -> None:
    drawn = symbol(TEXT, version=6, error="Q", noise=5)
    result = GRID.read(drawn.gray, regions=[drawn.quad])
    code = result.require()
    assert (code.text, code.data, code.format) == (TEXT, TEXT.encode(), "QRCode")
    assert (code.version, code.ec_level, code.mirrored) == ("6", "Q", False)
    assert (code.engine, code.strategy, code.step) == ("grid", "grid", "grid fit gray")
    assert code.evidence_bits is not None
    assert code.evidence_bits > ACCEPTED_BITS
    assert code.confidence == confidence(code.evidence_bits)
    assert code.mesh is not None
    assert np.shape(code.mesh) == (42, 42, 2)
    assert np.abs(np.array(code.mesh) - drawn.mesh).max() < 0.1 * drawn.module
    assert result.regions == ()
    assert [(a.strategy, a.region) for a in result.attempts] == [("caller", None), ("grid", drawn.quad)]


def test_light_reads_what_no_engine_does() -> None:
    drawn = symbol(TEXT, warp.cylinder, version=5, error="Q", kernel=warp.motion(12, 30), noise=3)
    assert warp.read_by_engines(drawn.gray, drawn.quad) == []
    result = Cascade.preset("light").read(drawn.gray, regions=[drawn.jittered(0.03)])
    assert (result.text, result.require().engine) == (TEXT, "grid")


def test_no_region_is_looked_at_where_nothing_was_located() -> None:
    blank = GRID.read(np.full((300, 300), 255, np.uint8))
    assert not [a for a in blank.attempts if a.region is not None]
    drawn = symbol(TEXT, version=3)
    doubtful = StubStrategy([Attempt("", "", regions=(Region(drawn.quad, WORTHWHILE / 2, "stub"),))])
    result = Cascade([doubtful, GridStrategy()]).read(drawn.gray)
    assert drawn.quad not in [a.region for a in result.attempts]


def test_regions_that_are_read_are_left_out() -> None:
    drawn = symbol(TEXT, version=3, noise=5)
    elsewhere = moved(drawn.quad, drawn.gray.shape[1])
    picture = np.hstack([drawn.gray, drawn.gray])
    there = Attempt(
        "",
        "",
        codes=(QRCode(TEXT, elsewhere, 0.99),),
        regions=(Region(elsewhere, 0.9, "stub"), Region(drawn.quad, 0.9, "stub")),
    )
    result = Cascade([StubStrategy([there]), GridStrategy()]).read(picture)
    assert next(a.region for a in result.attempts if a.strategy == "grid") == drawn.quad
    assert elsewhere not in [a.region for a in result.attempts]
    assert result.texts == (TEXT, TEXT)


def test_all_regions_get_the_cheap_ways_before_any_gets_an_expensive_one() -> None:
    drawn = symbol("accident", version=1, scrambled=True)
    scan = Scan(Frame(np.hstack([drawn.gray, drawn.gray])))
    quads = [drawn.quad, moved(drawn.quad, drawn.gray.shape[1])]
    scan.record(Attempt("", "", regions=tuple(Region(quad, 0.9, "stub") for quad in quads)))
    going = attempts(GridStrategy().steps(scan), scan)
    seen = [(a.step, a.region) for a, _ in zip(going, range(4), strict=False)]
    assert seen == [(f"grid {way}", quad) for way in ("fit gray", "local gray") for quad in quads]


def test_the_best_regions_alone_are_looked_at() -> None:
    scan = Scan(Frame(np.full((300, 2200), 255, np.uint8)))
    quads = [moved(SQUARE, 500 * i) for i in range(4)]
    regions = tuple(Region(quad, 0.6 + 0.1 * i, "stub") for i, quad in enumerate(quads))
    scan.record(Attempt("", "", regions=regions))
    going = attempts(GridStrategy(max_regions=2).steps(scan), scan)
    of_regions = itertools.takewhile(lambda attempt: attempt.region is not None, going)
    assert [attempt.region for attempt in of_regions] == [quads[3], quads[2]]


def test_the_timeout_is_looked_at_between_stages() -> None:
    drawn = symbol("accident", version=6, scrambled=True)
    whole = GRID.read(drawn.gray, regions=[drawn.quad])
    # However busy the machine is, a tenth of this is less than all stages take.
    limit = whole.elapsed_s / 10
    result = GRID.read(drawn.gray, regions=[drawn.quad], timeout=limit)
    assert result.timed_out
    assert len(result.attempts) < len(whole.attempts)
    looked = [a for a in result.attempts if a.region is not None]
    assert sum(a.elapsed_s for a in looked[:-1]) < limit


def test_other_formats_are_none_of_its_business() -> None:
    drawn = symbol(TEXT, version=3)
    result = GRID.read(drawn.gray, regions=[drawn.quad], formats=["MicroQRCode"])
    assert [a.strategy for a in result.attempts] == ["caller"]


@pytest.mark.slow
def test_a_region_that_ends_with_the_picture() -> None:
    """Beyond the picture all is one level; what is worked out there is no error and no warning."""
    gray, quad = draw.symbol("x" * 60, 5)
    cut = np.ascontiguousarray(gray[:, : len(gray) - 100])
    assert GRID.read(cut, regions=[quad]).errors == ()

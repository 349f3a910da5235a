"""Pictures with thousands of things like codes: what is looked at is bounded by counts."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from benchmarks.worst import WORST, worst
from qrcascade import (
    Cascade,
    ClassicalStrategy,
    Findings,
    QRCode,
    Quad,
    ReadOptions,
    Region,
    Scan,
    Step,
)
from qrcascade.cascade import Preset
from qrcascade.engines import crowd, engine, finders
from qrcascade.image.frame import Frame, Gray
from qrcascade.reading.options import Expect
from qrcascade.reading.steps import Steps
from qrcascade.results import Attempt
from tests import draw
from tests.rows import slowly

FORMATS = frozenset(["QRCode"])
SIZE = (2000, 1500)


def pitch(kind: str) -> int:
    """Pixels from one finder pattern of a lattice to the next."""
    return 9 * int(kind.split()[1])


@pytest.mark.parametrize("kind", [kind for kind in WORST if kind.startswith("finders")])
def test_finder_patterns_are_counted(kind: str) -> None:
    there = SIZE[0] * SIZE[1] / pitch(kind) ** 2
    assert 0.7 * there < crowd.estimate_patterns(worst(kind, size=SIZE)) < 1.4 * there


@pytest.mark.parametrize("kind", ["board, 2 px", "halftone", *slowly("board, 4 px", "blots", "modules")])
def test_what_is_none_is_not_counted(kind: str) -> None:
    gray = worst(kind, size=SIZE)
    assert crowd.estimate_patterns(gray) < 200
    assert crowd.reduce_crowd(gray) is gray


def test_a_plain_picture_and_tiny_ones_have_none() -> None:
    for shape in [(1, 1), (1, 9), (3, 70), (70, 3), (2000, 2000)]:
        assert crowd.estimate_patterns(np.full(shape, 128, np.uint8)) == 0


@pytest.mark.parametrize("kind", ["finders, 1 px", "finders, 2 px", "finders, 3 px", "fakes, 2 px"])
def test_a_crowd_is_reduced(kind: str) -> None:
    gray = worst(kind, size=(4000, 3000))
    seen = crowd.reduce_crowd(gray)
    assert seen.size < gray.size
    assert seen.size <= 2_000_000 or crowd.estimate_patterns(seen) <= crowd.MOST


def with_code(gray: Gray) -> Gray:
    """Put a large clear code into a picture."""
    code = cv2.resize(draw.symbol("in a crowd")[0], None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    whole = gray.copy()
    whole[300 : 300 + len(code), 500 : 500 + len(code)] = code
    return whole


def test_a_code_in_a_crowd_is_read_where_it_is() -> None:
    crowded = with_code(worst("finders, 2 px", size=(4000, 3000)))
    assert crowd.reduce_crowd(crowded) is not crowded
    plain = with_code(np.full((3000, 4000), 255, np.uint8))
    (there,) = engine("zxing").read(plain, FORMATS).codes
    found = [code for code in engine("zxing").read(crowded, FORMATS).codes if code.text == "in a crowd"]
    assert len(found) == 1
    assert np.abs(np.asarray(found[0].quad) - np.asarray(there.quad)).max() < 8


@pytest.mark.slow
def test_a_lattice_is_searched_for_no_more_patterns_than_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    whole = finders._find_crossings

    def count(fringed: object, centers: np.ndarray, sizes: object, angles: np.ndarray) -> object:
        looked.append(len(centers))
        return whole(fringed, centers, sizes, angles)  # type: ignore[arg-type]

    monkeypatch.setattr(finders, "_find_crossings", count)
    finders.search(worst("finders, 1 px", size=(600, 450)))
    finders.search(worst("finders, 3 px", size=(600, 450)))
    assert max(looked) <= finders._CHUNK
    # In four directions and then in all, at each scale.
    assert sum(looked) <= 6 * finders._CHUNK


def grid(number: int, side: float) -> list[Quad]:
    """Squares beside each other, as on a sheet."""
    corners = [(20.0 * (i % 40), 20.0 * (i // 40)) for i in range(number)]
    return [Quad(((x, y), (x + side, y), (x + side, y + side), (x, y + side))) for x, y in corners]


def naive(scan: Scan, regions: list[Region]) -> set[Quad]:
    """Return what is unread, without any short cut."""
    return {r.quad for r in regions if not (scan.is_read(r.quad) or scan._is_made_of_others(r))}


def test_what_is_unread_is_the_same_as_without_short_cuts() -> None:
    random = np.random.default_rng(0)
    quads = grid(80, 15.0)
    scan = Scan(Frame(np.zeros((200, 900), np.uint8)), ReadOptions())
    regions = [Region(quad, 0.6, "test") for quad in quads]
    parts = [Region(quad, 0.3, "test") for quad in grid(80, 4.0)]
    scan.record(Attempt("t", "e", regions=(*regions, *parts)))
    assert {r.quad for r in scan.regions} == naive(scan, [*regions, *parts])
    for turn in range(100):
        quad = quads[int(random.integers(len(quads)))]
        sure = float(random.choice([0.3, 0.9, 0.99]))
        text = f"text {random.integers(2)}"
        scan.record(Attempt("t", f"e{turn % 3}", codes=(QRCode(text, quad, sure, data=text.encode()),)))
        assert {r.quad for r in scan.regions} == naive(scan, [*regions, *parts])
    places = [code.quad for code in scan.codes]
    assert len(places) == len(set(places)) > 40


def test_comparisons_grow_with_the_pictures_codes_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One code more is compared with all others once, not all with all."""
    calls = [0]
    whole = Quad.same_place

    def count(self: Quad, other: Quad) -> bool:
        calls[0] += 1
        return whole(self, other)

    scan = Scan(Frame(np.zeros((400, 900), np.uint8)), ReadOptions())
    quads = grid(600, 15.0)
    located = tuple(Region(quad, 0.6, "test") for quad in quads)
    codes = tuple(QRCode(str(i), quad, 0.9, data=b"1") for i, quad in enumerate(quads[:-1]))
    scan.record(Attempt("t", "e", codes=codes, regions=located))
    assert len(scan.codes) == 599
    monkeypatch.setattr(Quad, "same_place", count)
    scan.record(Attempt("t", "e", codes=(QRCode("last", quads[-1], 0.9, data=b"1"),)))
    assert len(scan.codes) == 600
    assert scan.regions == ()
    assert calls[0] <= 5 * len(quads)


@pytest.mark.parametrize(("expect", "most"), [(None, 12), (1, 100), ("all", 100)])
def test_regions_in_vain_are_bounded(expect: Expect, most: int) -> None:
    gray = np.full((700, 900), 255, np.uint8)
    located = tuple(Region(quad, 0.6, "test") for quad in grid(130, 15.0))
    strategy = ClassicalStrategy(["zxing raw"])
    scan = Scan(Frame(gray), ReadOptions(expect=expect))
    scan.record(Attempt("t", "e", regions=located))
    looked_at = {step.region for step in run(strategy.steps(scan))} - {None}
    assert len(looked_at) == most


def run(plan: Steps) -> Iterator[Step]:
    """Yield the steps of a plan, none of which finds anything."""
    step = next(plan, None)
    while step is not None:
        yield step
        try:
            step = plan.send(Attempt("t", step.engine, step.view, step.kind, step.region))
        except StopIteration:
            return


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["classical", "light"])
@pytest.mark.parametrize("kind", WORST)
def test_attempts_are_bounded(kind: str, preset: Preset) -> None:
    result = Cascade.preset(preset).read(worst(kind, size=(1000, 750)))
    assert result.ended in ("exhausted", "settled")
    # Regions in vain, twelve of them, are looked at 16 times each; every code that is read may add some.
    assert len(result.attempts) <= 650 + 20 * len(result.codes)
    assert result.errors == ()


def test_nothing_is_invented() -> None:
    assert Findings() == engine("zxing").read(worst("finders, 2 px", size=(1500, 1500)), FORMATS)

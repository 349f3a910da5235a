"""A stub of a detector: which parts of a picture it is shown, and what becomes of what it locates there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from qrcascade import Attempt, Cascade, Frame, QRCode, QReaderStrategy, Quad, ReadOptions, Region, Scan
from qrcascade.image.frame import Gray
from qrcascade.image.views import View
from qrcascade.neural import models
from qrcascade.reading.executor import Executor
from qrcascade.reading.options import Expect
from qrcascade.reading.steps import Steps
from qrcascade.strategies import Strategy, StubStrategy, tiles
from tests import draw
from tests.plans import attempts
from tests.rows import slowly

Found = list[tuple[Quad, float]]
Look = Callable[[Gray], Found]
TEXT = "https://example.com/small"


class Detector:
    """Says what ``look`` says, and remembers the pictures it was shown."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, rgb: Gray, _threads: int | None = None) -> Found:
        self.shapes.append(rgb.shape)
        return self.look(rgb)


Install = Callable[[Look], Detector]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Install:
    def install(look: Look) -> Detector:
        made = Detector(look)
        monkeypatch.setattr(models, "load", lambda *_: made)
        monkeypatch.setattr("qrcascade.neural.runtimes.choose", lambda *_: "torch")
        monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda _: True)
        return made

    return install


def blind(_: Gray) -> Found:
    return []


def torn(left: int, top: int) -> tuple[Gray, Quad]:
    """A page of 8 MP with a symbol that lacks a finder pattern, and the symbol's outline."""
    gray, quad = draw.symbol(TEXT, 5, error="H")
    gray[20:55, 20:55] = 255
    page = np.full((2160, 3840), 255, np.uint8)
    page[top : top + len(gray), left : left + len(gray)] = gray
    return page, Quad.of(np.asarray(quad) + np.array([left, top]))


def dark_square(rgb: Gray) -> Found:
    """The outline of what is dark, but only where the pixels are the picture's own."""
    if max(rgb.shape) > tiles.SIDE or not (rgb < 128).any():
        return []
    x, y, width, height = cv2.boundingRect((rgb[:, :, 0] < 128).astype(np.uint8))
    return [(Quad.of([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), 0.9)]


def looks(attempts: tuple[Attempt, ...]) -> list[str]:
    return [a.step for a in attempts if a.kind == "detect"]


def lone(x: float, y: float, score: float = 0.1) -> Region:
    """A finder pattern."""
    return Region(Quad(((x, y), (x + 20, y), (x + 20, y + 20), (x, y + 20))), score, "finders")


def located(*regions: Region) -> StubStrategy:
    return StubStrategy([Attempt("stub", "finders", regions=regions)])


@pytest.mark.parametrize(("left", "top"), [(1190, 900), *slowly((0, 0), (3500, 1900), (2000, 300))])
def test_a_small_code_is_located_in_a_tile_and_read(detector: Install, left: int, top: int) -> None:
    stub = detector(dark_square)
    page, quad = torn(left, top)
    result = Cascade([QReaderStrategy("n")]).read(page)
    first, search, tile = result.attempts[:3]
    assert (first.step, first.regions) == ("qreader detect", ())
    assert search.step == "finders <=2048px"
    assert all(region.score < 0.5 for region in search.regions)
    assert (tile.kind, tile.view[:14]) == ("detect", "crop1280x1280+")
    # The quad is in the picture's own pixels.
    assert tile.regions[0].quad.overlap(quad) > 0.9
    assert result.text == TEXT
    assert stub.shapes == [(1152, 2048, 3), (1280, 1280, 3)]


@pytest.mark.parametrize(("size", "searched"), [((1920, 1080), False), ((1921, 1080), True)])
def test_only_large_pictures_are_searched(detector: Install, size: tuple[int, int], searched: bool) -> None:
    detector(blind)
    result = Cascade([QReaderStrategy("n")]).read(np.full(size[::-1], 255, np.uint8))
    assert [a.step for a in result.attempts] == ["qreader detect", *["finders <=2048px"] * searched]


BLANK = np.full((3000, 4000), 255, np.uint8)
SMALLER = BLANK[:2000, :2600]


@pytest.mark.parametrize(
    ("regions", "expect", "count"),
    [
        *slowly(((), None, 0)),
        ((Region(lone(500, 500).quad, 0.2, "texture"),), None, 0),
        *slowly(((lone(500, 500),), None, 1)),
        ((lone(500, 500), lone(520, 560)), None, 1),
        (tuple(lone(x, y) for x in (100, 1500, 2500, 3900) for y in (100, 1500, 2900)), None, 4),
        # Something credible is located: there is nothing to look for, unless more is expected.
        ((lone(500, 500, 0.6),), 1, 0),
        ((lone(500, 500, 0.6),), 2, 12),
        *slowly(((lone(500, 500, 0.6),), None, 0), ((), 1, 12), ((), "all", 12)),
    ],
)
def test_tiles_are_looked_at_on_evidence_and_there_is_a_bound(
    detector: Install, regions: tuple[Region, ...], expect: Expect, count: int
) -> None:
    stub = detector(blind)
    result = Cascade([located(*regions), QReaderStrategy("n")]).read(BLANK, expect=expect)
    assert result.errors == ()
    steps = looks(result.attempts)
    assert len(set(steps)) == len(steps) == len(stub.shapes) == 1 + count


def likeliest(scan: Scan) -> list[View]:
    found: list[View] = []

    def plan() -> Steps:
        found.extend((yield from tiles.choose_likeliest(scan)))

    list(attempts(plan(), scan))
    return found


def test_the_bound_holds_for_the_largest_pictures() -> None:
    scan = Scan(Frame(np.full((9000, 9000), 255, np.uint8)), ReadOptions(expect=1))
    assert len(likeliest(scan)) == tiles.MOST


@pytest.mark.parametrize("size", [(1921, 700), *slowly(((2500, 2500),), ((4000, 3000),), ((3000, 4000),))])
def test_tiles_cover_the_picture_and_overlap(size: tuple[int, int]) -> None:
    frame = Frame(np.zeros(size[::-1], np.uint8))
    seen = np.zeros(size[::-1], np.uint8)
    for tile in likeliest(Scan(frame, ReadOptions(expect=1))):
        part = tile(frame)
        x, y = (int(v) for v in part.to_source[:2, 2])
        assert max(part.size) <= tiles.SIDE
        seen[y : y + part.size[1], x : x + part.size[0]] += 1
    assert seen.min() >= 1
    assert (seen > 1).any()


def test_the_tile_with_a_sign_comes_first_then_that_with_texture() -> None:
    page = BLANK.copy()
    page[2500:2700, 3500:3700] = (
        np.random.default_rng(1).integers(0, 2, (50, 50)).repeat(4, 0).repeat(4, 1) * 255
    )
    scan = Scan(Frame(page), ReadOptions(expect=1))
    assert likeliest(scan)[0].name == "crop1280x1280+2720+1720"
    scan.record(Attempt("stub", "finders", regions=(lone(100, 100),)))
    first, second = (tile.name for tile in likeliest(scan)[:2])
    assert (first, second) == ("crop1280x1280+0+0", "crop1280x1280+2720+1720")


def test_where_something_is_read_no_tile_is_looked_at(detector: Install) -> None:
    detector(blind)
    code = QRCode("sure", lone(50, 50).quad, 0.9, b"sure")
    reader = StubStrategy([Attempt("stub", "zxing", "raw", codes=(code,))])
    strategies: list[Strategy] = [reader, QReaderStrategy("n")]
    assert len(looks(Cascade(strategies).read(SMALLER, expect="all").attempts)) == 1
    # Read with doubt, it is a sign.
    assert len(looks(Cascade(strategies, threshold=0.95).read(SMALLER).attempts)) == 2


def test_tiles_end_with_the_first_that_shows_what_is_missing(detector: Install) -> None:
    """Nothing can be read there, but what was missing is located."""
    first = Quad(((300, 300), (480, 300), (480, 480), (300, 480)))
    detector(lambda rgb: [(first, 0.8)] if max(rgb.shape) <= tiles.SIDE else [])
    result = Cascade([QReaderStrategy("n")]).read(SMALLER, expect=1)
    assert not result
    assert len(looks(result.attempts)) == 2


def test_a_timeout_ends_between_two_tiles(detector: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    detector(blind)
    result = Cascade([QReaderStrategy("n")]).read(SMALLER, expect=1)
    assert len(looks(result.attempts)) > 3
    monkeypatch.setattr(Executor, "is_late", property(lambda executor: next(ticks) == 3))
    ticks = itertools.count()
    result = Cascade([QReaderStrategy("n")]).read(SMALLER, expect=1)
    assert result.timed_out
    assert len(result.attempts) == 4


def test_a_second_size_does_not_repeat_what_a_first_one_saw_empty(detector: Install) -> None:
    detector(blind)
    result = Cascade([QReaderStrategy("s"), QReaderStrategy("m")]).read(SMALLER, expect=1)
    assert [a.step for a in result.attempts if a.strategy == "medium"] == ["qreader detect"]
    assert sum(a.step == "finders <=2048px" for a in result.attempts) == 1


def test_a_detector_that_breaks_is_not_asked_again(detector: Install) -> None:
    def broken(rgb: Gray) -> Found:
        if max(rgb.shape) <= tiles.SIDE:
            raise MemoryError("no room")
        return []

    detector(broken)
    result = Cascade([QReaderStrategy("n")]).read(SMALLER, expect=1)
    assert result.errors == ("MemoryError: no room",)

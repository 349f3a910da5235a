from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Attempt, Frame, QRCode, Quad, Region, Scan
from qrcascade.reading import outlines
from qrcascade.reading.outlines import Outlines
from qrcascade.reading.scan import PATIENCE

PLACES = [Quad.of([(x, 0), (x + 10, 0), (x + 10, 10), (x, 10)]) for x in range(0, 100, 20)]


@pytest.fixture
def scan() -> Scan:
    return Scan(Frame(np.zeros((10, 100), np.uint8)))


def code(text: str, place: int = 0, engine: str = "zxing", sure: float = 0.9, exact: bool = True) -> QRCode:
    return QRCode(text, PLACES[place], sure, text.encode() if exact else None, engine)


def record(scan: Scan, *codes: QRCode, regions: tuple[Region, ...] = ()) -> None:
    scan.record(Attempt("test", "stub", codes=codes, regions=regions))


def test_one_symbol_read_twice_is_one_code(scan: Scan) -> None:
    record(scan, code("a"))
    record(scan, code("a", engine="zbar", exact=False))
    (merged,) = scan.codes
    assert merged.confidence == pytest.approx(0.99)


def test_two_symbols_with_one_payload_are_two(scan: Scan) -> None:
    record(scan, code("a", 0), code("a", 1))
    assert [c.quad for c in scan.codes] == PLACES[:2]


def test_the_exact_reading_is_kept(scan: Scan) -> None:
    record(scan, code("Gr?e", engine="zbar", sure=0.95, exact=False))
    record(scan, QRCode("Gr?e", PLACES[0], 0.9, b"Gr\xe9e", "zxing"))
    (merged,) = scan.codes
    assert (merged.engine, merged.data) == ("zxing", b"Gr\xe9e")


def test_contradiction_lowers_both_and_shows_one(scan: Scan) -> None:
    record(scan, code("right", sure=0.95))
    record(scan, code("wrong", engine="opencv", sure=0.75, exact=False))
    (shown,) = scan.codes
    assert shown.text == "right"
    assert shown.confidence < 0.9
    record(scan, code("right", engine="zbar", exact=False))
    assert scan.codes[0].confidence > shown.confidence


def test_equal_contradictions_settle_nothing(scan: Scan) -> None:
    record(scan, code("a"), code("b", engine="zbar", exact=False))
    assert len(scan.codes) == 1
    assert not scan.settled


def test_best_first(scan: Scan) -> None:
    record(scan, code("low", 0, sure=0.8), code("high", 1, sure=0.95))
    assert [c.text for c in scan.codes] == ["high", "low"]


def test_a_region_is_gone_once_it_is_read(scan: Scan) -> None:
    record(scan, regions=(Region(PLACES[0], 0.8, "zxing"), Region(PLACES[1], 0.9, "small")))
    assert [r.score for r in scan.regions] == [0.9, 0.8]
    record(scan, code("a", 0))
    assert [r.quad for r in scan.regions] == [PLACES[1]]
    assert not scan.settled
    record(scan, code("b", 1))
    assert scan.regions == ()


def test_where_there_are_several_codes_a_few_more_attempts_must_bring_none(scan: Scan) -> None:
    record(scan, code("a", 0))
    assert scan.settled
    record(scan, code("b", 1))
    for _ in range(PATIENCE):
        assert not scan.settled
        record(scan)
    assert scan.settled


def test_looking_again_at_what_is_read_is_no_search_for_more(scan: Scan) -> None:
    record(scan, code("a", 0), code("b", 1))
    for _ in range(PATIENCE):
        scan.record(Attempt("test", "grid", kind="fit", region=PLACES[0]))
    assert not scan.settled
    for _ in range(PATIENCE):
        scan.record(Attempt("test", "grid", kind="fit", region=PLACES[2]))
    assert scan.settled


def test_what_is_inside_or_around_a_read_symbol_is_no_region(scan: Scan) -> None:
    (x, y), *_ = PLACES[0].corners
    side = PLACES[0].side
    part = Quad.of([(x + a * side / 5, y + b * side / 5) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))])
    page = Quad.of([(x + a * side, y + b * side) for a, b in ((-3, -3), (4, -3), (4, 4), (-3, 4))])
    record(scan, regions=(Region(part, 0.1, "finders"), Region(page, 0.6, "texture")))
    assert len(scan.regions) == 2
    record(scan, code("a", 0))
    assert not scan.regions


def test_a_place_located_twice_is_one_region_with_the_better_score(scan: Scan) -> None:
    record(scan, regions=(Region(PLACES[0], 0.4, "zxing"),))
    assert scan.credible == ()
    record(scan, regions=(Region(PLACES[0], 0.8, "small"),))
    assert [(r.score, r.source) for r in scan.regions] == [(0.8, "small")]


def test_an_uncredible_region_does_not_keep_a_reading_open(scan: Scan) -> None:
    record(scan, code("a"), regions=(Region(PLACES[2], 0.4, "zxing"),))
    assert scan.settled
    assert len(scan.regions) == 1


def test_a_doubtful_code_does_not_settle(scan: Scan) -> None:
    record(scan, code("a", sure=0.6))
    assert not scan.settled
    assert not scan.is_read(PLACES[0])


@pytest.mark.parametrize(
    ("left", "right", "unread"), [(6, 18, False), (7, 23, False), (8, 20, True), (9, 21, True)]
)
def test_a_region_across_read_symbols_is_none(scan: Scan, left: int, right: int, unread: bool) -> None:
    """Finder patterns of neighbours make one; a rough outline of another symbol may touch them."""
    record(scan, code("a", 0), code("b", 1))
    quad = Quad.of([(left, 0), (right, 0), (right, 10), (left, 10)])
    record(scan, regions=(Region(quad, 0.9, "finders"),))
    assert bool(scan.regions) is unread


@pytest.mark.parametrize(
    ("left", "right", "is_mixture"),
    [
        pytest.param(5, 25, True, id="half of either"),
        pytest.param(9, 21, True, id="a little of either"),
        pytest.param(-10, 9, False, id="most of one"),
        pytest.param(0, 10, False, id="one of them"),
        pytest.param(-1, 31, False, id="around both"),
        pytest.param(11, 19, False, id="between them"),
    ],
)
def test_a_region_across_symbols_that_the_survey_located(left: int, right: int, is_mixture: bool) -> None:
    symbols = [_rectangle(0, 0, 10, 10), _rectangle(20, 0, 10, 10)]
    assert outlines.is_mixture(_rectangle(left, 0, right - left, 10), symbols) is is_mixture


_BOXES = st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 30)] * 2)


@given(st.lists(st.tuples(st.integers(0, 9), _BOXES), max_size=20), _BOXES)
def test_outlines_near_a_place_are_those_that_are_not_apart(
    changes: list[tuple[int, tuple[int, int, int, int]]], box: tuple[int, int, int, int]
) -> None:
    index, known = Outlines(), list[Quad]()
    for number, change in changes:
        number = min(number, len(known))
        known[number : number + 1] = [_rectangle(*change)]
        index.put(number, known[number])
    place = _rectangle(*box)
    assert index.near(place) == [i for i, quad in enumerate(known) if not quad.is_apart(place)]


def _rectangle(x: int, y: int, width: int, height: int) -> Quad:
    return Quad.of([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])

"""What the detector's look at the whole picture decides: when a reading ends, and where it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import qrcascade
from qrcascade import Attempt, Cascade, ClassicalStrategy, Frame, QRCode, Quad, Region, Scan
from qrcascade.engines import DetectorEngine, detector
from qrcascade.engines.detections import Floats, Network, load_network
from qrcascade.engines.plain import is_plain_beside
from qrcascade.engines.second_look import Closer, find, is_alone, judge, settle
from qrcascade.image.frame import Gray
from qrcascade.reading.options import ReadOptions
from qrcascade.reading.scan import CALLER, PLAIN, SURVEY, SURVEYOR
from tests import draw, unread

MODEL = Path(detector.__file__).with_name("detector.onnx")
PLACES = [Quad.of([(x, 50), (x + 10, 50), (x + 10, 60), (x, 60)]) for x in range(20, 100, 20)]
LIGHT = Cascade.preset("light")


def scan_picture(**options: Any) -> Scan:
    return Scan(Frame(np.zeros((120, 120), np.uint8)), ReadOptions(**options), survey=True)


def read(scan: Scan, *quads: Quad) -> None:
    codes = tuple(QRCode(str(quad), quad, 0.9, b"", "zxing") for quad in quads)
    scan.record(Attempt("test", "zxing", codes=codes))


def survey(scan: Scan, *quads: Quad, kind: str = SURVEY) -> None:
    regions = tuple(Region(quad, 0.9, SURVEYOR) for quad in quads)
    scan.record(Attempt("test", SURVEYOR, "raw", kind, regions=regions))


def test_a_small_code_is_not_known_to_be_all_before_the_survey() -> None:
    scan = scan_picture()
    read(scan, PLACES[0])
    assert scan.needs_survey
    assert not scan.is_enough
    survey(scan, PLACES[0])
    assert scan.is_enough


@pytest.mark.parametrize(("kind", "is_enough"), [(SURVEY, False), (PLAIN, True)])
def test_all_codes_are_read_where_nothing_else_shows(kind: str, is_enough: bool) -> None:
    scan = scan_picture(expect="all")
    read(scan, PLACES[0])
    survey(scan, PLACES[0], kind=kind)
    assert scan.is_enough is is_enough


def test_what_joins_finder_patterns_of_located_symbols_is_not_read() -> None:
    scan = scan_picture()
    mixed = Region(Quad.of([(25, 50), (45, 50), (45, 60), (25, 60)]), 0.7, "zxing")
    scan.record(Attempt("test", "zxing", regions=(mixed,)))
    assert scan.regions == (mixed,)
    survey(scan, *PLACES[:2])
    assert [region.quad for region in scan.regions] == PLACES[:2]
    scan.record(Attempt("test", "finders", regions=(mixed,)))
    assert [region.quad for region in scan.regions] == PLACES[:2]


def test_what_the_caller_names_is_read_even_across_located_symbols() -> None:
    scan = scan_picture()
    named = Region(Quad.of([(25, 50), (45, 50), (45, 60), (25, 60)]), 1.0, CALLER)
    scan.record(Attempt(CALLER, "regions", regions=(named,)))
    survey(scan, *PLACES[:2])
    assert named in scan.regions


def test_a_code_that_fills_the_picture_is_all_by_default() -> None:
    scan = scan_picture()
    read(scan, Quad.of([(20, 20), (80, 20), (80, 80), (20, 80)]))
    assert scan.is_enough
    assert not scan.needs_survey


def test_what_the_survey_located_is_read_before_the_reading_ends() -> None:
    scan = scan_picture()
    read(scan, PLACES[0])
    survey(scan, *PLACES[:2])
    assert not scan.is_enough
    read(scan, PLACES[1])
    assert scan.is_enough


def test_a_survey_that_misses_one_of_the_codes_is_not_trusted() -> None:
    scan = scan_picture()
    read(scan, *PLACES[:2])
    survey(scan, PLACES[0])
    assert not scan.is_enough


def test_a_symbol_that_the_edge_cuts_does_not_keep_a_reading_open() -> None:
    scan = scan_picture()
    read(scan, PLACES[0])
    survey(scan, PLACES[0], Quad.of([(0, 80), (20, 80), (20, 100), (0, 100)]))
    assert scan.is_enough
    assert len(scan.regions) == 1


def test_two_outlines_of_one_place_are_both_kept_the_engine_s_first() -> None:
    scan = scan_picture()
    survey(scan, PLACES[0])
    better = Quad.of([(x + 2, y + 1) for x, y in PLACES[0]])
    scan.record(Attempt("test", "zxing", regions=(Region(better, 0.6, "zxing"),)))
    (region,) = scan.regions
    assert (region.quad, region.score) == (better, 0.9)
    assert scan.other_outlines(region) == (PLACES[0],)


def on_paper(codes: int, level: int = 255, scale: int = 3) -> Gray:
    rows = [
        draw.page_of(*(draw.symbol(f"{r} {c}", scale)[0] for c in range(codes)), gap=10) for r in range(codes)
    ]
    sheet = np.vstack(rows)
    return np.asarray(np.where(sheet > 127, 255, 255 - level), np.uint8)


@pytest.mark.parametrize("expect", [None, "all"])
def test_a_sheet_that_the_first_look_reads_whole_takes_no_other(expect: Any) -> None:
    result = LIGHT.read(on_paper(6), expect=expect)
    assert len(result.codes) == 36
    assert [attempt.engine for attempt in result.attempts] == ["zxing", SURVEYOR]


@pytest.mark.parametrize(("expect", "further"), [(None, False), ("all", False), (3, True)])
def test_whole_pictures_are_looked_at_no_more_once_all_that_is_read_was_located(
    expect: Any, further: bool
) -> None:
    page = spoiled(60)
    page[190:250, 60:220] = 120
    result = LIGHT.read(page, expect=expect)
    assert len(result.codes) == 2
    kinds = [attempt.kind for attempt in result.attempts]
    assert kinds[:2] == ["picture", SURVEY]
    assert ("picture" in kinds[2:]) is further


@pytest.mark.parametrize("seed", range(3))
def test_print_without_a_code_takes_two_looks(seed: int) -> None:
    result = LIGHT.read(unread.page(seed))
    assert not result
    assert [attempt.engine for attempt in result.attempts] == ["zxing", SURVEYOR]


def test_faint_and_oblique_symbols_are_read_by_default() -> None:
    """As zbar reads them: squashed by half, sheared by 30 degrees, a contrast of 14 levels."""
    gray, quad = draw.symbol(unread.URL, 5)
    side = len(gray)
    squash = np.array([[0.87, -0.25, 300], [0.5, 0.43, 150], [0, 0, 1]])  # turned 30 degrees, half as high
    shear = np.array([[1, 0.58, 150], [0, 1, 200], [0, 0, 1]])  # 30 degrees
    for matrix in (squash, shear):
        assert LIGHT.read(draw.warped(gray, quad, matrix, (3 * side, 3 * side))[0]).text == unread.URL
    faint = np.full((600, 600), 255, np.uint8)
    faint[200 : 200 + side, 150 : 150 + side] = 255 - (gray < 128) * 14
    assert LIGHT.read(faint).text == unread.URL


@pytest.mark.parametrize("paper", [255, 240, 128])
def test_nothing_shows_beside_codes_on_paper_or_on_a_label_no_larger_than_the_quiet_zone(paper: int) -> None:
    gray, quad = draw.symbol("alone", 4)
    page = np.pad(gray, 200, constant_values=paper)
    at = Quad.of(np.asarray(quad) + 200)
    assert is_plain_beside(page, [at])
    assert not is_plain_beside(page, [])
    page[20:24, 30:60] = 245
    assert not is_plain_beside(page, [at])


CHECKS = (np.indices((640, 640)).sum(0) % 2 * 255).astype(np.uint8)


def count_looks(network: Network, sizes: list[int]) -> Network:
    def run(pictures: Floats) -> Floats:
        sizes.append(max(pictures.shape))
        return network(pictures)

    return run


def answer(cells: list[tuple[int, int]], closer: bool = False) -> Network:
    """A network that sees a symbol of eight cells a side about each of these cells of a 640 px look.

    In closer looks it sees one exactly where it is expected, or none.
    """

    def run(pictures: Floats) -> Floats:
        output = np.full((1, 11, pictures.shape[2] // 8, pictures.shape[3] // 8), -20, np.float32)
        first = max(pictures.shape) == 640
        for row, column in cells if first else [(12, 12)] * closer:
            values = [4, -0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5, np.log(8 if first else 14), 1]
            output[0, :, row, column] = values
        return output

    return run


@pytest.mark.parametrize("closer", [False, True])
def test_the_first_second_looks_at_hundreds_speak_for_all(closer: bool) -> None:
    cells = [(row, column) for row in range(4, 80, 8) for column in range(4, 80, 8)]
    sizes: list[int] = []
    found = find(count_looks(answer(cells, closer), sizes), CHECKS)
    assert len(found.quads) == (len(cells) if closer else 0)
    # The first look, 24 closer ones, and three more to refine each of 12; or eight in vain, each turned too.
    assert len(sizes) == (1 + 24 + 3 * 12 if closer else 1 + 2 * 8)


def test_what_is_known_is_not_looked_at_again() -> None:
    sizes: list[int] = []
    middle = np.array([[[4, 4], [67, 4], [67, 67], [4, 67]]], np.float32)
    found = find(count_looks(answer([(4, 4)]), sizes), CHECKS, known=middle)
    assert len(found.quads) == 1
    assert sizes == [640]


@pytest.mark.parametrize(
    ("first", "shown", "looks"), [(0.5, False, [128]), (0.5, True, [128, 192]), (0.9, True, [192])]
)
def test_what_is_unlikely_gets_a_glance_first(first: float, shown: bool, looks: list[int]) -> None:
    symbol, outline = draw.symbol("https://example.com/glance", 6)
    picture = symbol if shown else np.full_like(symbol, 255)
    sizes: list[int] = []
    closer = settle(count_looks(load_network(MODEL), sizes), picture, np.asarray(outline, np.float32), first)
    assert sizes == looks
    assert (closer.score > 0.9) is shown


def print_with(codes: int) -> tuple[Gray, Floats]:
    """A page of print with codes below each other, and the first one's outline."""
    page = np.array(unread.page(1))
    symbol, outline = draw.symbol("https://example.com/alone", 6)
    for number in range(codes):
        page[500 * number :][: len(symbol), : len(symbol)] = symbol
    return page, np.asarray(outline, np.float32)[None]


@pytest.mark.parametrize("codes", [1, 2])
def test_half_the_size_shows_whether_a_code_is_alone(codes: int) -> None:
    page, known = print_with(codes)
    sizes: list[int] = []
    network = count_looks(load_network(MODEL), sizes)
    assert is_alone(network, page, known) is (codes == 1)
    assert sizes == [320]
    assert not is_alone(network, page, known[:0])
    assert not is_alone(network, page[:600, :600], known)
    assert sizes == [320]


@pytest.mark.parametrize(("expect", "is_quick"), [(None, True), ("all", False)])
def test_half_the_size_is_not_enough_for_all(expect: Any, is_quick: bool) -> None:
    result = LIGHT.read(print_with(1)[0], expect=expect)
    (region,) = next(attempt.regions for attempt in result.attempts if attempt.kind == SURVEY)
    # What is seen at half the size is not outlined anew.
    assert (region.quad == result[0].quad) is is_quick
    assert region.quad.same_place(result[0].quad)


def spoiled(where: int) -> Gray:
    """A clear code, and one at this x whose bottom is blurred: zxing-cpp sees it and does not read it."""
    page = np.full((400, 700), 230, np.uint8)
    clear, _ = draw.symbol("clear", 4)
    page[40 : 40 + len(clear), 560 : 560 + len(clear)] = clear
    poor = draw.symbol("https://example.com/poor", 6, version=3)[0][24:-24, 24:-24]
    poor = np.asarray(cv2.GaussianBlur(poor, (0, 0), 2.2), np.uint8)
    page[120 : 120 + len(poor), where : where + len(poor)] = poor
    return page


@pytest.mark.parametrize("where", [0, 60])
def test_a_whole_symbol_at_the_edge_is_read_too(where: int) -> None:
    assert set(LIGHT.read(spoiled(where)).texts) == {"clear", "https://example.com/poor"}


def test_a_survey_that_failed_says_nothing_about_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(DetectorEngine, "locate", fail)
    result = LIGHT.read(unread.page(0))
    assert any("no network" in error for error in result.errors)
    assert len(result.attempts) > 2


@pytest.mark.parametrize("size", [(1, 3000), (3000, 2), (4, 5000), (1, 1)])
def test_any_shape_can_be_surveyed(size: tuple[int, int]) -> None:
    picture = np.full(size, 200, np.uint8)
    assert qrcascade.detect(picture) == ()
    assert LIGHT.read(picture).errors == ()


def test_formats_that_the_detector_does_not_know_are_looked_for_all_the_same() -> None:
    page = unread.page(2)
    asked = LIGHT.read(page, formats=["QRCode", "MicroQRCode"])
    assert len(asked.attempts) > len(LIGHT.read(page).attempts)


def test_what_the_caller_names_is_read_however_much_was_in_vain() -> None:
    places = [Quad.of([(x, 10), (x + 30, 10), (x + 30, 40), (x, 40)]) for x in range(10, 650, 40)]
    result = Cascade([ClassicalStrategy(["zxing x0.25"])]).read(unread.page(1), regions=places)
    assert {attempt.region for attempt in result.attempts} >= set(places)


def test_a_region_of_a_draft_has_its_module_in_the_picture_s_pixels() -> None:
    half = Region(PLACES[0], 0.9, SURVEYOR, 3.0)
    double = Quad.of(np.asarray(PLACES[0]) * 2)
    assert half.moved(double) == Region(double, 0.9, SURVEYOR, 6.0)


def test_the_closer_look_is_worth_more_than_the_first() -> None:
    hard = Closer(np.zeros((4, 2), np.float32), 0.95, 2.0, 0.05)
    doubtful = hard._replace(score=0.5)
    assert judge(0.3, hard) > 0.9 > 0.7 > judge(0.6, doubtful)
    assert judge(0.3, hard._replace(away=0.5)) < judge(0.3, hard)
    assert judge(1.0, hard._replace(score=0.0)) == 0
    assert 0 < judge(0.0, doubtful) < judge(1.0, hard._replace(score=1.0)) < 1

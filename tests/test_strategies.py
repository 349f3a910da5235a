from __future__ import annotations

import io
import pickle
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from qrcascade import (
    Cascade,
    ClassicalStrategy,
    Frame,
    MissingDependencyError,
    OptionError,
    QReaderStrategy,
    Quad,
)
from qrcascade.image import views
from qrcascade.image.views import square
from qrcascade.reading.steps import Context
from qrcascade.strategies.classical import QUICK, SCHEDULE
from tests import draw, unread
from tests.rows import slowly

CLASSICAL = Cascade([ClassicalStrategy()])


def test_the_schedule_starts_with_the_cheapest_step() -> None:
    assert SCHEDULE[0] == "zxing raw"
    assert len(set(SCHEDULE)) == len(SCHEDULE)


@pytest.mark.parametrize("step", ["zxing", "zxing sideways", "eyes raw"])
def test_steps_that_do_not_exist(step: str) -> None:
    with pytest.raises(OptionError, match=f"no such step: '{step}'; a step is an engine .*zxing"):
        ClassicalStrategy(["zxing raw", step])


@pytest.mark.parametrize("schedule", ["zxing raw", 5, None, []])
def test_a_schedule_is_a_list(schedule: Any) -> None:
    with pytest.raises(OptionError, match="must be a list of steps, got "):
        ClassicalStrategy(schedule)


def test_an_empty_page_runs_the_schedule_once_and_finds_nothing() -> None:
    result = CLASSICAL.read(np.full((300, 400), 255, np.uint8))
    assert not result
    assert result.regions == ()
    quick = tuple(step for step in SCHEDULE[:QUICK] if not step.startswith("zbar"))
    assert tuple(a.step for a in result.attempts) == quick


def test_a_number_of_expected_codes_runs_the_whole_schedule() -> None:
    result = CLASSICAL.read(np.full((300, 400), 255, np.uint8), expect=1)
    zbar_is_there = not any("zbar" in error for error in result.errors)
    assert zbar_is_there is (len(result.attempts) == len(SCHEDULE))


def test_a_schedule_of_the_callers_own_runs_as_it_is_given() -> None:
    own = ["finders <=1200px", "zbar raw", *SCHEDULE]
    blank = np.full((600, 700), 255, np.uint8)
    result = Cascade([ClassicalStrategy(["zxing raw"]), ClassicalStrategy(own)]).read(blank)
    assert [a.step for a in result.attempts[1:]] == own


def large_jpeg(page: np.ndarray, orientation: int = 1) -> bytes:
    """A file of at least six million pixels, in which a page stands in the upper left."""
    sheet = np.full((2101, 2901), 250, np.uint8)
    sheet[: page.shape[0], : page.shape[1]] = page
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", [1, 7, *slowly(2, 3, 4, 5, 6, 8)])
def test_an_easy_code_is_read_from_the_draft_of_a_large_jpeg(orientation: int) -> None:
    data = large_jpeg(draw.symbol("large", scale=12)[0], orientation)
    (whole,) = CLASSICAL.read(np.array(Frame.load(data).gray)).codes
    result = CLASSICAL.read(data)
    (attempt,) = result.attempts
    (code,) = result.codes
    assert attempt.step == code.step == "zxing draft"
    assert (code.text, code.data, code.mirrored) == ("large", b"large", orientation in (2, 4, 5, 7))
    assert np.abs(np.asarray(code.quad) - np.asarray(whole.quad)).max() <= 3
    assert result.size == ((2901, 2101) if orientation < 5 else (2101, 2901))
    assert result.draw().size == result.size


def holed(payload: str, level: str, share: float) -> np.ndarray:
    """A symbol of 8 pixels a module with a white square, of this share of its side, in its middle."""
    gray, quad = draw.symbol(payload, 8, error=level, boost_error=False)
    reach, middle = round(quad.side * share / 2), len(gray) // 2
    gray[middle - reach : middle + reach, middle - reach : middle + reach] = 255
    return gray


def test_the_survey_of_a_large_jpeg_looks_at_the_draft() -> None:
    """A code on a page of print: the survey needs no more pixels than the draft has."""
    page = np.array(unread.page(1))
    symbol = draw.symbol("large", scale=12)[0]
    page[: len(symbol), : len(symbol)] = symbol
    result = Cascade.preset("light").read(large_jpeg(page))
    assert result.texts == ("large",)
    assert [attempt.step for attempt in result.attempts] == ["zxing draft", "detector survey raw"]
    assert result.attempts[1].regions[0].quad.overlap(result.codes[0].quad) > 0.8


@pytest.mark.parametrize(
    "other", [draw.symbol("y" * 100, 8)[0], holed("y" * 100, "H", 0.4)], ids=["sure", "unsure"]
)
def test_with_a_survey_the_draft_s_clear_codes_are_kept(other: np.ndarray) -> None:
    """What is not clear in the draft is looked at where it is, in all pixels."""
    data = large_jpeg(draw.page_of(draw.symbol("x", 8)[0], other))
    result = Cascade.preset("light").read(data)
    assert sorted(result.texts) == ["x", "y" * 100]
    first, second, *others = (attempt.step for attempt in result.attempts)
    assert (first, second) == ("zxing draft", "detector survey raw")
    assert "zxing raw" not in others


@pytest.mark.parametrize(
    "page",
    [
        draw.page_of(draw.symbol("one", 8)[0], draw.symbol("two", 8)[0]),
        draw.symbol("fine", 3)[0],
        np.zeros((9, 9), np.uint8),
        *slowly(
            draw.page_of(draw.symbol("one", 8)[0], holed("x" * 100, "L", 0.4)),
            holed("x" * 100, "H", 0.4),
        ),
    ],
    ids=["several", "fine", "none", "a broken one beside", "unsure"],
)
def test_where_a_draft_leaves_doubt_it_reads_nothing(page: np.ndarray) -> None:
    data = large_jpeg(page)
    drafted, whole = CLASSICAL.read(data), CLASSICAL.read(Frame.load(data))
    assert [a.step for a in drafted.attempts[:2]] == ["zxing draft", "zxing raw"]
    assert drafted.attempts[0].codes == ()
    assert drafted.codes == whole.codes
    assert [a.step for a in drafted.attempts[1:]] == [a.step for a in whole.attempts]


@pytest.mark.parametrize("expect", [1, "all"])
def test_who_expects_codes_gets_all_pixels(expect: Any) -> None:
    result = CLASSICAL.read(large_jpeg(draw.symbol("large", scale=12)[0]), expect=expect)
    assert result.attempts[0].step == "zxing raw"
    assert "zxing draft" not in [a.step for a in result.attempts]


def test_other_steps_than_the_shipped_ones_are_run_as_they_are() -> None:
    result = Cascade([ClassicalStrategy(["zxing x0.5"])]).read(large_jpeg(draw.symbol("large", 12)[0]))
    assert [a.step for a in result.attempts] == ["zxing x0.5"]


def test_a_missing_engine_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.startswith("pyzbar")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyzbar", None)
    result = CLASSICAL.read(np.full((300, 400), 255, np.uint8), expect=1)
    assert sum(a.engine == "zbar" for a in result.attempts) == 1
    assert len(result.errors) == 1
    assert "pyzbar" in result.errors[0]


def test_without_opencv_an_easy_picture_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    gray, _ = draw.symbol("no OpenCV")
    monkeypatch.setitem(sys.modules, "cv2", None)
    result = CLASSICAL.read(gray, expect="all")
    assert result.text == "no OpenCV"
    # Said once, with the command that mends it.
    assert len(result.errors) == sum(a.error is not None for a in result.attempts) == 1
    assert "pip install opencv-python" in result.errors[0]


def inverted(gray: np.ndarray) -> np.ndarray:
    return 255 - gray


def no_quiet_zone(gray: np.ndarray) -> np.ndarray:
    return gray[4 * 6 : -4 * 6, 4 * 6 : -4 * 6]


def shaded(gray: np.ndarray) -> np.ndarray:
    light = np.linspace(0.15, 1.0, gray.shape[1])
    return (gray * light).astype(np.uint8)


def noisy(gray: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 60, gray.shape)
    return np.clip(gray + noise, 0, 255).astype(np.uint8)


def messenger(gray: np.ndarray) -> np.ndarray:
    small = cv2.resize(gray, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert ok
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def red_on_white(gray: np.ndarray) -> np.ndarray:
    return np.dstack([np.full_like(gray, 255), gray, gray])


@pytest.mark.parametrize("condition", [inverted, no_quiet_zone, shaded, noisy, messenger, red_on_white])
def test_conditions(condition: object) -> None:
    gray, _ = draw.symbol("https://example.com/invoice/4711?token=a8b9c0", scale=6)
    picture = condition(gray)  # type: ignore[operator]
    assert CLASSICAL.read(picture).text == "https://example.com/invoice/4711?token=a8b9c0"


def test_a_size_that_does_not_exist() -> None:
    with pytest.raises(OptionError, match="n, s, m, l"):
        QReaderStrategy("xl")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda runtime: ["torch"])
    with pytest.raises(MissingDependencyError, match=r"pip install 'qrcascade\[qreader\]'"):
        QReaderStrategy("s")
    result = Cascade.preset("hybrid").read(np.full((300, 400), 255, np.uint8))
    neural = [a for a in result.attempts if a.strategy in ("small", "medium")]
    assert [a.strategy for a in neural] == ["small", "medium"]
    assert all("pip install 'qrcascade[qreader]'" in (a.error or "") for a in neural)


@pytest.mark.parametrize("name", [*views.NAMES, "region", "crop", "limit", "enlarge", "chain"])
def test_a_view_in_another_process_shows_the_same(name: str) -> None:
    made = {
        "region": square(Quad(((3, 4), (60, 8), (55, 70), (5, 66))), 40),
        "crop": views.crop(5, 6, 30, 20),
        "limit": views.limit(50),
        "enlarge": views.enlarge(300),
        "chain": views.view("x0.5").then(views.view("otsu")),
    }
    one = made.get(name) or views.view(name)
    random = np.random.default_rng(0)
    frame = Frame.load(random.integers(0, 255, (80, 90, 3), np.uint8))
    again = pickle.loads(pickle.dumps(one))
    assert again == one
    np.testing.assert_array_equal(again(frame).gray, one(frame).gray)
    np.testing.assert_array_equal(again(frame).to_source, one(frame).to_source)


def test_a_schedule_of_zbar_alone_is_run() -> None:
    result = Cascade([ClassicalStrategy(["zbar raw"])]).read(draw.symbol("zbar alone")[0])
    if "libzbar" in str(result.errors) or "pyzbar" in str(result.errors):
        pytest.skip("zbar is not installed")
    assert result.text == "zbar alone"
    assert result.attempts[0].step == "zbar raw"


def test_looks_at_one_region_share_its_square() -> None:
    context = Context(Frame(unread.page(0)), frozenset(["QRCode"]))
    quads = [Quad.of([(x, 50), (x + 90, 50), (x + 90, 140), (x, 140)]) for x in (40, 200)]
    first, second = (context.cut_square(quads[0], side) for side in (120, 160))
    assert context.cut_square(quads[0], 120) is first
    assert second.size != first.size
    other = context.cut_square(quads[1], 120)
    assert not np.array_equal(other.gray, first.gray)
    assert np.array_equal(context.cut_square(quads[0], 120).gray, first.gray)

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from qrcascade import Cascade, ClassicalStrategy, MissingDependencyError, OptionError, QReaderStrategy
from qrcascade.strategies.classical import QUICK, SCHEDULE
from tests import draw

CLASSICAL = Cascade([ClassicalStrategy()])


def test_the_schedule_starts_with_the_cheapest_step() -> None:
    assert SCHEDULE[0] == "zxing raw"
    assert len(set(SCHEDULE)) == len(SCHEDULE)


@pytest.mark.parametrize("step", ["zxing", "zxing sideways", "eyes raw"])
def test_steps_that_do_not_exist(step: str) -> None:
    with pytest.raises(OptionError, match="no such step"):
        ClassicalStrategy([step])


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


def test_a_missing_engine_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.startswith("pyzbar")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyzbar", None)
    result = CLASSICAL.read(np.full((300, 400), 255, np.uint8), expect=1)
    assert sum("zbar" in a.step for a in result.attempts) == 1
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
    monkeypatch.setattr("qrcascade.runtimes.records.missing", lambda runtime: ["torch"])
    with pytest.raises(MissingDependencyError, match=r"pip install 'qrcascade\[qreader\]'"):
        QReaderStrategy("s")
    result = Cascade.preset("hybrid").read(np.full((300, 400), 255, np.uint8))
    neural = [a for a in result.attempts if a.strategy in ("small", "medium")]
    assert [a.strategy for a in neural] == ["small", "medium"]
    assert all("pip install 'qrcascade[qreader]'" in (a.error or "") for a in neural)

"""What `ReadResult.explain` says of pictures whose trouble is known, and what it does not claim."""

from __future__ import annotations

import copy
import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qrcascade import (
    Attempt,
    Cascade,
    ClassicalStrategy,
    Frame,
    QRCode,
    QReaderStrategy,
    Quad,
    ReadResult,
    Region,
    StubStrategy,
)
from qrcascade.neural import runtimes
from qrcascade.report.drawing import AMBER
from qrcascade.report.places import MOST
from qrcascade.report.tables import rows
from tests import draw, unread
from tests.trouble import SURVEYED, named

CLASSICAL = Cascade.preset("classical")
QUAD = Quad(((10.0, 10.0), (60.0, 10.0), (60.0, 60.0), (10.0, 60.0)))
GLARE: dict[str, Any] = {"module": 6, "seed": 1, "spoil": unread.glare(), "angle": 4}


def test_what_is_said_to_be_needed_is_read() -> None:
    """Two pixels to a module are enough, one and a half are not, both as blurred as a photograph."""
    for module, blur, share in ((2.0, 0.5, 1.0), (2.0, 0.8, 1.0), (1.5, 0.8, 0.0)):
        seen = [unread.picture(module, seed=i, angle=7 * i - 20, blur=blur, noise=3) for i in range(6)]
        assert sum(bool(CLASSICAL.read(picture)) for picture in seen) == 6 * share


def number(pattern: str, said: str) -> float:
    found = re.search(pattern, said)
    assert found is not None, said
    return float(found[1])


@pytest.mark.slow
def test_the_figures_are_those_of_the_picture() -> None:
    def cut_right(quad: Quad) -> tuple[float, float, float, float]:
        return 0, 0, quad.corners[1][0] - 45, 800

    small, blurred, cut, glare, shadow = (
        CLASSICAL.read(unread.picture(seed=1, **options)).explain()
        for options in (
            {"module": 1.3, "blur": 0.6, "angle": 7},
            {"module": 5, "blur": 4.5},
            {"module": 5, "window": cut_right},
            {"module": 6, "spoil": unread.glare(), "angle": 4},
            {"module": 6, "spoil": unread.shadow(0.4)},
        )
    )
    assert number(r"about ([\d.]+) pixels per module; about", small) == pytest.approx(1.3, abs=0.15)
    # From a tenth to nine tenths of a Gaussian edge.
    assert number(r"about (\d+) pixels wide, or", blurred) == pytest.approx(2.56 * 4.5, rel=0.25)
    assert number(r"about (\d+) modules lie outside", cut) == pytest.approx(9, abs=1)
    assert number(r"(\d+)% of it is as light", glare) / 100 == pytest.approx(0.25, abs=0.1)
    # 40 % of the print with its quiet zone.
    assert number(r"(\d+)% of it is as dark", shadow) / 100 == pytest.approx(0.36, abs=0.12)


def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.neural.models.is_installed", lambda _runtime: False)
    missing = QReaderStrategy("s", runtime="torch", required=False)
    said = Cascade([ClassicalStrategy(["zxing raw"]), missing]).read(unread.picture()).explain()
    assert "Error in small: QReader s in torch is not available" in said
    assert "pip install 'qrcascade[qreader]'" in said
    assert named(said) == ["No code was found"]


@pytest.mark.usefixtures("own_network")
def test_a_wrong_path_of_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("qrcascade.neural.models.is_installed", lambda _runtime: True)
    folder = tmp_path / "nowhere"
    strategy = QReaderStrategy("s", runtime="torch", weights_folder=folder, required=False)
    said = Cascade([strategy]).read(unread.picture()).explain()
    assert "Error in small: " in said
    assert f"no weights at {folder / 'qrdet-s.pt'}" in said
    assert "qrcascade weights fetch --size s" in said
    assert runtimes.remedy("torch") not in said
    assert named(said) == ["No code was found"]


def test_what_was_read_is_told_and_nothing_is_made_up() -> None:
    picture, _ = draw.symbol("hello\nworld", version=2, error="h")
    said = CLASSICAL.read(picture).explain()
    assert said.startswith("1 code was read in this 132x132 picture, in ")
    assert r"- 'hello\nworld': confidence 0.99" in said
    assert "version 2, level H" in said
    assert "Tried: classical (1 run, " in said
    assert "It stopped because a code was read with confidence" in said
    assert "not read" not in said
    assert named(said) == []


@pytest.mark.parametrize(
    ("options", "ended", "words"),
    [
        ({}, "settled", "nothing credible was left unread"),
        ({"expect": 1}, "expected", "the expected number of codes"),
        ({"expect": 2}, "exhausted", "every tier had run"),
        ({"expect": "all"}, "exhausted", "every tier had run"),
        ({"expect": 2, "timeout": 1e-6}, "timeout", "time ran out"),
    ],
)
def test_why_it_stopped(options: dict[str, Any], ended: str, words: str) -> None:
    picture, quad = draw.symbol("a")
    found = Attempt("", "zxing", "raw", codes=(QRCode("a", quad, 0.95),))
    result = Cascade([StubStrategy([found, Attempt("", "")])]).read(picture, **options)
    assert result.ended == ended
    assert result.timed_out == (ended == "timeout")
    assert words in result.explain()
    assert result.to_dict()["ended"] == ended


def test_what_is_left_beside_a_code_that_was_read() -> None:
    sure = draw.symbol("a", scale=6)[0]
    spoilt = unread.symbol(6)
    unread.glare()(spoilt, 6)
    result = CLASSICAL.read(draw.page_of(sure, spoilt), expect=2)
    said = result.explain()
    assert result.texts == ("a",)
    assert named(said) == ["Glare"]


def test_a_code_that_was_not_accepted_is_told() -> None:
    codes = (QRCode("a", QUAD, 0.95, accepted=False),)
    said = ReadResult(codes, (), (), (100, 100), 0.1, ended="exhausted").explain()
    assert "'a': confidence 0.950" in said
    assert "not accepted" in said
    assert named(said) == ["Not accepted"]


def test_a_result_without_its_picture_says_less() -> None:
    whole = SURVEYED.read(unread.picture(**GLARE))
    assert named(whole.explain()) == ["Glare"]
    for bare in (copy.copy(whole), dataclasses.replace(whole, picture=None)):
        said = bare.explain()
        assert named(said) == []
        assert "Located by zxing, " in said
        assert "The reason is unknown" in said
        assert "every tier had run" in said


def test_a_picture_that_could_not_be_decoded_is_not_tried_again() -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was asked for")

    attempts = (Attempt("worker", "", error="killed"),)
    result = ReadResult((), (), attempts, (0, 0), 0.1, ended="exhausted", picture=Untouchable())
    assert "Error in worker: killed" in result.explain()
    assert "the picture is not available" in result.explain()
    assert "<img" not in result._repr_html_()


@pytest.mark.corpus
def test_nothing_is_called_a_code_where_there_is_none(corpora: Path) -> None:
    files = [file for file in sorted((corpora / "negatives").rglob("*")) if file.suffix in (".jpg", ".png")]
    said = [CLASSICAL.read(file).explain() for file in files]
    assert len(said) > 40
    assert not [text for text in said if "Located by" in text or "Found only now" in text or "a QR" in text]


def test_a_region_that_shows_no_code() -> None:
    region = Region(Quad.of(np.asarray(QUAD) * 4), 0.9, "stub")
    frame = Frame.load(unread.picture(seed=3)[:400, :400])
    result = ReadResult((), (region,), (), frame.size, 0.1, ended="exhausted", picture=frame)
    said = result.explain()
    assert "Located by stub, not read: 200 pixels wide, centred on (140, 140); no finder pattern" in said
    assert named(said) == []


def test_one_truth_for_places() -> None:
    """The result, the drawing, the page, the table and the explanation show the same places."""
    frame = Frame.load(np.full((300, 400), 255, np.uint8))
    quads = [Quad.of(np.asarray(QUAD) + 90 * i) for i in range(3)]
    places = [Region(quad, score, "stub") for quad, score in zip(quads, (0.9, 0.4, 0.5), strict=True)]
    result = Cascade([StubStrategy([Attempt("", "look", regions=tuple(places))])]).read(frame.gray)
    shown = [places[0], places[2]]
    assert list(result.regions) == shown
    drawn = (np.asarray(result.draw()) == AMBER).all(axis=2)
    for region in places:
        (left, top), _, _, _ = region.quad
        assert drawn[int(top), int(left) + 20] == (region in shown)
        x, y = region.quad.center
        assert (f"centred on ({x:.0f}, {y:.0f})" in result.explain()) == (region in shown)
        assert (f"around ({x:.0f}, {y:.0f})" in result._repr_html_()) == (region in shown)
    assert rows([result])[0]["unread"] == 2
    assert result.explain().count("Located by") == 2


def test_a_few_of_many_places_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an explanation costs does not grow with what is on the page."""
    fitted: list[Quad] = []
    monkeypatch.setattr("qrcascade.report.places.fit_grid", lambda _frame, quad: fitted.append(quad))
    places = (Quad.of(np.asarray(QUAD) + np.array([60 * (i % 10), 60 * (i // 10)])) for i in range(100))
    regions = tuple(Region(place, 0.9, "stub") for place in places)
    frame = Frame.load(np.full((800, 800), 255, np.uint8))
    said = ReadResult((), regions, (), frame.size, 0.1, ended="exhausted", picture=frame).explain()
    assert len(fitted) == MOST
    assert f"And {100 - MOST} more such places." in said


def test_long_and_unprintable_payloads_stay_on_one_line() -> None:
    code = QRCode("\x1b[31m\n" + "x" * 500, QUAD, 0.9)
    said = ReadResult((code,), (), (), (100, 100), 0.1, ended="settled").explain()
    assert "\x1b" not in said
    assert len(said.splitlines()) == 4
    assert max(map(len, said.splitlines())) < 150

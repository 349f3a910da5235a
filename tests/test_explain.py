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
    GridStrategy,
    QRCode,
    QReaderStrategy,
    Quad,
    ReadResult,
    Region,
    StubStrategy,
)
from qrcascade.neural import runtimes
from tests import draw, unread

CLASSICAL = Cascade.preset("classical")
CAUSES = {
    "small": "Too small",
    "blurred": "Blurred",
    "cut": "Cut off",
    "glare": "Glare",
    "shadow": "Deep shadow",
    "covered": "Covered",
    "faint": "Faint",
    "plain": "almost blank",
}
QUAD = Quad(((10.0, 10.0), (60.0, 10.0), (60.0, 60.0), (10.0, 60.0)))

CASES: dict[str, list[dict[str, Any]]] = {
    "none": [{"seed": seed} for seed in range(4)],
    "small": [
        {"module": 1.3, "seed": 1, "blur": 0.6, "angle": 7},
        {"module": 1.4, "seed": 2, "blur": 0.8, "angle": -12},
        {"module": 1.5, "seed": 3, "blur": 0.8, "angle": 12, "text": unread.URL * 2},
        {"module": 1.4, "seed": 4, "blur": 0.8, "angle": 33},
    ],
    "blurred": [
        {"module": 5, "seed": 1, "blur": 4.5},
        {"module": 5, "seed": 2, "blur": 5, "angle": 9},
        {"module": 4, "seed": 3, "blur": 6},
        {"module": 6, "seed": 4, "blur": 8},
    ],
    "cut": [
        {"module": 5, "seed": 1, "window": lambda quad: (0, 0, quad.corners[1][0] - 45, 800)},
        {"module": 5, "seed": 2, "window": lambda quad: (0, quad.corners[0][1] + 70, 700, 800)},
        {"module": 5, "seed": 3, "window": lambda quad: (quad.corners[0][0] + 50, 0, 700, 800)},
        {"module": 5, "seed": 4, "angle": 20, "window": lambda quad: (0, 0, quad.corners[1][0] - 80, 800)},
    ],
    "glare": [
        {"module": 6, "seed": 1, "spoil": unread.glare(), "angle": 4},
        {"module": 6, "seed": 2, "spoil": unread.glare(0.3, 0.5)},
        {"module": 5, "seed": 3, "spoil": unread.glare(0.25, 0.6), "blur": 1},
    ],
    "shadow": [
        {"module": 6, "seed": 1, "spoil": unread.shadow(0.4)},
        {"module": 6, "seed": 2, "spoil": unread.shadow(0.5), "angle": 6},
        {"module": 5, "seed": 3, "spoil": unread.shadow(0.45), "blur": 1},
    ],
    "damaged": [
        {"module": 6, "seed": 1, "spoil": unread.damage},
        {"module": 5, "seed": 2, "spoil": unread.damage},
    ],
}


def claimed(said: str) -> set[str]:
    return {name for name, words in CAUSES.items() if words in said}


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, cases in CASES.items() for i in range(len(cases))]
)
def test_the_cause_is_named_and_no_other(name: str, number: int) -> None:
    result = CLASSICAL.read(unread.picture(**CASES[name][number]))
    said = result.explain()
    assert not result
    assert result.errors == ()
    assert said.startswith("No code was read in this ")
    assert "It stopped because every tier had run." in said
    assert claimed(said) == {name} & set(CAUSES), said
    assert ("No finder patterns were found." in said) >= (name == "none")
    assert ("the reason is unknown" in said) == (name == "damaged")


@pytest.mark.parametrize("name", ["small", "blurred", "cut", "none"])
def test_what_the_grid_reader_leaves_unread_is_explained_too(name: str) -> None:
    # The grid reader reads the small ones above.
    case = {**CASES[name][1], "module": 1.3, "blur": 1.0} if name == "small" else CASES[name][1]
    result = Cascade([ClassicalStrategy(), GridStrategy()]).read(unread.picture(**case))
    assert not result
    assert claimed(result.explain()) == {name} & set(CAUSES)


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
    small, blurred, cut, glare, shadow = (
        CLASSICAL.read(unread.picture(**CASES[name][0])).explain()
        for name in ("small", "blurred", "cut", "glare", "shadow")
    )
    assert number(r"about ([\d.]+) pixels per module; about", small) == pytest.approx(1.3, abs=0.1)
    # From a tenth to nine tenths of a Gaussian edge.
    assert number(r"about (\d+) pixels wide, ", blurred) == pytest.approx(2.56 * 4.5, rel=0.25)
    assert number(r"about (\d+) modules lie outside", cut) == pytest.approx(9, abs=1)
    assert number(r"(\d+)% of it is as light", glare) / 100 == pytest.approx(0.25, abs=0.1)
    # 40 % of the print with its quiet zone.
    assert number(r"(\d+)% of it is as dark", shadow) / 100 == pytest.approx(0.36, abs=0.05)


def test_a_plain_picture() -> None:
    said = CLASSICAL.read(np.full((300, 400), 200, np.uint8)).explain()
    assert claimed(said) == {"plain"}


@pytest.mark.slow
def test_faint_print() -> None:
    def faint(print_: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], module: float) -> None:
        unread.damage(print_, module)
        print_[:] = print_ // 12 + 90

    said = CLASSICAL.read(unread.picture(6, noise=0.5, spoil=faint)).explain()
    assert claimed(said) == {"faint"}


def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.neural.models.is_installed", lambda _runtime: False)
    said = Cascade([ClassicalStrategy(), QReaderStrategy("s", runtime="torch", required=False)]).read(
        unread.picture()
    )
    assert "Error in small: QReader s in torch is not available" in said.explain()
    assert "pip install 'qrcascade[qreader]'" in said.explain()
    assert claimed(said.explain()) == set()


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
    assert claimed(said) == set()


def test_what_was_read_is_told_and_nothing_is_made_up() -> None:
    picture, _ = draw.symbol("hello\nworld", version=2, error="h")
    said = CLASSICAL.read(picture).explain()
    assert said.startswith("1 code was read in this 132x132 picture, in ")
    assert r"- 'hello\nworld': confidence 0.99" in said
    assert "version 2, level H" in said
    assert "Tried: classical (1 run, " in said
    assert "It stopped because a code was read with confidence" in said
    assert "not read" not in said
    assert claimed(said) == set()


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
    assert claimed(said) == {"glare"}
    assert "texture" not in said


def test_a_code_that_was_not_accepted_is_told() -> None:
    codes = (QRCode("a", QUAD, 0.95, accepted=False),)
    said = ReadResult(codes, (), (), (100, 100), 0.1, ended="exhausted").explain()
    assert "'a': confidence 0.950" in said
    assert "not accepted" in said


def test_a_result_without_its_picture_says_less() -> None:
    whole = CLASSICAL.read(unread.picture(**CASES["glare"][0]))
    for bare in (copy.copy(whole), dataclasses.replace(whole, picture=None)):
        said = bare.explain()
        assert claimed(said) == set()
        assert "Located by finders, " in said
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
    assert not [text for text in said if ": a code" in text]
    # One finder pattern's like is print or foliage now and then.
    assert sum("something like it" in text for text in said) <= 0.2 * len(said)


def test_a_region_that_shows_no_code() -> None:
    region = Region(Quad.of(np.asarray(QUAD) * 4), 0.9, "stub")
    frame = Frame.load(unread.picture(seed=3))
    result = ReadResult((), (region,), (), frame.size, 0.1, ended="exhausted", picture=frame)
    assert "Located by stub, 200 pixels wide, centred on (140, 140): no finder patterns" in result.explain()
    assert claimed(result.explain()) == set()


def test_long_and_unprintable_payloads_stay_on_one_line() -> None:
    code = QRCode("\x1b[31m\n" + "x" * 500, QUAD, 0.9)
    said = ReadResult((code,), (), (), (100, 100), 0.1, ended="settled").explain()
    assert "\x1b" not in said
    assert len(said.splitlines()) == 4
    assert max(map(len, said.splitlines())) < 150

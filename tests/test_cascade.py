from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import qrcascade
from qrcascade import (
    Attempt,
    Cascade,
    Findings,
    ImageError,
    OptionError,
    QRCode,
    Quad,
    Region,
    Scan,
    Step,
    StubStrategy,
)
from qrcascade.cascade import PRESETS, Preset
from tests import draw
from tests.plans import give

BLANK = np.full((100, 200), 255, np.uint8)
LEFT = Quad(((10, 10), (50, 10), (50, 50), (10, 50)))
RIGHT = Quad(((110, 10), (150, 10), (150, 50), (110, 50)))


def reads(*texts: str, sure: float = 0.9, regions: tuple[Region, ...] = ()) -> Attempt:
    codes = tuple(QRCode(t, q, sure) for t, q in zip(texts, (LEFT, RIGHT), strict=False))
    return Attempt("", "stub", "view", codes=codes, regions=regions)


UNREAD = Region(RIGHT, 0.9, "stub")
DOUBTFUL = Region(RIGHT, 0.3, "stub")


@pytest.mark.parametrize(
    ("first", "expect", "second_runs"),
    [
        (reads("a"), None, False),
        (reads(), None, True),
        (reads("a", sure=0.6), None, True),
        (reads("a", regions=(UNREAD,)), None, True),
        (reads("a", regions=(DOUBTFUL,)), None, False),
        (reads("a"), 1, False),
        (reads("a"), 2, True),
        (reads("a", "b"), 2, False),
        (reads("a", regions=(UNREAD,)), 1, False),
        (reads("a", "b"), "all", True),
    ],
)
def test_a_tier_runs_only_when_it_is_needed(first: Attempt, expect: Any, second_runs: bool) -> None:
    second = StubStrategy([reads("a")], name="second")
    result = Cascade([StubStrategy([first], name="first"), second]).read(BLANK, expect=expect)
    assert second.calls == int(second_runs)
    assert [a.strategy for a in result.attempts] == ["first", "second"][: 1 + second_runs]


def test_a_strategy_is_stopped_in_the_middle() -> None:
    result = Cascade([StubStrategy([reads(), reads("a"), reads("b")])]).read(BLANK)
    assert (result.texts, len(result.attempts)) == (("a",), 2)


def test_the_threshold_is_the_callers() -> None:
    second = StubStrategy(name="second")
    Cascade([StubStrategy([reads("a", sure=0.6)]), second], threshold=0.5).read(BLANK)
    assert second.calls == 0


def test_what_one_strategy_locates_the_next_one_reads() -> None:
    class Reader:
        name = "reader"

        def steps(self, scan: Scan) -> Iterator[Step]:
            for region in scan.regions:
                yield give("read", [QRCode("found", region.quad, 0.9)])

    result = Cascade([StubStrategy([reads(regions=(UNREAD,))]), Reader()]).read(BLANK)
    assert result.text == "found"
    assert result.regions == ()


def test_a_broken_strategy_is_an_attempt_with_an_error() -> None:
    broken = StubStrategy([reads()], name="broken", error=RuntimeError("out of paper"))
    result = Cascade([broken, StubStrategy([reads("a")])]).read(BLANK)
    assert result.text == "a"
    assert [a.error for a in result.attempts] == [None, "RuntimeError: out of paper", None]
    assert result.errors == ("RuntimeError: out of paper",)


@pytest.mark.parametrize(
    "error", [MemoryError("no more"), RecursionError("too deep"), OSError(28, "disk full")]
)
def test_the_others_go_on_where_one_is_out_of_something(error: Exception) -> None:
    result = Cascade([StubStrategy(error=error), StubStrategy([reads("a")])]).read(BLANK)
    assert result.text == "a"
    assert type(error).__name__ in result.errors[0]


def test_ctrl_c_is_nobodys_error() -> None:
    stub = StubStrategy(error=KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        Cascade([stub, StubStrategy([reads("a")])]).read(BLANK)


def test_a_strategy_that_yields_something_else_is_broken_too() -> None:
    class Odd:
        name = "odd"

        def steps(self, scan: Scan) -> Any:
            return ["text"]

    result = Cascade([Odd()]).read(BLANK)
    assert result.attempts[0].error == "TypeError: steps() must yield Step, got 'text'"


@pytest.mark.parametrize(
    "changes",
    [
        {"codes": None},
        {"regions": None},
        {"codes": ("text",)},
        {"codes": (QRCode("a", None, 0.9),)},  # type: ignore[arg-type]
        {"codes": (QRCode("a", LEFT, None),)},  # type: ignore[arg-type]
        {"codes": (QRCode("a", LEFT, 7.0),)},
        {"regions": (Region((1, 2), 0.5, "odd"),)},  # type: ignore[arg-type]
    ],
)
def test_malformed_findings_do_not_escape(changes: dict[str, Any]) -> None:
    class Odd:
        name = "odd"

        def steps(self, scan: Scan) -> list[Step]:
            return [Step.call("odd", lambda frame: Findings(**changes))]

    result = Cascade([Odd(), StubStrategy([reads("a")])]).read(BLANK)
    assert result.text == "a"
    assert "TypeError" in result.errors[0]


def test_timeout_returns_what_was_read_so_far() -> None:
    class Slow:
        name = "slow"

        def steps(self, scan: Scan) -> Iterator[Step]:
            yield give("first", reads("a", sure=0.6).codes)
            while True:
                time.sleep(0.01)
                yield give("more")

    result = Cascade([Slow()]).read(BLANK, timeout=0.05)
    assert result.timed_out
    assert result.text == "a"
    assert not Cascade([StubStrategy([reads("a")])]).read(BLANK, timeout=10).timed_out


@pytest.mark.parametrize(
    "options",
    [
        {"expect": 0},
        {"expect": -1},
        {"expect": True},
        {"expect": "some"},
        {"expect": 1.5},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": "5"},
        {"timeout": 10**400},
        {"expect": np.array([1, 2])},
        {"formats": 5},
        {"formats": None},
        {"formats": "QRCod"},
        {"formats": ["EAN13", "EAN14"]},
        {"formats": [None]},
        {"formats": []},
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        Cascade([StubStrategy()]).read(BLANK, **options)


def test_building() -> None:
    strategies = [StubStrategy(name="a"), StubStrategy(name="b")]
    assert Cascade(strategies).strategies == tuple(strategies)
    with pytest.raises(OptionError, match="at least one"):
        Cascade([])
    with pytest.raises(OptionError, match=r"steps\(scan\)"):
        Cascade([object()])  # type: ignore[list-item]
    with pytest.raises(OptionError, match="sequence"):
        Cascade(StubStrategy())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="preset"):
        Cascade.preset(["nano"])  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="threshold"):
        Cascade(strategies, threshold="high")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="threshold"):
        Cascade(strategies, threshold=1.5)
    with pytest.raises(OptionError, match="classical, light, nano, small, hybrid, large, thorough"):
        Cascade.preset("huge")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        ("classical", ["classical"]),
        ("nano", ["classical", "nano"]),
        ("small", ["classical", "small"]),
        ("hybrid", ["classical", "small", "medium"]),
        ("large", ["classical", "large"]),
    ],
)
def test_presets(preset: Preset, names: list[str]) -> None:
    assert [s.name for s in Cascade.preset(preset).strategies] == names
    assert preset in PRESETS


@pytest.mark.parametrize(
    ("installed", "names"),
    [
        ("", ["classical", "grid"]),
        ("torch", ["classical", "grid", "small", "grid", "medium", "grid"]),
        ("onnx", ["classical", "grid", "small", "grid"]),
    ],
)
def test_thorough_fits_the_install(monkeypatch: pytest.MonkeyPatch, installed: str, names: list[str]) -> None:
    """Of the exported sizes only Small is at hand, and it is for ONNX Runtime."""
    monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda name: name == installed)
    monkeypatch.setattr(
        "qrcascade.neural.runtimes.choose",
        lambda size, *_: "onnx" if (installed, size) == ("onnx", "s") else "torch",
    )
    assert [strategy.name for strategy in Cascade.preset("thorough").strategies] == names
    # A preset that is named after a size says that it is missing.
    assert [strategy.name for strategy in Cascade.preset("hybrid").strategies] == [
        "classical",
        "small",
        "medium",
    ]


def test_an_answer_does_not_say_what_could_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda _: False)
    result = Cascade.preset("thorough").read(np.full((60, 60), 255, np.uint8), expect="all")
    told = " ".join([*result.errors, result.explain()])
    assert "qrcascade[" not in told
    assert "neural" not in told


def test_an_easy_picture_costs_one_attempt() -> None:
    gray, quad = draw.symbol("easy")
    result = qrcascade.read(gray)
    (attempt,) = result.attempts
    assert (attempt.strategy, attempt.step) == ("classical", "zxing raw")
    code = result.require()
    assert (code.text, code.data, code.version, code.ec_level) == ("easy", b"easy", "1", "H")
    assert (code.engine, code.strategy, code.step) == ("zxing", "classical", "zxing raw")
    assert np.abs(np.asarray(code.quad) - np.asarray(quad)).max() <= 2
    assert result.size == gray.shape[::-1]


def test_several_symbols() -> None:
    page = draw.page_of(draw.symbol("one")[0], draw.symbol("two")[0], draw.symbol("one")[0])
    result = Cascade.preset("classical").read(page)
    assert sorted(result.texts) == ["one", "one", "two"]


def test_a_frame_can_be_read_again_without_decoding() -> None:
    frame = qrcascade.Frame.load(draw.symbol("again")[0])
    assert qrcascade.read(frame).text == "again"
    assert qrcascade.read(frame.color).text == "again"


def test_formats_may_be_any_iterable() -> None:
    gray, _ = draw.symbol("12345", micro=True)
    names = (name for name in ("QRCode", "MicroQRCode"))
    assert Cascade.preset("classical").read(gray, formats=names).text == "12345"  # type: ignore[arg-type]


def test_bad_sources_raise() -> None:
    with pytest.raises(ImageError, match="nowhere"):
        qrcascade.read("nowhere.png")


def test_one_cascade_for_many_threads() -> None:
    cascade = Cascade.preset("classical")
    pages = {text: draw.symbol(text)[0] for text in map(str, range(8))}
    # Noise sends some of them past the first step.
    for text in "246":
        noise = np.random.default_rng(int(text)).normal(0, 70, pages[text].shape)
        pages[text] = np.clip(pages[text] + noise, 0, 255).astype(np.uint8)
    texts: dict[str, list[str | None]] = {text: [] for text in pages}

    def work(text: str) -> None:
        for _ in range(5):
            texts[text].append(cascade.read(pages[text]).text)

    threads = [threading.Thread(target=work, args=(text,)) for text in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {text: [text] * 5 for text in pages}

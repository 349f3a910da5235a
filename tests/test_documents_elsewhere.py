"""Documents that a worker process opens: the same results, and what ends it is an error of a page."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrcascade import (
    Cascade,
    DocumentError,
    ImageError,
    Limits,
    MissingDependencyError,
    QRCascadeError,
    ReadResult,
    read_document,
)
from qrcascade.isolation import HungError, Worker
from tests import draw, pages

HERE = Cascade.preset("light")
no_signals = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")


@pytest.fixture(scope="module")
def apart() -> Iterator[Cascade]:
    with Cascade.preset("light", isolation="process") as cascade:
        yield cascade


def dense() -> bytes:
    """A page that is looked at more closely."""
    pdf = pages.new()
    pages.invoice(pdf)
    pages.vector(pdf, "fiscal " * 94, 120, 200, module=0.155)
    return pages.data(pdf)


def documents() -> dict[str, bytes]:
    symbols = [Image.fromarray(draw.symbol(text)[0]) for text in ("one", "two")]
    colored = Image.merge("RGB", (symbols[0], symbols[0], symbols[0].point(lambda v: v // 2 + 100)))
    return {
        "print": pages.invoices("first", "second", "third"),
        "scan": pages.scan(pages.scanned("scan", angle=3)),
        "dense": dense(),
        "tiff": pages.frames("TIFF", *symbols),
        "colored": pages.scan(colored),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", documents())
@pytest.mark.parametrize("as_path", [False, True])
def test_the_same_as_in_this_process(apart: Cascade, tmp_path: Path, kind: str, as_path: bool) -> None:
    source: Any = documents()[kind]
    if as_path:
        (tmp_path / "document").write_bytes(source)
        source = tmp_path / "document"
    expected = list(read_document(source, cascade=HERE))
    found = list(read_document(source, cascade=apart))
    assert list(map(said, found)) == list(map(said, expected))
    assert all(found)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.picture.gray, other.picture.gray)
        np.testing.assert_array_equal(one.picture.color, other.picture.color)


def said(result: ReadResult) -> Any:
    steps = [(attempt.step, attempt.error) for attempt in result.attempts]
    return result.page, result.size, result.ended, result.codes, result.regions, steps


@pytest.mark.parametrize(
    "source",
    [b"%PDF-1.4 nothing more", b"", b"no document", Path("missing.pdf"), pages.invoices("one")[:60]],
)
def test_the_same_errors(apart: Cascade, source: Any) -> None:
    with pytest.raises(QRCascadeError) as here:
        list(read_document(source, cascade=HERE))
    with pytest.raises(type(here.value), match=re.escape(str(here.value))):
        list(read_document(source, cascade=apart))


def test_frames_are_counted_in_the_other_process(apart: Cascade, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with hundreds of thousands of frames would keep this one busy, whatever the timeout."""

    def fail(*_: object) -> None:
        raise AssertionError("counted here")

    monkeypatch.setattr("qrcascade.documents.opening.Frames", fail)
    symbols = [Image.fromarray(draw.symbol(text)[0]) for text in ("one", "two")]
    for kind in ("TIFF", "GIF", "PNG", "WEBP"):
        for number in (2, 1):
            results = list(read_document(pages.frames(kind, *symbols[:number]), cascade=apart))
            assert [result.text for result in results] == ["one", "two"][:number]
            assert [result.page for result in results] == [1, 2][:number]


def test_options_hold(apart: Cascade) -> None:
    found = list(read_document(pages.invoices("a", "b", "c"), cascade=apart, pages=[3, 1]))
    assert [(result.page, result.text) for result in found] == [(3, "c"), (1, "a")]
    with pytest.raises(DocumentError, match="it has no page 4; it has 3"):
        list(read_document(pages.invoices("a", "b", "c"), cascade=apart, pages=[4]))


@pytest.mark.slow
def test_limits_hold() -> None:
    with Cascade.preset("classical", isolation="process", limits=Limits(max_pixels=1_000_000)) as small:
        (result,) = read_document(pages.invoices("small"), cascade=small)
        assert 0 < result.size[0] * result.size[1] <= 1_000_000


@pytest.mark.slow
@no_signals
def test_a_process_that_ends_is_an_error_of_one_page() -> None:
    with Cascade.preset("classical", isolation="process") as cascade:
        results = read_document(pages.invoices("one", "two", "three"), cascade=cascade)
        first = next(results)
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        second, third = results
    assert (first.text, second.text, third.text) == ("one", None, "three")
    (attempt,) = second.attempts
    assert attempt.error == "the worker process of the document ended (killed by SIGKILL)"
    assert (second.page, attempt.strategy, attempt.step) == (2, "document", "page 2")


@pytest.mark.slow
def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cascade.preset("classical", isolation="process") as cascade:
        list(read_document(pages.invoices("one"), cascade=cascade))
        assert cascade.openers is not None
        (opener,) = cascade.openers._idle

        def hang(until: float) -> Any:
            raise HungError

        monkeypatch.setattr(opener, "receive", hang)
        with pytest.raises(DocumentError, match="was stopped: no answer within 7 s"):
            list(read_document(pages.invoices("two"), cascade=cascade, timeout=7.0))
        # It is killed at once, and cleared away meanwhile.
        cascade.openers.close()
        assert not opener.is_alive
        assert [result.text for result in read_document(pages.invoices("three"), cascade=cascade)] == [
            "three"
        ]


@pytest.mark.slow
@no_signals
def test_a_page_that_hangs_is_over_with_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.documents.remote._LEAST_S", 0.2)
    with Cascade.preset("classical", isolation="process") as cascade:
        others = {*multiprocessing.active_children()}
        cascade.read(draw.symbol("the reading process")[0])
        (reading,) = {*multiprocessing.active_children()} - others
        results = read_document(pages.invoices("one", "two", "three"), cascade=cascade, timeout=8.0)
        assert next(results).text == "one"
        (opening,) = {*multiprocessing.active_children()} - {reading} - others
        os.kill(opening.pid or 0, signal.SIGSTOP)
        second, third = results
    assert (second.text, second.timed_out, second.ended) == (None, True, "timeout")
    assert "no answer within 8 s" in second.errors[0]
    # Not the minute for a process that hangs; a machine may be busy.
    assert 8 <= second.elapsed_s < 60
    assert third.text == "three"


@pytest.mark.slow
def test_an_interrupted_answer_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    with Cascade.preset("classical", isolation="process") as cascade:
        results = read_document(pages.invoices("one", "two"), cascade=cascade)
        next(results)
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                next(results)
        assert [result.text for result in read_document(pages.invoices("a", "b"), cascade=cascade)] == [
            "a",
            "b",
        ]


def interrupted(worker: Worker, until: float) -> Any:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_who_stops_asking_gives_the_process_back() -> None:
    others = {*multiprocessing.active_children()}
    with Cascade.preset("classical", isolation="process") as cascade:
        for _ in range(3):
            results = read_document(pages.invoices("one", "two"), cascade=cascade)
            assert next(results).text == "one"
            results.close()  # type: ignore[attr-defined]
        assert len({*multiprocessing.active_children()} - others) == 2
    assert {*multiprocessing.active_children()} <= others


@pytest.mark.parametrize(
    "error", [MissingDependencyError("PDF", "pip install it", "no module"), ImageError("cannot read it")]
)
def test_errors_pass_between_processes(error: QRCascadeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))

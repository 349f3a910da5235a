"""The first hour in Python: what a result can do, what `read` takes, and what is refused at the call."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import qrcascade
from qrcascade import (
    Attempt,
    Cascade,
    DocumentError,
    ImageError,
    NotFoundError,
    OptionError,
    QRCode,
    Quad,
    ReadOptions,
    ReadResult,
    Region,
    read_document,
    read_frames,
    read_many,
)
from qrcascade.batch.frames import FrameStrategy
from qrcascade.results import Part, Reading
from tests import draw, pages, unread
from tests.barcodes import barcode, turned
from tests.rows import slowly

CLASSICAL = Cascade.preset("classical")
SQUARE = Quad(((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)))


def result_of(*texts: str, **more: Any) -> ReadResult:
    codes = tuple(QRCode(text, SQUARE, 0.9, strategy="classical", step="zxing raw") for text in texts)
    return ReadResult(codes, (), (Attempt("classical", "zxing", "raw"),), (640, 480), 0.0123, **more)


def test_a_result_is_a_sequence_of_its_accepted_codes() -> None:
    refused = QRCode("c", SQUARE, 0.95, accepted=False)
    result = result_of("a", "b")
    result = ReadResult((refused, *result.codes), (), (), (640, 480), 0.01)
    assert [code.text for code in result] == ["a", "b"] == list(result.texts)
    assert (len(result), result[0].text, result[-1].text) == (2, "a", "b")
    assert [code.text for code in result[:1]] == ["a"]
    assert bool(result)
    rejected = ReadResult((refused,), (), (), (640, 480), 0.01)
    assert (len(rejected), bool(rejected), list(rejected)) == (0, False, [])
    with pytest.raises(IndexError):
        rejected[0]


def test_reprs_are_short() -> None:
    long = result_of("x" * 3000, "two\nlines", "c", "d", "e", ended="settled", page=2, pages=3)
    lines = repr(long).splitlines()
    assert len(lines) == 2
    assert all(len(line) <= 120 for line in lines)
    assert "and 2 more" in lines[0]
    assert lines[1] == " page 2 of 3 (640x480), 12 ms, 1 attempt, 0 unread, settled>"
    read = qrcascade.read(draw.symbol("https://example.com/1")[0])
    assert len(repr(read)) < 200
    assert "'https://example.com/1'" in repr(read)
    assert repr(read[0]).startswith("<QRCode 'https://example.com/1', confidence 0.9")
    assert "nothing read" in repr(result_of())


numbers = st.floats(-1e6, 1e6, width=32)
quads = st.lists(st.tuples(numbers, numbers), min_size=4, max_size=4).map(Quad.of)
shares = st.integers(0, 10_000).map(lambda n: n / 10_000)
words = st.text(max_size=8)
codes = st.builds(
    QRCode,
    st.text(),
    quads,
    shares,
    st.none() | st.binary(max_size=40),
    words,
    words,
    words,
    st.none() | words,
    st.none() | words,
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.none() | words,
    st.none() | words,
    st.none() | words,
    st.none() | st.builds(Part, st.integers(1, 16), st.integers(1, 16), st.integers(0, 255)),
    words,
    st.none() | st.integers(0, 9999).map(lambda n: n / 10),
    page=st.none() | st.integers(1, 9),
    accepted=st.booleans(),
)
regions = st.builds(
    Region, quads, shares, words, st.none() | st.integers(0, 9999).map(lambda n: n / 100), words
)
milliseconds = st.integers(0, 10**8).map(lambda n: n / 100 / 1000)
attempts = st.builds(
    Attempt,
    words,
    words,
    words,
    words,
    elapsed_s=milliseconds,
    codes=st.lists(codes, max_size=2).map(tuple),
    error=st.none() | words,
)
results = st.builds(
    ReadResult,
    st.lists(codes, max_size=3).map(tuple),
    st.lists(regions, max_size=3).map(tuple),
    st.lists(attempts, max_size=3).map(tuple),
    st.tuples(st.integers(0, 9999), st.integers(0, 9999)),
    milliseconds,
    st.booleans(),
    st.none() | st.integers(1, 9),
    st.sampled_from(["", "settled", "timeout"]),
    st.lists(words, max_size=2).map(tuple),
    st.none() | st.integers(1, 9),
)


@pytest.mark.parametrize("examples", [8, *slowly(60)])
def test_what_json_holds_comes_back(examples: int) -> None:
    @settings(max_examples=examples)
    @given(results)
    def check(result: ReadResult) -> None:
        again = ReadResult.from_json(result.to_json())
        assert again.to_json() == result.to_json()
        assert (again.codes, again.regions, again.size) == (result.codes, result.regions, result.size)
        assert [attempt.found for attempt in again.attempts] == [a.found for a in result.attempts]
        assert ReadResult.from_json(again.to_json()) == again
        assert pickle.loads(pickle.dumps(again)) == again

    check()


def test_a_real_result_comes_back() -> None:
    result = CLASSICAL.read(draw.page_of(draw.symbol("one")[0], draw.symbol("zwei ü")[0]), expect=2)
    again = ReadResult.from_dict(json.loads(result.to_json()))
    assert again.to_dict() == result.to_dict()
    assert again.texts == result.texts
    assert again[0].data == result[0].data


def test_a_record_of_a_batch_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(draw.symbol("one")[0]).save(path)
    (record,) = read_many([path], workers=1, cascade=CLASSICAL)
    again = ReadResult.from_dict(json.loads(json.dumps(record.to_dict())))
    assert again.texts == ("one",)
    assert again.draw(record.source).size == again.size


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"codes": 3}', '{"size": [1], "codes": []}', b"\xff"]
)
def test_other_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(OptionError, match=r"^(not JSON|this is not a result)"):
        ReadResult.from_json(text)


def test_a_row_of_what_could_not_be_read_is_no_result() -> None:
    with pytest.raises(OptionError, match="what could not be read: no such file"):
        ReadResult.from_json('{"file": "a.png", "error": "no such file", "page": null}')


def test_drawing_on_a_given_picture(tmp_path: Path) -> None:
    gray = draw.symbol("drawn")[0]
    result = CLASSICAL.read(gray)
    for bare in (
        copy.copy(result),
        pickle.loads(pickle.dumps(result)),
        ReadResult.from_json(result.to_json()),
    ):
        with pytest.raises(OptionError, match="holds no picture"):
            bare.draw()
        assert bare.draw(gray).tobytes() == result.draw().tobytes()
        with pytest.raises(OptionError, match="size"):
            bare.draw(gray[:-1])
        with pytest.raises(ImageError):
            bare.draw("nowhere.png")


def test_drawing_on_a_frame_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "two.tiff"
    first, second = (Image.fromarray(draw.symbol(text)[0]) for text in ("a", "b"))
    first.save(path, save_all=True, append_images=[second])
    result = pickle.loads(pickle.dumps(list(read_document(path, cascade=CLASSICAL))[1]))
    assert result.draw(path).tobytes() == result.draw(second).tobytes()


def test_presets_by_name() -> None:
    result = qrcascade.read(draw.symbol("x")[0], preset="classical")
    assert result.text == "x"
    assert {a.strategy for a in qrcascade.read(np.zeros((9, 9), np.uint8), preset="classical").attempts} == {
        "classical"
    }
    for preset in ("huge", ["light"]):
        with pytest.raises(OptionError, match="preset must be one of"):
            qrcascade.read(draw.symbol("x")[0], preset=preset)  # type: ignore[arg-type]


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "invoices.pdf"
    path.write_bytes(pages.invoices("first", "second", "third"))
    return path


def forms(path: Path) -> list[Any]:
    data = path.read_bytes()
    return [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)]


def test_a_pdf_gives_its_first_page_or_the_one_asked_for(pdf: Path) -> None:
    for source in forms(pdf):
        result = qrcascade.read(source, preset="classical")
        assert (result.text, result.page, result.pages) == ("first", 1, 3)
    for source in forms(pdf):
        result = qrcascade.read(source, page=3, preset="classical", expect=1)
        assert (result.text, result.page, result.pages) == ("third", 3, 3)
    assert "page 3 of 3" in repr(result)
    with pytest.raises(DocumentError, match="no page 4; it has 3"):
        qrcascade.read(pdf, page=4)
    with pytest.raises(OptionError, match="page must be"):
        qrcascade.read(pdf, page=0)
    with pytest.raises(OptionError, match="for pictures"):
        qrcascade.read(pdf, regions=[SQUARE])


def test_nothing_on_the_first_page_tells_of_the_others(tmp_path: Path) -> None:
    document = pages.new()
    pages.invoice(document)
    pages.invoice(document)
    pages.vector(document, "there", 40, 120)
    result = qrcascade.read(pages.data(document), preset="classical")
    assert not result
    with pytest.raises(NotFoundError, match=r"page 1 of 2.*read_document reads the other pages"):
        result.require()


def test_a_page_of_a_picture_and_of_a_file_with_frames() -> None:
    gray = draw.symbol("only")[0]
    assert qrcascade.read(gray, page=1).text == "only"
    with pytest.raises(DocumentError, match="it has 1"):
        qrcascade.read(gray, page=2)
    file = io.BytesIO()
    first, second = (Image.fromarray(draw.symbol(text)[0]) for text in ("a", "b"))
    first.save(file, "TIFF", save_all=True, append_images=[second])
    assert qrcascade.read(file.getvalue(), page=2, preset="classical").text == "b"
    assert qrcascade.read(file.getvalue(), frame=1, preset="classical").text == "b"
    (note,) = qrcascade.read(file.getvalue(), preset="classical").notes
    assert "read_document reads them all" in note
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        for further, notes in (([second], (note,)), ([], ())):
            frames = io.BytesIO()
            first.convert("RGB").save(frames, kind, save_all=True, append_images=further)
            assert Cascade.preset("classical").read(frames.getvalue()).notes == notes, kind


def test_options_and_keywords() -> None:
    gray = draw.symbol("x")[0]
    options = ReadOptions(accept=lambda text: False)
    assert not qrcascade.read(gray, options, preset="classical")
    assert qrcascade.read(gray, options, accept=None)


@pytest.mark.parametrize(
    ("call", "keywords", "error", "said"),
    [
        (qrcascade.read, {"expct": 1}, TypeError, r"'expct'; did you mean expect\?"),
        (qrcascade.read, {"pages": 1}, TypeError, r"'pages'; did you mean page\?"),
        (qrcascade.read, {"zoom": 1}, TypeError, "'zoom'; the options are expect, .*, preset, cascade, page"),
        (qrcascade.read, {"formats": ["QRCode", "EAN14"]}, OptionError, r"'EAN14'; did you mean EAN13\?"),
        (qrcascade.read, {"limits": 1}, TypeError, r"'limits'; it is an option of Cascade\.preset"),
        (qrcascade.read, {"options": "light"}, OptionError, "must be ReadOptions, got 'light'"),
        (qrcascade.read, {"cascade": Cascade.preset(), "preset": "light"}, OptionError, "not both"),
        (Cascade.preset("classical").read, {"page": 1}, TypeError, r"'page'; qrcascade\.read takes it"),
        (Cascade.preset("classical").read, {"preset": "light"}, TypeError, "is what a preset makes"),
        (Cascade.preset("classical").read, {"cascade": 1}, TypeError, "reads with its own tiers"),
        (qrcascade.read_document, {"page": 2}, TypeError, r"did you mean pages\?"),
        (qrcascade.read_document, {"preset": "lihgt"}, OptionError, "preset must be one of "),
        (qrcascade.read_many, {"worker": 2}, TypeError, r"did you mean workers\?"),
        (qrcascade.read, {"regions": [Quad([(0, 0)] * 3)]}, OptionError, "must be convex Quads"),  # type: ignore[arg-type]
        (qrcascade.read, {"regions": [Quad([[0, 0], [1, 0], [1, 1], [0, 1]])]}, OptionError, "Quad.of"),  # type: ignore[arg-type]
        (qrcascade.read, {"cascade": "light"}, OptionError, "must be a Cascade, .* got 'light'"),
        (qrcascade.read_document, {"cascade": "light"}, OptionError, "must be a Cascade, .* got 'light'"),
        (qrcascade.read_many, {"cascade": "light"}, OptionError, "must be a Cascade, .* got 'light'"),
        (qrcascade.read_frames, {"cascade": "light"}, OptionError, "must be a Cascade, .* got 'light'"),
    ],
)
def test_a_keyword_that_is_none_names_the_right_call(
    call: Any, keywords: dict[str, Any], error: type[Exception], said: str
) -> None:
    picture = draw.symbol("x")[0]
    with pytest.raises(error, match=said):
        call(picture if call.__name__ in ("read", "read_document") else [picture], **keywords)


class Pipe(io.RawIOBase):
    """A file that cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


def test_a_pipe_is_read_once(pdf: Path) -> None:
    for data, text in ((draw_png("piped"), "piped"), (pdf.read_bytes(), "first")):
        assert qrcascade.read(io.BufferedReader(Pipe(data)), preset="classical").text == text


def draw_png(text: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw.symbol(text)[0]).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "read", [qrcascade.read, CLASSICAL.read, read_document], ids=lambda read: read.__name__
)
def test_an_empty_path_is_refused_at_the_call(read: Callable[[str], Any]) -> None:
    with pytest.raises(ImageError, match="cannot read '': the path is empty"):
        read("")


@pytest.mark.parametrize("source", ["nowhere.pdf", Path("nowhere.pdf"), "a\0b", "."])
def test_a_document_that_is_not_there_is_refused_at_the_call(source: Any) -> None:
    with pytest.raises(DocumentError, match="cannot read"):
        read_document(source)


@pytest.mark.parametrize(
    "source",
    [
        "a.png",
        b"bytes",
        Path("a.png"),
        io.BytesIO(b"x"),
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 3)),
        3,
        None,
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_batch_of_one_bare_source_is_refused_at_the_call(source: Any) -> None:
    with pytest.raises(OptionError, match="sources must be a list or another iterable of pictures, got "):
        read_many(source)
    with pytest.raises(OptionError, match="sources must be"):
        read_many(Image.new("L", (9, 9)))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_stack_of_pictures_is_a_batch() -> None:
    gray = draw.symbol("x")[0]
    records = list(read_many(np.stack([gray, gray]), workers=1, cascade=CLASSICAL))
    assert [record.result and record.result.text for record in records] == ["x", "x"]


def test_reading_is_an_old_result_too() -> None:
    assert isinstance(result_of("a"), Reading)


APP = """
from collections.abc import Iterator

import qrcascade

result = qrcascade.read("x.png", expect="all", preset="light", formats=["QRCode", "EAN13"])
first: qrcascade.QRCode = result[0]
texts: list[str] = [code.text for code in result]
again: qrcascade.ReadResult = qrcascade.ReadResult.from_json(result.to_json())
cascade = qrcascade.Cascade.preset("classical", isolation="process")
pages: Iterator[qrcascade.ReadResult] = qrcascade.read_document("x.pdf", formats="all", expect=2)
seen: Iterator[qrcascade.Seen] = qrcascade.read_frames([], bgr=True)

qrcascade.read("x.png", expect="al")  # wrong
qrcascade.read("x.png", preset="lite")  # wrong
qrcascade.read("x.png", formats="QR")  # wrong
qrcascade.read("x.png", formats=["EAN14"])  # wrong
qrcascade.Cascade.preset("lite")  # wrong
qrcascade.Cascade.preset("light", isolation="thread")  # wrong
qrcascade.read_document("x.pdf", expect="al")  # wrong
qrcascade.read_many(["x.pdf"], expect="al")  # wrong
qrcascade.ReadOptions(expect="al")  # wrong
qrcascade.read("x.png", expct=1)  # wrong
"""


def check_with_mypy(app: Path) -> str:
    config = Path(__file__).parents[1] / "pyproject.toml"
    options = ["--strict", f"--config-file={config}", "--cache-dir", str(app.parent)]
    command = [sys.executable, "-m", "mypy", *options, str(app)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def check_with_pyright(app: Path) -> str:
    (app.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}', "utf-8")
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, app.name]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=app.parent)
    return "\n".join(line.strip() for line in run.stdout.splitlines() if " - error" in line)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "check"), [("mypy", check_with_mypy), ("basedpyright", check_with_pyright)]
)
def test_a_type_checker_finds_the_mistakes_of_an_app(
    tmp_path: Path, package: str, check: Callable[[Path], str]
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    app = tmp_path / "app.py"
    app.write_text(APP, "utf-8")
    wrong = {number for number, line in enumerate(APP.splitlines(), 1) if line.endswith("# wrong")}
    said = check(app)
    told = {int(line.split(":")[1]) for line in said.splitlines() if line.startswith(str(app))}
    assert told == wrong, said


def test_frames_of_a_stream_give_each_code_once() -> None:
    one, two = (draw.symbol(text)[0] for text in ("one", "two"))
    blank = np.full_like(one, 255)
    both = draw.page_of(one, two)
    taken: list[int] = []

    def stream() -> Iterator[Any]:
        for number, frame in enumerate([blank, one, one, blank, both, two]):
            taken.append(number)
            yield frame

    codes = read_frames(stream())
    first = next(codes)
    assert (first.code.text, first.frames, taken) == ("one", [1], [0, 1])
    (second,) = codes
    assert (second.code.text, second.frames) == ("two", [4, 5])
    assert first.frames == [1, 2, 4]


def test_frames_take_options_and_other_cascades() -> None:
    rgb = np.repeat(draw.symbol("x")[0][:, :, None], 3, axis=2)
    assert [seen.code.text for seen in read_frames([rgb], bgr=True, cascade=CLASSICAL)] == ["x"]
    assert not list(read_frames([rgb] * 3, accept=lambda text: text == "y"))
    (bars,) = read_frames([turned(barcode("PDF417"), 20)] * 13, formats="PDF417")
    assert bars.code.format == "PDF417"
    for wrong in ("video.mp4", rgb, None):
        with pytest.raises(OptionError, match="frames must be"):
            read_frames(wrong)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="expect"):
        read_frames([rgb], expect=0)
    with pytest.raises(ImageError):
        list(read_frames(["nowhere.png"]))


def test_each_frame_takes_a_few_looks_whatever_it_shows() -> None:
    steady = Cascade([FrameStrategy()])
    steps = set()
    for number in range(10):
        attempts = steady.read(unread.page(number % 3)).attempts
        assert 1 <= len(attempts) <= 3
        steps |= {attempt.step for attempt in attempts}
    assert len(steps) >= 5, "the views take turns"

"""What a notebook shows, and readings as tables."""

from __future__ import annotations

import base64
import builtins
import copy
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrcascade import (
    Attempt,
    Frame,
    MissingDependencyError,
    OptionError,
    QRCode,
    Quad,
    ReadResult,
    Region,
    show_views,
)
from qrcascade.image import views
from qrcascade.report import tables

QUAD = Quad(((100.0, 100.0), (300.0, 100.0), (300.0, 300.0), (100.0, 300.0)))
OTHER = Quad(((500.0, 100.0), (700.0, 100.0), (700.0, 300.0), (500.0, 300.0)))
_TAGS = {"div", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "code", "small", "img"}
EVIL = '<script>alert("1")</script>&\x1b[0m'


def result(*codes: QRCode, attempts: int = 2, score: float = 0.8) -> ReadResult:
    tried = tuple(Attempt("classical", f"step {i}", elapsed_s=0.001 * (i + 1)) for i in range(attempts))
    picture = Frame(np.full((900, 1200), 200, np.uint8))
    regions = (Region(OTHER, score, "stub"),)
    return ReadResult(codes, regions, tried, (1200, 900), 0.1, ended="exhausted", picture=picture)


class Balance(HTMLParser):
    """Every tag that is opened is closed, in order, and all are known."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def thumbnail(html: str) -> Image.Image:
    (data,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_result_shows_its_picture_and_what_was_found() -> None:
    html = result(QRCode("hello", QUAD, 0.987, strategy="classical", step="zxing raw"))._repr_html_()
    said = Balance(html)
    assert "hello" in said.text
    assert "confidence 0.987, classical zxing raw" in said.text
    assert "not read: around (600, 200), 200 pixels wide, by stub" in said.text
    picture = thumbnail(html)
    assert picture.size == (640, 480)
    for quad, color in ((QUAD, (0, 170, 60)), (OTHER, (255, 176, 0))):
        # The middle of the upper side.
        x, y = (round(v * 640 / 1200) for v in (quad.center[0], quad.corners[0][1]))
        assert np.abs(np.asarray(picture)[y, x].astype(int) - color).max() < 60
    assert len(html) < 200_000


def test_it_stands_alone_and_payloads_are_escaped() -> None:
    code = QRCode(EVIL, QUAD, 0.9, strategy=EVIL, step=EVIL)
    attempts = (Attempt(EVIL, EVIL, elapsed_s=0.1, error=EVIL),)
    html = ReadResult((code,), (Region(OTHER, 0.9, EVIL),), attempts, (1200, 900), 0.1)._repr_html_()
    said = Balance(html)
    assert set(said.seen) <= _TAGS
    assert said.text.count('<script>alert("1")</script>&') == 7
    assert "\x1b[" not in said.text.replace(EVIL, "")
    assert not re.search(r"https?:|src=\"(?!data:)|href", html)


@pytest.mark.parametrize(("attempts", "opened"), [(0, True), (8, True), (9, False)])
def test_long_lists_of_attempts_are_folded(attempts: int, opened: bool) -> None:
    html = result(attempts=attempts)._repr_html_()
    assert ("<details open>" in html) == opened
    widths = [int(width) for width in re.findall(r"width:(\d+)px\"></div>", html)]
    assert len(widths) == attempts
    assert widths == sorted(widths)
    assert not attempts or widths[-1] == 100


def test_pictures_let_go_of_are_not_shown() -> None:
    bare = Balance(copy.copy(result())._repr_html_())
    assert "img" not in bare.seen
    assert "2 attempts" in bare.text


def test_long_payloads_are_cut() -> None:
    text = Balance(result(QRCode("x" * 4000, QUAD, 0.9))._repr_html_()).text
    assert "x" * 200 + "…" in text
    assert "x" * 201 not in text


def test_views_on_a_sheet() -> None:
    picture = np.full((300, 480), 250, np.uint8)
    picture[:, 240:] = 20
    sheet = np.asarray(show_views(picture, ["raw", "invert", "x0.5", "turn90", "blur3+invert"]))
    # Three columns and two rows; the first two in the first row, each 240 x 150, 8 apart.
    raw, inverted = sheet[8:158, 8:248], sheet[8:158, 256:496]
    for seen, left, right in ((raw, 250, 20), (inverted, 5, 235)):
        assert (seen[75, 60] == left).all()
        assert (seen[75, 180] == right).all()
    # Names under them.
    assert (sheet[160:172, 8:248] < 128).any()
    assert (sheet[:8] == 255).all()


def test_all_views_by_default() -> None:
    sheet = show_views(np.full((60, 80), 250, np.uint8))
    assert sheet.mode == "RGB"
    assert max(sheet.size) < 2500
    columns = int(np.ceil(np.sqrt(len(views.NAMES))))
    assert sheet.size[0] >= columns * 240


@pytest.mark.parametrize("wrong", [["nothing"], [], [3], ["raw+nothing"]])
def test_views_that_do_not_exist(wrong: list[Any]) -> None:
    with pytest.raises(OptionError, match="view"):
        show_views(np.zeros((9, 9), np.uint8), wrong)


READ = result(
    QRCode("a", QUAD, 0.9, b"a", "zxing", "classical", "zxing raw", "2", "L"), QRCode("b", OTHER, 0.8)
)
NONE = result()


@pytest.mark.parametrize(
    "readings",
    [
        {"x.png": READ, "y.png": NONE},
        [("x.png", READ), ("y.png", NONE)],
        iter([("x.png", READ), ("y.png", NONE)]),
    ],
)
def test_one_row_a_code_and_one_for_a_picture_without(readings: Any) -> None:
    first, second, third = tables.rows(readings)
    assert tuple(first) == tuple(third) == tables.COLUMNS
    assert (first["source"], first["text"], first["data"], first["version"]) == ("x.png", "a", "61", "2")
    assert (first["x"], first["y"], first["side"], first["accepted"]) == (200, 200, 200, True)
    assert (second["source"], second["text"], second["data"]) == ("x.png", "b", None)
    assert (third["source"], third["text"], third["side"], third["ms"]) == ("y.png", None, None, 100)
    assert (third["attempts"], third["unread"], third["ended"]) == (2, 1, "exhausted")


def test_results_without_names() -> None:
    assert [row["source"] for row in tables.rows([READ])] == [None, None]


def test_a_row_has_every_key_of_its_code_and_its_result() -> None:
    (code, _), (row, _) = READ.codes, tables.rows([READ])
    left_out = {"quad", "mirrored", "inverted", "charset", "charset_source", "symbology_identifier"}
    left_out |= {"content_type", "part", "evidence_bits"}
    for name, value in code.to_dict().items():
        assert name in left_out or name == "page" or row[name] == value


@pytest.mark.parametrize("wrong", [["x.png"], [None], [("x.png", "y.png")]])
def test_what_is_no_reading(wrong: Any) -> None:
    with pytest.raises(OptionError, match="ReadResult"):
        tables.rows(wrong)


@pytest.mark.notebooks
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library: str) -> None:
    pytest.importorskip(library)
    make = getattr(tables, f"to_{library}")
    table = make({"x.png": READ, "y.png": NONE})
    assert table.shape == (3, len(tables.COLUMNS))
    assert list(table.columns) == list(tables.COLUMNS)
    assert list(table["text"])[:2] == ["a", "b"]
    assert float(table["confidence"].mean()) == pytest.approx(0.85)
    assert make([]).shape == (0, len(tables.COLUMNS))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_missing(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == library:
            raise ImportError(f"No module named {name!r}")
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=f"pip install {library}"):
        getattr(tables, f"to_{library}")([READ])

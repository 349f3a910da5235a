"""What the pytest plugin rests on: a corpus' files, how a reading is judged, a run's summary and page."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from qrcascade import Attempt, Cascade, OptionError, QRCode, Quad, ReadResult, Region
from qrcascade.pytest_plugin.baseline import Baseline
from qrcascade.pytest_plugin.configuration import Options
from qrcascade.pytest_plugin.corpus import Case, Corpus
from qrcascade.pytest_plugin.outcome import Outcome
from qrcascade.pytest_plugin.report_page import page, write
from qrcascade.pytest_plugin.summary import Summary

QUAD = Quad(((10, 20), (60, 20), (60, 70), (10, 70)))


def folder_of(tmp_path: Path, **files: str) -> Path:
    """A folder with these texts; "__" is a dot in a name, and what has no text is an empty picture file."""
    for name, text in files.items():
        path = tmp_path / name.replace("__", ".").replace("_in_", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return tmp_path


def result_of(*texts: str, regions: int = 0, error: str | None = None) -> ReadResult:
    codes = tuple(QRCode(text, QUAD, 0.99) for text in texts)
    unread = tuple(Region(QUAD, 0.8, "zxing") for _ in range(regions))
    attempts = (
        Attempt("classical", "zxing", "raw", elapsed_s=0.002, codes=codes),
        Attempt("classical", "zbar", "raw", error=error),
    )
    return ReadResult(codes, unread, attempts, (100, 100), 0.004)


def test_sidecars(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        a__jpg="",
        a__txt="one\r\n\r\ntwo\u2028still two\n",
        thermal_in_b__PNG="",
        thermal_in_b__json='{"count": 2, "tags": ["torn", "thermal"]}',
        c__webp="",
        none__png="",
        none__txt="",
        __hidden__jpg="",
        notes__txt="no picture",
    )
    assert list(Corpus.load(folder).cases.values()) == [
        Case("a.jpg", ("one", "two\u2028still two")),
        Case("c.webp"),
        Case("none.png", ()),
        Case("thermal/b.PNG", count=2, tags=("thermal", "torn")),
    ]


def test_manifest_as_csv(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        b__jpg="",
        a__tif="",
        other__png="",
        manifest__csv='\ufefffile,text,count,tags,page,note\r\nb.jpg,"one, or\ntwo",,thermal; torn,,\r\n'
        "b.jpg,three,,,,again\r\na.tif,,0,,2,\r\na.tif,,,,1,\r\n",
    )
    corpus = Corpus.load(folder)
    assert list(corpus.cases) == ["a.tif#page=1", "a.tif#page=2", "b.jpg"]
    assert corpus.cases["b.jpg"] == Case("b.jpg", ("one, or\ntwo", "three"), None, ("thermal", "torn"))
    assert corpus.cases["a.tif#page=2"] == Case("a.tif", None, 0, (), 2)
    assert corpus.unlisted == 1


def test_manifest_as_json_lines(tmp_path: Path) -> None:
    lines = [
        '{"file": "sub\\\\a.jpg", "texts": ["x\u2028y"], "tags": "p, q"}',
        "",
        '{"file": "b.jpg", "texts": []}',
    ]
    folder = folder_of(tmp_path, sub_in_a__jpg="", b__jpg="", manifest__jsonl="\n".join(lines))
    assert list(Corpus.load(folder).cases.values()) == [
        Case("b.jpg", ()),
        Case("sub/a.jpg", ("x\u2028y",), tags=("p", "q")),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes__txt": ""}, "no picture in the corpus"),
        ({"a__jpg": "", "a__txt": "", "a__json": "{}"}, "has both a .txt and a .json"),
        ({"a__jpg": "", "a__json": "[1"}, "not valid JSON"),
        ({"a__jpg": "", "a__json": '{"text": "x"}'}, "must be a JSON object with keys among texts, count"),
        ({"a__jpg": "", "a__json": '{"file": "b.jpg"}'}, "must be a JSON object"),
        ({"manifest__jsonl": '{"text": "x"}'}, "line 1: must be a JSON object with keys among file, texts"),
        ({"manifest__csv": "file,text,text\na.jpg,x,y\n"}, "has a column twice"),
        (
            {"a__jpg": "", "manifest__csv": 'file,text\na.jpg,"x\nb.jpg,y\n'},
            "is not valid CSV: unexpected end",
        ),
        ({"a__jpg": "", "a__json": '["x"]'}, "must be a JSON object"),
        ({"a__jpg": "", "a__json": '{"texts": "x"}'}, "texts must be a list of strings, got 'x'"),
        ({"a__jpg": "", "a__json": '{"texts": ["x"], "count": 2}'}, "count is 2, but there are 1 texts"),
        ({"a__jpg": "", "a__json": '{"count": -1}'}, "count must be a whole number, got -1"),
        ({"a__jpg": "", "a__json": '{"count": true}'}, "count must be a whole number, got True"),
        ({"a__jpg": "", "a__json": '{"tags": [1]}'}, "tags must be strings"),
        ({"a__jpg": "", "a__json": '{"tags": {"x": 1}}'}, "tags must be strings"),
        ({"a__jpg": "", "a__json": '{"page": 0}'}, "pages are counted from 1"),
        ({"manifest__csv": "file\n", "manifest__jsonl": ""}, "has two manifests"),
        ({"manifest__csv": ""}, "no picture in the corpus"),
        ({"manifest__csv": "file,txt\na.jpg,x\n"}, r"has unknown columns \['txt'\]; known are file, text"),
        ({"manifest__csv": "file,text\na.jpg,x\n"}, "line 2: no such file in .*: 'a.jpg'"),
        ({"manifest__csv": "file,text\n../a.jpg,x\n"}, "no such file in .*: '../a.jpg'"),
        ({"manifest__csv": "text\nx\n"}, "line 2: file must name a picture, got None"),
        ({"a__jpg": "", "manifest__csv": "file,text\na.jpg,x,y\n"}, "more cells than columns"),
        (
            {"a__jpg": "", "manifest__csv": "file,count\na.jpg,two\n"},
            "count must be a whole number, got 'two'",
        ),
        (
            {"a__jpg": "", "manifest__csv": "file,text,tags\na.jpg,x,p\na.jpg,y,q\n"},
            "line 3: 'a.jpg' has different",
        ),
        ({"a__jpg": "", "manifest__jsonl": '{"file": "a.jpg"}\n{"file": "a.jpg"}'}, "names 'a.jpg' twice"),
        ({"a__jpg": "", "a__txt": "\udcff"}, "a.txt' cannot be read as UTF-8"),
        ({"manifest__csv": "file\n\udcff"}, "manifest.csv' cannot be read as UTF-8"),
        ({"manifest__jsonl": '{"file": 3}'}, "line 1: file must name a picture, got 3"),
    ],
)
def test_what_a_corpus_cannot_be(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Corpus.load(folder_of(tmp_path, **files))


@pytest.mark.parametrize(
    ("case", "read", "before", "what"),
    [
        (Case("a", ("x",)), ("x",), None, "read"),
        (Case("a", ("x",)), (), None, "not read"),
        (Case("a", ("x",)), (), (), "not read, as in the baseline"),
        (Case("a", ("x",)), (), ("x",), "lost, it was read in the baseline"),
        (Case("a", ("x", "y")), ("x",), ("x",), "not read, as in the baseline"),
        (Case("a", ("x", "y")), ("x",), ("x", "y"), "lost, it was read in the baseline"),
        (Case("a", ("x", "x")), ("x",), None, "not read"),
        (Case("a", ("x",)), ("x", "x"), None, "read"),
        (Case("a", ("x",)), ("x", "y"), ("x",), "a wrong payload"),
        (Case("a", ()), ("x",), None, "a wrong payload"),
        (Case("a", ()), (), (), "read"),
        # The truth was corrected since: what it no longer says is not lost.
        (Case("a", ("y",)), ("y",), ("x",), "read"),
        (Case("a", count=2), ("x",), None, "not read"),
        (Case("a", count=1), ("x", "y"), None, "a wrong payload"),
        (Case("a", count=1), ("x",), ("y",), "lost, it was read in the baseline"),
        (Case("a", count=0), (), None, "read"),
        (Case("a"), ("x", "y"), None, "read"),
        (Case("a"), (), None, "not read"),
    ],
)
def test_judgement(case: Case, read: tuple[str, ...], before: tuple[str, ...] | None, what: str) -> None:
    outcome = Outcome.judge(case, result_of(*read), before)
    assert outcome.what == what
    assert outcome.is_sound == (what == "read")
    assert next(outcome.lines()) == f"{what}: a"
    assert Outcome.from_dict(json.loads(json.dumps(asdict(outcome)))) == outcome


def test_a_message_is_short_and_whole() -> None:
    texts = tuple(f"{i}" * 300 for i in range(7))
    outcome = Outcome.judge(Case("a.jpg", texts, tags=("p",)), result_of(regions=1, error="no libzbar"), None)
    lines = list(outcome.lines())
    assert lines[0] == "not read: a.jpg [p]"
    assert "           and 3 more" in lines
    assert "  tried    classical: 2 runs in 2 ms (zxing raw, zbar raw)" in lines
    assert "  located  0.80 zxing at x 10-60, y 20-70" in lines
    assert "  broke    no libzbar" in lines
    assert max(map(len, lines)) < 140


@settings(max_examples=15)
@given(st.dictionaries(st.text(), st.lists(st.text()), max_size=4))
def test_a_baseline_comes_back(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, list[str]]
) -> None:
    path = tmp_path_factory.mktemp("baseline") / "new" / "base.json"
    assert Baseline.load(path) is None
    made = Baseline("light", None, {"numpy": "2"}, {key: tuple(sorted(v)) for key, v in pictures.items()})
    made.save(path)
    assert Baseline.load(path) == made
    assert [file.name for file in path.parent.iterdir()] == ["base.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"pictures": [], "preset": "x", "expect": 1, "versions": {}}']
)
def test_what_is_no_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text)
    with pytest.raises(OptionError, match="is not a baseline"):
        Baseline.load(path)


def summary_of(tmp_path: Path, *outcomes: Outcome, pictures: int = 0, **options: Any) -> Summary:
    keys = [outcome.key for outcome in outcomes] + [f"more {i}" for i in range(pictures - len(outcomes))]
    tags = {outcome.key: outcome.tags for outcome in outcomes}
    cases = {key: Case(key, tags=tags.get(key, ())) for key in keys}
    wanted = Options(tmp_path, "light", Cascade.preset("light"), None, tmp_path / "base.json", **options)
    found = {outcome.key: outcome for outcome in outcomes}
    return Summary(wanted, Corpus(tmp_path, cases), None, found, {"numpy": "2"})


@pytest.mark.parametrize(("read", "floor", "below"), [(7, 0.07, False), (6, 0.07, True), (100, 1.0, False)])
def test_floor(tmp_path: Path, read: int, floor: float, below: bool) -> None:
    outcomes = [Outcome(f"{i}", ("p",), short=int(i >= read)) for i in range(100)]
    assert bool(list(summary_of(tmp_path, *outcomes, floors={"p": floor}).failures())) == below


def test_time_budget(tmp_path: Path) -> None:
    slow = [Outcome("a", ms=90.0, bare_ms=2.0), Outcome("b", ms=30.0, bare_ms=2.0), Outcome("c", ms=9000.0)]
    assert list(summary_of(tmp_path, *slow, time_ratio=30.0).failures()) == []
    over = "over the time budget: 30.0 times bare zxing-cpp, the budget is 29"
    assert list(summary_of(tmp_path, *slow, time_ratio=29.0).failures()) == [over]
    assert list(summary_of(tmp_path, *slow, pictures=4, time_ratio=29.0).failures()) == []
    assert list(summary_of(tmp_path, Outcome("a", broken="cut"), time_ratio=1.0).failures()) == []


class Looked(HTMLParser):
    """The tags of a page, what they refer to, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(tmp_path: Path) -> Summary:
    """A run whose names, tags and payloads are markup."""
    drawn = tmp_path / "drawn.jpg"
    Image.new("RGB", (800, 600), "navy").save(drawn)
    bad = "<script>alert('&amp;')</script>\"><img src=x onerror=alert(1)>"
    details = (f"  tried    {bad}",)
    outcomes = [
        Outcome(
            bad, (bad,), wrong=(bad,), ms=5.0, bare_ms=1.0, drawn=str(drawn), details=details, errors=(bad,)
        ),
        Outcome("read.jpg", ("plain",), ("x",), ms=120.0, bare_ms=1.5),
        Outcome("missed.jpg", ("plain",), short=1, known=True, ms=900.0, drawn=str(tmp_path / "gone.jpg")),
        Outcome("cut.jpg", broken=bad),
    ]
    return summary_of(tmp_path, *outcomes, floors={"plain": 0.9})


def test_a_page_holds_everything_and_runs_nothing(tmp_path: Path) -> None:
    summary = hostile(tmp_path)
    html = page(summary)
    assert page(summary) == html
    looked = Looked(html)
    assert "script" not in looked.tags
    assert looked.tags.count("img") == 1
    assert [link.split(",")[0] for link in looked.links] == ["data:", "data:image/jpeg;base64"]
    for text in (
        "1 of 4 read",
        "below the floor: plain: 1 of 2 read",
        "<script>alert('&amp;')</script>",
        "900",
    ):
        assert text in looked.text


def test_a_browser_opens_the_page_without_complaint(tmp_path: Path) -> None:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium with its chromedriver")
    write(hostile(tmp_path), tmp_path / "out" / "report.html")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    flags = "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    flags += f" disable-component-update disable-sync user-data-dir={tmp_path / 'profile'}"
    for flag in flags.split():
        options.add_argument(f"--{flag}")
    asked = "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as browser:
        browser.get((tmp_path / "out" / "report.html").as_uri())
        found = SimpleNamespace(
            log=browser.get_log("browser"),
            requests=browser.execute_script(f"return {asked}"),
            widths=browser.execute_script("return [...document.images].map(i => i.naturalWidth)"),
            title=browser.title,
        )
    assert found == SimpleNamespace(
        log=[], requests=[], widths=[360], title=f"QR corpus {tmp_path.name}: 1 of 4 read"
    )

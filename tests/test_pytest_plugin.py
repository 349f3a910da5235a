"""The pytest plugin, by running pytest on small corpora of drawn codes."""

from __future__ import annotations

import json
import os
import re
import textwrap
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import zxingcpp  # noqa: F401 - loaded here: pytester forgets what is first loaded in a run of its own
from PIL import Image

import qrcascade.pytest_plugin
from qrcascade.image.frame import Gray
from qrcascade.pytest_plugin import corpus_run  # noqa: F401
from tests import draw, pages
from tests.barcodes import CONTENT, barcode

ROOT = Path(__file__).parents[1]
BLANK = np.full((60, 60), 255, np.uint8)


class Run:
    """A folder that pytest is run in."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path / "receipts"
        self.baseline = self.folder / "qr-baseline.json"

    def put(self, name: str, pixels: Gray | str, *texts: str) -> Path:
        """A picture (of a code, where it is a text) with its texts beside it, if there are any."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(pixels, str):
            texts = texts or (pixels,)
            pixels = draw.symbol(pixels)[0]
        Image.fromarray(pixels).save(path)
        if texts:
            path.with_suffix(".txt").write_text("\n".join(texts), "utf-8")
        return path

    def __call__(self, *options: str) -> pytest.RunResult:
        """Run with the corpus; classical is the fastest preset."""
        return self.plain("--qr-corpus=receipts", "--qr-preset=classical", *options)

    def plain(self, *options: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(*options, plugins=[qrcascade.pytest_plugin])

    def elsewhere(self, *options: str) -> pytest.RunResult:
        """In a process of its own."""
        return self.pytester.runpytest_subprocess("-p", "qrcascade.pytest_plugin", *options)


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    # Whether or not qrcascade is installed, the plugin is registered once, by name.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "160")
    return Run(pytester)


def failed(result: pytest.RunResult) -> list[str]:
    return re.findall(r"^FAILED (\S+)", result.stdout.str(), re.M)


def shown(result: pytest.RunResult) -> str:
    return result.stdout.str()


def test_the_entry_point_leads_to_the_plugin() -> None:
    try:
        metadata.distribution("qrcascade")
    except metadata.PackageNotFoundError:
        pytest.skip("qrcascade is not installed")
    (entry,) = metadata.entry_points(group="pytest11", name="qrcascade")
    assert entry.load() is qrcascade.pytest_plugin


def test_idle_until_used(run: Run) -> None:
    run.pytester.makepyfile("""
        import sys

        def test_idle():
            loaded = {name for name in sys.modules if name.split(".")[0] == "qrcascade"}
            assert loaded == {"qrcascade", "qrcascade.pytest_plugin"}
            assert not {"numpy", "PIL", "cv2", "zxingcpp", "json.tool"} & {*sys.modules}
        """)
    result = run.elsewhere()
    result.assert_outcomes(passed=1)
    assert "qr corpus" not in shown(result).lower()


def test_a_message_says_what_is_needed(run: Run) -> None:
    run.put("good.png", "good")
    run.put("thermal/faded.png", BLANK, "faded")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    assert failed(result) == ["receipts/thermal/faded.png::faded.png"]
    assert "FAILED receipts/thermal/faded.png::faded.png - not read: 'faded'" in shown(result)
    assert "not read: thermal/faded.png [thermal]" in shown(result)
    assert re.search(r"^  missing +'faded'$", shown(result), re.M)
    assert re.search(r"^  tried +classical: \d+ runs? in \d+ ms \(zxing raw", shown(result), re.M)
    picture = re.search(r"^  picture +(.+)$", shown(result), re.M)
    assert picture is not None
    with Image.open(picture[1]) as image:
        assert image.size == BLANK.shape


def test_a_wrong_payload_always_fails(run: Run) -> None:
    run.put("one.png", "one", "another")
    run.put("two.png", draw.page_of(draw.symbol("good")[0], draw.symbol("bad")[0]), "good")
    (run.folder / "none.txt").write_text("")
    run.put("none.png", draw.symbol("no code should be here")[0])
    (run.pytester.path / "pytest.ini").write_text("[pytest]\nqr_floor = *: 0\n")
    for options in ([], ["--qr-update-baseline"], []):
        result = run("--qr-expect=all", *options)
        result.assert_outcomes(failed=3)
        assert len(re.findall("a wrong payload: ", shown(result))) >= 3
        assert re.search(r"^  wrong +'bad'$", shown(result), re.M)
    assert json.loads(run.baseline.read_text())["pictures"] == {
        "none.png": [],
        "one.png": [],
        "two.png": ["good"],
    }


@pytest.mark.slow
def test_baseline_then_five_broken(run: Run) -> None:
    for i in range(12):
        run.put(f"{i:02}.png", f"receipt {i}")
    run.put("12.png", BLANK, "never read")
    run("--qr-update-baseline").assert_outcomes(passed=12, xfailed=1)
    made = run.baseline.read_bytes()
    run().assert_outcomes(passed=12, xfailed=1)
    run("--runxfail").assert_outcomes(passed=12, failed=1)

    run.put("01.png", BLANK)
    run.put("03.png", draw.symbol("forged")[0])
    run.put("05.png", np.asarray(cv2.GaussianBlur(draw.symbol("receipt 5")[0], (0, 0), 20), np.uint8))
    (run.folder / "07.png").write_bytes((run.folder / "07.png").read_bytes()[:100])
    run.put("09.png", BLANK)
    run.put("12.png", draw.symbol("never read")[0])
    result = run()
    result.assert_outcomes(passed=8, failed=5)
    assert failed(result) == [f"receipts/{name}.png::{name}.png" for name in ("01", "03", "05", "07", "09")]
    for line in (
        "lost, it was read in the baseline: 01.png",
        "a wrong payload: 03.png",
        "not a readable picture: 07.png",
        "gained, not in the baseline: 12.png",
    ):
        assert line in shown(result)
    assert run.baseline.read_bytes() == made

    run("--qr-update-baseline").assert_outcomes(passed=8, xfailed=3, failed=2)
    pictures = json.loads(run.baseline.read_bytes())["pictures"]
    assert [pictures[f"{name}.png"] for name in ("01", "03", "12")] == [[], [], ["never read"]]
    # A file that is no picture leaves what is to be read of it.
    assert pictures["07.png"] == ["receipt 7"]
    run().assert_outcomes(passed=8, xfailed=3, failed=2)


def test_quiet_unless_asked(run: Run) -> None:
    run.put("a.png", "a")
    run.put("b.png", "b")
    plain, verbose, quiet = run(), run("-v"), run("-q")
    assert re.search(r"^2 of 2 pictures read$", shown(plain), re.M)
    for words in ("qr corpus: ", "tag ", "time: "):
        assert words not in shown(plain)
        assert words in shown(verbose)
    assert "QR corpus" not in shown(quiet)


def test_truths_without_a_picture_are_told(run: Run) -> None:
    run.put("a.png", "a")
    run.put("b.png", "b").unlink()
    (run.folder / "c.json").write_text("{}")
    (run.folder / "qr-baseline-light.json").write_text("{}")
    result = run()
    assert result.ret == pytest.ExitCode.OK
    assert re.search(r"^truth without a picture: b.txt, c.json$", shown(result), re.M)


def test_a_reading_that_is_cut_off_says_so(run: Run) -> None:
    run.put("a.png", "a")
    run("--qr-update-baseline").assert_outcomes(passed=1)
    made = run.baseline.read_bytes()
    run.put("a.png", BLANK, "a")
    # So short that one engine begins, and no second one.
    result = run("--qr-timeout=1e-9")
    result.assert_outcomes(failed=1)
    assert "- timed out, lost, it was read in the baseline: 'a'" in shown(result)
    assert re.search(r"^timed out: a.png$", shown(result), re.M)
    # It is not recorded as unreadable, either.
    run("--qr-timeout=1e-9", "--qr-update-baseline").assert_outcomes(failed=1)
    assert run.baseline.read_bytes() == made
    (run.pytester.path / "pytest.ini").write_text("[pytest]\nqr_timeout = 1e-9\n")
    run().assert_outcomes(failed=1)
    assert "timed out" not in shown(run("--qr-timeout=0"))


def test_junit_names_the_files(run: Run) -> None:
    run.put("thermal/a.png", BLANK, "a")
    run("--junitxml=out.xml")
    report = ElementTree.parse(run.pytester.path / "out.xml")
    (case,) = report.iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("receipts.thermal.a.png", "a.png")
    (failure,) = case.iter("failure")
    assert (failure.get("message") or "").startswith("not read: 'a'")


@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_what_is_not_printable_is_escaped(run: Run) -> None:
    name = "a\x7f\x9b\u202e\u2028b.png"
    run.put(f"tag\x9b/{name}", BLANK, "missing\u202e")
    for options in (["-v"], ["-q"], []):
        text = shown(run(*options))
        assert "a\\u007f\\u009b\\u202e\\u2028b.png" in text
        assert "'missing\\u202e'" in text
        assert not {*"\x7f\x9b\u202e\u2028"} & {*text}


def test_the_baseline_is_sorted_text(run: Run) -> None:
    run.put("b.png", "ü")
    run.put("a.png", draw.page_of(draw.symbol("two")[0], draw.symbol("one")[0]), "two", "one")
    run("--qr-update-baseline", "--qr-expect=all", "--qr-baseline=kept/base.json").assert_outcomes(passed=2)
    path = run.pytester.path / "kept" / "base.json"
    text = path.read_text("utf-8")
    found = json.loads(text)
    assert text == json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert found["pictures"] == {"a.png": ["one", "two"], "b.png": ["ü"]}
    assert found["preset"] == "classical"
    assert found["expect"] == "all"
    assert found["versions"]["numpy"] == np.__version__
    assert found["versions"]["qrcascade"] == qrcascade.__version__
    run("--qr-update-baseline", "--qr-expect=all", "--qr-baseline=kept/base.json")
    assert path.read_text("utf-8") == text


def test_what_changed_around_the_pictures_is_said(run: Run) -> None:
    run.put("a.png", "a")
    run.put("b.png", "b")
    run("--qr-update-baseline")
    content = json.loads(run.baseline.read_text())
    content["versions"]["zxing-cpp"] = "0.1"
    run.baseline.write_text(json.dumps(content))
    (run.folder / "b.png").rename(run.folder / "c.png")
    (run.folder / "b.txt").rename(run.folder / "c.txt")
    result = run("-v", "--junitxml=out.xml")
    result.assert_outcomes(passed=2, failed=1)
    assert failed(result) == ["receipts/b.png::b.png"]
    assert "b.png::b.png - gone from the corpus, but in the baseline: put it back" in shown(result)
    report = ElementTree.parse(run.pytester.path / "out.xml")
    assert [case.get("name") for case in report.iter("testcase")] == ["a.png", "c.png", "b.png"]
    assert re.search(r"^version: zxing-cpp \S+, the baseline was made with 0.1$", shown(result), re.M)
    assert re.search(r"^gone from the corpus: b.png$", shown(result), re.M)
    assert "new, not in the baseline: c.png" in shown(result)
    # A part says so and does not fail; an update forgets it.
    for words in (["-k", "a.png"], ["receipts/a.png"]):
        part = run(*words)
        part.assert_outcomes(passed=1, deselected=2 if "-k" in words else 0)
        assert "gone from the corpus: b.png" in shown(part)
    run("-k", "b.png").assert_outcomes(failed=1, deselected=2)
    assert run("--qr-update-baseline").ret == pytest.ExitCode.OK
    assert run().ret == pytest.ExitCode.OK
    assert sorted(json.loads(run.baseline.read_text())["pictures"]) == ["a.png", "c.png"]


def test_a_part_rewrites_only_what_was_run(run: Run) -> None:
    for name in "abc":
        run.put(f"{name}.png", name)
    run("--qr-update-baseline")
    for name in "ab":
        run.put(f"{name}.png", BLANK, name)
    result = run("-v", "-k", "a.png", "--qr-update-baseline")
    result.assert_outcomes(xfailed=1, deselected=2)
    assert json.loads(run.baseline.read_text())["pictures"] == {"a.png": [], "b.png": ["b"], "c.png": ["c"]}
    assert "a part was run (1 of 3 pictures)" in shown(result)
    assert "qr-baseline.json, 1 of its pictures" in shown(result)

    before = run.baseline.read_bytes()
    result = run("-k", "a.png", "--qr-update-baseline", "--qr-preset=light")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "the baseline was not written: it is of preset 'classical'" in shown(result)
    assert run.baseline.read_bytes() == before
    run("--collect-only", "--qr-update-baseline")
    assert run.baseline.read_bytes() == before


def test_last_failed_and_one_picture(run: Run) -> None:
    for name in "abc":
        run.put(f"{name}.png", BLANK if name == "b" else name, name)
    run().assert_outcomes(passed=2, failed=1)
    result = run("--lf")
    result.assert_outcomes(failed=1)
    assert failed(result) == ["receipts/b.png::b.png"]
    run("receipts/b.png::b.png").assert_outcomes(failed=1)
    run("receipts/a.png", "receipts/c.png").assert_outcomes(passed=2)


def test_floors(run: Run) -> None:
    for i in range(4):
        run.put(f"thermal/{i}.png", BLANK if i == 0 else str(i), str(i))
    for i in range(4):
        run.put(f"clean/{i}.png", str(i))
    ini = run.pytester.path / "pytest.ini"
    ini.write_text("[pytest]\nqr_floor =\n  thermal: 0.75\n  *: 0.8\n")
    result = run("-v")
    result.assert_outcomes(passed=7, xfailed=1)
    assert result.ret == pytest.ExitCode.OK
    assert re.search(r"^thermal +4 +4 +3 +0.750 +0.750 +0 +0 +0$", shown(result), re.M)
    assert re.search(r"^\* +8 +8 +7 +0.875 +0.800 +0 +0 +0$", shown(result), re.M)

    ini.write_text("[pytest]\nqr_floor =\n  thermal: 0.8\n")
    result = run()
    result.assert_outcomes(passed=7, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "below the floor: thermal: 3 of 4 read, the floor is 0.8" in shown(result)
    # Half of a tag says nothing of its floor.
    result = run("receipts/thermal/0.png", "receipts/thermal/1.png")
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == pytest.ExitCode.OK
    assert run("receipts/thermal").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_xdist_gathers_what_its_workers_read(run: Run) -> None:
    pytest.importorskip("xdist")
    for i in range(6):
        run.put(f"{'even' if i % 2 == 0 else 'odd'}/{i}.png", BLANK if i == 5 else str(i), str(i))
    (run.pytester.path / "pytest.ini").write_text("[pytest]\nqr_floor = odd: 0.9\n")
    options = (
        "--qr-corpus=receipts",
        "--qr-preset=classical",
        "--qr-update-baseline",
        "--qr-report=out/r.html",
    )
    result = run.elsewhere("-p", "xdist.plugin", "-n", "2", *options)
    result.assert_outcomes(passed=5, xfailed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "below the floor: odd: 2 of 3 read, the floor is 0.9" in shown(result)
    assert len(json.loads(run.baseline.read_text())["pictures"]) == 6
    page = (run.pytester.path / "out" / "r.html").read_text("utf-8")
    assert "5 of 6 read" in page
    assert page.count("data:image/jpeg;base64,") == 2


def test_ini_file(run: Run) -> None:
    run.put("a.png", "a")
    run.pytester.makepyfile("def test_own(): pass")
    (run.pytester.path / "pytest.ini").write_text("[pytest]\nqr_corpus = receipts\nqr_preset = classical\n")
    run.plain().assert_outcomes(passed=2)
    run.plain(".").assert_outcomes(passed=2)
    run.plain("receipts/a.png").assert_outcomes(passed=1)
    # Tests elsewhere do not need the corpus.
    (run.folder / "a.png").unlink()
    result = run.plain("test_ini_file.py")
    result.assert_outcomes(passed=1)
    assert "qr corpus" not in shown(result)


@pytest.mark.parametrize("arguments", [[], ["tests"], ["."], [".kept/build"], [".kept/build/dist/a.png"]])
def test_a_folder_that_pytest_does_not_walk_is_collected_once(run: Run, arguments: list[str]) -> None:
    run.folder = run.pytester.path / ".kept" / "build"
    run.put("dist/a.png", "a")
    run.pytester.mkdir("tests")
    (run.pytester.path / ".kept" / "test_beside.py").write_text("def test_beside(): pass")
    result = run.plain("--qr-corpus=.kept/build", "--qr-preset=classical", *arguments)
    result.assert_outcomes(passed=1)
    assert "dist/a.png ." in shown(result)


def test_manifest_with_pages_counts_and_tags(run: Run) -> None:
    first, second = (Image.fromarray(draw.symbol(text)[0]) for text in ("page one", "page two"))
    run.folder.mkdir()
    first.save(run.folder / "scan.tif", save_all=True, append_images=[second])
    run.put("two.png", draw.page_of(draw.symbol("one")[0], draw.symbol("two")[0]))
    run.put("unlisted.png", BLANK)
    rows = ("file,text,count,tags,page", "scan.tif,page one,,thermal,1", "scan.tif,page two,,,2")
    (run.folder / "manifest.csv").write_text("\n".join([*rows, "two.png,,2,thermal;torn,", ""]))
    result = run("-v", "--qr-expect=truth")
    result.assert_outcomes(passed=3)
    for item in ("scan.tif::scan.tif#page=1", "scan.tif::scan.tif#page=2", "two.png::two.png"):
        result.stdout.fnmatch_lines([f"receipts/{item} PASSED*"])
    assert "1 picture in the folder is not in its manifest" in shown(result)
    run("-k", "torn").assert_outcomes(passed=1, deselected=2)


def test_a_document_is_read_by_its_pages(run: Run) -> None:
    pdf = pages.new()
    pages.invoice(pdf)
    pages.invoice(pdf)
    pages.vector(pdf, "on page two", 120, 200)
    run.folder.mkdir()
    (run.folder / "invoice.pdf").write_bytes(pages.data(pdf))
    (run.folder / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    rows = [("invoice.pdf", 2, ["on page two"]), ("invoice.pdf", 1, []), ("invoice.pdf", 3, ["x"])]
    lines = [json.dumps({"file": name, "page": page, "texts": texts}) for name, page, texts in rows]
    (run.folder / "manifest.jsonl").write_text("\n".join([*lines, '{"file": "broken.pdf"}']))
    result = run()
    result.assert_outcomes(passed=2, failed=2)
    assert "FAILED receipts/broken.pdf::broken.pdf - not a readable picture: cannot read " in shown(result)
    assert "FAILED receipts/invoice.pdf::invoice.pdf#page=3 - " in shown(result)
    assert "it has no page 3; it has 2" in shown(result)
    # With no page named it is the first.
    (run.folder / "manifest.jsonl").write_text('{"file": "invoice.pdf", "texts": []}')
    run().assert_outcomes(passed=1)


def test_a_failure_says_what_kept_it_from_being_read(run: Run) -> None:
    pixels = draw.symbol("a code that is too small to be read at all")[0]
    tiny = Image.fromarray(pixels).resize([side // 8 for side in pixels.shape[::-1]], Image.Resampling.BOX)
    run.put("tiny.png", np.pad(np.asarray(tiny), 100, constant_values=255), "a code")
    result = run()
    result.assert_outcomes(failed=1)
    assert re.search(r"^  why +\S", shown(result), re.M)


def test_a_cascade_of_ones_own(run: Run) -> None:
    run.put("blank.png", BLANK, "from a stub")
    run.pytester.makeconftest("""
        from qrcascade import Attempt, Cascade, QRCode, Quad, StubStrategy

        QUAD = Quad(((10, 10), (90, 10), (90, 90), (10, 90)))

        def pytest_qr_cascade(config):
            code = QRCode("from a stub", QUAD, 0.99)
            return Cascade([StubStrategy([Attempt("stub", "given", codes=(code,))])])
        """)
    result = run.plain("--qr-corpus=receipts", "--qr-update-baseline")
    result.assert_outcomes(passed=1)
    assert json.loads(run.baseline.read_text())["preset"] == "own"
    # The command line goes first, and the baseline is of another.
    result = run()
    assert "is of preset 'own'" in shown(result) + result.stderr.str()
    run.pytester.makepyfile("def test_fixture(qr_cascade): assert qr_cascade.strategies[0].name == 'stub'")
    run.plain("--qr-corpus=receipts").assert_outcomes(passed=2)
    run.pytester.makeconftest("def pytest_qr_cascade(config): return 'thorough'")
    result = run.plain("--qr-corpus=receipts")
    assert "pytest_qr_cascade must return a qrcascade.Cascade or None, got 'thorough'" in result.stderr.str()


def test_without_a_truth_the_baseline_is_the_truth(run: Run) -> None:
    run.put("a.png", draw.symbol("before")[0])
    run("--qr-update-baseline").assert_outcomes(passed=1)
    run.put("a.png", draw.symbol("after")[0])
    result = run()
    result.assert_outcomes(failed=1)
    assert re.search(r"^  lost +'before'$", shown(result), re.M)
    run("--qr-update-baseline").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_without_a_cache_pictures_are_saved_too(run: Run) -> None:
    run.put("a.png", BLANK, "a")
    picture = re.search(r"^  picture +(.+)$", shown(run("-p", "no:cacheprovider")), re.M)
    assert picture is not None
    assert Path(picture[1]).is_file()


@pytest.mark.parametrize(
    ("options", "ini", "message"),
    [
        (["--qr-corpus=nowhere"], "", "--qr-corpus must be a folder, got '*nowhere'"),
        (["--qr-preset=fast"], "", "preset must be one of classical, *, got 'fast'"),
        (["--qr-timeout=soon"], "", "--qr-timeout must be 0 (no limit) or a number *, got 'soon'"),
        (["--qr-timeout=-1"], "", "--qr-timeout must be 0 (no limit) or a number *, got '-1'"),
        (["--qr-expect=0"], "", "--qr-expect must be a positive number of codes, * got '0'"),
        ([], "qr_floor = 0.9", "a line of qr_floor must be 'TAG: SHARE', * got '0.9'"),
        ([], "qr_floor = *: 95", "a line of qr_floor must be *"),
        ([], "qr_floor = blured: 0.9", "qr_floor in pytest's configuration: no picture has the tag 'blured'"),
        ([], "qr_time_ratio = fast", "qr_time_ratio must be a positive number, got 'fast'"),
        (["--qr-baseline=broken.json"], "", "'*broken.json' is not a baseline (*"),
        (
            ["--qr-baseline=other.json"],
            "",
            "'*other.json' is of preset 'large' with expect=2, but this run *",
        ),
    ],
)
def test_usage_errors(run: Run, options: list[str], ini: str, message: str) -> None:
    run.put("a.png", "a")
    (run.pytester.path / "broken.json").write_text("{}")
    other = {"expect": 2, "pictures": {}, "preset": "large", "versions": {}}
    (run.pytester.path / "other.json").write_text(json.dumps(other))
    (run.pytester.path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    result = run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_what_cannot_be_written_fails_the_run(run: Run) -> None:
    run.put("a.png", "a")
    (run.pytester.path / "file").write_text("")
    result = run("--qr-report=file/report.html")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "not written: " in shown(result)


def test_options_of_a_corpus_without_one(run: Run) -> None:
    result = run.plain("--qr-report=r.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --qr-report and the baseline's options need --qr-corpus*"])


def test_fixtures(run: Run) -> None:
    run.pytester.makepyfile("""
        import pytest
        import qrcascade

        @pytest.mark.parametrize("condition", ["sharp", "blur", "receipt"])
        def test_reads(qr_cascade, make_qr, condition):
            picture = make_qr(condition, 0.1, text="total 12.50")
            assert qr_cascade.read(picture.file).texts == picture.texts == ("total 12.50",)

        def test_preset(qr_cascade):
            assert [strategy.name for strategy in qr_cascade.strategies] == ["classical"]

        def test_another_seed_is_another_picture(make_qr):
            assert make_qr(seed=1).file == make_qr(seed=1).file != make_qr(seed=2).file
            assert make_qr("unreadable").texts == ()
            assert make_qr("several", text="first").texts[0] == "first"

        @pytest.mark.parametrize("wrong", [
            {"condition": "foggy"}, {"severity": 2}, {"severity": float("nan")}, {"seed": -1},
            {"text": ""}, {"text": "x" * 5000},
        ])
        def test_wrong(make_qr, wrong):
            with pytest.raises(qrcascade.OptionError) as raised:
                make_qr(**wrong)
            assert len(str(raised.value)) < 250
        """)
    run.plain("--qr-preset=classical").assert_outcomes(passed=11)


@pytest.mark.slow
def test_the_pages_own_example(run: Run) -> None:
    """Twenty pictures, a baseline, five spoiled: as printed in docs/pytest.md."""
    text = (ROOT / "docs" / "pytest.md").read_text("utf-8")
    for name in ("make.py", "spoil.py"):
        block = re.search(rf"`{name}`:\n\n((?:    .*\n|\n)+)", text)
        assert block is not None
        (run.pytester.path / name).write_text(textwrap.dedent(block[1]), "utf-8")
    options = ("--qr-corpus=receipts", "--qr-preset=light")
    assert run.pytester.runpython(run.pytester.path / "make.py").ret == 0
    run.plain(*options, "--qr-update-baseline").assert_outcomes(passed=20)
    assert run.pytester.runpython(run.pytester.path / "spoil.py").ret == 0
    result = run.plain(*options, "--qr-report=report.html")
    result.assert_outcomes(passed=15, failed=5)
    assert [name[9:11] for name in failed(result)] == ["03", "06", "09", "12", "15"]
    assert (run.pytester.path / "report.html").read_text("utf-8").count("data:image/jpeg;base64,") == 10


def test_symbologies(run: Run) -> None:
    run.put("bars.png", barcode("PDF417"), CONTENT["PDF417"][1])
    run().assert_outcomes(failed=1)
    run("--qr-formats=QRCode, pdf417").assert_outcomes(passed=1)
    run.pytester.makeini("[pytest]\nqr_formats = all")
    run().assert_outcomes(passed=1)
    refused = run("--qr-formats=EAN14")
    refused.stderr.fnmatch_lines(["ERROR: formats must be *EAN14*"])

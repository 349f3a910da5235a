from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import qrcascade
from qrcascade.cli import main
from qrcascade.neural import weights
from tests import draw, pages
from tests.barcodes import CONTENT, barcode


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    pictures = {
        "code": draw.symbol("one\nline")[0],
        "two": draw.page_of(draw.symbol("first")[0], draw.symbol("second")[0]),
        "blank": np.full((50, 50), 255, np.uint8),
    }
    for name, gray in pictures.items():
        Image.fromarray(gray).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return {name: str(tmp_path / f"{name}.png") for name in (*pictures, "broken", "missing")}


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False, **options)


def test_one_line_a_code(files: dict[str, str]) -> None:
    result = run("read", files["code"], files["two"], "--preset", "classical")
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == [files["code"], files["two"], files["two"]]
    assert [row[1] for row in rows] == ["one\\nline", "first", "second"]
    assert all(float(row[2]) >= 0.7 and row[3] == "classical" and row[4].isdigit() for row in rows)


@pytest.mark.parametrize(
    ("names", "exit_code", "message"),
    [
        (["code"], 0, ""),
        (["code", "blank"], 1, "no code in"),
        (["code", "missing"], 2, "No such file"),
        (["broken", "blank", "code"], 2, "cannot read"),
    ],
)
def test_exit_codes(files: dict[str, str], names: list[str], exit_code: int, message: str) -> None:
    result = run("read", "--preset", "classical", *(files[name] for name in names))
    assert result.exit_code == exit_code
    assert message in result.stderr
    assert ("code.png" in result.stdout) == ("code" in names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["blank"], "no code in {!r} (0 located, none read; --explain says why)"),
        (["blank", "--explain"], "no code in {!r} (0 located, none read)"),
        (
            ["code", "--accept", "x"],
            "no accepted code in {!r} (1 code read but not accepted; --explain says why)",
        ),
        (["code", "--expect", "2"], "note on {!r}: 1 of 2 expected codes was read"),
    ],
)
def test_what_is_missing_is_told(files: dict[str, str], options: list[str], said: str) -> None:
    name, *others = options
    lines = run("read", files[name], *others, "--preset", "classical").stderr.splitlines()
    assert lines[-1] == "qrcascade: " + said.format(files[name])
    twice = run("read", files["blank"], files["blank"], "--preset", "classical")
    assert twice.stderr.count("--explain") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
@pytest.mark.parametrize("command", [["read"], ["scan", "--out", "out.jsonl"]])
def test_a_reader_who_stops_ends_it_quietly(
    files: dict[str, str], tmp_path: Path, command: list[str]
) -> None:
    arguments = [sys.executable, "-m", "qrcascade", *command, "--preset", "classical", "-v"]
    words = [files["code"], files["broken"]]
    with subprocess.Popen(
        [*arguments, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as ran:
        assert ran.stdout is not None
        ran.stdout.close()
        ran.stdout = None
        _, said = ran.communicate()
    assert ran.returncode == 1
    assert "pipe" not in said.lower()
    # Nothing more is read.
    assert command != ["read"] or said == ""


def test_json(files: dict[str, str]) -> None:
    result = run("read", "--json", files["code"], files["blank"], "--preset", "classical")
    code, blank = (json.loads(line) for line in result.stdout.splitlines())
    assert code["codes"][0]["text"] == "one\nline"
    assert bytes.fromhex(code["codes"][0]["data"]) == b"one\nline"
    assert np.shape(code["codes"][0]["quad"]) == (4, 2)
    assert code["attempts"][0]["step"] == "zxing raw"
    assert blank["codes"] == []
    assert len(blank["attempts"]) > 1


def test_json_has_a_row_for_what_cannot_be_opened(files: dict[str, str]) -> None:
    names = ("broken", "missing", "code")
    result = run("read", "--json", *(files[name] for name in names), "--preset", "classical")
    assert result.exit_code == 2
    broken, missing, code = (json.loads(line) for line in result.stdout.splitlines())
    assert [row["file"] for row in (broken, missing, code)] == [files[name] for name in names]
    assert (missing["page"], code["error"]) == (None, None)
    assert missing["error"].endswith("No such file or directory")
    assert len(broken["error"]) > 10


def test_standard_input(files: dict[str, str]) -> None:
    content = Path(files["code"]).read_bytes()
    result = run("read", "-", "--preset", "classical", input=content)
    assert result.stdout.split("\t")[:2] == ["-", "one\\nline"]
    assert run("read", "-", "--json", input=b"nothing").exit_code == 2


@pytest.mark.slow
def test_pipes(files: dict[str, str]) -> None:
    empty = [sys.executable, "-m", "qrcascade", "read", "-"]
    said = subprocess.run(empty, stdin=subprocess.DEVNULL, capture_output=True, text=True).stderr
    assert said == "qrcascade: cannot read standard input: it is empty\n"
    whole = subprocess.run(
        [sys.executable, "-m", "qrcascade", "read", "--text", "/dev/stdin"],
        input=Path(files["code"]).read_bytes(),
        capture_output=True,
    )
    assert os.name == "nt" or whole.stdout == b"one\\nline\n"


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes")
def test_a_named_pipe_that_nobody_writes_to_ends_in_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never.png")
    result = run("read", str(tmp_path / "never.png"), "--timeout", "0.05")
    assert result.exit_code == 2
    assert "timed out, nothing came for 0.05 s" in result.stderr


def test_folders_are_searched(files: dict[str, str], tmp_path: Path) -> None:
    for name in ("broken", "blank"):
        Path(files[name]).unlink()
    (tmp_path / "notes.doc").write_text("")
    (tmp_path / ".cache").mkdir()
    for hidden in (".cache/a.png", ".b.png"):
        (tmp_path / hidden).write_bytes(b"")
    result = run("read", str(tmp_path), "--text", "--preset", "classical")
    assert (result.exit_code, result.stdout) == (0, "one\\nline\nfirst\nsecond\n")
    skipped = "1 file of another kind", "2 hidden files and folders"
    assert result.stderr == "".join(f"qrcascade: {str(tmp_path)!r}: skipped {what}\n" for what in skipped)
    assert run("read", str(tmp_path / "*.png"), "--text", "--preset", "classical").stdout == result.stdout
    (tmp_path / "empty").mkdir()
    empty = run("read", str(tmp_path / "empty"))
    assert (empty.exit_code, empty.stdout) == (1, "")
    assert "no picture or document in" in empty.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--draw", "seen.png"], "--draw takes a folder, not the name of a picture: 'seen.png'"),
        (["--timeout", "nan"], "'nan' is not a number of seconds"),
        (["--page", "1-2"], "'1-2' is not a page's number; repeat --page for several"),
    ],
)
def test_a_wrong_option_is_explained(files: dict[str, str], words: list[str], said: str) -> None:
    result = run("read", files["two"], *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_output_that_cannot_be_written_is_no_fault_of_the_file(files: dict[str, str]) -> None:
    words = [sys.executable, "-m", "qrcascade", "read", files["two"], "--preset", "classical"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (2, "qrcascade: cannot write: No space left on device\n")


def test_what_is_found_is_drawn_and_explained(files: dict[str, str], tmp_path: Path) -> None:
    words = ["read", files["two"], files["blank"], "--preset", "classical", "--draw", str(tmp_path / "drawn")]
    result = run(*words, "--explain")
    assert result.exit_code == 1
    drawn = sorted((tmp_path / "drawn").rglob("*.png"))
    assert [path.name for path in drawn] == ["blank.png.page1.png", "two.png.page1.png"]
    with Image.open(drawn[1]) as after, Image.open(files["two"]) as before:
        assert after.size == before.size
        assert after.convert("RGB").getcolors(2**24) != before.convert("RGB").getcolors(2**24)
    assert f"2 drawings saved in {str(tmp_path / 'drawn')!r}" in result.stderr
    assert f"{files['two']}, page 1:" in result.stderr.replace("\\\\", "\\")
    assert "Tiny picture:" in result.stderr
    assert "Tiny picture:" not in result.stdout
    row = json.loads(run("read", files["blank"], "--json", "--explain", "--preset", "classical").stdout)
    assert "Tiny picture:" in row["explanation"]


def test_pages_are_read_by_number(tmp_path: Path) -> None:
    document = tmp_path / "invoices.pdf"
    document.write_bytes(pages.invoices("first", "second", "third"))
    words = ["read", str(document), "--preset", "classical", "--text"]
    assert run(*words, "--page", "3", "--page", "1").stdout.split() == ["third", "first"]
    lacking = run(*words, "--page", "4")
    assert (lacking.exit_code, lacking.stdout) == (2, "")
    assert "it has no page 4; it has 3" in lacking.stderr


def test_how_much_is_said(files: dict[str, str]) -> None:
    words = ["read", files["code"], files["blank"], files["missing"], "--preset", "classical"]
    quiet, plain, verbose = run(*words, "-q"), run(*words), run(*words, "-v")
    assert quiet.stdout.split("\t")[1] == plain.stdout.split("\t")[1] == "one\\nline"
    assert [len(result.stderr.splitlines()) for result in (quiet, plain, verbose)] == [1, 2, 4]
    said = r"code.png', page 1: 1 code, 1 attempt in [\d,]+ ms, nothing left to look for$"
    assert re.search(said, verbose.stderr, re.M)


def test_formats(files: dict[str, str]) -> None:
    assert (
        run("read", files["code"], "--formats", "MicroQRCode, RMQRCode", "--preset", "classical").exit_code
        == 1
    )
    assert run("read", files["code"], "--formats", "QRCode", "--preset", "classical").exit_code == 0
    Image.fromarray(barcode("PDF417")).save(files["blank"])
    for names in ("qr code, pdf-417", "all"):
        result = run("read", files["blank"], "--formats", names, "--preset", "classical", "--text")
        assert result.output.strip() == CONTENT["PDF417"][1]
    wrong = run("read", files["code"], "--formats", "Barcode")
    assert wrong.exit_code == 2
    assert "QRCodeModel1" in wrong.stderr
    assert wrong.stderr.endswith("got 'Barcode'; did you mean QRCode?\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--text", "--json"], "--text and --json exclude each other"),
        (["-q", "-v"], "--quiet and --verbose exclude each other"),
        (["--draw", os.devnull + "/x"], f"cannot save in '{os.devnull}/x'"),
    ],
)
def test_what_cannot_be_is_said_before_reading(files: dict[str, str], options: list[str], said: str) -> None:
    result = run("read", files["code"], *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_reading_that_is_cut_off_says_so(files: dict[str, str]) -> None:
    # So short that one engine begins, and no second one.
    result = run("read", files["blank"], "--timeout", "1e-9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "(timed out after 1e-09 s; 0 located, none read; --explain says why)" in result.stderr
    assert "timed out" not in run("read", files["blank"], "--timeout", "0").stderr
    (option,) = [o for o in main.get_command(click.Context(main), "read").params if o.name == "timeout"]  # type: ignore[union-attr]
    assert option.default == 10


def test_a_code_and_a_late_page(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    def read_late(file: str, **options: Any) -> Any:
        yield replace(qrcascade.read(file), timed_out=True, page=1)

    monkeypatch.setattr("qrcascade.cli.read.read_document", read_late)
    result = run("read", files["code"])
    assert result.exit_code == 0
    assert result.stderr == f"qrcascade: timed out after 10 s: {files['code']!r} may hold more\n"


HOSTILE = "a\\b\x7f\x9b2J\u202eevil\u2028end"


@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_terminals_are_safe_from_payloads_and_names(tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE}.png"
    Image.fromarray(draw.symbol(HOSTILE)[0]).save(path)
    blank = tmp_path / f"blank{HOSTILE}.png"
    Image.new("L", (40, 40), 255).save(blank)
    escaped = "a\\\\b\\u007f\\u009b2J\\u202eevil\\u2028end"
    plain = run("read", str(path), str(blank), "-v", "--explain", "--preset", "classical")
    name, text, *_ = plain.stdout.split("\t")
    assert (name, text) == (f"{tmp_path}/{escaped}.png", escaped)
    assert json.loads(f'"{text}"') == HOSTILE
    table = run("read", str(path), "--json", "--preset", "classical")
    row = json.loads(table.stdout)
    assert (row["file"], row["codes"][0]["text"]) == (str(path), HOSTILE)
    for printed in (plain.stdout, plain.stderr, table.stdout):
        assert not {*"\x7f\x9b\u202e\u2028"} & {*printed}
        assert printed.isascii()


def test_expect(files: dict[str, str]) -> None:
    assert run("read", files["two"], "--expect", "all", "--preset", "classical").exit_code == 0
    assert run("read", files["two"], "--expect", "2", "--timeout", "5").exit_code == 0
    wrong = run("read", files["two"], "--expect", "some")
    assert wrong.exit_code == 2
    assert "'some' is neither a positive number nor \"all\"" in wrong.stderr
    assert run("read", files["two"], "--expect", "9" * 5000).exit_code == 2


def test_an_engine_that_is_missing_is_told_once(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    def read_with_an_error(file: str, **options: Any) -> Any:
        attempt = qrcascade.Attempt("classical", "zbar", error="zbar is not available; to fix it: this")
        yield qrcascade.ReadResult((), (), (attempt,), (50, 50), 0.0, page=1)

    monkeypatch.setattr("qrcascade.cli.read.read_document", read_with_an_error)
    result = run("read", files["blank"], files["code"])
    assert result.stderr.count("no code in") == 2
    assert result.stderr.count("zbar is not available; to fix it: this") == 1


def test_a_page_that_cannot_be_rendered_is_an_error(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    def read_two(file: str, **options: Any) -> Any:
        yield replace(qrcascade.read(file), page=1)
        attempt = qrcascade.Attempt("document", "page 2", error="it is broken")
        yield qrcascade.ReadResult((), (), (attempt,), (0, 0), 0.0, page=2)

    monkeypatch.setattr("qrcascade.cli.read.read_document", read_two)
    result = run("read", files["code"])
    assert (result.exit_code, len(result.stdout.splitlines())) == (2, 1)
    assert result.stderr == f"qrcascade: {files['code']!r}, page 2: it is broken\n"
    rows = [json.loads(line) for line in run("read", files["code"], "--json").stdout.splitlines()]
    assert [row["error"] for row in rows] == [None, "it is broken"]


def test_documents_have_pages(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    blank = Image.fromarray(np.full((50, 50), 255, np.uint8))
    page = draw.page_of(draw.symbol("advert")[0], draw.symbol("fiscal")[0])
    path.write_bytes(pages.frames("TIFF", blank, Image.fromarray(page)))
    words = ["read", str(path), "--preset", "classical"]
    whole = run(*words)
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert [line.split("\t")[5] for line in whole.stdout.splitlines()] == ["2", "2"]
    fiscal = run(*words, "--accept", "^fiscal$")
    assert [line.split("\t")[1] for line in fiscal.stdout.splitlines()] == ["fiscal"]
    assert run(*words, "--accept", "^neither$").exit_code == 1
    assert [json.loads(line)["page"] for line in run(*words, "--json").stdout.splitlines()] == [1, 2]
    first = run(*words, "--max-pages", "1")
    assert (first.exit_code, first.stdout) == (1, "")
    assert "no code in" in first.stderr


def test_the_version_brings_in_nothing_but_click() -> None:
    program = (
        "import sys; sys.argv = ['qrcascade', '--version']\nfrom qrcascade.cli import main\ntry: main()\n"
    )
    program += "finally: print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "click" in done.stderr
    for heavy in ("numpy", "PIL", "cv2", "zxingcpp", "platformdirs", "json"):
        assert f"'{heavy}'" not in done.stderr


def test_every_command_has_help() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        for each in (command, *getattr(command, "commands", {}).values()):
            assert (each.help or "").partition("\n")[0].endswith((".", ":")) or "." in (each.help or "")
            assert not each.get_short_help_str().endswith("...")
            for option in each.params:
                if isinstance(option, click.Option):
                    assert re.match(r"[A-Z].*\.$", option.help or "", re.S), (each.name, option.name)


def test_an_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qrcascade.cli.read.read_document", interrupt)
    result = run("read", files["code"])
    assert (result.exit_code, result.stderr) == (130, "qrcascade: interrupted\n")


def test_version() -> None:
    assert run("--version").stdout == f"qrcascade, version {qrcascade.__version__}\n"


def test_doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    result = run("doctor")
    assert result.exit_code == 0
    assert "zxing-cpp 3" in result.stdout
    lines = {line[4:14].strip(): line for line in result.stdout.splitlines()}
    engines = ("zxing", "zbar", "opencv", "aruco")
    assert {*engines, "PDF", "HEIC", "Parquet", "server", "torch", "openvino", "onnx"} <= {*lines}
    # Whatever is missing, every line also says what to do.
    for name, line in lines.items():
        assert line[:4].strip() in ("ok", "no", "add")
        if not line.startswith("ok"):
            assert "; to fix it: " in line or "; to add " in line or "QRCASCADE_WEIGHTS" in line
            assert line.startswith("add") or name in (*engines, "PDF") or name.startswith("QReader")


def test_doctor_tells_what_could_be_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi")
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda runtime: [runtime])
    for module in ("pypdfium2", "pillow_heif", "fastapi", "uvicorn", "prometheus_client"):
        monkeypatch.setitem(sys.modules, module, None)
    text = run("doctor").stdout
    assert "no  PDF        not installed; to fix it: pip install pypdfium2" in text
    assert "add HEIC       not installed; to add it: pip install 'qrcascade[heif]'" in text
    assert "add server     not installed; to add it: pip install 'qrcascade[server]'" in text
    assert text.count("qrcascade[qreader]") == 1
    assert "QReader n" not in text
    # Half of an extra is a fault.
    monkeypatch.delitem(sys.modules, "fastapi")
    assert re.search("^no  server +it is broken: .*; to fix it: pip install", run("doctor").stdout, re.M)


def test_doctor_looks_at_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda _runtime: [])
    for size in "nsm":
        (tmp_path / f"qrdet-{size}.pt").write_bytes(b"weights")
        (tmp_path / f"qrdet-{size}.pt").chmod(0o644)
    with weights.check(tmp_path / "qrdet-s.pt", tmp_path / "copy.pt"):
        pass
    (tmp_path / "qrdet-m.pt.sha256").write_text(f"{'0' * 64}  qrdet-m.pt\n")
    before = sorted(tmp_path.iterdir())
    n, s, m, large = run("doctor").stdout.splitlines()[-4:]
    assert n.startswith("ok")
    assert n.endswith("qrdet-n.pt (unrecorded)")
    assert s.endswith("qrdet-s.pt (recorded)")
    assert m.startswith("no")
    assert "is not the known file" in m
    assert "to fix it: qrcascade weights fetch --size l" in large
    assert sorted(tmp_path.iterdir()) == before


def test_doctor_sees_two_cv2_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: "1.0")
    result = run("doctor")
    assert "opencv-python and opencv-python-headless" in result.stdout
    assert "pip uninstall -y opencv-python" in result.stdout

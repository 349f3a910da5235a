from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import qrcascade
from qrcascade.cli import main
from qrcascade.neural import weights
from tests import draw, pages


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


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


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


def test_json(files: dict[str, str]) -> None:
    result = run("read", "--json", files["code"], files["blank"], "--preset", "classical")
    code, blank = (json.loads(line) for line in result.stdout.splitlines())
    assert code["codes"][0]["text"] == "one\nline"
    assert bytes.fromhex(code["codes"][0]["data"]) == b"one\nline"
    assert np.shape(code["codes"][0]["quad"]) == (4, 2)
    assert code["attempts"][0]["step"] == "zxing raw"
    assert blank["codes"] == []
    assert len(blank["attempts"]) > 1


def test_expect(files: dict[str, str]) -> None:
    assert run("read", files["two"], "--expect", "all", "--preset", "classical").exit_code == 0
    assert run("read", files["two"], "--expect", "2", "--timeout", "5").exit_code == 0
    wrong = run("read", files["two"], "--expect", "some")
    assert wrong.exit_code == 2
    assert "'some' is neither a positive number nor \"all\"" in wrong.stderr


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


def test_version() -> None:
    assert run("--version").stdout == f"qrcascade, version {qrcascade.__version__}\n"


def test_doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    result = run("doctor")
    assert result.exit_code == 0
    assert "zxing-cpp 3" in result.stdout
    for name in ("zxing", "zbar", "opencv", "aruco", "QReader n", "QReader s", "QReader m", "QReader l"):
        assert name in result.stdout
    # Whatever is missing, every line that says no also says what to do.
    for line in result.stdout.splitlines():
        if line.startswith("no"):
            assert "to fix it: " in line or "QRCASCADE_WEIGHTS" in line


def test_doctor_looks_at_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda _runtime: [])
    for size in "nsm":
        (tmp_path / f"qrdet-{size}.pt").write_bytes(b"weights")
        (tmp_path / f"qrdet-{size}.pt").chmod(0o644)
    weights.check(tmp_path / "qrdet-s.pt")
    (tmp_path / "qrdet-m.pt.sha256").write_text(f"{'0' * 64}  qrdet-m.pt\n")
    before = sorted(tmp_path.iterdir())
    n, s, m, large = run("doctor").stdout.splitlines()[-4:]
    assert n.startswith("ok")
    assert n.endswith("qrdet-n.pt (unrecorded)")
    assert s.endswith("qrdet-s.pt (recorded)")
    assert m.startswith("no")
    assert "is another file" in m
    assert "to fix it: qrcascade weights fetch --size l" in large
    assert sorted(tmp_path.iterdir()) == before


def test_doctor_sees_two_cv2_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: "1.0")
    result = run("doctor")
    assert "opencv-python and opencv-python-headless" in result.stdout
    assert "pip uninstall -y opencv-python" in result.stdout

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from qrcascade.batch.journal import Journal, rows
from qrcascade.batch.pool import Record
from qrcascade.batch.tally import Tally
from qrcascade.cli import main
from qrcascade.cli.scan import list_files
from qrcascade.errors import OptionError
from tests import draw, pages

ROOT = Path(__file__).parents[1]


def run(*arguments: object, **options: Any) -> Result:
    words = ["scan", "--preset", "classical", "--workers", "1", *map(str, arguments)]
    return CliRunner().invoke(main, words, catch_exceptions=False, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A code, two, none, a document of three pages, something broken and something else."""
    made = tmp_path_factory.mktemp("scans")
    Image.fromarray(draw.symbol("one\nline")[0]).save(made / "a.png")
    (made / "deep").mkdir()
    two = draw.page_of(draw.symbol("=first")[0], draw.symbol("second")[0])
    Image.fromarray(two).save(made / "deep" / "b.JPG", quality=95)
    Image.fromarray(np.full((50, 50), 255, np.uint8)).save(made / "c.png")
    blank = Image.new("L", (60, 60), 255)
    (made / "d.tif").write_bytes(pages.frames("TIFF", blank, Image.fromarray(draw.symbol("third")[0]), blank))
    (made / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (made / "notes.doc").write_bytes(b"")
    return made


def test_a_folder_becomes_rows(folder: Path, tmp_path: Path) -> None:
    out, failed = tmp_path / "rows" / "results.jsonl", tmp_path / "failed"
    result = run(folder, "--out", out, "--ordered", "--failed-to", failed)
    assert result.exit_code == 2
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    names = ["a.png", "c.png", "d.tif", "d.tif", "d.tif", "e.png", str(Path("deep", "b.JPG"))]
    assert [row["file"] for row in found] == [str(folder / name) for name in names]
    assert [row["page"] for row in found] == [1, 1, 1, 2, 3, None, 1]
    assert [row["rows"] for row in found] == [1, 1, 3, 3, 3, 1, 1]
    assert [[code["text"] for code in row.get("codes", ())] for row in found[:5]] == [
        ["one\nline"],
        [],
        [],
        ["third"],
        [],
    ]
    assert "cannot read" in found[5]["error"]
    assert "1 files of other kinds were skipped" in result.stderr
    assert "5 files, 0 of them done already" in result.stderr
    assert "files: 5; read 3 (60.0 %); errors 1" in result.stdout
    assert "pages: 6; read 3 (50.0 %)" in result.stdout
    assert "by classical: 3 (50.0 %)" in result.stdout
    assert sorted(p.name for p in failed.rglob("*") if p.is_file()) == ["c.png", "e.png"]

    before = out.read_bytes()
    again = run(folder, "--out", out)
    assert "5 files, 5 of them done already" in again.stderr
    assert out.read_bytes() == before
    assert again.stdout == result.stdout


def test_tables(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    for kind in ("csv", "parquet"):
        out = tmp_path / f"results.{kind}"
        assert run(folder, "--out", out, "--ordered").exit_code == 2
        assert [p.name for p in tmp_path.glob(".*")] == []
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    arrow = parquet.read_table(tmp_path / "results.parquet").to_pylist()
    assert [row["text"] for row in arrow][:5] == ["one\nline", None, None, "third", None]
    assert sorted(arrow[-1]["texts"]) == ["=first", "second"]
    assert [row["read"] for row in arrow] == [True, False, False, True, False, False, True]
    assert [row["error"] is None for row in arrow] == [True] * 5 + [False, True]
    for plain, typed in zip(table, arrow, strict=True):
        assert list(plain) == list(typed)
        assert json.loads(plain["texts"]) == typed["texts"]
        for name in ("file", "text", "page", "width", "version", "error"):
            assert plain[name] == ("" if typed[name] is None else str(typed[name]))
    # Made anew from the rows beside it.
    (tmp_path / "results.csv").unlink()
    assert "5 of them done already" in run(folder, "--out", tmp_path / "results.csv").stderr
    assert (tmp_path / "results.csv").exists()


def test_globs_lists_and_files(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'a.png'}\n\n{folder / 'c.png'}\n")
    cases: list[tuple[list[object], list[str]]] = [
        ([folder / "*.png"], ["a.png", "c.png", "e.png"]),
        ([folder / "**" / "*.JPG"], ["b.JPG"]),
        ([folder], ["a.png", "c.png", "d.tif", "e.png", "b.JPG"]),
        ([folder / "notes.doc"], ["notes.doc"]),
        ([listed], ["a.png", "c.png"]),
        (["-"], ["a.png", "c.png"]),
        ([folder / "c.png", folder / "missing.png", listed], ["c.png", "missing.png", "a.png", "c.png"]),
    ]
    for words, names in cases:
        monkeypatch.setattr("sys.stdin", io.StringIO(listed.read_text()))
        assert [Path(file).name for file in list_files(map(str, words), None)] == names
    # A folder of failures within the scanned one is not scanned.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    Image.new("L", (40, 40), 255).save(tmp_path / "in" / "blank.png")
    for _ in range(2):
        assert run("in", "--out", "in.jsonl", "--failed-to", "in/failed").exit_code == 1
    assert [p for p in Path("in/failed").rglob("*") if p.is_file()] == [Path("in/failed/in/blank.png")]
    assert len(list(rows(Path("in.jsonl")))) == 1


def test_options_reach_the_reading(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    words = ["--out", out, "--accept", "^second$", "--expect", "1", "--stop-early"]
    assert run(folder / "deep" / "b.JPG", folder / "d.tif", "--ordered", *words).exit_code == 1
    two, *others = rows(out)
    assert {code["text"]: code["accepted"] for code in two["codes"]} == {"=first": False, "second": True}
    assert len(others) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x.txt"], "must end in one of .jsonl"),
        (["--out", "x.csv", "--accept", "("], "not a valid regular expression"),
        (["--out", "x.csv", "--expect", "0"], "neither a positive number"),
        ([], "--out"),
    ],
)
def test_wrong_commands(words: list[str], message: str) -> None:
    result = run("folder", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_the_parquet_extra(monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(folder, "--out", tmp_path / "x.parquet")
    assert result.exit_code == 2
    assert "pip install 'qrcascade[parquet]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def written(path: Path, *files: tuple[str, int]) -> bytes:
    with Journal(path) as journal:
        for name, count in files:
            journal.write([Record(0, name, page, None, "why", count) for page in range(1, count + 1)])
    return path.read_bytes()


def test_a_journal_cut_anywhere_goes_on_with_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    whole = written(path, ("a", 1), ("b\udcff", 3), ("c", 2), ("a", 1))
    lines = whole.splitlines(keepends=True)
    # Bytes after which so many rows are whole files'.
    ends = [0, *(len(b"".join(lines[:n])) for n in (1, 4, 6, 7))]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            kept = path.read_bytes()
        assert len(kept) == max(end for end in ends if end <= cut)
        assert kept == whole[: len(kept)]
        assert journal.done == {row["file"] for row in rows(path)}
    assert "b\\udcff" in journal.done


@pytest.mark.parametrize("text", ["a list\n", "{}\n", '{"file": 1, "rows": 1}\n', "\n", "[]\n"])
def test_another_file_is_not_gone_on_with(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(OptionError, match="line 1 is not a row"):
        Journal(path)
    assert path.read_text() == text


def test_summary() -> None:
    def row(file: str, of: int, ms: float | None, strategy: str | None = None, **more: Any) -> dict[str, Any]:
        codes = [{"strategy": strategy, "accepted": True}] if strategy else []
        timed = {} if ms is None else {"ms": ms, "codes": codes}
        return {"file": file, "rows": of, "error": None, **timed, **more}

    summary = Tally(
        [
            *(row(f"{n}", 1, float(n), "grid" if n > 95 else "classical") for n in range(1, 101)),
            row("long", 3, 90.0),
            row("long", 3, 90.0, "qreader s"),
            row("long", 3, 90.0, error="broken"),
            row("gone", 1, None, error="no such file"),
            row("other", 1, 1.0, codes=[{"strategy": "grid", "accepted": False}]),
        ]
    )
    assert (summary.files, summary.read_files, summary.broken_files) == (103, 101, 2)
    assert (summary.pages, summary.read_pages) == (104, 101)
    assert summary.strategies == {"classical": 95, "grid": 5, "qreader s": 1}
    assert summary.slowest[:2] == [(270.0, "long"), (100.0, "100")]
    assert summary.percentile(1.0) == 100
    assert summary.percentile(0.5) == sorted(summary.ms)[51]
    assert Tally([]).lines() == ["files: 0; read 0; errors 0"]


KILLS = [
    pytest.param(40, 2, id="fast"),
    pytest.param(400, 10, marks=pytest.mark.corpus, id="ten kills"),
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize(("files", "kills"), KILLS)
def test_a_killed_batch_resumes_to_one_row_a_file(files: int, kills: int, tmp_path: Path) -> None:
    folder, out = tmp_path / "scans", tmp_path / "rows.jsonl"
    folder.mkdir()
    for number in range(files):
        Image.fromarray(draw.symbol(f"file {number}")[0]).save(folder / f"{number}.png")
    command = [
        sys.executable,
        "-c",
        "from qrcascade.cli import main; main()",
        "scan",
        str(folder),
        "--out",
        str(out),
    ]
    command += ["--preset", "classical", "--workers", "2"]
    quiet = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "env": {**os.environ, "PYTHONPATH": str(ROOT)},
    }
    rng = random.Random(7)
    known = 0
    for _ in range(kills):
        process = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
        # Once there are some more rows, and a moment later.
        more = known + rng.randint(0, files // (kills + 1))
        while process.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") <= more):
            time.sleep(0.005)
        time.sleep(rng.random() * 0.05)
        if process.poll() is not None:
            break  # done before it could be killed
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = out.read_bytes().count(b"\n")
        assert now >= known
        known = now
    assert known > 0
    subprocess.run(command, check=True, **quiet)  # type: ignore[call-overload]
    found = Counter(row["file"] for row in rows(out))
    assert found == {str(folder / f"{number}.png"): 1 for number in range(files)}
    assert all(row["codes"] for row in rows(out))

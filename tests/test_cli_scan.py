from __future__ import annotations

import csv
import io
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from qrcascade import Attempt, Cascade, DocumentError, ImageError, ReadResult
from qrcascade.batch import jobs, pool
from qrcascade.batch.journal import Journal, Stamp, rows
from qrcascade.batch.pool import Record, row_name
from qrcascade.batch.tally import Tally
from qrcascade.cli import main
from qrcascade.cli.files import list_files
from qrcascade.documents.document import DOCUMENT
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


@pytest.mark.parametrize("name", ["ledger.csv", "ledger.parquet", "ledger.jsonl"])
def test_a_file_that_is_no_table_of_a_scan_is_left_alone(folder: Path, tmp_path: Path, name: str) -> None:
    ledger = tmp_path / name
    ledger.write_bytes(b"name,amount\nMiller,12.50\n")
    result = run(folder / "a.png", "--out", ledger)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "scan" in result.stderr
    assert "this one away" in result.stderr
    assert ledger.read_bytes() == b"name,amount\nMiller,12.50\n"
    assert list(tmp_path.iterdir()) == [ledger]


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
    assert f"{str(folder)!r}: skipped 1 file of another kind" in result.stderr
    assert "5 files, 5 to read" in result.stderr
    assert {json.dumps(row["options"]) for row in found} == {
        '{"document_timeout": 600.0, "formats": ["QRCode", "QRCodeModel1"], '
        '"preset": "classical", "timeout": 10.0}'
    }
    assert all(row["path"] == str(Path(row["file"]).resolve()) for row in found)
    assert found[0]["bytes"] == (folder / "a.png").stat().st_size
    assert "files: 5; read 3 (60.0 %); errors 1" in result.stdout
    assert "pages: 6; read 3 (50.0 %)" in result.stdout
    assert re.search(rf"^errors:\n  {re.escape(str(folder / 'e.png'))}: \S", result.stdout, re.M)
    assert f"ms  {folder / 'e.png'}" not in result.stdout
    assert "by classical: 3 (50.0 %)" in result.stdout
    assert sorted(p.name for p in failed.rglob("*") if p.is_file()) == ["c.png", "e.png"]

    before = out.read_bytes()
    again = run(folder, "--out", out)
    assert "5 files, 0 to read" in again.stderr
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
    assert "5 files, 0 to read" in run(folder, "--out", tmp_path / "results.csv").stderr
    assert (tmp_path / "results.csv").exists()


def test_globs_lists_and_files(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.txt"
    # With a byte order mark, as editors on Windows write it.
    listed.write_text(f"\ufeff{folder / 'a.png'}\n\n{folder / 'c.png'}\n", encoding="utf-8")
    cases: list[tuple[list[object], list[str]]] = [
        ([folder / "*.png"], ["a.png", "c.png", "e.png"]),
        ([folder / "**" / "*.JPG"], ["b.JPG"]),
        ([folder], ["a.png", "c.png", "d.tif", "e.png", "b.JPG"]),
        ([folder / "notes.doc"], ["notes.doc"]),
        ([listed], ["a.png", "c.png"]),
        (["-"], ["a.png", "c.png"]),
        ([folder / "c.png", listed], ["c.png", "a.png", "c.png"]),
    ]
    for words, names in cases:
        monkeypatch.setattr("sys.stdin", io.StringIO(listed.read_text(encoding="utf-8")))
        assert [Path(file).name for file in list_files(map(str, words), None)] == names
    listed.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    result = run(str(listed), "--out", str(tmp_path / "rows.jsonl"))
    assert result.exit_code == 2
    assert "is not a list of paths, one per line" in " ".join(result.stderr.split())
    # A folder of failures within the scanned one is not scanned.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    Image.new("L", (40, 40), 255).save(tmp_path / "in" / "blank.png")
    for _ in range(2):
        assert run("in", "--out", "in.jsonl", "--failed-to", "in/failed").exit_code == 1
    assert [p for p in Path("in/failed").rglob("*") if p.is_file()] == [Path("in/failed/in/blank.png")]
    assert len(list(rows(Path("in.jsonl")))) == 1


@pytest.mark.slow
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
        (["--out", "x.csv"], "there is no file or folder 'folder'"),
    ],
)
def test_wrong_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("folder", *words)
    assert not list(tmp_path.iterdir())
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
            records = [Record(0, name, page, None, "why", count) for page in range(1, count + 1)]
            journal.write(records, Stamp(row_name(name), "{}"))
    return path.read_bytes()


def test_a_journal_cut_anywhere_goes_on_with_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    whole = written(path, ("a", 1), ("b\udcff", 3), ("c", 2), ("a", 1))
    lines = whole.splitlines(keepends=True)
    # Bytes after which so many rows are whole files'.
    ends = [0, *(len(b"".join(lines[:n])) for n in (1, 4, 6, 7))]
    edges = [len(b"".join(lines[:n])) for n in range(len(lines) + 1)]
    beside = {edge + shift for edge in edges for shift in (-1, 0, 1)} & {*range(len(whole) + 1)}
    for cut in sorted({*range(0, len(whole), 29), *beside}):
        path.write_bytes(whole[:cut])
        with Journal(path) as journal:
            kept = path.read_bytes()
        assert len(kept) == max(end for end in ends if end <= cut)
        assert kept == whole[: len(kept)]
        assert {*journal.done} == {row["file"] for row in rows(path)}
    assert "b\\udcff" in journal.done
    with Journal(path) as journal:
        journal.tidy()
    # Of the two that are of one source, the later one stays.
    assert path.read_bytes() == b"".join(lines[1:])
    with Journal(path) as journal:
        journal.tidy(without=["c", "a"])
    assert path.read_bytes() == b"".join(lines[1:4])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


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
        return {"file": file, "page": 1, "rows": of, "error": None, **timed, **more}

    summary = Tally(
        [
            *(row(f"{n}", 1, float(n), "grid" if n > 95 else "classical") for n in range(1, 101)),
            row("long", 3, 90.0),
            row("long", 3, 90.0, "qreader s"),
            row("long", 3, 90.0, error="broken"),
            row("gone", 1, None, page=None, error="cannot read 'gone': no such file"),
            row("other", 1, 1.0, codes=[{"strategy": "grid", "accepted": False}], timed_out=True),
        ]
    )
    assert (summary.files, summary.read_files, summary.broken_files) == (103, 101, 2)
    assert (summary.pages, summary.read_pages) == (104, 101)
    assert summary.strategies == {"classical": 95, "grid": 5, "qreader s": 1}
    assert summary.slowest[:2] == [(270.0, "long"), (100.0, "100")]
    assert list(summary.error_lines()) == ["errors:", "  long: page 1: broken", "  gone: no such file"]
    assert "1 page timed out, and may hold more" in summary.lines()
    many = Tally(row(f"{n}", 1, None, error="why") for n in range(22))
    assert many.lines()[-1] == "  and 2 more files, which the table names"
    assert summary.percentile(1.0) == 100
    assert summary.percentile(0.5) == sorted(summary.ms)[51]
    assert Tally([]).lines() == ["files: 0; read 0; errors 0"]


def read_here(files: Iterable[str], **how: Any) -> Iterator[tuple[Record, ...]]:
    """Read as `read_groups` does, but without the time that worker processes take to start."""
    limit_s = how.pop("document_timeout") or math.inf
    cascade, _, _ = how.pop("cascade"), how.pop("workers"), how.pop("ordered")
    for index, file in enumerate(files):
        job = jobs.Job(index, file, file)
        try:
            job.results.extend(jobs.read_pages(None, file, cascade, how, limit_s))  # type: ignore[arg-type]
        except ImageError as error:
            job.error = str(error)
        yield pool._records(job)


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a folder of three pictures: two with a code, and a broken one."""
    monkeypatch.setattr("qrcascade.cli.scan.read_groups", read_here)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.fromarray(draw.symbol(name)[0]).save(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "c.png").write_bytes(b"nothing")
    return tmp_path


def texts(out: Path = Path("out.jsonl")) -> dict[str, list[str]]:
    """The texts of each file, which has one row."""
    found = list(rows(out))
    assert len({row["path"] for row in found}) == len(found)
    return {Path(row["file"]).name: [code["text"] for code in row.get("codes", ())] for row in found}


def test_other_options_and_changed_files_are_read_anew(three: Path) -> None:
    assert run("in", "--out", "out.jsonl").exit_code == 2
    assert "3 files, 0 to read" in run("in", "--out", "out.jsonl").stderr
    Image.fromarray(draw.symbol("changed")[0]).save("in/b.png")
    assert "3 files, 0 to read" in run("in", "--out", "out.jsonl", "--resume", "files").stderr
    assert texts() == {"a.png": ["a"], "b.png": ["b"], "c.png": []}
    changed = run("in", "--out", "out.jsonl")
    assert "3 files, 1 to read" in changed.stderr
    assert "1 file read again: changed since" in changed.stderr
    assert texts() == {"a.png": ["a"], "b.png": ["changed"], "c.png": []}
    # How many processes read, and in which order, changes nothing.
    assert "3 files, 0 to read" in run("in", "--out", "out.jsonl", "--workers", "2", "--ordered").stderr
    other = run("in", "--out", "out.jsonl", "--accept", "^a$", "--expect", "2")
    assert "3 files read again: accept was None, is ^a$; expect was None, is 2" in other.stderr
    assert [row["options"]["accept"] for row in rows(Path("out.jsonl"))] == ["^a$"] * 3


def test_errors_are_read_again_when_asked(three: Path) -> None:
    run("in", "--out", "out.csv")
    Image.fromarray(draw.symbol("c")[0]).save("in/c.png")
    assert "3 files, 0 to read" in run("in", "--out", "out.csv", "--resume", "files").stderr
    again = run("in", "--out", "out.csv", "--resume", "files", "--retry-errors")
    assert "3 files, 1 to read" in again.stderr
    assert again.exit_code == 0
    assert texts(Path("out.csv.jsonl")) == {name + ".png": [name] for name in "abc"}


def test_what_is_gone_and_what_there_is_not(three: Path) -> None:
    run("in", "--out", "out.jsonl")
    (three / "in" / "c.png").unlink()
    assert (
        "2 files, 0 to read\n1 more file in the table, from earlier scans"
        in run("in", "--out", "out.jsonl").stderr
    )
    (three / "none").mkdir()
    nothing = run("none", "in/gone*", "--out", "none.jsonl")
    assert nothing.exit_code == 1
    assert "the sources hold no picture or document" in nothing.stderr


def test_one_file_has_one_row(three: Path) -> None:
    (three / "link").symlink_to(three / "in", target_is_directory=True)
    result = run("in", three / "in", "./in/../in/a.png", "link", "--out", "out.jsonl")
    assert "3 files, 3 to read" in result.stderr
    assert [row["file"] for row in rows(Path("out.jsonl"))] == [f"in/{name}.png" for name in "abc"]
    assert "3 files, 0 to read" in run(three / "in", "--out", "out.jsonl").stderr


def test_a_folder_that_cannot_be_read_is_an_error(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (three / "in" / "locked").mkdir()
    found = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return found(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = run("in/a.png", "in/b.png", "in", "--out", "out.jsonl")
    assert result.exit_code == 2
    assert "in/locked: " in result.stdout.replace("\\\\", "/")
    assert [row["error"] is None for row in rows(Path("out.jsonl"))].count(False) == 2


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes")
def test_a_named_pipe_ends_with_its_timeout(three: Path) -> None:
    os.mkfifo("in/never.png")
    result = run("in/never.png", "--out", "out.jsonl", "--timeout", "0.05")
    assert result.exit_code == 2
    assert "in/never.png: timed out, nothing came for 0.05 s" in result.stdout


def test_a_document_ends_with_its_time(three: Path) -> None:
    blank = Image.new("L", (60, 60), 255)
    Path("many.gif").write_bytes(pages.frames("GIF", *(blank.point([i] * 256) for i in range(5))))
    result = run("many.gif", "--out", "out.jsonl", "--document-timeout", "1e-9")
    assert result.exit_code == 2
    first, last = rows(Path("out.jsonl"))
    assert (first["page"], last["page"]) == (1, None)
    assert last["error"] == "timed out: read 1 page within 1e-09 s, and not the rest"
    assert run("many.gif", "--out", "all.jsonl", "--document-timeout", "0").exit_code == 1
    assert len(list(rows(Path("all.jsonl")))) == 5


def test_a_document_with_nothing_but_broken_pages_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ReadResult((), (), (Attempt(DOCUMENT, "page", error="broken"),), (0, 0), 0.0)
    monkeypatch.setattr("qrcascade.batch.jobs.read_document", lambda *_, **__: iter([broken] * 100))
    coming = jobs.read_pages(None, b"", Cascade.preset("classical"), {}, math.inf)  # type: ignore[arg-type]
    assert [next(coming) for _ in range(20)] == [broken] * 20
    with pytest.raises(DocumentError, match="given up: 20 pages in a row could not be rendered"):
        next(coming)


def test_two_scans_into_one_table_are_refused(three: Path) -> None:
    with Journal(Path("out.jsonl")):
        result = run("in", "--out", "out.jsonl")
        assert result.exit_code == 2
        assert "another scan is writing 'out.jsonl'" in result.stderr
        assert Path("out.jsonl").read_bytes() == b""
    run("in", "--out", "out.jsonl")
    assert texts() == {"a.png": ["a"], "b.png": ["b"], "c.png": []}
    assert sorted(p.name for p in three.iterdir()) == ["in", "out.jsonl"]


@pytest.mark.slow
def test_a_lock_does_not_outlive_its_process(three: Path) -> None:
    program = "import os; from pathlib import Path; from qrcascade.batch.journal import Journal\n"
    program += "Journal(Path('out.jsonl')); os._exit(1)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert Path(".out.jsonl.lock").exists()
    assert "3 files, 3 to read" in run("in", "--out", "out.jsonl").stderr


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_copies_of_failures_follow_no_links(three: Path) -> None:
    (three / "secret").write_text("secret")
    (three / "elsewhere").mkdir()
    (three / "in" / "link.png").symlink_to(three / "secret")
    (three / "failed" / "in").mkdir(parents=True)
    (three / "failed" / "in" / "c.png").symlink_to(three / "secret")
    assert run("in", "--out", "out.jsonl", "--failed-to", "failed").exit_code == 2
    assert (three / "secret").read_text() == "secret"
    assert (three / "failed" / "in" / "c.png").read_bytes() == b"nothing"
    assert not (three / "failed" / "in" / "c.png").is_symlink()
    assert (three / "failed" / "in" / "link.png").is_symlink()
    # A folder that leads elsewhere is refused, and the scan goes on.
    shutil.rmtree(three / "failed" / "in")
    (three / "failed" / "in").symlink_to(three / "elsewhere", target_is_directory=True)
    result = run("in", "--out", "other.jsonl", "--failed-to", "failed")
    assert "2 files could not be copied to 'failed': 'failed/in' is a link that leads out" in result.stderr
    assert not list((three / "elsewhere").iterdir())
    assert len(list(rows(Path("other.jsonl")))) == 4


def test_a_full_disk_of_copies_does_not_end_the_scan(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy2", copy)
    result = run("in", "--out", "out.jsonl", "--failed-to", "failed")
    assert "1 file could not be copied to 'failed': No space left on device" in result.stderr
    assert texts() == {"a.png": ["a"], "b.png": ["b"], "c.png": []}
    assert [p for p in Path("failed").rglob("*") if p.is_file()] == []


def test_cells_that_are_formulas_are_told(three: Path) -> None:
    for name in "ab":
        Image.fromarray(draw.symbol(f"=1+1 {name}")[0]).save(f"in/{name}.png")
    result = run("in", "--out", "out.csv")
    assert "spreadsheets run cells that begin with = + - @ as formulas: 2 cells in 'out.csv'" in result.stderr
    assert "formulas" not in run("in", "--out", "out.jsonl").stderr


def test_how_much_is_said(three: Path) -> None:
    quiet = run("in", "--out", "1.jsonl", "-q")
    assert (quiet.stdout, len(quiet.stderr.splitlines())) == ("", 2)
    verbose = run("in", "--out", "2.jsonl", "-v", "--ordered")
    assert "[1 of 3] 'in/a.png': 1 code" in verbose.stderr.replace("\\\\", "/")
    assert "[3 of 3] 'in/c.png': 0 codes; cannot read" in verbose.stderr.replace("\\\\", "/")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups to interrupt")
@pytest.mark.slow
def test_an_interrupted_scan_says_how_far_it_came(tmp_path: Path) -> None:
    # So many that they are never all done by the time of the signal.
    noise = np.random.default_rng(1).integers(0, 256, (700, 700), np.uint8)
    Image.fromarray(noise).save(tmp_path / "0.png")
    for number in range(1, 300):
        shutil.copy(tmp_path / "0.png", tmp_path / f"{number}.png")
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "qrcascade", "scan", str(tmp_path), "--out", str(out), "--workers", "2"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Who runs the tests may ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while process.poll() is None and not (out.exists() and out.stat().st_size):
        time.sleep(0.01)
    # As a terminal does: to all processes.
    os.killpg(process.pid, signal.SIGINT)
    printed, told = process.communicate()
    assert process.returncode == 130
    assert printed == ""
    assert "Traceback" not in told
    said = re.search(r"interrupted: (\d+) of 300 done; run again to go on", told)
    assert said is not None
    assert 0 < int(said[1]) == len(list(rows(out))) < 300


def test_a_scan_interrupted_behind_a_row_counts_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def write_and_interrupt(journal: Journal, *what: Any) -> None:
        write(journal, *what)
        raise KeyboardInterrupt

    out = tmp_path / "out.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "write", write_and_interrupt)
        for number in (1, 2):
            result = run(folder, "--out", out)
            assert result.exit_code == 130
            assert f"interrupted: {number} of 5 done" in result.stderr
    assert "5 files, 3 to read" in run(folder, "--out", out).stderr


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

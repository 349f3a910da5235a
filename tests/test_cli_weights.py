"""``qrcascade weights``: what it prints, and its exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qrcascade.cli import main
from qrcascade.neural import weights
from tests.loopback import Server, checkpoint, names, status, whole

BODY = checkpoint()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own_network: None) -> Path:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, ["weights", *arguments], input=answer, catch_exceptions=False)


def test_fetch_list_and_verify(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        for _ in range(2):
            fetched = run("fetch", "--accept-licence")
            assert fetched.exit_code == 0
            assert fetched.stdout.splitlines() == [str(folder / f"qrdet-{size}.pt") for size in "sm"]
        assert server.asked == ["/qrdet-s.pt", "/qrdet-m.pt"], "what is there is not fetched again"
    rows = [line.split("\t") for line in run("list").stdout.splitlines() if "\t" in line]
    assert [row[:3] for row in rows] == [
        ["n", "missing", "-"],
        ["s", "recorded", str(len(BODY))],
        ["m", "recorded", str(len(BODY))],
        ["l", "missing", "-"],
    ]
    assert rows[1][3:] == [str(folder / "qrdet-s.pt"), f"{server.url}/qrdet-s.pt"]
    verified = run("verify")
    assert verified.exit_code == 0
    digest = weights.sha256(folder / "qrdet-s.pt")
    assert verified.stdout == "".join(f"{digest}\trecorded\t{folder}/qrdet-{size}.pt\n" for size in "sm")


@pytest.mark.parametrize(
    ("arguments", "environment", "exit_code"),
    [
        ([], {}, 2),
        ([], {"QRCASCADE_ACCEPT_LICENCE": "1"}, 0),
        (["--accept-licence"], {}, 0),
        (["--accept-licence"], {"QRCASCADE_OFFLINE": "1"}, 1),
    ],
)
def test_the_licence_is_shown_first(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    arguments: list[str],
    environment: dict[str, str],
    exit_code: int,
) -> None:
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = run("fetch", "--size", "l", *arguments)
        assert result.exit_code == exit_code
        assert result.stderr.startswith(weights.LICENCE)
        assert (folder / "qrdet-l.pt").exists() == (exit_code == 0)
        assert server.asked == (["/qrdet-l.pt"] if exit_code == 0 else [])


@pytest.mark.parametrize(("answer", "exit_code"), [("y\n", 0), ("n\n", 2)])
def test_at_a_terminal_it_asks(
    monkeypatch: pytest.MonkeyPatch, folder: Path, answer: str, exit_code: int
) -> None:
    monkeypatch.setattr("qrcascade.cli.weights.is_at_terminal", lambda: True)
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        assert run("fetch", "--size", "s", answer=answer).exit_code == exit_code
    assert (folder / "qrdet-s.pt").exists() == (exit_code == 0)


def test_what_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with Server(status(404), whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        result = run("fetch", "--accept-licence")
    assert result.exit_code == 1
    assert f"{server.url}/qrdet-s.pt: fetching failed" in result.stderr
    assert result.stdout == f"{folder}/qrdet-m.pt\n", "the others are fetched"


def test_verify_says_what_is_wrong(folder: Path) -> None:
    nothing = run("verify")
    absent = f"qrcascade: no weights in {folder}; to fetch them: qrcascade weights fetch\n"
    assert (nothing.exit_code, nothing.stderr) == (1, absent)
    folder.mkdir()
    file = folder / "qrdet-s.pt"
    file.write_bytes(BODY)
    file.chmod(0o644)
    unknown = run("verify")
    assert unknown.exit_code == 1
    assert "\tunrecorded\t" in unknown.stdout
    assert names(folder) == ["qrdet-s.pt"], "nothing is recorded"
    with weights.check(file, folder.parent / "copy.pt"):
        pass
    assert run("verify").exit_code == 0
    assert run("verify", "--size", "s", "--size", "m").exit_code == 1, "what is asked for must be there"
    file.write_bytes(b"PK")
    changed = run("verify")
    assert changed.exit_code == 1
    assert "is not the known file" in changed.stderr
    assert "s\trefused\t2\t" in run("list").stdout


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_all_may_write(folder: Path) -> None:
    folder.mkdir()
    (folder / "qrdet-s.pt").write_bytes(BODY)
    (folder / "qrdet-s.pt").chmod(0o666)
    result = run("verify")
    assert result.exit_code == 1
    assert f"chmod o-w {folder}/qrdet-s.pt" in result.stderr
    fetched = run("fetch", "--size", "s")
    assert (fetched.exit_code, fetched.stdout) == (1, "")


def test_import(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "qrdet-m.pt").write_bytes(BODY)
    (tmp_path / "best.pt").write_bytes(BODY)
    (tmp_path / "page.pt").write_bytes(b"<html>")
    placed = run("import", str(tmp_path / "qrdet-m.pt"))
    assert (placed.exit_code, placed.stdout) == (0, f"{folder}/qrdet-m.pt\n")
    assert run("import", str(tmp_path / "best.pt"), "--size", "n", "--folder", str(tmp_path)).exit_code == 0
    assert (tmp_path / "qrdet-n.pt").read_bytes() == BODY
    assert run("verify").exit_code == 0
    nameless = run("import", str(tmp_path / "best.pt"))
    assert nameless.exit_code == 2
    assert "--size" in nameless.stderr
    page = run("import", str(tmp_path / "page.pt"), "--size", "s")
    assert page.exit_code == 1
    assert "not a complete checkpoint" in page.stderr
    assert run("import", str(tmp_path / "nowhere.pt")).exit_code == 2


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def homeless(*_: object, **__: object) -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("QRCASCADE_WEIGHTS")
    monkeypatch.setattr("platformdirs.user_cache_path", homeless)
    for command in (["list"], ["verify"], ["fetch", "--accept-licence"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "QRCASCADE_WEIGHTS" in result.stderr

"""The README's snippets run as printed, in order, from the repository's root."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from qrcascade import Cascade
from qrcascade.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_python_snippets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks("python")):
        exec(compile(block, f"README.md python block {number}", "exec"), names)
    assert capsys.readouterr().out.count("https://example.com/verify?") >= 3
    # The strategy of one's own comes after the classical tier, which reads the picture: run it alone, too.
    own = Cascade([names["RedOnly"]()])  # type: ignore[operator]
    assert own.read("examples/photo.jpg").errors == ()
    assert own.read("examples/photo.jpg").text


def test_command_line_snippets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("qrcascade ")]
    assert len(lines) == 3
    for line in lines:
        words = [
            str(file) if "*" in word else word
            for word in shlex.split(line, comments=True)[1:]
            for file in (sorted(Path().glob(word)) if "*" in word else [word])
        ]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", ["try", "test"])
def test_the_two_lines_are_where_ci_looks(name: str) -> None:
    """`.ci/run` runs the one line under each marker."""
    block = re.search(rf"^<!-- {name} -->\n```sh\n(.*?)^```", README, re.M | re.S)
    assert block is not None
    assert block[1].startswith("python3 -m venv .venv && ")
    assert block[1].count("\n") == 1


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"

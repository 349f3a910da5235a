"""The README's snippets run as printed, in order, beside the examples; so do those of the Spanish one."""

from __future__ import annotations

import io
import re
import shlex
import tokenize
from pathlib import Path

import pytest
from click.testing import CliRunner

from qrcascade.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SPANISH = (ROOT / "README.es.md").read_text("utf-8")
both = pytest.mark.parametrize("readme", [README, SPANISH], ids=["english", "spanish"])


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", readme, re.M | re.S)


@pytest.fixture
def beside_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run the snippets where they find the examples, and what they write is not left in the checkout."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)


@both
@pytest.mark.usefixtures("beside_examples")
def test_python_snippets(readme: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(readme, "python")):
        exec(compile(block, f"README python block {number}", "exec"), names)
    assert capsys.readouterr().out.count("https://example.com/verify?") >= 3
    assert names["page"].text.startswith("BCD\n")  # type: ignore[attr-defined]


@both
@pytest.mark.usefixtures("beside_examples")
def test_command_line_snippets(readme: str) -> None:
    lines = [line for block in blocks(readme, "sh") for line in block.splitlines()]
    lines = [line for line in lines if line.startswith("qrcascade ")]
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


def code(block: str) -> list[str]:
    """The words of a Python block without its comments and docstrings, whatever their language."""
    words = tokenize.generate_tokens(io.StringIO(block).readline)
    left_out = (tokenize.COMMENT, tokenize.NL)
    return [word.string for word in words if word.type not in left_out and not word.string.startswith('"""')]


def test_the_spanish_one_has_the_same_content() -> None:
    """The same headings, code, commands, figures and links, part by part."""
    english, spanish = (re.split(r"^## .*$", text, flags=re.M) for text in (README, SPANISH))
    assert len(english) == len(spanish)
    for one, other in zip(english, spanish, strict=True):
        where = one.strip()[:60]
        assert [*map(code, blocks(one, "python"))] == [*map(code, blocks(other, "python"))], where
        lines = [[re.sub(r"\s+#.*", "", block) for block in blocks(text, "sh")] for text in (one, other)]
        assert lines[0] == lines[1], where
        for pattern in (r"^\|", r"^- "):
            assert len(re.findall(pattern, one, re.M)) == len(re.findall(pattern, other, re.M)), where
        links = [
            sorted(re.findall(r"\]\(([^)]+)\)", text.replace("(README.es.md)", "(README.md)")))
            for text in (one, other)
        ]
        assert links[0] == links[1], where
        figures = [sorted(re.findall(r"\d+[.,]\d(?= %)", text.replace(",", "."))) for text in (one, other)]
        assert figures[0] == figures[1], where


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"

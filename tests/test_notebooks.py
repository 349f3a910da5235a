"""The notebooks: kept without outputs, and run from top to bottom."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import qrcascade

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
# What each of them must have shown when it is done.
SHOWN = {
    "first-steps": ["https://example.com/", "2 codes were read", "no-such-file.jpg", "<img alt="],
    "why-not-read": ["Too small", "Blurred", "Cut off", "Glare", "Blank: ", "Error in small"],
    "compare-readers": ["zxing-cpp", "light ", "0 wrong", "page-0.png missed by nobody", "Blurred: "],
    "choose-a-preset": ["thorough", "classical", "ms, longest"],
    "own-strategy": ["blue channel", "['classical'] settled", "the service is down", "hello 1"],
    "tune-schedule": ["zxing raw", "adds", "shipped", "tuned"],
}


def cells(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
    return found


def test_every_notebook_is_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_they_are_kept_without_outputs(name: str) -> None:
    code = [cell for cell in cells(name) if cell["cell_type"] == "code"]
    assert len(code) >= 4
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        compile("".join(cell["source"]), name, "exec")
    assert cells(name)[0]["source"][0].startswith("# ")


@pytest.mark.notebooks
@pytest.mark.usefixtures("own_network")
@pytest.mark.parametrize("name", SHOWN)
def test_they_run_from_top_to_bottom(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The kernel's package is the one that is tested; its history is nobody's.
    monkeypatch.setenv("PYTHONPATH", str(Path(qrcascade.__file__).parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("QR_FOLDER", raising=False)
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    client = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = "".join(output.get("text") or "".join(map(str, output["data"].values())) for output in outputs)
    for words in SHOWN[name]:
        assert words in shown
    assert "Traceback" not in shown
    assert len(shown) < 3_000_000


def test_snippets_of_the_page_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER.parents[1])
    names: dict[str, Any] = {}
    snippets = re.findall(
        r"^```python\n(.*?)^```", (FOLDER.parent / "notebook.md").read_text("utf-8"), re.M | re.S
    )
    for snippet in snippets:
        exec(snippet, names)
    assert "1 code was read" in capsys.readouterr().out
    assert len(names["tables"].rows(names["readings"])) == 3

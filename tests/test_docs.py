"""The documentation: every snippet runs, every command exists, every public name is there, it builds."""

from __future__ import annotations

import doctest
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

import qrcascade
from qrcascade.cli import main
from qrcascade.cli.serve import serve
from tests import draw

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SNIPPETS = DOCS / "snippets"
PAGES = [*sorted(ROOT.glob("README*.md")), *sorted(DOCS.rglob("*.md"))]
# Their blocks are run by tests of their own.
ELSEWHERE = {
    "README.md",
    "README.es.md",
    "batch.md",
    "documents.md",
    "notebook.md",
    "pytest.md",
    "service.md",
}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def run_here(page: Path) -> bool:
    return page.name not in ELSEWHERE


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the snippets are run: they name the examples, may import one another, and write elsewhere."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(SNIPPETS)


def snippet(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SNIPPETS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def blank_png() -> bytes:
    return png(np.full((60, 80), 255, np.uint8))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if run_here(p) and blocks(p, "python")], ids=lambda p: p.name
)
@pytest.mark.usefixtures("at_root")
def test_python_blocks(page: Path) -> None:
    """In order, in one namespace."""
    names: dict[str, object] = {"__name__": page.stem, "qrcascade": qrcascade}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page.name} block {number}", "exec"), names)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "pycon")], ids=lambda p: p.name)
@pytest.mark.usefixtures("at_root")
def test_console_blocks(page: Path) -> None:
    """What is typed gives what is shown, errors included."""
    session = doctest.DocTestParser().get_doctest("".join(blocks(page, "pycon")), {}, page.name, None, None)
    report: list[str] = []
    found = doctest.DocTestRunner().run(session, out=report.append)
    assert found.attempted
    assert not found.failed, "".join(report)


def test_every_snippet_is_shown_and_tested() -> None:
    shown = {name for page in PAGES for name in re.findall(r'--8<-- "([^"]+)"', page.read_text("utf-8"))}
    assert shown == {file.name for file in SNIPPETS.iterdir() if file.is_file()}
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    for name in shown:
        assert re.search(rf"\b{re.escape(name.removesuffix('.py'))}\b", tests), f"no test of {name}"


def commands(page: Path) -> Iterator[list[str]]:
    for line in page.read_text("utf-8").replace("\\\n", " ").splitlines():
        start = re.match(r" *(?:RUN |\$ )?(qrcascade [^`]*)$", line)
        if start and "COMMAND" not in line:
            for part in re.split(r"&&|\|", start[1]):
                yield shlex.split(part, comments=True)[1:]


@pytest.mark.parametrize("page", [*PAGES, *SNIPPETS.glob("Dockerfile*")], ids=lambda p: p.name)
def test_commands_exist(page: Path) -> None:
    """Each line that begins with ``qrcascade`` names a command and its options."""
    for words in commands(page):
        command: click.Command = main
        while isinstance(command, click.Group) and words:
            known = command.get_command(click.Context(command), words[0])
            assert known, f"{page.name}: no command {words[0]}"
            command = known
            del words[0]
        command.make_parser(click.Context(command)).parse_args(words)


def test_containers_have_what_the_readme_names() -> None:
    needed = re.search(r"apt-get install -y python3-venv (.*)", (ROOT / "README.md").read_text("utf-8"))
    assert needed is not None
    for name in ("Dockerfile", "Dockerfile.neural"):
        for line in re.findall(r"apt-get install .*", (SNIPPETS / name).read_text("utf-8")):
            assert set(needed[1].split()) <= set(line.split())


def test_public_names_are_in_the_reference() -> None:
    """A new public name needs a line ``::: qrcascade.NAME`` on one of the pages."""
    pages = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    shown = re.findall(r"^::: qrcascade\.(\w+)$", pages, re.M)
    assert sorted(shown) == sorted(qrcascade.__all__)


def test_commands_and_variables_are_in_the_reference() -> None:
    page = (DOCS / "reference" / "command-line.md").read_text("utf-8")
    source = "".join(file.read_text("utf-8") for file in Path(qrcascade.__file__).parent.rglob("*.py"))
    settings = {f"QRCASCADE_{option.name}".upper() for option in serve.params}
    known = {*re.findall(r"\bQRCASCADE_\w+", source), *settings}
    assert sorted(known) == sorted(set(re.findall(r"\bQRCASCADE_\w+", page)))
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        inner = (
            [f"{name} {word}" for word in command.commands] if isinstance(command, click.Group) else [name]
        )
        for words in inner:
            assert f"`qrcascade {words}`" in page


@pytest.mark.usefixtures("at_root")
def test_channel() -> None:
    """Red on green of one gray: nothing in gray, all in red."""
    dark = draw.symbol("stamp")[0] < 128
    green, red = (np.array(color, np.uint8) for color in ([0, 119, 0], [234, 0, 0]))
    picture = np.where(dark[:, :, None], green, red)
    classical, channel = qrcascade.ClassicalStrategy(["zxing raw"]), snippet("channel").Channel(0)
    assert not qrcascade.Cascade([classical]).read(picture)
    result = qrcascade.Cascade([classical, channel]).read(picture)
    assert result.text == "stamp"
    assert result.codes[0].strategy == "red"


@pytest.mark.usefixtures("at_root")
def test_letterhead() -> None:
    """Nothing is there: the place is a region, and somebody looked at it."""
    cascade = snippet("letterhead").cascade
    result = cascade.read(np.full((1400, 1000), 255, np.uint8))
    (region,) = [r for r in result.regions if r.source == "letterhead"]
    assert region.quad.corners[0] == (60.0, 1120.0)
    assert any(a.strategy == "grid" and a.region == region.quad for a in result.attempts)
    assert cascade.read(draw.symbol("elsewhere")[0]).regions == ()


def test_app(blank_png: bytes) -> None:
    module = snippet("test_app")
    module.test_total(blank_png)
    module.test_a_broken_reader_is_no_code(blank_png)


def test_worker() -> None:
    paths: Queue[str | None] = Queue()
    results: Queue[dict[str, Any]] = Queue()
    for path in (str(ROOT / "examples" / "printed.png"), str(ROOT / "README.md"), None):
        paths.put(path)
    snippet("worker").work(paths, results)
    read, refused = results.get_nowait(), results.get_nowait()
    assert read["codes"][0]["text"].startswith("https://example.com/verify?")
    assert refused["codes"] == []
    assert "README.md" in refused["error"]


def test_fastapi(blank_png: bytes) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("python_multipart")
    pytest.importorskip("httpx")
    testclient = pytest.importorskip("fastapi.testclient")
    with testclient.TestClient(snippet("fastapi_app").app) as client:

        def post(data: bytes) -> Any:
            return client.post("/read", files={"picture": ("p", data)})

        assert post(png(draw.symbol("uploaded")[0])).json()["codes"][0]["text"] == "uploaded"
        assert post(blank_png).json()["codes"] == []
        refused = post(b"no picture")
    assert refused.status_code == 422
    assert "cannot identify a picture" in refused.json()["detail"]


@pytest.mark.filterwarnings("default")
def test_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("celery")
    monkeypatch.setenv("BROKER_URL", "memory://")
    monkeypatch.setenv("BACKEND_URL", "cache+memory://")
    tasks = snippet("tasks")
    tasks.app.conf.task_always_eager = True
    with tasks.cascade:
        good = tasks.read.delay(str(ROOT / "examples" / "printed.png")).get()
        bad = tasks.read.delay("nowhere.png").get()
    assert good["codes"][0]["text"].startswith("https://example.com/verify?")
    assert bad["codes"] == []
    assert bad["error"].endswith("nowhere.png': No such file or directory")


DJANGO = """
import sys
sys.path.insert(0, sys.argv[1])
from django.conf import settings
settings.configure(ROOT_URLCONF="django_views", ALLOWED_HOSTS=["testserver"], SECRET_KEY="-")
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
import django_views

if __name__ == "__main__":
    client = Client()
    for file in sys.argv[2:]:
        upload = SimpleUploadedFile("picture", open(file, "rb").read())
        answer = client.post("/read", {"picture": upload})
        print(answer.status_code, answer.content.decode())
    print(client.post("/read").status_code, client.get("/read").status_code)
    django_views.cascade().close()
"""


def test_django(tmp_path: Path) -> None:
    """In a process of its own: Django's settings are for a whole process."""
    pytest.importorskip("django")
    program = tmp_path / "program.py"
    program.write_text(DJANGO, "utf-8")
    pictures = [str(ROOT / "examples" / "printed.png"), str(ROOT / "README.md")]
    run = subprocess.run(
        [sys.executable, str(program), str(SNIPPETS), *pictures],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    read, refused, others = run.stdout.splitlines()
    assert read.startswith("200 ")
    assert "https://example.com/verify?" in read
    assert refused.startswith("422 ")
    assert others == "400 405"


@pytest.mark.site
def test_the_site_builds(tmp_path: Path) -> None:
    """Strictly: links, anchors, snippets, docstrings and the navigation; and its pages fetch nothing."""
    pytest.importorskip("material", reason="the docs extra is not installed")
    pytest.importorskip("mkdocstrings_handlers", reason="the docs extra is not installed")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert build.returncode == 0, build.stdout + build.stderr
    pages = {page.parent.relative_to(tmp_path).as_posix(): page for page in tmp_path.rglob("index.html")}
    assert {".", "es", "tutorial", "changelog", "source/qrcascade/symbology/charset.py"} <= set(pages)
    assert "evidence_bits" in pages["reference/results"].read_text("utf-8")
    for page in pages.values():
        fetched = re.findall(
            r'<(?:script|img|link)\b[^>]*\b(?:src|href)="?(https?:[^">\s]+)', page.read_text("utf-8")
        )
        assert not fetched, page

"""The documentation: every snippet runs, every command exists, every public name is there, it builds."""

from __future__ import annotations

import asyncio
import doctest
import importlib.util
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

import click
import numpy as np
import pytest
from PIL import Image

import qrcascade
from qrcascade.cascade import PRESETS, Preset
from qrcascade.cli import main
from qrcascade.cli.serve import serve
from tests import draw, pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SNIPPETS = DOCS / "snippets"
PAGES = [*sorted(ROOT.glob("README*.md")), *sorted(DOCS.rglob("*.md"))]
# Their blocks are run by tests of their own.
ELSEWHERE = {
    "README.md",
    "README.es.md",
    "batch.md",
    "coming-from.md",
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


COMING_FROM = (DOCS / "howto" / "coming-from.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("reader", re.findall(r"^## (.*)$", COMING_FROM, re.M))
@pytest.mark.usefixtures("at_root")
def test_coming_from(reader: str) -> None:
    """Each line of its table runs, that of the other reader too, if it is installed."""
    if reader == "pyzbar":
        pytest.importorskip("pyzbar.pyzbar", reason="zbar's library is not installed", exc_type=ImportError)
    section = re.split(r"^## ", COMING_FROM.split(f"## {reader}\n")[1], flags=re.M)[0]
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", section, re.M | re.S):
        exec(block, names)
    lines = re.findall(r"^\| `(.+?)` \| `(.+?)` \|", section, re.M)
    assert len(lines) >= 6
    for old, new in lines:
        exec(new, names)
        if reader != "QReader":
            exec(old, names)


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


@pytest.mark.slow
def test_app(tmp_path: Path) -> None:
    """It runs where it is pasted, without fixtures of ours."""
    shutil.copy(SNIPPETS / "test_app.py", tmp_path)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "test_app.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr


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


def test_webcam(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Film:
        """Stands in for a video file: which codecs OpenCV has differs."""

        def __init__(self, _: object) -> None:
            rgb = np.repeat(draw.symbol("on film")[0][:, :, None], 3, axis=2)
            self.frames = [np.full_like(rgb, 255), rgb, rgb]

        def isOpened(self) -> bool:  # noqa: N802 - as OpenCV has it
            return True

        def read(self) -> tuple[bool, Any]:
            return (True, self.frames.pop(0)) if self.frames else (False, None)

        def release(self) -> None:
            released.append(self)

    released: list[Film] = []
    monkeypatch.setattr("cv2.VideoCapture", Film)
    (seen,) = snippet("webcam").show("film.mp4")
    assert seen.frames == [1, 2]
    assert capsys.readouterr().out == "frame 1: on film\n"
    assert released


def test_webcam_says_what_it_cannot_open() -> None:
    with pytest.raises(OSError, match=r"cannot open the camera or video 'nofilm\.mp4'"):
        snippet("webcam").show("nofilm.mp4")


def test_reading_async() -> None:
    module = snippet("reading_async")
    pictures = [draw.symbol(f"number {i}")[0] for i in range(6)]

    async def check() -> list[str | None]:
        results = await module.read_all(pictures, limit=2, timeout=30)
        return [result.text for result in results]

    assert asyncio.run(check()) == [f"number {i}" for i in range(6)]


@pytest.mark.slow
def test_store(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.fs")
    (tmp_path / "in").mkdir()
    (tmp_path / "a.png").write_bytes(png(draw.symbol("first")[0]))
    (tmp_path / "in" / "b.pdf").write_bytes(pages.invoices("second", "third"))
    module = snippet("store")
    assert module.read_object((tmp_path / "in" / "b.pdf").as_uri()).text == "second"
    read = {(Path(path).name, r.page, r.result.text) for path, r in module.read_prefix(tmp_path.as_uri())}
    assert read == {("a.png", 1, "first"), ("b.pdf", 1, "second"), ("b.pdf", 2, "third")}


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
        document = (ROOT / "examples" / "invoice.pdf").read_bytes()
        read = client.post("/read-document", files={"document": ("d", document)}).json()
        broken = client.post("/read-document", files={"document": ("d", b"no document")})
    assert [page["codes"][0]["text"][:5] for page in read] == ["https", "BCD\n0"]
    assert broken.status_code == 422
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
    for file in sys.argv[3:]:
        upload = SimpleUploadedFile("picture", open(file, "rb").read())
        answer = client.post("/read", {"picture": upload})
        print(answer.status_code, answer.content.decode())
    print(client.post("/read").status_code, client.get("/read").status_code)
    document = SimpleUploadedFile("document", open(sys.argv[2], "rb").read())
    answer = client.post("/read-document", {"document": document})
    print(answer.status_code, [page["codes"][0]["text"][:3] for page in answer.json()["pages"]])
    django_views.cascade().close()
"""


def test_django(tmp_path: Path) -> None:
    """In a process of its own: Django's settings are for a whole process."""
    pytest.importorskip("django")
    program = tmp_path / "program.py"
    program.write_text(DJANGO, "utf-8")
    files = [str(ROOT / name) for name in ("examples/invoice.pdf", "examples/printed.png", "README.md")]
    run = subprocess.run(
        [sys.executable, str(program), str(SNIPPETS), *files],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stderr
    read, refused, others, document = run.stdout.splitlines()
    assert read.startswith("200 ")
    assert "https://example.com/verify?" in read
    assert refused.startswith("422 ")
    assert others == "400 405"
    assert document == "200 ['htt', 'BCD']"


def test_parameters_that_share_a_line_share_a_default() -> None:
    """The site's tables give all of them the type and the default of the first."""
    for name in qrcascade.__all__:
        public = getattr(qrcascade, name)
        methods = list(vars(public).values()) if isinstance(public, type) else []
        for function in (public, *(getattr(method, "__func__", method) for method in methods)):
            for line in re.findall(r"^ +(\w+(?:, \w+)+)(?: : .*)?$", str(function.__doc__), re.M):
                given = inspect.signature(function).parameters
                names = line.split(", ")
                if set(names) <= set(given):
                    assert len({given[one].default for one in names}) == 1, f"{function}: {line}"


def test_choices_begin_with_the_default() -> None:
    """As numpydoc has it; and they are those of the type."""
    presets = get_args(Preset)
    for function in (qrcascade.read, qrcascade.Cascade.preset):
        (listed,) = re.findall(r" : \{(.*)\}(?:, optional)?$", str(function.__doc__), re.M)
        assert sorted(presets) == sorted(re.findall(r'"(\w+)"', listed)) == sorted(PRESETS)
        defaults = {p.default for p in inspect.signature(function).parameters.values()}
        assert defaults & {re.findall(r'"(\w+)"', listed)[0], None}


class _Links(HTMLParser):
    """What a page links to, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            elif name in ("id", "name") and value is not None:
                self.anchors.add(value)


def dead_links(site: Path) -> list[str]:
    """Links from a page of a built site to a file or an anchor of it that is not there."""
    pages = {page: _Links(page) for page in site.rglob("*.html")}
    dead = []
    for page, found in pages.items():
        for link in map(urlsplit, found.links):
            # What a server sends for any address has absolute links.
            if link.scheme or link.netloc or page.name == "404.html":
                continue
            target = Path(os.path.normpath(page.parent / unquote(link.path))) if link.path else page
            target = target / "index.html" if target.is_dir() else target
            anchors = pages[target].anchors if target in pages else {unquote(link.fragment)}
            if not target.is_file() or (link.fragment and unquote(link.fragment) not in anchors):
                dead.append(f"{page.relative_to(site)}: {link.geturl()}")
    return dead


def test_dead_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "index.html").write_text('<p id="here"><a href="../gone.ipynb">', "utf-8")
    links = ("there/", "there/#here", "#top", "https://example.com/gone", "there/#gone", "gone/", "#gone")
    page = "".join(f'<a href="{link}"></a>' for link in links)
    (tmp_path / "index.html").write_text(f'<p id="top">{page}', "utf-8")
    assert sorted(dead_links(tmp_path)) == [
        "index.html: #gone",
        "index.html: gone/",
        "index.html: there/#gone",
        "there/index.html: ../gone.ipynb",
    ]


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
    assert not dead_links(tmp_path)
    for page in pages.values():
        fetched = re.findall(
            r'<(?:script|img|link)\b[^>]*\b(?:src|href)="?(https?:[^">\s]+)', page.read_text("utf-8")
        )
        assert not fetched, page
    for name, page in pages.items():
        if name.startswith("reference/"):
            assert not re.findall(r"\b_[A-Z]\w+", re.sub(r"<[^>]*>", "", page.read_text("utf-8"))), name

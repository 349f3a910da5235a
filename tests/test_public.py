"""The public names, and how little importing and reading an easy picture brings in."""

from __future__ import annotations

import ast
import dataclasses
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import qrcascade
from qrcascade.reading.options import DocumentKeywords, PageKeywords, ReadKeywords
from tests import draw

ALIASES = {"Accept", "Expect", "Format", "Formats", "Preset"}


def test_exported_members() -> None:
    assert qrcascade.__all__ == sorted(qrcascade.__all__)
    for name in qrcascade.__all__:
        value = getattr(qrcascade, name)
        assert name in dir(qrcascade)
        if name in ALIASES:
            continue
        assert value.__module__.startswith("qrcascade.")
        assert value.__doc__
    with pytest.raises(AttributeError, match="'decode'"):
        qrcascade.decode  # noqa: B018


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.splitlines()}


def test_importing_brings_in_nothing_heavy() -> None:
    heavy = {"numpy", "PIL", "cv2", "zxingcpp", "pyzbar", "torch", "ultralytics", "qreader"}
    heavy |= {"openvino", "onnxruntime", "requests", "platformdirs"}
    assert not heavy & modules_after("import qrcascade")


def test_reading_an_easy_picture_brings_in_no_other_engine(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "easy.jpg"
    Image.fromarray(draw.symbol("easy")[0]).save(path)
    code = f"import qrcascade; assert qrcascade.read({str(path)!r}).text == 'easy'"
    assert not {"cv2", "pyzbar", "torch", "ultralytics", "qreader", "requests"} & modules_after(code)


ROOMS = [
    "errors",
    "image",
    "results",
    "symbology",
    "engines",
    "grid",
    "reading",
    "neural",
    "strategies",
    "report",
    "isolation",
    "cascade",
    "documents",
    "batch",
    "profile",
    "server",
    "pytest_plugin",
    "cli",
    "__main__",
]
PACKAGE = Path(qrcascade.__file__).parent


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package but the one that has the public names, by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts != ("qrcascade", "__init__"):
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return found


@functools.cache
def imported(name: str) -> set[str]:
    """The package's modules that a module imports, wherever in it the import stands."""
    tree, known = modules()[name], set(modules())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in known else str(node.module))
    return names & known


def test_the_package_runs_as_a_program() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "qrcascade", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"qrcascade, version {qrcascade.__version__}\n"


def test_imports_point_one_way() -> None:
    """Each room imports only itself and rooms before it, also within functions and for types alone."""
    rank = {room: number for number, room in enumerate(ROOMS)}
    rooms = {name: name.split(".")[1] for name in modules()}
    assert set(rooms.values()) == set(ROOMS), "a room has no place in the order"
    for name in modules():
        for other in imported(name):
            assert rank[rooms[other]] <= rank[rooms[name]], f"{name} imports {other}"


def test_no_modules_import_each_other() -> None:
    left = {name: imported(name) - {name} for name in modules()}
    while free := {name for name, others in left.items() if not others & set(left)}:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left, f"a circle among {sorted(left)}"


def test_functions_fit_a_screen() -> None:
    for name, tree in modules().items():
        assert tree.body[-1].end_lineno is not None
        assert tree.body[-1].end_lineno <= 400, f"{name} is too long"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                assert node.end_lineno - node.lineno < 40, f"{name}.{node.name} is too long"


def test_keywords_are_those_of_the_options() -> None:
    """What can be said as keywords is what `ReadOptions` and `DocumentOptions` have."""
    read = {field.name for field in dataclasses.fields(qrcascade.ReadOptions)}
    document = {field.name for field in dataclasses.fields(qrcascade.DocumentOptions)}
    assert set(ReadKeywords.__annotations__) == read
    assert set(DocumentKeywords.__annotations__) == document | set(PageKeywords.__annotations__)

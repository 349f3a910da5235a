"""The public names, and how little importing and reading an easy picture brings in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import qrcascade
from tests import draw


def test_exported_members() -> None:
    assert qrcascade.__all__ == sorted(qrcascade.__all__)
    for name in qrcascade.__all__:
        value = getattr(qrcascade, name)
        assert value.__module__.startswith("qrcascade.")
        assert value.__doc__
        assert name in dir(qrcascade)
    with pytest.raises(AttributeError, match="'detect'"):
        qrcascade.detect  # noqa: B018


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.splitlines()}


def test_importing_brings_in_nothing_heavy() -> None:
    heavy = {"numpy", "PIL", "cv2", "zxingcpp", "pyzbar", "torch", "ultralytics", "qreader"}
    heavy |= {"openvino", "onnxruntime", "pooch", "requests", "platformdirs"}
    assert not heavy & modules_after("import qrcascade")


def test_reading_an_easy_picture_brings_in_no_other_engine(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "easy.jpg"
    Image.fromarray(draw.symbol("easy")[0]).save(path)
    code = f"import qrcascade; assert qrcascade.read({str(path)!r}).text == 'easy'"
    assert not {"cv2", "pyzbar", "torch", "ultralytics", "qreader", "pooch", "requests"} & modules_after(code)


def test_imports_point_one_way() -> None:
    """errors, results, ... cascade: each room imports only rooms to its left."""
    order = [
        {"errors"},
        {"drawing", "limits", "quad"},
        {"results"},
        {"charset", "confidence"},
        {"frame", "options"},
        {"scan"},
        {"digests", "download"},
        {"views", "weights", "runtimes"},
        {"models"},
        {"orientation"},
        {"engines"},
        {"grid"},
        {"steps"},
        {"costs"},
        {"executor"},
        {"strategies", "symptoms"},
        {"explain", "display", "tables"},
        {"isolation"},
        {"cascade"},
        {"documents"},
        {"batch"},
        {"profile", "ray"},
        {"server"},
        {"pytest_plugin"},
        {"doctor", "cli_options", "cli_profile", "cli_scan", "cli_serve", "cli_weights", "cli"},
    ]
    rank = {room: i for i, rooms in enumerate(order) for room in rooms}
    folder = Path(qrcascade.__file__).parent
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).parts[0].removesuffix(".py")
        if room in ("__init__",):
            continue
        assert room in rank, f"{room} has no place in the order"
        for line in path.read_text("utf-8").splitlines():
            if line.strip().startswith("from qrcascade.") or line.startswith("from qrcascade import"):
                if line.startswith("from qrcascade import"):
                    targets = [n.strip(" ()") for n in line.split("import")[1].split(",")]
                    targets = [t for t in targets if t in rank]
                else:
                    targets = [line.strip().split(".")[1].split()[0]]
                for target in targets:
                    assert rank[target] <= rank[room], f"{path}: {line}"

"""The real QReader with its nano weights; stand-ins (nano under other names) for Small and Medium."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qrcascade import (
    Cascade,
    ClassicalStrategy,
    Frame,
    QReaderStrategy,
    Quad,
    Scan,
    StubStrategy,
    WeightsError,
)
from qrcascade.image.frame import Gray
from qrcascade.neural import models, runtimes, weights
from qrcascade.neural.runtimes.export import export
from qrcascade.reading.steps import Context
from tests import draw
from tests.plans import attempts

pytestmark = pytest.mark.neural


@pytest.fixture
def page() -> tuple[Gray, np.ndarray[Any, Any]]:
    """A photographed-looking symbol in a larger picture, and its corners."""
    gray, quad = draw.symbol("https://example.com/neural", scale=8)
    matrix = np.array([[0.9, 0.25, 200], [-0.2, 0.85, 300], [1e-4, 2e-4, 1]])
    return draw.warped(gray, quad, matrix, (800, 900))


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> dict[Any, runtimes.Detector]:
    """No model loaded yet."""
    empty: dict[Any, runtimes.Detector] = {}
    monkeypatch.setattr(models, "_models", empty)
    return empty


def test_it_locates_and_reads(nano_weights: Path, page: Any) -> None:
    pixels, corners = page
    result = Cascade([QReaderStrategy("n", weights_folder=nano_weights)]).read(pixels)
    assert result.errors == ()
    assert result.text == "https://example.com/neural"
    assert result.codes[0].strategy == "nano"
    assert result.attempts[0].step == "qreader detect"
    assert result.attempts[0].regions[0].score > 0.5
    assert np.abs(np.asarray(result.codes[0].quad) - corners).max() < 8


def test_large_pictures_are_reduced_for_detection_only(nano_weights: Path, page: Any) -> None:
    pixels, corners = page
    big = np.kron(pixels, np.ones((3, 3), np.uint8))
    strategy = QReaderStrategy("n", weights_folder=nano_weights, max_side=640)
    scan = Scan(Frame.load(big))
    (region,) = next(attempts(strategy.steps(scan), scan)).regions
    assert np.abs(np.sort(np.asarray(region.quad), axis=0) - np.sort(corners * 3, axis=0)).max() < 60
    assert Cascade([strategy]).read(big).text == "https://example.com/neural"


def test_a_small_code_in_a_large_picture_is_located_in_a_tile(nano_weights: Path) -> None:
    """11 pixels wide for the detector, and too fine for the finder search."""
    gray, outline = draw.symbol("https://example.com/small", 3, error="H")
    page = np.full((4500, 6000), 240, np.uint8)
    page[1900 : 1900 + len(gray), 1200 : 1200 + len(gray)] = gray
    result = Cascade([QReaderStrategy("n", weights_folder=nano_weights)]).read(page, expect=1)
    assert result.errors == ()
    assert result.text == "https://example.com/small"
    first, search, texture, tile = result.attempts[:4]
    assert (first.step, first.regions) == ("qreader detect", ())
    assert (search.step, search.regions) == ("finders <=2048px", ())
    assert texture.step == "texture <=1280px"
    assert (tile.kind, tile.view[:14]) == ("detect", "crop1280x1280+")
    whole = Quad.of(np.asarray(outline) + np.array([1200, 1900]))
    assert tile.regions[0].quad.overlap(whole) > 0.8


def test_qreaders_own_decoder_is_one_more_engine(nano_weights: Path, page: Any) -> None:
    pixels, corners = page
    strategy = QReaderStrategy("n", weights_folder=nano_weights)
    scan = Scan(Frame.load(pixels))
    region = next(attempts(strategy.steps(scan), scan)).regions[0]
    (code,) = strategy.decoding(region.quad).work(Context(scan.frame, scan.formats)).codes
    assert (code.text, code.data, code.engine) == ("https://example.com/neural", None, "qreader")
    # A detector's corners start anywhere; the code's start at its top-left.
    assert np.abs(np.asarray(code.quad) - corners).max() < 30


def test_medium_is_never_built_when_small_suffices(stand_ins: Path, page: Any, fresh: Any) -> None:
    small, medium = (QReaderStrategy(size, weights_folder=stand_ins) for size in "sm")
    silent = StubStrategy(name="classical")
    result = Cascade([silent, small, medium]).read(page[0])
    assert result.codes[0].strategy == "small"
    assert [key[1] for key in fresh] == ["s"]


def torn(page: Gray, corners: np.ndarray[Any, Any]) -> Gray:
    """A symbol without its middle: there for all to see, and for nobody to read."""
    spoilt = page.copy()
    (left, top), (right, bottom) = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
    w, h = (right - left) // 4, (bottom - top) // 4
    spoilt[top + h : bottom - h, left + w : right - w] = 255
    return spoilt


@pytest.mark.parametrize(
    ("spoil", "expect", "built"), [(True, None, "sm"), (False, None, "s"), (False, 1, "sm")]
)
def test_medium_looks_only_where_there_is_something(
    stand_ins: Path, page: Any, fresh: Any, spoil: bool, expect: int | None, built: str
) -> None:
    small, medium = (QReaderStrategy(size, weights_folder=stand_ins) for size in "sm")
    picture = torn(*page) if spoil else np.full((300, 300), 255, np.uint8)
    result = Cascade([ClassicalStrategy(), small, medium]).read(picture, expect=expect)
    assert not result
    assert [key[1] for key in fresh] == list(built)


def test_a_model_is_built_once_for_all_threads(nano_weights: Path, page: Any, fresh: Any) -> None:
    cascade = Cascade([QReaderStrategy("n", weights_folder=nano_weights)])
    texts: list[str | None] = []
    threads = [threading.Thread(target=lambda: texts.append(cascade.read(page[0]).text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["https://example.com/neural"] * 4
    assert len(fresh) == 1


def test_torch_threads_are_restored(nano_weights: Path, page: Any) -> None:
    import torch

    before = torch.get_num_threads()
    strategy = QReaderStrategy("n", weights_folder=nano_weights, threads=1, device="cpu")
    scan = Scan(Frame.load(page[0]))
    next(attempts(strategy.steps(scan), scan))
    assert torch.get_num_threads() == before


def test_the_weights_folder_is_left_alone(nano_weights: Path, tmp_path: Path, fresh: Any) -> None:
    """Qrdet would fetch again where its release note is missing, and delete the file when it cannot."""
    file = tmp_path / "qrdet-n.pt"
    file.write_bytes((nano_weights / "qrdet-n.pt").read_bytes())
    models.load("n", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qrdet-n.pt", "qrdet-n.pt.sha256"]


@pytest.mark.parametrize("runtime", runtimes.EXPORTS)
def test_an_exported_model_finds_what_torch_finds(
    nano_weights: Path, tmp_path: Path, page: Any, runtime: str
) -> None:
    pytest.importorskip("onnx", reason="the export extra is not installed")
    if not runtimes.is_installed(runtime):
        pytest.skip(f"{runtimes.remedy(runtime)} for {runtime}")
    (tmp_path / "qrdet-n.pt").write_bytes((nano_weights / "qrdet-n.pt").read_bytes())
    record = export("n", runtime, tmp_path)
    names = {record.name, "qrdet-n.pt", "qrdet-n.pt.sha256", *json.loads(record.read_text())["files"]}
    assert {path.name for path in tmp_path.iterdir()} == names
    rgb = Frame.load(page[0]).color
    ((quad, score),) = models.load("n", tmp_path, runtime="torch").detect(rgb)
    assert models.load("n", tmp_path) is models.load("n", tmp_path, runtime=runtime)
    for threads in (None, 1):
        ((found, its),) = models.load("n", tmp_path, runtime=runtime).detect(rgb, threads)
        assert quad.overlap(found) >= 0.98
        assert abs(score - its) <= 0.01
    result = Cascade([QReaderStrategy("n", weights_folder=tmp_path, runtime=runtime)]).read(page[0])
    assert (result.errors, result.text) == ((), "https://example.com/neural")
    assert "qreader decode" not in [attempt.step for attempt in result.attempts]


def test_nothing_is_printed(nano_weights: Path, tmp_path: Path) -> None:
    code = (
        "import numpy as np, qrcascade\n"
        f"strategy = qrcascade.QReaderStrategy('n', weights_folder={str(nano_weights)!r})\n"
        "result = qrcascade.Cascade([strategy]).read(np.full((300, 300), 255, np.uint8))\n"
        "assert result.errors == (), result.errors\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert (run.stdout, run.stderr) == ("", "")


def test_missing_weights_are_an_attempt_that_names_path_and_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", "http://127.0.0.1:9/no-network")
    monkeypatch.setenv("QRCASCADE_ACCEPT_LICENCE", "1")
    result = Cascade([QReaderStrategy("s", weights_folder=tmp_path)]).read(np.full((50, 50), 255, np.uint8))
    (attempt,) = result.attempts
    assert str(tmp_path / "qrdet-s.pt") in (attempt.error or "")
    assert "http://127.0.0.1:9/no-network/qrdet-s.pt" in (attempt.error or "")


def test_imported_weights_load_in_plain_qreader(
    monkeypatch: pytest.MonkeyPatch, nano_weights: Path, tmp_path: Path, page: Any
) -> None:
    import qreader
    import requests

    def no_network(*_: Any, **__: Any) -> None:
        raise AssertionError("qrdet fetches again")

    monkeypatch.setattr(requests, "get", no_network)
    file = weights.install(nano_weights / "qrdet-n.pt", "n", tmp_path)
    reader = qreader.QReader(model_size="n", weights_folder=str(tmp_path))
    assert reader.detect(page[0])
    assert weights.verify(file) == "recorded"


def test_what_is_loaded_is_what_was_checked(nano_weights: Path, tmp_path: Path, fresh: Any) -> None:
    file = weights.install(nano_weights / "qrdet-n.pt", "n", tmp_path)
    with file.open("ab") as opened:
        opened.write(b"more")
    with pytest.raises(WeightsError, match="is not the known file"):
        models.load("n", tmp_path)
    assert not fresh


PROCESS = """
import io, os, signal, sys, warnings
import cv2, numpy, torch
from PIL import Image
import qrcascade

def state():
    functions = Image.open, torch.load, torch.save, cv2.imread, cv2.imwrite, cv2.imshow
    threads = cv2.getNumThreads(), torch.get_num_threads()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.excepthook
    options = numpy.get_printoptions(), str(torch._tensor_str.PRINT_OPTS)
    # Torch names its own cache when a part of it is first used.
    environment = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}
    return functions, threads, handlers, options, environment, list(warnings.filters)

before = state()
cascade = qrcascade.Cascade([qrcascade.QReaderStrategy("n", weights_folder=sys.argv[1], runtime="torch")])
result = cascade.read(numpy.full((300, 300), 255, numpy.uint8))
assert result.errors == (), result.errors
for was, now in zip(before, state()):
    assert was == now, (was, now)
for kind in ("WEBP", "TIFF"):
    file = io.BytesIO()
    Image.new("L", (60, 60), 255).save(file, kind)
    assert not qrcascade.Cascade.preset("classical").read(file.getvalue())
"""


def test_a_model_leaves_the_process_as_it_was(nano_weights: Path) -> None:
    program = [sys.executable, "-c", PROCESS, str(nano_weights)]
    run = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stderr) == (0, "")

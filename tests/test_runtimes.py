"""What was exported and is taken, and what stands before and behind a network; those here are made up."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade import Frame, MissingDependencyError, OptionError, QRCascadeError, QReaderStrategy, Quad, Scan
from qrcascade.cli.doctor import run_checks
from qrcascade.errors import WeightsError
from qrcascade.neural import models
from qrcascade.neural.runtimes import (
    RUNTIMES,
    Exported,
    boxes,
    choose,
    find_export,
    outlines,
    record_path,
    sha256,
)
from qrcascade.neural.runtimes.detector import ExportedDetector
from qrcascade.neural.runtimes.export import convert, export
from qrcascade.neural.runtimes.export import publish as publish_files
from qrcascade.neural.runtimes.torch import keep_process
from tests.plans import attempts


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QRCASCADE_RUNTIME", raising=False)
    monkeypatch.delenv("QRCASCADE_WEIGHTS", raising=False)
    monkeypatch.setattr(models, "_models", {})


def publish(folder: Path, runtime: str, content: bytes = b"network", size: str = "s") -> Path:
    """An export of the weights in a folder, whatever is in it."""
    stage = folder / "stage"
    stage.mkdir(exist_ok=True)
    files = [stage / "model.xml", stage / "model.bin"] if runtime == "openvino" else [stage / "model.onnx"]
    for file in files:
        file.write_bytes(content)
    source = folder / f"qrdet-{size}.pt"
    if not source.exists():
        source.write_bytes(b"PK weights")
    facts = {"source": sha256(source), "side": 640, "stride": 32}
    record = publish_files(files, record_path(size, runtime, folder), facts)
    stage.rmdir()
    return record


@given(width=st.integers(1, 3000), height=st.integers(1, 3000))
def test_a_letterbox_and_its_way_back(width: int, height: int) -> None:
    tensor, placed = boxes.letterbox(np.zeros((height, width, 3), np.uint8))
    _, channels, h, w = tensor.shape
    assert (channels, max(h, w)) == (3, 640)
    assert h % 32 == w % 32 == 0
    middle = placed.to_source(np.array([[w / 2, h / 2]]))[0]
    # At most half a pixel of the input is lost to rounding on each side.
    assert abs(middle[0] - width / 2) <= 0.51 / placed.scale[0] + 1e-3
    assert abs(middle[1] - height / 2) <= 0.51 / placed.scale[1] + 1e-3
    ends = placed.to_source(np.array([[-9.0, -9.0], [w + 9.0, h + 9.0]]))
    assert ends.tolist() == [[0, 0], [width, height]]


def test_what_is_filled_up_is_gray_and_colours_keep_their_order() -> None:
    tensor, placed = boxes.letterbox(np.full((100, 90, 3), (255, 0, 51), np.uint8))
    assert (tensor.shape, placed.left, placed.top) == ((1, 3, 640, 576), 0, 0)
    assert np.allclose(tensor[0, :, 320, 288], [1, 0, 0.2])
    tensor, placed = boxes.letterbox(np.zeros((100, 50, 3), np.uint8), side=64, stride=64)
    assert (tensor.shape, placed.left, placed.top) == ((1, 3, 64, 64), 16, 0)
    assert np.allclose(tensor[0, :, :, :16], 114 / 255)
    assert np.allclose(tensor[0, :, :, 48:], 114 / 255)


def network_output(
    *found: tuple[float, float, float, float, float],
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Candidates (x, y, w, h, score) in an input of 64x64; the only prototype is inside everywhere."""
    rows = np.array([[*candidate, 1.0] for candidate in found], np.float32).reshape(-1, 6)
    return rows.T, np.ones((1, 16, 16), np.float32)


@pytest.mark.parametrize(
    ("candidates", "scores"),
    [
        ([], []),
        ([(20, 20, 20, 20, 0.5)], []),
        ([(20, 20, 20, 20, 0.6)], [0.6]),
        ([(20, 20, 20, 20, 0.6), (21, 20, 20, 20, 0.9), (50, 50, 10, 10, 0.7)], [0.9, 0.7]),
        # Half of each is shared, a third of both together: over 0.3.
        ([(20, 20, 20, 20, 0.9), (30, 20, 20, 20, 0.8)], [0.9]),
        ([(20, 20, 20, 20, 0.9), (31, 20, 20, 20, 0.8)], [0.9, 0.8]),
    ],
)
def test_of_overlapping_candidates_the_best_is_kept(
    candidates: list[tuple[float, float, float, float, float]], scores: list[float]
) -> None:
    _, placed = boxes.letterbox(np.zeros((64, 64, 3), np.uint8), side=64)
    found = boxes.find_detections(*network_output(*candidates), (64, 64), placed)
    assert [round(score, 4) for _, score in found] == scores


def test_a_mask_ends_at_its_box_and_may_be_empty() -> None:
    _, placed = boxes.letterbox(np.zeros((128, 128, 3), np.uint8), side=64)
    output, prototypes = network_output((20, 30, 20, 20, 0.9))
    ((quad, _),) = boxes.find_detections(output, prototypes, (64, 64), placed)
    # Columns 10 to 29 and rows 20 to 39 of the input; the picture has two pixels for each.
    assert quad.overlap(Quad(((20, 40), (58, 40), (58, 78), (20, 78)))) > 0.98
    assert boxes.find_detections(output, -prototypes, (64, 64), placed) == []


@given(
    angle=st.floats(0, math.pi / 2),
    side=st.integers(60, 150),
    lean=st.floats(-0.15, 0.15),
)
def test_the_outline_of_a_quadrilateral_is_that_quadrilateral(angle: float, side: int, lean: float) -> None:
    corners = np.array([[-1, -1], [1, -1 + lean], [1, 1], [-1 + lean, 1]]) * side
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    placed = corners @ turn.T + 320
    mask = np.zeros((640, 640), np.uint8)
    cv2.fillConvexPoly(mask, np.round(placed).astype(np.int32), 1)
    contour = outlines.find_contour(mask)
    assert contour is not None
    found = outlines.fit_quadrilateral(contour)
    assert found is not None
    assert Quad.of(found).overlap(Quad.of(placed)) > 0.95
    x, y = (found - found.mean(axis=0)).T
    assert np.all(np.diff(np.arctan2(y, x)) > 0)


def test_what_has_no_four_sides_has_no_outline() -> None:
    mask = np.zeros((50, 50), np.uint8)
    for filled in ((), (slice(10, 11), slice(10, 11)), (slice(10, 11), slice(5, 30))):
        if filled:
            mask[filled] = 1
        contour = outlines.find_contour(mask)
        assert contour is None or outlines.fit_quadrilateral(contour) is None


def test_a_dent_moves_no_side() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[40:160, 40:160] = 1
    mask[40:52, 90:105] = 0
    contour = outlines.find_contour(mask)
    assert contour is not None
    found = outlines.fit_quadrilateral(contour)
    assert found is not None
    assert np.abs(found - [[40, 40], [159, 40], [159, 159], [40, 159]]).max() < 0.5


@pytest.mark.parametrize(
    ("installed", "exports", "runtime", "device", "expected"),
    [
        ({"torch", "openvino", "onnx"}, {"openvino", "onnx"}, "auto", None, "openvino"),
        ({"torch", "openvino", "onnx"}, {"onnx"}, "auto", None, "onnx"),
        ({"torch", "onnx"}, {"openvino", "onnx"}, "auto", None, "onnx"),
        ({"torch", "openvino", "onnx"}, set(), "auto", None, "torch"),
        ({"torch"}, {"openvino", "onnx"}, "auto", None, "torch"),
        (set(), set(), "auto", None, "torch"),
        ({"torch", "openvino"}, {"openvino"}, "auto", "cpu", "torch"),
        ({"torch", "openvino"}, {"openvino"}, "torch", None, "torch"),
        (set(), set(), "onnx", None, "onnx"),
    ],
)
def test_which_runtime_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    installed: set[str],
    exports: set[str],
    runtime: str,
    device: str | None,
    expected: str,
) -> None:
    monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda name: name in installed)
    for name in exports:
        publish(tmp_path, name)
    assert choose("s", runtime, tmp_path, device) == expected
    assert choose("m", "auto", tmp_path) == "torch"


def test_the_environment_says_what_auto_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_RUNTIME", "onnx")
    assert choose("s", "auto", tmp_path) == "onnx"
    assert choose("s", "torch", tmp_path) == "torch"
    monkeypatch.setenv("QRCASCADE_RUNTIME", "tensorflow")
    with pytest.raises(OptionError, match="auto, torch, openvino, onnx"):
        choose("s", "auto", tmp_path)


@pytest.mark.parametrize("runtime", RUNTIMES[1:])
def test_the_doctor_asks_the_runtime_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: str
) -> None:
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("QRCASCADE_RUNTIME", runtime)
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda _runtime: [])
    publish(tmp_path, runtime)
    checks = {check.name: check for check in run_checks()}
    assert checks["QReader s"].ok, checks
    assert checks["QReader s"].detail.startswith(runtime)


def test_options_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="auto, torch, openvino, onnx"):
        QReaderStrategy("s", runtime="tflite")
    with pytest.raises(OptionError, match="'cuda:0'"):
        QReaderStrategy("s", runtime="openvino", device="cuda:0")
    with pytest.raises(OptionError, match="openvino, onnx"):
        export("s", "torch", tmp_path)
    with pytest.raises(OptionError, match="n, s, m, l"):
        export("xl", "onnx", tmp_path)


@pytest.mark.parametrize(
    ("runtime", "extra"),
    [("openvino", "openvino"), ("onnx", "onnx"), ("torch", "qreader")],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, runtime: str, extra: str) -> None:
    monkeypatch.setattr("qrcascade.neural.runtimes.find_missing", lambda name: ["a package"])
    with pytest.raises(MissingDependencyError, match=rf"pip install 'qrcascade\[{extra}\]'"):
        QReaderStrategy("s", runtime=runtime)


def test_exporting_needs_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "qrcascade.neural.runtimes.export.find_missing", lambda name: ["torch"] if name == "torch" else []
    )
    with pytest.raises(MissingDependencyError, match=r"torch.*qrcascade\[export,onnx\]"):
        export("s", "onnx", tmp_path)


def test_an_export_of_other_weights_is_stale(tmp_path: Path) -> None:
    record = publish(tmp_path, "onnx")
    model = find_export("s", "onnx", tmp_path)
    assert (model.runtime, model.side, model.stride) == ("onnx", 640, 32)
    assert model.file.read_bytes() == b"network"
    (tmp_path / "qrdet-s.pt").write_bytes(b"PK other weights")
    with pytest.raises(WeightsError, match="weights export --size s --runtime onnx") as caught:
        find_export("s", "onnx", tmp_path)
    assert str(record) in str(caught.value)
    # Where the weights are gone there is nothing to compare with, and nothing else is needed.
    (tmp_path / "qrdet-s.pt").unlink()
    assert find_export("s", "onnx", tmp_path) == model


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_damaged_export_is_not_loaded(tmp_path: Path, runtime: str, number: int) -> None:
    names = json.loads(publish(tmp_path, runtime).read_text())["files"]
    file = tmp_path / names[number]
    flipped = bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]
    file.write_bytes(flipped)
    with pytest.raises(WeightsError, match=f"damaged.*weights export --size s --runtime {runtime}"):
        find_export("s", runtime, tmp_path)
    with pytest.raises(WeightsError, match="damaged"):
        models._build("s", tmp_path, None, runtime)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_an_export_that_everybody_may_change_is_not_loaded(tmp_path: Path) -> None:
    for name in json.loads(publish(tmp_path, "openvino").read_text())["files"]:
        (tmp_path / name).chmod(0o646)
        with pytest.raises(WeightsError, match=f"world-writable.*chmod o-w .*{name}"):
            find_export("s", "openvino", tmp_path)
        (tmp_path / name).chmod(0o644)
    find_export("s", "openvino", tmp_path)


@pytest.mark.parametrize(
    "record", [None, "", "[]", "{}", '{"files": [], "source": "", "side": 1, "stride": 1}', "lost file"]
)
def test_a_broken_export_says_how_to_make_it(tmp_path: Path, record: str | None) -> None:
    path = publish(tmp_path, "openvino")
    if record is None:
        path.unlink()
    elif record == "lost file":
        next(tmp_path.glob("*.bin")).unlink()
    else:
        path.write_text(record)
    with pytest.raises(WeightsError, match="export --size s --runtime openvino --folder ") as caught:
        find_export("s", "openvino", tmp_path)
    assert str(caught.value).endswith(shlex.quote(str(tmp_path)))


def test_an_export_replaces_the_one_before_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publish(tmp_path, "openvino", b"first")
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if self.suffix == ".json":
            raise OSError("disk full")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="disk full"):
            publish(tmp_path, "openvino", b"second")
    assert find_export("s", "openvino", tmp_path).file.read_bytes() == b"first"
    (tmp_path / "stage" / "model.json").unlink()
    publish(tmp_path, "openvino", b"third")
    file = find_export("s", "openvino", tmp_path).file
    assert file.read_bytes() == file.with_suffix(".bin").read_bytes() == b"third"
    assert len(list(tmp_path.glob("qrdet-s.openvino-*"))) == 2
    assert json.loads(record_path("s", "openvino", tmp_path).read_text())["stride"] == 32


def test_an_exported_model_is_opened_once_for_each_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    output, _ = network_output((320, 320, 200, 200, 0.9))
    session = MagicMock()
    session.run.return_value = output[None], np.ones((1, 1, 160, 160), np.float32)
    onnxruntime = Mock(InferenceSession=Mock(return_value=session))
    onnxruntime.SessionOptions = lambda: Mock(intra_op_num_threads=0)
    monkeypatch.setitem(sys.modules, "onnxruntime", onnxruntime)
    model = ExportedDetector(Exported("onnx", Path("model.onnx"), 640, 32))
    picture = np.zeros((320, 320, 3), np.uint8)
    for threads in (None, 1, None, 1):
        ((quad, score),) = model.detect(picture, threads)
        assert quad.overlap(Quad(((110, 110), (210, 110), (210, 210), (110, 210)))) > 0.97
        assert score == pytest.approx(0.9)
    opened = onnxruntime.InferenceSession.call_args_list
    assert [call.args[1].intra_op_num_threads for call in opened] == [0, 1]


@pytest.mark.parametrize(
    ("asked", "processor", "precision"),
    [("", ["FP32", "BF16"], "f32"), ("bf16", ["FP32", "BF16"], "bf16"), ("bf16", ["FP32"], "f32")],
)
def test_openvino_computes_in_16_bits_where_that_is_asked_for_and_there(
    monkeypatch: pytest.MonkeyPatch, asked: str, processor: list[str], precision: str
) -> None:
    monkeypatch.setenv("QRCASCADE_OPENVINO_PRECISION", asked)
    core = Mock()
    core.get_property.return_value = processor
    output, prototypes = network_output()
    tensors = [Mock(data=data) for data in (output[None], prototypes[None])]
    core.compile_model().create_infer_request().get_output_tensor = tensors.__getitem__
    monkeypatch.setitem(sys.modules, "openvino", Mock(Core=lambda: core))
    model = ExportedDetector(Exported("openvino", Path("model.xml"), 640, 32))
    assert model.detect(np.zeros((640, 640, 3), np.uint8), 2) == []
    file, device, options = core.compile_model.call_args.args
    assert (file, device) == (Path("model.xml"), "CPU")
    assert (options["INFERENCE_PRECISION_HINT"], options["INFERENCE_NUM_THREADS"]) == (precision, 2)


def test_what_a_library_changes_in_the_process_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "before")
    read, threads, printing = cv2.imread, cv2.getNumThreads(), np.get_printoptions()
    with keep_process():
        os.environ.update(KEPT="after", ADDED="after")
        setattr(cv2, "imread", print)  # noqa: B010
        cv2.setNumThreads(threads + 1)
        np.set_printoptions(precision=2)
    assert (os.environ["KEPT"], os.environ.get("ADDED")) == ("before", None)
    assert (cv2.imread, cv2.getNumThreads(), np.get_printoptions()) == (read, threads, printing)


@pytest.mark.parametrize(("runtime", "package"), [("openvino", "openvino"), ("onnx", "onnxruntime")])
def test_a_model_that_cannot_be_opened_is_an_attempt_with_an_error(
    tmp_path: Path, runtime: str, package: str
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    publish(tmp_path, runtime, b"no network at all")
    strategy = QReaderStrategy("s", runtime=runtime, weights_folder=tmp_path)
    scan = Scan(Frame.load(np.full((64, 64), 255, np.uint8)))
    (attempt,) = attempts(strategy.steps(scan), scan)
    assert "cannot open" in (attempt.error or "")
    assert "qrdet-s" in (attempt.error or "")
    with pytest.raises(QRCascadeError):
        models.load("s", tmp_path, runtime=runtime).detect(np.zeros((64, 64, 3), np.uint8))


@pytest.mark.parametrize("package", ["openvino", "onnxruntime"])
def test_a_made_network_runs_without_torch(tmp_path: Path, package: str) -> None:
    """A network of a few nodes, opened by the real runtime in a process of its own."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed, so no network can be made")
    pytest.importorskip(package, reason=f"{package} is not installed")
    runtime = "openvino" if package == "openvino" else "onnx"
    (tmp_path / "made").mkdir()
    file = tmp_path / "made" / "model.onnx"
    onnx.save(tiny(onnx), file)
    files = convert(file, runtime)
    (tmp_path / "qrdet-n.pt").write_bytes(b"PK weights")
    facts = {"source": sha256(tmp_path / "qrdet-n.pt"), "side": 640, "stride": 32}
    publish_files(files, record_path("n", runtime, tmp_path), facts)
    code = (
        "import sys, numpy, qrcascade\n"
        f"strategy = qrcascade.QReaderStrategy('n', runtime='auto', weights_folder={str(tmp_path)!r})\n"
        "result = qrcascade.Cascade([strategy]).read(numpy.full((320, 240), 255, numpy.uint8))\n"
        "assert not result.errors, result.errors\n"
        "assert [round(r.score, 3) for r in result.regions] == [0.9], result.regions\n"
        "heavy = {'torch', 'ultralytics', 'qreader', 'qrdet'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        f"assert {package!r} in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def tiny(onnx: Any) -> Any:
    """Any picture to one candidate of 100x100 pixels in the middle of 480x640, scored 0.9."""
    from onnx import TensorProto, helper, numpy_helper

    row = np.array([240, 320, 100, 100, 0.9, 1], np.float32).reshape(1, 6, 1)
    constants = {"row": row, "one": np.ones(1, np.float32), "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "flat"], ["none"]),
        helper.make_node("Add", ["row", "none"], ["output0"]),
        helper.make_node("AveragePool", ["images"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Slice", ["small", "from", "to", "axis"], ["single"]),
        helper.make_node("Mul", ["single", "zero"], ["empty"]),
        helper.make_node("Add", ["empty", "one"], ["output1"]),
    ]
    indices = {"flat": [1, 1, 1], "from": [0], "to": [1], "axis": [1]}
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    initial += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in indices.items()]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    outputs = [
        helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, 1]),
        helper.make_tensor_value_info("output1", TensorProto.FLOAT, ["b", 1, "mh", "mw"]),
    ]
    graph = helper.make_graph(nodes, "tiny", [image], outputs, initializer=initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

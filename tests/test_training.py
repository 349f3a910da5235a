"""The detector's training: scenes that repeat, labels that agree with pixels, heads that decode."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("segno", reason="segno is not installed")
pytest.importorskip("skimage", reason="scikit-image is not installed")
pytest.importorskip("fontTools", reason="fonttools is not installed")

import torch

from qrcascade.engines import detections as decode
from qrcascade.engines import second_look as closer
from training import print as printing
from training.calibrate import fit_logistic
from training.crops import crop
from training.export import export
from training.loss import measure_loss
from training.network import Detector
from training.scenes import draw_scene
from training.stock import Stock, make_stock
from training.symbols import draw_coarsely, make_matrix
from training.targets import Target, make_target
from training.values import Gray, Labels, Sheet, signed_areas
from training.warps import crumple, curl_upright, paste
from training.weights import read_weights

MODEL = Path(__file__).parents[1] / "qrcascade" / "engines" / "detector.onnx"


@pytest.fixture(scope="module")
def stock() -> Stock:
    if not printing.find_fonts():
        pytest.skip(f"no fonts in {printing.FONTS}")
    return make_stock(pages=2, others=12, photographs=3)


def make_sheet(version: int = 3, module: int = 8, quiet: int = 4) -> Sheet:
    """A clean symbol on white."""
    dark = np.pad(make_matrix(version, 0), quiet)
    levels = 255 * (1 - np.kron(dark, np.ones((module, module)))).astype(np.float32)
    low, high = quiet * module - 0.5, (len(dark) - quiet) * module - 0.5
    quad = np.array([[low, low], [high, low], [high, high], [low, high]], np.float32)
    labels = Labels(quad[None], np.array([len(dark) - 2 * quiet], np.int32), np.ones(1, bool))
    return Sheet(levels, np.ones_like(levels), labels)


def read_corners(picture: Gray) -> NDArray[np.float64]:
    """Where zxing-cpp sees the code, from the symbol's top left on; nothing where it cannot read."""
    found = zxingcpp.read_barcode(np.clip(picture, 0, 255).astype(np.uint8))
    if found is None:
        return np.zeros((0, 2))
    place = found.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    return np.array([(corner.x, corner.y) for corner in corners], float)


def make_labels(*quads: list[tuple[float, float]], counted: bool = True) -> Labels:
    return Labels(
        np.array(quads, np.float32), np.full(len(quads), 25, np.int32), np.full(len(quads), counted)
    )


def make_output(target: Target) -> NDArray[np.float32]:
    """What a perfect network would say."""
    side = target.side
    head = [np.where(target.score > 0, 6.0, -6.0)[None], target.corners / side]
    return np.concatenate([*head, np.log(side / 8)[None], np.log(target.module)[None]]).astype(np.float32)


SQUARE = [(30.0, 20.0), (90.0, 25.0), (85.0, 84.0), (26.0, 80.0)]


def test_a_seed_gives_the_same_scene_again(stock: Stock) -> None:
    first, again, other = (draw_scene(seed, stock) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.labels.quads, again.labels.quads)
    assert not np.array_equal(first.picture, other.picture)


def test_scenes_hold_clockwise_outlines_in_8_bits(stock: Stock) -> None:
    for seed in range(20):
        scene = draw_scene(seed, stock)
        assert scene.picture.dtype == np.uint8
        assert (signed_areas(scene.labels.quads) > 0).all()
        assert len(scene.labels.quads) == len(scene.labels.counts) == len(scene.labels.counted)


@pytest.mark.parametrize(
    "target",
    [
        [(40, 30), (340, 30), (340, 330), (40, 330)],
        [(60, 20), (360, 80), (330, 350), (20, 300)],
        [(330, 40), (350, 340), (50, 350), (40, 50)],
    ],
    ids=["upright", "oblique", "turned"],
)
def test_the_label_is_where_the_code_is_read(target: list[tuple[int, int]]) -> None:
    canvas = np.full((400, 400), 200, np.float32)
    labels = paste(canvas, make_sheet(), np.array(target, np.float32))
    np.testing.assert_allclose(read_corners(canvas), labels.quads[0], atol=3)


@pytest.mark.parametrize("bow", [-0.15, 0.0, 0.15])
def test_the_label_follows_a_curl(bow: float) -> None:
    curled = curl_upright(make_sheet(), 0.6, bow)
    np.testing.assert_allclose(read_corners(curled.levels), curled.labels.quads[0], atol=5)


def test_the_label_follows_a_crumple() -> None:
    sheet, read = make_sheet(), 0
    for seed in range(8):
        bent, labels = crumple(np.random.default_rng(seed), sheet.levels, sheet.labels)
        corners = read_corners(bent)
        read += len(corners) > 0
        np.testing.assert_allclose(corners, labels.quads[0, : len(corners)], atol=8)
    assert read >= 4


def test_seams_do_not_depend_on_the_side_from_which_modules_are_drawn() -> None:
    """The last row of pixels holds a part of one module, as the first one does."""
    matrix = make_matrix(3, 0)
    for side in (round(1.3 * len(matrix)), round(1.9 * len(matrix))):
        turned = draw_coarsely(np.ascontiguousarray(matrix[::-1, ::-1]), side, seams=True)
        np.testing.assert_allclose(turned[::-1, ::-1], draw_coarsely(matrix, side, seams=True), atol=1e-5)


def test_the_label_follows_a_crop(stock: Stock) -> None:
    scene = draw_scene(5, stock)
    for seed in range(8):
        picture, labels = crop(np.random.default_rng(seed), scene, 256)
        assert picture.shape == (256, 256)
        assert (signed_areas(labels.quads) > 0).all()


def test_a_perfect_head_gives_the_outline_back() -> None:
    found = decode.decode(make_output(make_target(make_labels(SQUARE), 128)), 0.3)
    np.testing.assert_allclose(found.quads, [SQUARE], atol=0.01)
    np.testing.assert_allclose(found.modules, [np.sqrt(signed_areas(np.array([SQUARE])))[0] / 25], rtol=1e-4)


def test_codes_that_touch_are_told_apart() -> None:
    steps = [20.0 * number + 4 for number in range(12)]
    quads = [[(x, y), (x + 20, y), (x + 20, y + 20), (x, y + 20)] for y in steps for x in steps]
    found = decode.decode(make_output(make_target(make_labels(*quads), 256)), 0.3)
    assert len(found.quads) == 144
    order = np.lexsort(found.quads[:, 0].round().T)
    np.testing.assert_allclose(found.quads[order], quads, atol=0.01)


def test_a_view_is_straightened_from_any_size() -> None:
    picture = np.zeros((400, 600), np.uint8)
    for scale in (0.3, 1.0, 4.0):
        quad = np.array(SQUARE, np.float32) * scale
        cv2.fillConvexPoly(picture, np.rint(quad).astype(np.int32), 255)
        seen, view = closer.straighten(picture, quad)
        moved = cv2.perspectiveTransform(quad[None].astype(np.float64), view)[0]
        np.testing.assert_allclose(np.ptp(moved, axis=0), closer.SYMBOL, atol=0.5)
        assert seen[96, 96] == 255
        assert seen[2, 2] == 0
        picture[:] = 0


def test_an_eighth_turn_of_a_square() -> None:
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    turned = closer.turn_by_eighth(square)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.sqrt(2), rtol=1e-5)
    np.testing.assert_allclose(np.abs(turned).min(1), 0, atol=1e-6)


def test_what_does_not_count_is_neither_right_nor_wrong() -> None:
    target = make_target(make_labels(SQUARE, counted=False), 128)
    assert target.score.sum() == 0
    assert 30 < (target.weight == 0).sum() < 80


@pytest.mark.parametrize("turn", range(4))
def test_corners_may_begin_anywhere(turn: int) -> None:
    target = make_target(make_labels(SQUARE), 128)
    output = make_output(target)
    output[1:9] = np.roll(output[1:9].reshape(4, 2, 16, 16), turn, 0).reshape(8, 16, 16)
    loss = measure_loss(torch.from_numpy(output)[None], [torch.from_numpy(part)[None] for part in target])
    assert float(loss.corners) < 1e-4


def test_the_network_answers_at_every_eighth_pixel() -> None:
    with torch.inference_mode():
        assert Detector().eval()(torch.zeros(1, 1, 128, 192)).shape == (1, 11, 16, 24)


def test_the_exported_network_finds_clean_codes() -> None:
    if not MODEL.is_file():
        pytest.skip(f"no {MODEL}")
    assert MODEL.stat().st_size <= 1_000_000
    canvas = np.full((480, 640), 200, np.float32)
    target = np.array([[200, 100], [440, 120], [430, 350], [210, 340]], np.float32)
    labels = paste(canvas, make_sheet(), target)
    found = closer.find(decode.load_network(MODEL), canvas.astype(np.uint8))
    assert len(found.quads) == 1
    turns = [np.abs(np.roll(found.quads[0], turn, 0) - labels.quads[0]).max() for turn in range(4)]
    assert min(turns) < 20


def test_scores_are_fitted_to_what_was_right() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=20_000) * 2
    right = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(float)
    np.testing.assert_allclose(fit_logistic(logits[:, None], right), (0.5, -1), atol=0.05)


def test_an_export_answers_as_the_network_does(tmp_path: Path) -> None:
    network, path = Detector().eval(), tmp_path / "network.onnx"
    torch.save({"average": network.state_dict()}, tmp_path / "state.pt")
    export(tmp_path / "state.pt", path, tmp_path / "weights.npz")
    assert read_weights(tmp_path / "weights.npz").keys() == network.state_dict().keys()
    pictures = np.random.default_rng(0).normal(size=(1, 1, 64, 128)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(decode.load_network(path)(pictures), expected, atol=0.02)


def test_runtimes_agree() -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if not MODEL.is_file():
        pytest.skip(f"no {MODEL}")
    pictures = np.random.default_rng(0).normal(size=(1, 1, 128, 192)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"picture": pictures})
    np.testing.assert_allclose(decode.load_network(MODEL)(pictures), expected, atol=1e-3)


def test_opencv_reads_grays_as_they_are(tmp_path: Path) -> None:
    from training.evaluate import measure_corner_error, measure_overlap, read_gray, read_truth

    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6), 7, np.uint8))
    assert read_gray(tmp_path / "a.png").shape == (4, 6)
    (tmp_path / "a.txt").write_text("# corners\nSETS\n0 0 8 0 8 8 0 8\n1 1 2 1 2 2 1 2\n")
    one, other = read_truth(tmp_path / "a.txt")
    assert measure_overlap(one, other) == pytest.approx(1 / 64)
    assert measure_corner_error(one, one[::-1]) == 0

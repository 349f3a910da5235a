"""The project's own detector: where symbols are, before anything is read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import qrcascade
from qrcascade import Cascade, ClassicalStrategy, Frame, GridStrategy, OptionError, Quad
from qrcascade.engines import DetectorEngine, detector
from qrcascade.engines.detections import Floats, decode, load_network, shrink
from qrcascade.engines.second_look import find
from qrcascade.image.frame import Gray
from qrcascade.results import Region
from tests import draw, unread
from training.evaluate import load_onnxruntime

QR = frozenset(["QRCode"])
MODEL = Path(detector.__file__).with_name("detector.onnx")


def on_page(side: int, turn: int = 0) -> tuple[Gray, NDArray[np.float64]]:
    """A symbol on gray paper, and its outline."""
    gray, outline = draw.symbol("https://example.com/detector", 2)
    page = np.full((side, side), 225, np.uint8)
    left, top = side // 3, side // 4
    page[top : top + len(gray), left : left + len(gray)] = gray
    return np.ascontiguousarray(np.rot90(page, turn)), np.asarray(outline) + np.array([left, top])


@pytest.mark.parametrize("side", [300, 600, 1200])
def test_a_symbol_is_located(side: int) -> None:
    page, outline = on_page(side)
    (region,) = DetectorEngine().read(page, QR).regions
    corners = np.asarray(region.quad)
    assert region.score > 0.5
    assert np.abs(np.sort(corners, axis=0) - np.sort(outline, axis=0)).max() < 0.1 * np.ptp(outline)


@pytest.mark.parametrize("turn", range(4))
def test_it_does_not_matter_which_way_is_up(turn: int) -> None:
    assert len(DetectorEngine().read(on_page(500, turn)[0], QR).regions) == 1


@pytest.mark.parametrize("shape", [(2200, 1701), (1281, 641), (640, 480), (5000, 40)])
def test_a_shrunk_picture_shows_everything_at_its_place(shape: tuple[int, int]) -> None:
    picture = np.zeros(shape, np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture[(y // 200 + x // 200) % 3 == 1] = 200
    # Without edges: a step is sampled where it falls.
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 15), np.uint8)
    small, scale = shrink(picture, 640)
    assert max(small.shape) == 640
    for whole, axis in ((y, 0), (x, 1)):
        middle = (np.mgrid[: small.shape[0], : small.shape[1]][axis] * (small / small.sum())).sum()
        assert (middle + 0.5) / scale - 0.5 == pytest.approx((whole * (picture / picture.sum())).sum(), abs=1)


@pytest.mark.parametrize("left", [0, 100, 500])
def test_plain_margins_are_not_looked_at(left: int) -> None:
    gray, outline = draw.symbol("https://example.com/detector", 3)
    page = np.full((600, 640), 225, np.uint8)
    page[301 : 301 + len(gray), left : left + len(gray)] = gray
    sizes, network = list[int](), load_network(MODEL)

    def run(pictures: Floats) -> Floats:
        sizes.append(pictures.size)
        return network(pictures)

    found = find(run, page)
    assert np.abs(found.quads[0].mean(0) - np.mean(outline, 0) - (left, 301)).max() < 3
    assert sizes[0] < page.size / 4
    find(run, np.full((600, 640), 225, np.uint8))
    assert sizes[-1] == 64 * 64


def test_nothing_is_located_where_nothing_is() -> None:
    for gray in (np.full((400, 300), 255, np.uint8), np.zeros((1, 1), np.uint8), unread.page(3)):
        assert DetectorEngine().read(gray, QR).regions == ()
    assert DetectorEngine().read(on_page(300)[0], frozenset(["MicroQRCode"])).regions == ()


def test_a_network_takes_pictures_of_any_shape_in_any_order() -> None:
    random, network = np.random.default_rng(0), load_network(MODEL)
    for side in [64, 128, 192, 256, 320, 64, 320, 128]:
        picture = random.normal(size=(1, 1, 64, side)).astype(np.float32)
        np.testing.assert_array_equal(network(picture), load_network(MODEL)(picture))


def test_threads_get_the_same() -> None:
    page, _ = on_page(500)
    expected = DetectorEngine().read(page, QR).regions
    found: list[tuple[Region, ...]] = []

    def locate() -> None:
        for _ in range(2):
            found.append(DetectorEngine().read(page, QR).regions)

    threads = [threading.Thread(target=locate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_what_only_the_detector_locates_is_read() -> None:
    """1.4 blurred pixels to a module: no finder pattern is seen."""
    picture = unread.picture(module=1.4, seed=2, blur=0.8, angle=-12)
    assert not Cascade([ClassicalStrategy()]).read(picture)
    result = Cascade([ClassicalStrategy(), GridStrategy()]).read(picture)
    assert result.text == unread.URL
    assert any(region.source == "detector" for a in result.attempts for region in a.regions)
    # The grid comes after the first four looks of engines at the region.
    kinds = [attempt.kind for attempt in result.attempts if attempt.region is not None]
    assert kinds[:5] == ["region"] * 4 + ["fit"]
    assert Frame.load(picture).size == result.size


def test_the_detections_of_both_runtimes_agree() -> None:
    pytest.importorskip("onnxruntime")
    page, _ = on_page(600, 1)
    first, second = (find(load(MODEL), page, threshold=0.3) for load in (load_network, load_onnxruntime))
    np.testing.assert_allclose(first.scores, second.scores, atol=0.01)
    np.testing.assert_allclose(first.quads, second.quads, atol=0.01)


def test_codes_are_located_without_reading_them() -> None:
    gray, outline = draw.symbol("https://example.com/detector", 3)
    page = draw.page_of(gray, gray, gray)
    found = qrcascade.detect(page)
    assert len(found) == 3
    assert [region.module for region in found] == pytest.approx([3] * 3, rel=0.35)
    assert all(abs(region.quad.side - outline.side) < 0.08 * outline.side for region in found)
    assert qrcascade.detect(np.full((300, 300), 255, np.uint8)) == ()


@pytest.mark.parametrize("angle", range(0, 90, 15))
def test_corners_are_off_by_little_at_every_angle(angle: int) -> None:
    gray, outline = draw.symbol("https://example.com/detector", 6)
    page = np.pad(gray, 150, constant_values=255)
    middle = (len(page) - 1) / 2
    view = cv2.getRotationMatrix2D((middle, middle), angle, 1)
    (region,) = qrcascade.detect(cv2.warpAffine(page, view, page.shape[::-1], borderValue=(255,)))
    truth = cv2.transform(np.asarray(outline)[None] + 150, view)[0]
    orders = [np.roll(np.asarray(region.quad), turn, 0) for turn in range(4)]
    off = min(np.linalg.norm(order - truth, axis=1).mean() for order in orders)
    assert off < 0.04 * outline.side


def test_a_large_jpeg_is_located_in_its_own_pixels(tmp_path: Path) -> None:
    gray, outline = draw.symbol("large", 24)
    page = np.full((3000, 4000), 230, np.uint8)
    page[900 : 900 + len(gray), 2000 : 2000 + len(gray)] = gray
    Image.fromarray(page).save(tmp_path / "large.jpg")
    (region,) = qrcascade.detect(tmp_path / "large.jpg")
    expected = Quad.of([(x + 2000, y + 900) for x, y in outline])
    assert region.quad.overlap(expected) > 0.85
    assert region.module == pytest.approx(24, rel=0.15)


@pytest.mark.parametrize("place", range(3))
def test_a_code_of_four_millimetres_on_a_page_is_located(place: int) -> None:
    gray, outline = draw.symbol(f"https://example.com/{place}", 2)
    assert 48 <= outline.side <= 50
    page = np.full((3508, 2480), 255, np.uint8)
    y, x = 1200 + 97 * place, 700 + 83 * place
    page[y : y + len(gray), x : x + len(gray)] = gray
    (region,) = qrcascade.detect(page)
    assert np.abs(np.asarray(region.quad.center) - (x + len(gray) / 2, y + len(gray) / 2)).max() < 10


@pytest.mark.parametrize("threshold", [-0.1, 2, "0.5"])
def test_an_impossible_threshold_is_an_error(threshold: Any) -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        qrcascade.detect(np.zeros((10, 10), np.uint8), threshold=threshold)


@pytest.mark.parametrize(("logit", "kept"), [(0.0, 100), (2.0, 400)])
def test_of_what_is_unlikely_no_more_is_kept_than_can_be_looked_at(logit: float, kept: int) -> None:
    """A texture may look a little like a symbol at every place."""
    output = np.full((11, 80, 80), -20, np.float32)
    corners = [-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5]
    output[:, ::4, ::4] = np.array([logit, *corners, np.log(3), 1], np.float32)[:, None, None]
    assert len(decode(output, 0.2).quads) == kept

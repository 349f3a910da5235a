from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import deformed, synthetic
from qrcascade import Frame, MissingDependencyError, Quad
from qrcascade.engines import ZXingEngine, confidence, engine
from qrcascade.reading.scan import CREDIBLE
from tests import draw
from tests.rows import slowly, thinned

QR = frozenset(["QRCode"])
NAMES = ["zxing", "zbar", "opencv", "aruco"]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    wanted: str = request.param
    try:
        engine(wanted).read(np.full((8, 8), 255, np.uint8), QR)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    return wanted


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0, 30, 135, 250, *slowly(60, 90, 180, 315)])
def test_corners_start_at_the_symbols_own_top_left(name: str, angle: float, mirrored: bool) -> None:
    page, corners = draw.turned("which way round?", angle, mirrored)
    found = engine(name).read(page, QR).codes
    if name in ("opencv", "aruco") and not found:
        pytest.skip(f"{name} does not read it at this angle")
    (code,) = found
    # Clockwise on the screen: in a mirror that is the symbol's own order reversed.
    expected = corners[[0, 3, 2, 1]] if mirrored else corners
    assert np.abs(np.asarray(code.quad) - expected).max() <= 6
    assert code.mirrored is (None if name in ("opencv", "aruco") else mirrored)
    assert code.text == "which way round?"


def test_nothing_in_an_empty_picture(name: str) -> None:
    found = engine(name).read(np.full((200, 300), 255, np.uint8), QR)
    assert found.codes == ()
    assert found.regions == ()


@given(st.binary(min_size=1, max_size=60), st.sampled_from("LMQH"))
def test_zxing_gives_the_exact_bytes(payload: bytes, level: str) -> None:
    gray, _ = draw.symbol(payload, error=level, boost_error=False)
    (code,) = engine("zxing").read(gray, QR).codes
    assert code.data == payload
    assert code.ec_level == level


@pytest.mark.parametrize("version", [1, 2, 6, 7, 14, *slowly(10, 20, 27, 32, 40)])
def test_zxing_over_versions(version: int) -> None:
    gray, quad = draw.symbol("7" * version, version=version)
    (code,) = engine("zxing").read(gray, QR).codes
    assert (code.text, code.version) == ("7" * version, str(version))
    assert code.mirrored is False
    assert code.confidence == pytest.approx(0.99)
    assert np.abs(np.asarray(code.quad) - np.asarray(quad)).max() <= 2


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ÄÖÜäöü", {"encoding": "latin-1"}),
        ("ÄÖÜäöü", {"encoding": "utf-8"}),
        ("ÄÖÜäöü", {"encoding": "utf-8", "eci": True}),
        ("αβγ", {"encoding": "iso8859-7", "eci": True}),
        ("阿", {"mode": "hanzi"}),
        ("点茗", {"mode": "kanji"}),
        ("a\\b\\000026c", {}),
        ("a\\b\\000026ü", {"encoding": "utf-8", "eci": True}),
        ("A\x1dB\r\n", {}),
    ],
)
def test_zxing_text_follows_eci_and_is_plain(text: str, options: dict[str, Any]) -> None:
    gray, _ = draw.symbol(text, **options)
    (code,) = engine("zxing").read(gray, QR).codes
    assert code.text == text


def test_a_guessed_character_set_is_no_evidence() -> None:
    """The ``guessed`` of zbar's old versions and of OpenCV: a code like this does not end a reading."""
    assert confidence.of_engine("aruco", guessed=True) < 0.5


def test_inexact_engines_give_no_bytes(name: str) -> None:
    gray, _ = draw.symbol("exact?")
    (code,) = engine(name).read(gray, QR).codes
    assert code.data == (b"exact?" if name == "zxing" else None)


def test_micro_qr_only_when_asked() -> None:
    gray, _ = draw.symbol("12345", micro=True)
    assert engine("zxing").read(gray, QR).codes == ()
    (code,) = engine("zxing").read(gray, frozenset(["MicroQRCode"])).codes
    assert (code.text, code.format, code.version, code.mirrored) == ("12345", "MicroQRCode", "M1", None)


def test_micro_qr_alone_is_nothing_to_the_others(name: str) -> None:
    gray, _ = draw.symbol("not micro")
    assert engine(name).read(gray, frozenset(["MicroQRCode"])).codes == ()


def test_zbar_does_not_join_a_structured_append() -> None:
    """It would report one symbol, at no symbol's place, and with a character lost."""
    pages = [draw.drawn(code, 4)[0] for code in segno.make_sequence("first half|second half", symbol_count=2)]
    page = draw.page_of(*pages)
    assert engine("zbar").read(page, QR).codes == ()
    assert sorted(code.text for code in engine("zxing").read(page, QR).codes) == [
        "first half|",
        "second half",
    ]


def test_a_thrifty_look_still_sees_light_on_dark() -> None:
    gray, quad = draw.symbol("inverted")
    thrifty = ZXingEngine(thrifty=True)
    for page in (gray, 255 - gray):
        (code,) = thrifty.read(page, QR).codes
        assert (code.text, code.data) == ("inverted", b"inverted")
        assert np.abs(np.asarray(code.quad) - np.asarray(quad)).max() <= 2
    both = np.hstack([gray, 255 - gray])
    assert len(thrifty.read(both, QR).codes) == 1
    assert len(ZXingEngine().read(both, QR).codes) == 2


def test_a_broken_symbol_is_a_region() -> None:
    gray, quad = draw.symbol("x" * 100, scale=6, error="L", boost_error=False)
    broken = gray.copy()
    broken[120:200, 100:200] = 255
    found = engine("zxing").read(broken, QR)
    assert found.codes == ()
    (region,) = found.regions
    assert region.source == "zxing"
    assert region.quad.overlap(quad) > 0.9


@pytest.mark.parametrize(
    ("name", "module", "remedy"),
    [
        ("zxing", "zxingcpp", "pip install 'zxing-cpp"),
        ("zbar", "pyzbar", "pip install pyzbar"),
        ("opencv", "cv2", "pip install opencv-python"),
        ("aruco", "cv2", "pip install opencv-python"),
    ],
)
def test_a_missing_library_says_what_mends_it(
    name: str, module: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=remedy):
        engine(name).read(np.zeros((8, 8), np.uint8), QR)


@pytest.mark.parametrize(
    ("platform", "remedy"),
    [
        ("linux", "apt-get install libzbar0"),
        ("darwin", "brew install zbar"),
        ("freebsd14", "libzbar0, or your system"),
    ],
)
def test_a_missing_libzbar_says_what_mends_it(
    platform: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pyzbar is installed and cannot find the shared library: as on a fresh Debian."""
    for module in [m for m in sys.modules if m.startswith("pyzbar")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(MissingDependencyError, match=remedy):
        engine("zbar").read(np.zeros((8, 8), np.uint8), QR)
    for module in [m for m in sys.modules if m.startswith("pyzbar")]:
        monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.invalidate_caches()


class Breaks:
    """An importer of one module, whose import ends in an exception or gives an empty module."""

    def __init__(self, module: str, error: Exception | None) -> None:
        self.module, self.error = module, error

    def find_spec(self, name: str, *_: object) -> Any:
        loader: Any = self
        return importlib.util.spec_from_loader(name, loader) if name == self.module else None

    def create_module(self, _: object) -> None:
        if self.error is not None:
            raise self.error

    def exec_module(self, _: object) -> None:
        """Empty."""


NO_DLL = "Could not find module 'libzbar-64.dll' (or one of its dependencies)."
HALF = AttributeError("partially initialized module 'cv2' has no attribute 'gapi_wip_gst_GStreamerPipeline'")


@pytest.mark.parametrize(
    ("name", "module", "error", "platform", "remedy"),
    [
        ("zbar", "pyzbar.wrapper", FileNotFoundError(NO_DLL), "win32", "libzbar-64.dll.*Visual C"),
        ("opencv", "cv2", ImportError("libGL.so.1: cannot open shared object file"), "linux", "libgl1"),
        ("opencv", "cv2", HALF, "linux", "GStreamer.*pip uninstall -y .*&& pip install opencv-python"),
        ("opencv", "cv2", None, "linux", "incomplete.*pip uninstall -y opencv-python opencv-python-headless"),
    ],
)
def test_a_broken_library_says_what_mends_it(
    name: str,
    module: str,
    error: Exception | None,
    platform: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What users of the libraries meet: a DLL's own DLL, a slim container, two packages in one folder."""
    monkeypatch.delitem(sys.modules, module, raising=False)
    if "." in module:
        monkeypatch.delattr(module, raising=False)
    monkeypatch.setattr("sys.meta_path", [Breaks(module, error), *sys.meta_path])
    monkeypatch.setattr("sys.platform", platform)
    with pytest.raises(MissingDependencyError, match=remedy):
        engine(name).read(np.zeros((8, 8), np.uint8), QR)


@pytest.mark.parametrize("angle", [0, 20, 45, 110, 200])
@pytest.mark.parametrize("version", [1, 5, 12])
def test_finders_locate(version: int, angle: float) -> None:
    page, corners = draw.turned("located", angle, version=version)
    found = engine("finders").read(page, QR)
    assert found.codes == ()
    (region,) = [r for r in found.regions if r.score >= CREDIBLE]
    assert region.quad.overlap(Quad.of(corners)) > 0.9
    assert region.score > 0.7


def test_finders_survive_shade_and_low_contrast() -> None:
    page, corners = draw.turned("faint", 15)
    light = np.linspace(0.3, 1.0, page.shape[1])
    faint = ((page * 0.2 + 150) * light).astype(np.uint8)
    (region,) = engine("finders").read(faint, QR).regions
    assert region.quad.overlap(Quad.of(corners)) > 0.9


@pytest.mark.parametrize("seed", thinned(range(5), 5))
def test_finders_see_nothing_in_print(seed: int) -> None:
    regions = engine("finders").read(Frame.load(synthetic.page(seed)).gray, QR).regions
    assert all(region.score < CREDIBLE for region in regions)


def test_finders_tell_of_two_patterns_and_of_one() -> None:
    page, corners = draw.turned("covered", 0, version=5)
    outline = Quad.of(corners)
    _, b, c, d = corners
    side = outline.side
    for missing, least in (((d,), 0.15), ((b, d), 0.05)):
        covered = page.copy()
        for x, y in missing:
            x, y = (min(v, e - side / 4) for v, e in zip((x, y), c, strict=True))
            covered[int(y) - 9 : int(y + side / 4), int(x) - 9 : int(x + side / 4)] = 255
        regions = engine("finders").read(covered, QR).regions
        assert regions
        assert all(least < region.score < CREDIBLE for region in regions)


def test_texture_locates_what_has_no_finder_patterns() -> None:
    page, corners = draw.turned("scribbled over", 20, version=6)
    blurred = np.asarray(cv2.GaussianBlur(page, (0, 0), 4.0), np.uint8)
    found = engine("texture").read(blurred, QR)
    assert found.codes == ()
    assert max(region.quad.overlap(Quad.of(corners)) for region in found.regions) > 0.6
    assert engine("texture").read(np.full((300, 400), 200, np.uint8), QR).regions == ()


def test_stripes_and_checks_in_a_symbols_frame_say_nothing(name: str) -> None:
    """Codewords that are all zero are valid ones: the mask alone, and zbar says that it read something."""
    random = np.random.default_rng(0)
    for version, level in ((1, "L"), (2, "H"), (7, "M")):
        made = deformed.symbol(random, (version, version), level)
        modules = made.saying(np.zeros_like(made.codewords()))
        gray = deformed.drawn(modules).astype(np.uint8)
        assert engine(name).read(gray, QR).codes == ()


def test_codes_in_latin_1_take_no_further_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells kanji and hanzi mode from bytes is in the modules."""
    import zxingcpp

    looks = []

    def look(*arguments: Any, **options: Any) -> Any:
        looks.append(options)
        return read_barcodes(*arguments, **options)

    read_barcodes = zxingcpp.read_barcodes
    monkeypatch.setattr(zxingcpp, "read_barcodes", look)
    symbols = [draw.symbol(f"Größe {n}", encoding="latin1", eci=False)[0] for n in range(6)]
    codes = engine("zxing").read(draw.page_of(*symbols), QR).codes
    assert sorted(code.text for code in codes) == [f"Größe {n}" for n in range(6)]
    assert len(looks) == 1

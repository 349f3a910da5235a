from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import qrcascade
from qrcascade import Frame, ImageError, Limits, OptionError
from qrcascade.image import sources
from qrcascade.image.frame import scaling

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


PNG = encoded(Image.fromarray(RAMP), "PNG")


def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "ramp.png"
    path.write_bytes(PNG)
    sources: list[Any] = [
        path,
        str(path),
        PNG,
        bytearray(PNG),
        memoryview(PNG),
        io.BytesIO(PNG),
        Image.fromarray(RAMP),
        RAMP,
    ]
    for source in sources:
        frame = Frame.load(source)
        assert frame.size == (8, 6)
        np.testing.assert_array_equal(frame.gray, RAMP)
        np.testing.assert_array_equal(frame.color, np.stack([RAMP] * 3, axis=2))
        np.testing.assert_array_equal(frame.to_source, np.eye(3))
    with path.open("rb") as file:
        np.testing.assert_array_equal(Frame.load(file).gray, RAMP)


@pytest.mark.parametrize(
    ("array", "gray"),
    [
        (RAMP > 100, np.where(RAMP > 100, 255, 0)),
        (RAMP.astype(np.int64), RAMP),
        (RAMP.astype(np.uint16) * 257, RAMP),
        (RAMP.astype(np.float32) / 255, RAMP),
        (RAMP.astype(np.float64), RAMP),
        (RAMP[:, :, None], RAMP),
        (np.stack([RAMP] * 3, axis=2), RAMP),
        (np.asfortranarray(RAMP), RAMP),
        (RAMP[::-1, ::-2], RAMP[::-1, ::-2]),
        (np.dstack([RAMP, RAMP, RAMP, np.zeros_like(RAMP)]), RAMP),
    ],
    ids=["bool", "int64", "uint16", "float01", "float255", "hw1", "rgb", "fortran", "strided", "alpha of 0"],
)
def test_arrays(array: Any, gray: Any) -> None:
    frame = Frame.load(array)
    np.testing.assert_array_equal(frame.gray, gray)
    assert frame.gray.dtype == np.uint8
    assert frame.gray.flags.c_contiguous


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=12).map(lambda s: (*s[:2], 3))))
def test_rgb_and_bgr_agree(rgb: Any) -> None:
    one, other = Frame.load(rgb), Frame.load(rgb[:, :, ::-1], bgr=True)
    np.testing.assert_array_equal(one.gray, other.gray)
    np.testing.assert_array_equal(one.color, other.color)
    np.testing.assert_array_equal(one.color, rgb)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_pil_modes(mode: str) -> None:
    black_and_white = np.where(RAMP > 100, 255, 0).astype(np.uint8)
    if mode in ("I;16", "I"):
        image = Image.fromarray(black_and_white.astype(np.uint16) * 257)
        image = image if mode == "I;16" else image.convert("I")
    else:
        image = Image.fromarray(black_and_white).convert(mode)
    frame = Frame.load(image)
    np.testing.assert_array_equal(frame.gray, black_and_white)
    assert frame.color.shape == (6, 8, 3)


def test_transparency_is_laid_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert Frame.load(image).gray.min() == 255
    palette = Image.new("P", (4, 4), 0)
    palette.info["transparency"] = 0
    assert Frame.load(encoded(palette, "PNG", transparency=0)).gray.min() == 255
    half = Image.fromarray(np.dstack([np.full_like(RAMP, 90)] * 3 + [RAMP]))
    np.testing.assert_allclose(Frame.load(half).gray, 255 - RAMP / 255 * 165, atol=1)


PRINT = np.where(np.arange(48).reshape(6, 8) % 3, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "array", "PIL"])
@pytest.mark.parametrize("white", [255, 235])
def test_what_white_hides_is_laid_over_black(kind: str, white: int) -> None:
    """White print on a transparent ground, and holes in a white one."""
    for alpha in (PRINT, 255 - PRINT):
        rgba = np.dstack([np.full_like(PRINT, white)] * 3 + [alpha])
        source: Any = rgba if kind == "array" else Image.fromarray(rgba)
        if kind not in ("array", "PIL"):
            source = encoded(source, kind, **({"lossless": True} if kind == "WEBP" else {}))
        frame = Frame.load(source)
        np.testing.assert_array_equal(frame.gray, np.where(alpha, white, 0))
        np.testing.assert_array_equal(frame.color[:, :, 1], frame.gray)


def test_a_transparent_colour_may_be_what_white_hides() -> None:
    gray = Image.fromarray(PRINT)
    np.testing.assert_array_equal(Frame.load(encoded(gray, "PNG", transparency=0)).gray, PRINT)
    palette = gray.convert("P")
    index = int(np.asarray(palette)[0, 0])
    np.testing.assert_array_equal(Frame.load(encoded(palette, "PNG", transparency=index)).gray, PRINT)


def test_lightness_and_colours_of_lab() -> None:
    lab = Image.merge("LAB", [Image.fromarray(PRINT), *(Image.new("L", (8, 6), 128) for _ in "ab")])
    frame = Frame.load(encoded(lab, "TIFF"))
    np.testing.assert_array_equal(frame.gray, PRINT)
    np.testing.assert_allclose(frame.color[:, :, 1].astype(int), PRINT, atol=3)


KINDS = ("PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG")


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))),
    st.sampled_from(KINDS),
    st.integers(0, 9),
)
def test_every_kind_of_source_gives_the_same_pixels(pixels: Any, kind: str, orientation: int) -> None:
    """By path, bytes, file and PIL; and as the upright array, where the format loses nothing."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = orientation if kind in ("PNG", "TIFF", "WEBP", "JPEG") else 1
    options: dict[str, Any] = {"exif": exif} if turned == orientation else {}
    options |= {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    image = Image.fromarray(pixels)
    data = encoded(image, kind, **options)
    frame = Frame.load(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        path.write_bytes(data)
        with path.open("rb") as file, Image.open(io.BytesIO(data)) as opened:
            for source in (path, str(path), bytearray(data), file, opened):
                other = Frame.load(source)
                np.testing.assert_array_equal(other.gray, frame.gray)
                np.testing.assert_array_equal(other.color, frame.color)
    upright = sources._make_upright(pixels, turned)
    if kind != "JPEG":
        np.testing.assert_array_equal(frame.gray, upright)
        np.testing.assert_array_equal(Frame.load(upright).gray, frame.gray)
    assert frame.size == upright.shape[::-1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = np.dstack([RAMP, RAMP[::-1], RAMP[:, ::-1]])
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(rgb), kind, exif=exif, **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    frame = Frame.load(data)
    np.testing.assert_array_equal(frame.gray, np.asarray(upright.convert("L")))
    np.testing.assert_array_equal(frame.color, np.asarray(upright))
    np.testing.assert_array_equal(Frame.load(Image.open(io.BytesIO(data))).gray, frame.gray)


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_frames(kind: str) -> None:
    pages = [Image.new("L", (4, 4), level) for level in (0, 100, 255)]
    data = encoded(pages[0], kind, save_all=True, append_images=pages[1:])
    assert Frame.load(data).gray[0, 0] == 0
    assert Frame.load(data, frame=2).gray[0, 0] == 255
    assert Frame.load(Image.open(io.BytesIO(data)), frame=1).gray[0, 0] == 100
    with pytest.raises(ImageError, match="no frame 3; it has 3"):
        Frame.load(data, frame=3)


def test_jpeg_gray_is_its_luminance_plane() -> None:
    image = Image.fromarray(np.kron(np.dstack([RAMP, 255 - RAMP, RAMP]), np.ones((8, 8, 1), np.uint8)))
    data = encoded(image, "JPEG", quality=95)
    gray = Frame.load(data).gray
    difference = np.abs(gray.astype(int) - np.asarray(Image.open(io.BytesIO(data)).convert("L")))
    assert difference.max() <= 4


# Sides that are odd, and no multiple of a JPEG block.
SCENE = np.kron(RAMP, np.ones((41, 39), np.uint8))[1:, 1:]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_has_a_draft(orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.image.sources._DRAFT_PIXELS", SCENE.size // 4)
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = np.dstack([SCENE, SCENE[::-1], SCENE[:, ::-1]])
    data = encoded(Image.fromarray(rgb), "JPEG", quality=95, exif=exif)
    whole, frame = Frame.load(data), Frame.load(data, draft=True)
    assert whole.draft is None
    assert frame.draft is not None
    assert frame.size == whole.size
    assert frame.draft.size == tuple((n + 1) // 2 for n in frame.size)
    np.testing.assert_allclose(frame.draft.to_source, scaling(frame.draft.size, frame.size))
    # Each pixel of the draft is the mean of those that it stands for.
    small = Image.fromarray(whole.gray).resize(frame.draft.size, Image.Resampling.BOX)
    assert np.abs(frame.draft.gray.astype(int) - np.asarray(small)).mean() < 2
    np.testing.assert_array_equal(frame.gray, whole.gray)
    np.testing.assert_array_equal(frame.color, whole.color)


def test_nothing_else_has_a_draft(monkeypatch: pytest.MonkeyPatch) -> None:
    small = encoded(Image.fromarray(SCENE), "JPEG")
    assert Frame.load(small, draft=True).draft is None
    monkeypatch.setattr("qrcascade.image.sources._DRAFT_PIXELS", 1)
    assert Frame.load(small, draft=True).draft is not None
    for source in (encoded(Image.fromarray(SCENE), "PNG"), SCENE, Image.open(io.BytesIO(small))):
        assert Frame.load(source, draft=True).draft is None


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_read_as_far_as_it_goes(progressive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.image.sources._DRAFT_PIXELS", 1)
    data = encoded(Image.fromarray(SCENE), "JPEG", progressive=progressive)
    whole = Frame.load(data)
    assert whole.notes == ()
    header = data.index(b"\xff\xda")
    for cut in [header + 40, len(data) // 2, len(data) - 40, len(data) - 2]:
        frame, drafted = Frame.load(data[:cut]), Frame.load(data[:cut], draft=True)
        assert frame.notes == drafted.notes == (sources._CUT,)
        assert drafted.draft is not None
        np.testing.assert_array_equal(drafted.gray, frame.gray)
        assert frame.color.shape == (*frame.gray.shape, 3)
    np.testing.assert_array_equal(frame.gray, whole.gray)
    if not progressive:
        half = Frame.load(data[: (header + len(data)) // 2]).gray
        np.testing.assert_array_equal(half[:64], whole.gray[:64])
    for cut in (2, 30, header):
        with pytest.raises(ImageError):
            Frame.load(data[:cut])


def huge_png() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    import struct
    import zlib

    body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return PNG[:8] + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + PNG[33:]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no/such/file.png", r"'no/such/file.png': No such file"),
        (".", "it is a folder"),
        (b"", "0 bytes: it is empty"),
        (b"hello, world", "12 bytes: cannot identify a picture in it; supported are JPEG, PNG,"),
        (PNG[:50], "50 bytes"),
        (huge_png(), r"60000x60000|decompression bomb"),
        (np.zeros((0, 5), np.uint8), r"shape \(0, 5\).*it has no pixels"),
        (np.zeros((5,), np.uint8), r"must have shape"),
        (np.zeros((5, 5, 2), np.uint8), r"must have shape"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), -1), "-1"),
        (np.full((2, 2), 70_000), "70000"),
        (np.array([["a"]]), "numbers"),
        (np.array([[1j]]), "numbers"),
        (np.broadcast_to(np.uint8(0), (1, 100_000_001)), "at most 100,000,000"),
        (np.broadcast_to(np.uint8(0), (1, 60_000)), "32,767 per side"),
        (Image.new("L", (0, 5)), "it has no pixels"),
        (io.StringIO("text"), "binary mode"),
        (io.TextIOWrapper(io.BytesIO(PNG), "utf-8"), "an open file: open the file in binary mode"),
        (encoded(Image.fromarray(RAMP), "JPEG")[:300], "300 bytes: it ends too early"),
        ("https://example.com/code.png", "No such file or directory; strings are paths, never URLs"),
        ("~/no/such.png", r"~ is not expanded, but Path\.expanduser\(\) does that"),
        (42, "cannot read an int: it must be a path, bytes"),
        (None, "must be a path, bytes"),
        ("\0", "null"),
    ],
)
def test_bad_sources_say_what_and_why(source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        Frame.load(source)


@given(st.binary(max_size=200), st.integers(0, len(PNG)))
def test_broken_files_are_image_errors_or_pictures(noise: bytes, cut: int) -> None:
    for data in (noise, PNG[:cut], PNG[:cut] + noise, PNG[:cut] + noise + PNG[cut + len(noise) :]):
        with contextlib.suppress(ImageError):
            assert Frame.load(data).gray.size > 0


@pytest.mark.parametrize("source", ["no/such.png", __file__, b"text"])
def test_what_says_nothing_more_is_not_chained(source: Any) -> None:
    with pytest.raises(ImageError) as caught:
        qrcascade.read(source)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


SMALL = Limits(max_pixels=40, max_side=9, max_bytes=60, max_frames=2)


@pytest.mark.parametrize(
    ("source", "frame", "message"),
    [
        (RAMP, 0, r"it is 8x6 pixels; at most 40 in total and 9 per side are read \(Limits\.max_pixels"),
        (Frame(RAMP), 0, "cannot read a Frame: it is 8x6"),
        (Image.fromarray(RAMP), 0, "8x6"),
        (np.zeros((10, 1), np.uint8), 0, "1x10 pixels"),
        (PNG, 0, rf"{len(PNG)} bytes: it has more than 60 bytes, .*\(Limits\.max_bytes"),
        (bytearray(PNG), 0, "more than 60 bytes"),
        (io.BytesIO(PNG), 0, "more than 60 bytes"),
        (Image.new("L", (2, 2)), 2, r"frame 2 was requested; only the first 2 frames can be read"),
    ],
)
def test_limits_are_kept(source: Any, frame: int, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        Frame.load(source, frame=frame, limits=SMALL)


def test_a_file_that_never_ends_is_not_read_whole(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0
            self.given += size
            return bytes(size)

    source = Endless()
    with pytest.raises(ImageError, match="more than 5,000,000 bytes"):
        Frame.load(source, limits=Limits(max_bytes=5_000_000))  # type: ignore[arg-type]
    assert source.given < 10_000_000
    path = tmp_path / "large.png"
    path.write_bytes(PNG)
    with pytest.raises(ImageError, match=r"large\.png': it has more than 60 bytes"):
        Frame.load(path, limits=SMALL)


@pytest.mark.parametrize(
    "changes", [{"max_pixels": 0}, {"max_bytes": 1.5}, {"max_side": 40_000}, {"max_frames": True}]
)
def test_limits_that_mean_nothing(changes: Any) -> None:
    with pytest.raises(OptionError, match=next(iter(changes))):
        Limits(**changes)


def test_no_format_is_read_that_runs_another_program() -> None:
    eps = encoded(Image.fromarray(RAMP), "EPS")
    with pytest.raises(ImageError, match="cannot identify"):
        Frame.load(eps)


@pytest.mark.parametrize(
    "kind", ["PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "ICO", "PCX", "SGI", "TGA", "JPEG2000"]
)
def test_formats(kind: str) -> None:
    page = np.kron(RAMP, np.ones((8, 8), np.uint8))
    frame = Frame.load(encoded(Image.fromarray(page), kind))
    assert frame.size[0] >= 32

"""Picture files that claim too much, or something odd: their headers are looked at before Pillow is."""

from __future__ import annotations

import io
import itertools
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from qrcascade import Frame, ImageError, Limits
from qrcascade.image.formats import count_frames, may_have_frames, name_format, open_picture
from qrcascade.image.tiff import count_directories, read_orientation

PAGE = np.kron(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4, np.ones((8, 8), np.uint8))
SMALL = Limits(max_pixels=1_000_000)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(PAGE) if image is None else image).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(side: int, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side + 1) * side)) if side < 100 else zlib.compress(b"")
    parts = chunk(b"IHDR", header), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def icon(*pictures: bytes) -> bytes:
    """An icon whose pictures are said to be 256x256."""
    at = 6 + 16 * len(pictures)
    ends = list(itertools.accumulate(map(len, pictures), initial=at))
    entries = (
        struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(p), e) for p, e in zip(pictures, ends, strict=False)
    )
    return struct.pack("<HHH", 0, 1, len(pictures)) + b"".join(entries) + b"".join(pictures)


def bitmap(width: int, height: int) -> bytes:
    return struct.pack("<IiiHHIIiiII", 40, width, height, 1, 32, 0, 0, 0, 0, 0, 0)


def scans(number: int) -> bytes:
    """A progressive JPEG with its last scan repeated."""
    data = encoded("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * number + data[-2:]


def webp(width: int, height: int) -> bytes:
    """One whose canvas is as large as it says, with a frame of a pixel."""
    canvas = (side.to_bytes(3, "little") for side in (width - 1, height - 1))
    body = b"WEBPVP8X" + struct.pack("<II", 10, 2) + b"".join(canvas)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def field(tag: int, kind: int, number: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, number, value)


def directory(fields: list[bytes], following: int = 0) -> bytes:
    return struct.pack("<H", len(fields)) + b"".join(fields) + struct.pack("<I", following)


PIXEL = [field(256, 4, 1, 1), field(257, 4, 1, 1), field(273, 4, 1, 8)]


def directories(number: int, loop: bool = False) -> bytes:
    """A TIFF of that many directories of 42 bytes, the last of which may lead to the first."""
    parts = [b"II*\0" + struct.pack("<I", 8)]
    for i in range(1, number + 1):
        parts.append(directory(PIXEL, 8 + 42 * i if i < number else 8 * loop))
    return b"".join(parts)


def claims(within: int = 0) -> bytes:
    """A TIFF of which a thousand tags share all its data; in a directory of the first one if asked for."""
    shared = [field(40_000 + i, 1, 100_000, 8) for i in range(1000)]
    head = b"II*\0" + struct.pack("<I", 8)
    first = directory([*PIXEL, field(within, 4, 1, 8 + 54)]) if within else b""
    return head + first + directory(shared) + bytes(100_000)


HUGE = r"it is 20000x20000 pixels; at most 1,000,000"
BAD: dict[str, tuple[bytes, str]] = {
    "icon of a PNG": (icon(png(20_000)), HUGE),
    "icon whose second is large": (icon(png(16), png(20_000)), HUGE),
    "icon of a bitmap": (icon(bitmap(20_000, -40_000)), HUGE),
    "WebP's canvas": (webp(16_000, 16_000), "it is 16000x16000 pixels"),
    "scans": (scans(200), "it has more than 100 scans"),
    "shared data": (claims(), "a directory claims 100,000,000 bytes in a file of 112,0"),
    "shared EXIF": (claims(0x8769), "a directory claims 100,000,000 bytes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_claims_are_checked_before_anything_is_decoded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, message = BAD[kind]

    def fail(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    monkeypatch.setattr(ImageFile, "_safe_read", fail)
    monkeypatch.setattr("PIL._webp.WebPAnimDecoder", fail)
    with pytest.raises(ImageError, match=message):
        Frame.load(data, limits=SMALL)


def test_what_claims_nothing_odd_is_read() -> None:
    np.testing.assert_array_equal(Frame.load(scans(20)).size, (64, 64))
    for kind in ("png", "bmp"):
        small = encoded("ICO", Image.fromarray(PAGE).convert("RGBA"), bitmap_format=kind, sizes=[(64, 64)])
        np.testing.assert_array_equal(Frame.load(small).gray, PAGE)
    # Thumbnails and what follows a picture may contain what looks like scans.
    jpeg = encoded("JPEG")
    often = b"\xff\xda" * 200
    comment = b"\xff\xfe" + struct.pack(">H", len(often) + 2) + often
    for data in (jpeg + often, jpeg[:2] + comment + jpeg[2:]):
        np.testing.assert_array_equal(Frame.load(data).gray, Frame.load(jpeg).gray)


def test_many_directories_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_directories(directories(30_000), 100_000) == 30_000
    assert count_directories(directories(30_000), 11) == 11
    assert count_directories(directories(5, loop=True), 100) == 5
    assert count_directories(directories(5)[:-10], 100) == 5
    assert count_directories(b"II*\0\xff\xff\xff\xff", 100) == 1
    # A long directory that each of many leads to.
    monkeypatch.setattr("qrcascade.image.tiff._MOST_TAGS", 100_000)
    tags = directory([field(1, 1, 1, 0)] * 6_000)
    many = b"".join(directory([field(0x8769, 4, 1, 8)], 8 + len(tags) + 18 * (i + 1)) for i in range(20))
    with pytest.raises(ImageError, match="its directories have more than 100,000 tags"):
        count_directories(b"II*\0" + struct.pack("<I", 8 + len(tags)) + tags + many, 100)


@pytest.mark.parametrize("kind", ["TIFF", "BigTIFF", "GIF", "PNG", "PNG with a default image", "WEBP"])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_frames_are_counted_as_pillow_counts_them(kind: str, number: int) -> None:
    images = [Image.fromarray(np.roll(PAGE, 8 * i)) for i in range(number)]
    options: dict[str, Any] = {"big_tiff": True} if kind == "BigTIFF" else {}
    options |= {"default_image": number > 1} if "default" in kind else {}
    name = kind.removeprefix("Big").split()[0]
    data = encoded(name, images[0], save_all=True, append_images=images[1:], **options)
    limits = Limits(max_frames=3)
    image = open_picture(data, limits)
    assert image.format == name
    assert count_frames(image, data, limits) == min(4, getattr(Image.open(io.BytesIO(data)), "n_frames", 1))
    assert may_have_frames(data) >= (number > 1)


def test_a_picture_that_says_it_has_frames_has_those_in_it() -> None:
    control = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 1, 0, 0))
    data = png(8, control, frame)
    assert count_frames(open_picture(data, Limits()), data, Limits()) == 1
    with pytest.raises(ImageError, match="no frame 1; it has 1 frame, counted"):
        Frame.load(data, frame=1)


def test_a_later_frame_of_a_gif_is_checked_before_it_is_reached() -> None:
    parts = [encoded("GIF", Image.new("L", (side, side))) for side in (10, 2000, 10)]
    starts = [13 + 3 * (2 << (part[10] & 7)) for part in parts]
    frames = [part[start:-1] for part, start in zip(parts, starts, strict=True)]
    data = parts[0][: starts[0]] + b"".join(frames) + b";"
    assert Frame.load(data, limits=SMALL).size == (10, 10)
    for frame in (1, 2):
        with pytest.raises(ImageError, match="it is 2000x2000 pixels; at most 1,000,000"):
            Frame.load(data, frame=frame, limits=SMALL)
    assert Frame.load(data, frame=1).size == (2000, 2000)


def exif(kind: int, number: int, value: bytes, tag: int = 0x0112) -> bytes:
    return b"II*\0" + struct.pack("<IHHHI", 8, 1, tag, kind, number) + value + bytes(4)


ODD = {
    "ASCII": exif(2, 4, b"top\0"),
    "ASCII, a digit": exif(2, 2, b"6\0\0\0"),
    "ASCII, empty": exif(2, 1, bytes(4)),
    "FLOAT": exif(11, 1, struct.pack("<f", 6.0)),
    "FLOAT, NaN": exif(11, 1, struct.pack("<f", float("nan"))),
    "UNDEFINED": exif(7, 1, b"\6\0\0\0"),
    "RATIONAL beyond the file": exif(5, 1, b"\xff\xff\xff\x7f"),
    "RATIONAL 0/0": exif(5, 1, b"\x1a\0\0\0") + bytes(8),
    "no value": exif(3, 0, b"\6\0\0\0"),
    "value 0": exif(3, 1, bytes(4)),
    "value 9": exif(3, 1, b"\x09\0\0\0"),
    "unknown type": exif(99, 1, b"\6\0\0\0"),
    "resolution beyond the file": exif(5, 1, b"\xff\xff\xff\x7f", tag=0x011A),
    "resolution 1/0": exif(5, 1, b"\x1a\0\0\0", tag=0x011A) + struct.pack("<II", 1, 0),
    "directory beyond the file": b"II*\0\xff\xff\xff\xff",
    "cut": exif(3, 1, b"\6\0\0\0")[:14],
    "no TIFF": b"hello",
    "empty": b"",
}
TURNED = {
    "SHORT": exif(3, 1, b"\6\0\0\0"),
    "two SHORT": exif(3, 2, b"\6\0\1\0"),
    "LONG": exif(4, 1, b"\6\0\0\0"),
    "BYTE": exif(1, 1, b"\6\0\0\0"),
    "big-endian": b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_that_makes_no_sense_is_ignored(kind: str) -> None:
    page = PAGE[:40]
    options = {"lossless": True} if kind == "WEBP" else {"dpi": (72, 72)} if kind == "PNG" else {}
    plain = Frame.load(encoded(kind, Image.fromarray(page), **options))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, said in (ODD | TURNED).items():
            data = encoded(kind, Image.fromarray(page), exif=b"Exif\0\0" + said, **options)
            expected = np.rot90(plain.gray, -1) if name in TURNED else plain.gray
            frame = Frame.load(data)
            np.testing.assert_array_equal(frame.gray, expected, err_msg=name)
            np.testing.assert_array_equal(frame.color[:, :, 0], frame.gray, err_msg=name)
    for name, said in (ODD | TURNED).items():
        data = encoded(kind, Image.fromarray(page), exif=b"Exif\0\0" + said, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            upright = Frame.load(Image.open(io.BytesIO(data))).size
        # Pillow takes a digit in text for a number, and a JPEG's resolution is read when it is opened.
        assert (upright == plain.size[::-1]) == (name in TURNED), name


@pytest.mark.parametrize("kind", range(14))
def test_a_tiff_with_an_odd_orientation_is_read(kind: int) -> None:
    data = encoded("TIFF", Image.fromarray(PAGE[:40]), tiffinfo={0x0112: 1})
    at = data.index(struct.pack("<HHI", 0x0112, 3, 1))
    odd = data[: at + 2] + struct.pack("<H", kind) + data[at + 4 :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(Frame.load(odd).gray, PAGE[:40])


def test_orientation_in_xmp_and_in_text_chunks() -> None:
    """As Photoshop and ImageMagick write them."""
    from PIL.PngImagePlugin import PngInfo

    xmp, raw = PngInfo(), PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", '<rdf tiff:Orientation="6"/>')
    raw.add_text("Raw profile type exif", "\nexif\n 26\n" + TURNED["SHORT"].hex() + "\n")
    for info in (xmp, raw):
        frame = Frame.load(encoded("PNG", pnginfo=info))
        np.testing.assert_array_equal(frame.gray, np.rot90(PAGE, -1))
    assert read_orientation(TURNED["SHORT"]) == 6


KINDS = [
    "JPEG",
    "PNG",
    "GIF",
    "BMP",
    "PPM",
    "TIFF",
    "WEBP",
    "AVIF",
    "JPEG2000",
    "ICO",
    "PCX",
    "SGI",
    "TGA",
    "DIB",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_replaced_open_is_not_called(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some libraries put their own function there, which fails on formats that need an optional package."""
    try:
        data = encoded(kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {kind}")

    def fail(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    monkeypatch.setattr(Image, "open", fail)
    assert Frame.load(data).size == (64, 64)
    assert name_format(data) == (None if kind == "TGA" else kind)
    with pytest.raises(ImageError, match="cannot identify a picture"):
        Frame.load(b"hello, world")

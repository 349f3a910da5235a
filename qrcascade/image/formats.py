"""Open a picture file as the format that its first bytes name, after a look at what its header claims.

Pillow's own `open` tries its formats in turn, and some of them decode, allocate or follow long lists before
the size of the picture is known. It can also be replaced by another library, for the whole process.
"""

from __future__ import annotations

import functools
import importlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PIL import Image

from qrcascade.errors import ImageError, MissingDependencyError
from qrcascade.image import headers
from qrcascade.image.limits import Limits
from qrcascade.image.tiff import count_directories

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

__all__ = [
    "FIRST_BYTES",
    "PAGED",
    "PICTURES",
    "SUFFIXES",
    "count_frames",
    "may_have_frames",
    "name_format",
    "open_picture",
]

# Formats that are read, none that runs another program (EPS) or draws (WMF), with Pillow's module for each.
_MODULES = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "PPM": "PpmImagePlugin",
    "TIFF": "TiffImagePlugin",
    "WEBP": "WebPImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "DIB": "BmpImagePlugin",
    "ICO": "IcoImagePlugin",
    "PCX": "PcxImagePlugin",
    "SGI": "SgiImagePlugin",
    "TGA": "TgaImagePlugin",
}
PICTURES = tuple(_MODULES)
"""Formats that are read without an extra."""

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\0\0\1\0": "ICO",
    b"\x01\xda": "SGI",
    **{b"P%c" % kind: "PPM" for kind in b"0123456fy"},
    **{b"\n%c" % version: "PCX" for version in b"\0\2\3\5"},
    **{b"%c\0\0\0" % size: "DIB" for size in (12, 40, 52, 56, 64, 108, 124)},
}
# ISO/IEC 23008-12: major brands of files whose pictures are HEVC, or of a kind that the file itself lists.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
_HEAD_BYTES = 1024

FIRST_BYTES = 2**20
"""Bytes in which a PNG says that it is animated, even after a large colour profile."""

PAGED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF", "HEIF")
"""Formats in which every frame is a page. In others, such as the MPO of some phones, further frames are a
preview or a depth map."""

SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif"),
        *(".tiff", ".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx", ".mpo", ".pcx", ".tga"),
        *(".pbm", ".pgm", ".ppm", ".pnm"),
    ]
)
"""Suffixes of the files in a folder that are taken for pictures. What a file is, its first bytes decide."""

# What each format's header is checked for before Pillow sees it.
_CHECKS: dict[str, Callable[[bytes, Limits], object]] = {
    "ICO": headers.check_ico,
    "JPEG": headers.check_jpeg,
    "TIFF": lambda data, _limits: count_directories(data, 1),
    "WEBP": headers.check_webp,
}


def name_format(head: bytes) -> str | None:
    """Return the format that a file's first bytes name; TGA has no signature, so None may be one."""
    if head[4:8] == b"ftyp":
        brands = head[8 : min(int.from_bytes(head[:4], "big"), _HEAD_BYTES)]
        if head[8:12] in _AVIF_BRANDS or any(brand in brands for brand in _AVIF_BRANDS):
            return "AVIF"
        return "HEIF" if head[8:12] in _HEIF_BRANDS else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((name for start, name in _SIGNATURES.items() if head.startswith(start)), None)


def may_have_frames(head: bytes) -> bool:
    """Return whether a file that begins so may have more than one page, without following what it says."""
    name = name_format(head)
    if name == "PNG":
        return head.find(b"acTL", 0, FIRST_BYTES) >= 0
    if name == "WEBP":
        return headers.is_animated_webp(head)
    return name is None or name in PAGED


def open_picture(data: bytes, limits: Limits, further: bool = False) -> PILImage:
    """Open a picture of a supported format; its pixels are decoded on first use.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
    further : bool
        Whether a further frame of the file is wanted, as a phone's JPEG may have.

    Raises
    ------
    ImageError
        If the file is not a picture of a supported format, or its header claims too much.
    MissingDependencyError
        If the file is HEIF and the extra is not installed.
    Exception
        Whatever Pillow raises about a broken file.
    """
    head = data[:_HEAD_BYTES]
    name = name_format(head)
    if name is None and b"%PDF-" in head:
        raise ImageError("it is a PDF, not a picture; qrcascade.read and read_document read PDFs")
    if name in _CHECKS:
        _CHECKS[name](data, limits)
    opener = _heif() if name == "HEIF" else _pillow(name or "TGA", further)
    try:
        return opener(io.BytesIO(data))
    except Exception:
        if name is not None:
            raise
        read = ", ".join(PICTURES)
        # What TGA's decoder said means nothing.
        raise ImageError(
            f"cannot identify a picture in it; supported are {read}, and PDF; with its extra also HEIF"
        ) from None


@functools.cache
def _pillow(name: str, further: bool) -> Callable[[io.BytesIO], PILImage]:
    try:
        module = importlib.import_module(f"PIL.{_MODULES[name]}")
        opener: Any = Image.OPEN[name][0]
    except (ImportError, KeyError) as error:
        raise ImageError(f"it is {name}, which this version of Pillow does not read") from error
    if name == "JPEG" and not further:
        # Neither the frames after the first nor the resolution matter, and either may be malformed.
        return type("JpegImageFile", (module.JpegImageFile,), {"_read_dpi_from_exif": lambda _: None})
    return lambda file: opener(file, "")


def _heif() -> Callable[[io.BytesIO], PILImage]:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingDependencyError("HEIF", "pip install 'qrcascade[heif]'", str(error)) from error
    opener: Any = pillow_heif.HeifImageFile
    return opener  # type: ignore[no-any-return]


def count_frames(image: PILImage, data: bytes, limits: Limits) -> int:
    """Return the number of frames in an open picture's file, but at most one more than may be read.

    Raises
    ------
    ImageError
        If a frame that would be decoded on the way is too large.
    """
    most = limits.max_frames + 1
    if image.format == "TIFF":
        return count_directories(data, most)
    if image.format == "GIF":
        return headers.count_gif_frames(data, most, limits)
    said = min(most, getattr(image, "n_frames", 1))
    return min(said, headers.count_png_frames(data, most)) if image.format == "PNG" else said

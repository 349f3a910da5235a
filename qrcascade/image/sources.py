"""Decode any kind of source to upright pixels: gray first, colour only on request."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qrcascade.errors import ImageError, MissingDependencyError, reason
from qrcascade.image.formats import count_frames, may_have_frames, open_picture
from qrcascade.image.limits import Limits
from qrcascade.image.tiff import read_orientation
from qrcascade.image.transparency import flatten

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

__all__ = [
    "Decoded",
    "Gray",
    "decode_array",
    "decode_file",
    "decode_image",
    "describe",
    "explain_failure",
    "name_in_errors",
    "read_bytes",
    "read_content",
]

Gray: TypeAlias = NDArray[np.uint8]

_CHUNK_BYTES = 4 * 2**20
# Drafts with fewer pixels are not worth making.
_DRAFT_PIXELS = 1_500_000
# What was decoded in colour is kept for its colours, up to this many pixels (4 MB). Chosen.
_KEPT_PIXELS = 1_000_000

# EXIF orientation (tag 0x0112) to the operation that makes the picture upright.
_ORIENTATION_TAG = 0x0112
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda a: a[::-1, ::-1],
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
# Columns that are copied at a time when a picture is turned: of 12 MP, five times as fast as all at once.
_STRIP = 128
# Orientations that swap width and height.
_TURNED = (5, 6, 7, 8)
# The same in XMP, for a picture without EXIF.
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
# What Pillow says if a file ends too early, and the marker that a JPEG then lacks (ISO/IEC 10918-1, B.1.1).
_TRUNCATED, _END_OF_IMAGE = "image file is truncated", b"\xff\xd9"
_FURTHER = "only the first of several pictures in the file was read: read_document reads them all"
_CUT = "the JPEG ends before its end marker, so part of the picture may be missing"
_ACCEPTED = "a path, bytes, a binary file, a PIL.Image, or an array (H, W), (H, W, 3) or (H, W, 4)"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Luminance.
    color : callable, optional
        Returns RGB pixels, uint8, shape (H, W, 3); None if there is no colour.
    size : (int, int), optional
        Width and height of the full picture, if ``gray`` is a draft of it.
    decode : callable, optional
        Returns the full picture's luminance, if ``gray`` is a draft.
    notes : tuple of str
        What was wrong with the file, though it could be read.
    """

    gray: Gray
    color: Callable[[], Gray] | None = None
    size: tuple[int, int] | None = None
    decode: Callable[[], Gray] | None = None
    notes: tuple[str, ...] = ()


def read_content(source: object, limits: Limits) -> bytes:
    """Return the bytes of a path, a binary file or a buffer.

    Raises
    ------
    ImageError
        If the source is none of these, cannot be opened, or is too large.
    """
    with name_in_errors(source):
        return read_bytes(source, limits)


@contextlib.contextmanager
def name_in_errors(source: object) -> Iterator[None]:
    """Turn exceptions into ImageErrors that name the source."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"cannot read {describe(source)}: {error}") from error.__cause__
    except MissingDependencyError:
        raise
    except Exception as error:
        # Pillow's plugins raise almost any kind of exception on broken files.
        cause = None if isinstance(error, FileNotFoundError) else error
        raise ImageError(f"cannot read {describe(source)}: {explain_failure(source, error)}") from cause


def explain_failure(source: object, error: Exception) -> str:
    """Return in words why a source could not be opened or decoded."""
    if isinstance(error, UnicodeDecodeError):
        return "open the file in binary mode"
    why = reason(error)
    if isinstance(error, FileNotFoundError) and "://" in str(source):
        return f"{why}; strings are paths, never URLs"
    if isinstance(error, FileNotFoundError) and str(source).startswith("~"):
        return f"{why}; ~ is not expanded, but Path.expanduser() does that"
    if isinstance(error, IsADirectoryError):
        return "it is a folder; Path.iterdir() or rglob() lists its files"
    # Pillow's words for data that end within a header.
    return "it ends too early" if why == "Truncated File Read" else why


def describe(source: object) -> str:
    """Describe a source for messages."""
    if isinstance(source, str | Path):
        return repr(str(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return f"{len(source)} bytes"
    if isinstance(source, np.ndarray):
        return f"an array of shape {source.shape} and dtype {source.dtype}"
    if isinstance(source, Image.Image):
        return f"a PIL image of mode {source.mode} and size {source.size}"
    if getattr(source, "name", None) == "<stdin>":
        return "standard input"
    if callable(getattr(source, "read", None)):
        return "an open file"
    name = type(source).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def read_bytes(source: object, limits: Limits) -> bytes:
    """Return the bytes of a path, a binary file or a buffer; exceptions are passed on as they are."""
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check_bytes(memoryview(source).nbytes)
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        if not os.fspath(source):
            raise ImageError("the path is empty")
        with Path(source).open("rb") as file:
            return _read(file, limits)
    if callable(getattr(source, "read", None)):
        return _read(source, limits)
    raise ImageError(f"it must be {_ACCEPTED}")


def _read(file: Any, limits: Limits) -> bytes:
    """Read a binary file, but no more than the limit: some files never end."""
    parts, size = [], 0
    while part := file.read(_CHUNK_BYTES):
        if not isinstance(part, bytes):
            raise ImageError(f"its read() returned {type(part).__name__}; open the file in binary mode")
        parts.append(part)
        size += len(part)
        limits.check_bytes(size)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode_file(data: bytes, frame: int, draft: bool, limits: Limits) -> Decoded:
    """Decode a file's bytes; a large JPEG at half its size if ``draft`` allows it."""
    if not data:
        raise ImageError("it is empty")
    try:
        return _decode_whole_file(data, frame, draft, limits)
    except OSError as error:
        if not (str(error).startswith(_TRUNCATED) and data.startswith(b"\xff\xd8")):
            raise
    # A browser shows what there is; libjpeg fills the rest with gray.
    whole = _decode_whole_file(data + _END_OF_IMAGE, frame, draft, limits)
    return replace(whole, notes=(_CUT,))


def _decode_whole_file(data: bytes, frame: int, draft: bool, limits: Limits) -> Decoded:
    with _open(data, frame, limits) as image:
        limits.check_size(*image.size)
        width, height = size = image.size
        half = draft and width * height >= 4 * _DRAFT_PIXELS
        # A JPEG can be decoded without its colour planes, and at half its size.
        image.draft("L", (width // 2, height // 2) if half else size)
        reduced = image.size != size
        orientation = _find_orientation(image)
        gray = _make_upright(_to_gray(image), orientation)
        notes = (_FURTHER,) if frame == 0 and _has_further(image, data, limits) else ()
        decoded = image if image.mode == "RGB" and width * height <= _KEPT_PIXELS else None

    def color() -> Gray:
        if decoded is not None:
            return _make_upright(_to_rgb(decoded), orientation)
        with _open(data, frame, limits) as again:
            return _make_upright(_to_rgb(again), orientation)

    if reduced:
        upright = (height, width) if orientation in _TURNED else size
        return Decoded(gray, color, upright, lambda: decode_file(data, frame, False, limits).gray)
    return Decoded(gray, color, notes=notes)


def _has_further(image: PILImage, data: bytes, limits: Limits) -> bool:
    """Return whether a file holds more than the picture that is open."""
    if not may_have_frames(data):
        return False
    try:
        return count_frames(image, data, limits) > 1
    except ImageError:
        # A later one is too large.
        return True


def _open(data: bytes, frame: int, limits: Limits) -> PILImage:
    limits.check_frame(frame)
    image = open_picture(data, limits, further=frame > 0)
    if frame:
        limits.check_size(*image.size)
        _seek(image, frame, count_frames(image, data, limits))
    return image


def _seek(image: PILImage, frame: int, count: int) -> None:
    if not 0 <= frame < count:
        raise ImageError(f"it has no frame {frame}; it has {count} frame{'s' * (count != 1)}, counted from 0")
    image.seek(frame)


def decode_image(image: PILImage, frame: int, limits: Limits) -> Decoded:
    """Decode a PIL image."""
    limits.check_size(*image.size)
    limits.check_frame(frame)
    if frame:
        _seek(image, frame, getattr(image, "n_frames", 1))
    orientation = _get_orientation(image)
    gray = _make_upright(_to_gray(image), orientation)
    return Decoded(gray, lambda: _make_upright(_to_rgb(image), orientation))


def _find_orientation(image: PILImage) -> int:
    """Return the EXIF orientation of a file still to be applied, ignoring what cannot be understood.

    Pillow would read all of the EXIF data, which can claim far more memory than the file has.
    """
    if image.format == "TIFF":
        image.load()
        # Now Pillow has turned it.
        return 1
    exif = image.info.get("exif") or b""
    if raw := image.info.get("Raw profile type exif"):
        # As ImageMagick writes it in a PNG: a few lines of text, then hexadecimal digits.
        with contextlib.suppress(ValueError):
            exif = exif or bytes.fromhex("".join(raw.split("\n")[3:]))
    if orientation := read_orientation(exif):
        return orientation
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    found = _XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else xmp)
    return int(found[1]) if found else 1


def _get_orientation(image: PILImage) -> int:
    """Return the EXIF orientation of a caller's image still to be applied: the caller may have set it."""
    if image.format == "TIFF":
        image.load()
    value = None
    with contextlib.suppress(Exception):
        # Almost any kind, on broken data.
        value = image.getexif().get(_ORIENTATION_TAG)
    return value if isinstance(value, int) else read_orientation(image.info.get("exif") or b"") or 1


def _make_upright(pixels: Gray, orientation: int) -> Gray:
    if orientation not in _UPRIGHT:
        return pixels
    turned = _UPRIGHT[orientation](pixels)
    upright = np.empty(turned.shape, turned.dtype)
    # Copied whole, a row would read a byte of every row of the file's.
    for first in range(0, turned.shape[1], _STRIP):
        upright[:, first : first + _STRIP] = turned[:, first : first + _STRIP]
    return upright


def _is_deep(mode: str) -> bool:
    """Return whether a Pillow mode has more than 8 bits per sample, which `convert` would clip."""
    return mode in ("I", "F") or mode.startswith("I;16")


def _to_gray(image: PILImage) -> Gray:
    if _is_deep(image.mode):
        return _to_uint8(np.asarray(image))
    if image.mode == "LAB":
        return np.asarray(image.getchannel("L"))
    if image.has_transparency_data:
        image = flatten(image)
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _to_rgb(image: PILImage) -> Gray:
    if _is_deep(image.mode):
        return np.repeat(_to_gray(image)[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = flatten(image)
    return np.asarray(image.convert("RGB"))


def decode_array(array: NDArray[Any], bgr: bool, limits: Limits) -> Decoded:
    """Convert an array to 8 bits, without transparency."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ImageError("an array must have shape (H, W), (H, W, 3) or (H, W, 4)")
    limits.check_size(array.shape[1], array.shape[0])
    pixels = _to_uint8(array)
    if channels == 1:
        return Decoded(pixels.reshape(pixels.shape[:2]))
    if bgr:
        pixels = pixels[:, :, [2, 1, 0, *range(3, channels)]]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return Decoded(_to_gray(image), lambda: _to_rgb(image))


def _to_uint8(array: NDArray[Any]) -> Gray:
    """Scale real samples to 0-255 from the ranges that `Frame.load` documents."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise ImageError("an array must contain numbers or booleans")
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError("it contains NaN or infinity")
    top = 1 if array.dtype.kind == "f" and high <= 1 else 255 if high <= 255 else 65535
    if low < 0 or high > top:
        raise ImageError(f"its values span {low} to {high}; they must be 0-1 (floats), 0-255 or 0-65535")
    if top == 255:
        return array.astype(np.uint8)
    scale = np.float32(255.0 / top)
    scaled: Gray = np.rint(array.astype(np.float32) * scale).astype(np.uint8)
    return scaled

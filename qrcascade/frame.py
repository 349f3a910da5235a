"""Every kind of source to a `Frame`: upright pixels, gray first, colour only when asked."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from qrcascade.errors import ImageError, MissingDependencyError
from qrcascade.limits import Limits

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

__all__ = ["Frame", "Gray", "Matrix", "Source", "content", "describe", "identified", "naming", "scaling"]

Gray: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float64]
Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PILImage | NDArray[Any] | Frame"
)

_LIMITS = Limits()
_CHUNK_BYTES = 4 * 2**20
# Pillow's formats that are read: none that runs another program (EPS) or draws (WMF). The first need no
# further import.
_COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
_FORMATS = (*_COMMON, "TIFF", "WEBP", "AVIF", "JPEG2000", "MPO", "DIB", "ICO", "PCX", "SGI", "TGA")

# ISO/IEC 23008-12: major brands of files whose pictures are coded as HEVC, or as what the list within says.
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

# Drafts of fewer pixels are not worth making.
_DRAFT_PIXELS = 1_500_000

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
# Those that exchange width and height.
_TURNED = (5, 6, 7, 8)
_IDENTITY = np.eye(3)
_IDENTITY.setflags(write=False)
_NOTHING = np.zeros((1, 1), np.uint8)
_ACCEPTED = "a path, bytes, a binary file, a PIL.Image, or an array (H, W), (H, W, 3) or (H, W, 4)"


class Frame:
    """Pixels to look for symbols in, and the map from them to the source picture.

    A loaded picture is a frame; so is every view of one.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Luminance (ITU-R BT.601), C-contiguous. Not to be written to.
    to_source : ndarray of float, shape (3, 3), optional
        Homography from this frame's (x, y, 1) to the source picture's. Identity by default.
    color : callable, optional
        Gives RGB pixels, uint8, shape (H, W, 3), when colour is asked for.

    Raises
    ------
    ImageError
        If ``gray`` has another shape or dtype.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels.
    is_source : bool
        Whether its pixels are the source picture's own.
    draft : Frame or None
        The same picture at half the size, where that is all that is decoded so far; see `load`.
    has_draft : bool
        Whether there is one, here or where a deferred picture is decoded.
    """

    __slots__ = ("_color", "_decode", "_gray", "_rgb", "draft", "has_draft", "is_source", "size", "to_source")

    def __init__(
        self,
        gray: Gray,
        to_source: Matrix | None = None,
        color: Callable[[], Gray] | None = None,
    ) -> None:
        if gray.ndim != 2 or gray.dtype != np.uint8:
            raise ImageError(f"a frame's pixels are uint8 of shape (H, W), got {gray.dtype} {gray.shape}")
        self._gray: Gray | None = np.ascontiguousarray(gray)
        self._decode: Callable[[], Gray] | None = None
        self.size = (gray.shape[1], gray.shape[0])
        self.draft: Frame | None = None
        self.has_draft = False
        self.is_source = to_source is None
        self.to_source = _IDENTITY if to_source is None else to_source
        self._color = color
        self._rgb: Gray | None = None

    def __repr__(self) -> str:
        return f"Frame({self.size[0]}x{self.size[1]})"

    @property
    def gray(self) -> Gray:
        """Luminance, uint8, shape (H, W), C-contiguous; where there is a draft, decoded on first use."""
        if self._gray is None:
            assert self._decode is not None
            self._gray = self._decode()
        return self._gray

    @property
    def color(self) -> Gray:
        """RGB pixels, uint8, shape (H, W, 3), decoded on first use; gray where there is no colour."""
        if self._rgb is None:
            if self._color is None:
                self._rgb = np.repeat(self.gray[:, :, None], 3, axis=2)
            else:
                self._rgb = np.ascontiguousarray(self._color())
        return self._rgb

    @classmethod
    def _of_draft(
        cls, draft: Gray, size: tuple[int, int], decode: Callable[[], Gray], color: Callable[[], Gray]
    ) -> Frame:
        """A picture of which only a smaller one is decoded so far."""
        frame = cls(draft, color=color)
        frame.draft = cls(draft, scaling(frame.size, size))
        frame.has_draft = True
        frame._gray, frame._decode, frame.size = None, decode, size
        return frame

    @classmethod
    def load(
        cls,
        source: Source,
        *,
        bgr: bool = False,
        frame: int = 0,
        draft: bool = False,
        limits: Limits = _LIMITS,
    ) -> Frame:
        """Decode a source.

        Parameters
        ----------
        source : path, bytes, binary file, PIL.Image.Image, ndarray or Frame
            Strings are paths, never URLs. Arrays are gray (H, W) or (H, W, 1), RGB (H, W, 3) or RGBA
            (H, W, 4): uint8, bool, floats in 0-1 or 0-255, integers to 255 or 65535. White is laid behind.
        bgr : bool
            An array's channels are blue, green, red (as OpenCV has them).
        frame : int
            Which picture of a multi-frame file, from 0; for 0 a PIL image is read where it stands.
        draft : bool
            Decode a large JPEG file at half its size, and whole only when ``gray`` is asked for.
        limits : Limits

        Raises
        ------
        ImageError
            If there is no such file, or it is cut, empty, too large, or not a picture.
        MissingDependencyError
            If it is HEIF, whose extra is not installed.
        """
        with naming(source):
            if isinstance(source, Frame):
                limits.check_size(*source.size)
                return source
            if isinstance(source, np.ndarray):
                return _from_array(source, bgr, limits)
            if isinstance(source, Image.Image):
                return _from_pil(source, frame, limits)
            return _from_file(_bytes_of(source, limits), frame, draft, limits)

    @classmethod
    def deferred(cls, size: tuple[int, int], load: Callable[[], Frame]) -> Frame:
        """A picture of this size (width, height) that is not loaded before its pixels are asked for."""
        frame = cls(_NOTHING, color=lambda: load().color)
        frame._gray, frame._decode, frame.size = None, lambda: load().gray, size
        return frame

    @property
    def is_colored(self) -> bool:
        """Whether there is more than gray to ask for."""
        return self._color is not None


def content(source: Source, limits: Limits) -> bytes:
    """The bytes of a path, a binary file or a buffer.

    Raises
    ------
    ImageError
        If it is none of these, cannot be opened, or is too large.
    """
    with naming(source):
        return _bytes_of(source, limits)


@contextlib.contextmanager
def naming(source: object) -> Iterator[None]:
    """Whatever goes wrong is an ImageError that names the source."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"cannot read {describe(source)}: {error}") from error.__cause__
    except MissingDependencyError:
        raise
    except Exception as error:
        # Pillow's plugins raise about every kind of exception on broken files.
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ImageError(f"cannot read {describe(source)}: {why}") from error


def describe(source: object) -> str:
    """A source in words, for messages."""
    if isinstance(source, str | Path):
        return repr(str(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return f"{len(source)} bytes"
    if isinstance(source, np.ndarray):
        return f"an array of shape {source.shape} and dtype {source.dtype}"
    if isinstance(source, Image.Image):
        return f"a PIL image of mode {source.mode} and size {source.size}"
    return f"a {type(source).__name__}"


def _bytes_of(source: object, limits: Limits) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check_bytes(memoryview(source).nbytes)
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            return _read(file, limits)
    if callable(getattr(source, "read", None)):
        return _read(source, limits)
    raise ImageError(f"it is none of {_ACCEPTED}")


def _read(file: Any, limits: Limits) -> bytes:
    """All of a binary file, or no more of it than is allowed: some files never end."""
    parts, size = [], 0
    while part := file.read(_CHUNK_BYTES):
        if not isinstance(part, bytes):
            raise ImageError(f"its read() gave {type(part).__name__}; open the file in binary mode")
        parts.append(part)
        size += len(part)
        limits.check_bytes(size)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def scaling(size: tuple[int, int], to: tuple[int, int]) -> Matrix:
    """The map of a resized picture's pixels: the edges meet, not the centres of the corner pixels."""
    fx, fy = to[0] / size[0], to[1] / size[1]
    return np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5], [0, 0, 1]])


def _from_file(data: bytes, frame: int, draft: bool, limits: Limits) -> Frame:
    if not data:
        raise ImageError("it is empty")
    with _open(data, frame, limits) as image:
        limits.check_size(*image.size)
        width, height = size = image.size
        half = draft and width * height >= 4 * _DRAFT_PIXELS
        # JPEG can leave its colour planes undecoded, and be decoded at half its size.
        image.draft("L", (width // 2, height // 2) if half else size)
        reduced = image.size != size
        orientation = _orientation(image)
        gray = _upright(_gray(image), orientation)

    def color() -> Gray:
        with _open(data, frame, limits) as again:
            return _upright(_rgb(again), _orientation(again))

    if reduced:
        upright = (height, width) if orientation in _TURNED else size
        return Frame._of_draft(gray, upright, lambda: _from_file(data, frame, False, limits).gray, color)
    return Frame(gray, color=color)


def _open(data: bytes, frame: int, limits: Limits) -> PILImage:
    image = identified(io.BytesIO(data))
    if frame:
        limits.check_size(*image.size)
        _seek(image, frame, limits)
    return image


def identified(file: IO[bytes]) -> PILImage:
    """A picture's header, of a kind that is read; its pixels are decoded when they are used.

    Raises
    ------
    ImageError
        If it is none.
    MissingDependencyError
        If it is HEIF, and the extra is not installed.
    """
    try:
        return Image.open(file, formats=_COMMON)
    except UnidentifiedImageError:
        Image.init()
        known = [name for name in _FORMATS if name in Image.OPEN]
        try:
            return Image.open(file, formats=known)
        except UnidentifiedImageError:
            file.seek(0)
            head = file.read(1024)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return _heif(file)
    if b"%PDF-" in head:
        raise ImageError("it is a PDF, whose pages qrcascade.read_document reads")
    read = ", ".join(known)
    raise ImageError(f"cannot identify a picture in it; what is read is {read}, and HEIF with its extra")


def _heif(file: IO[bytes]) -> PILImage:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingDependencyError("HEIF", "pip install 'qrcascade[heif]'", str(error)) from error
    file.seek(0)
    opened: Any = pillow_heif.HeifImageFile
    image: PILImage = opened(file)
    return image


def _seek(image: PILImage, frame: int, limits: Limits) -> None:
    limits.check_frame(frame)
    count = getattr(image, "n_frames", 1)
    if not 0 <= frame < count:
        raise ImageError(f"it has no frame {frame}; it has {count}, counted from 0")
    image.seek(frame)


def _from_pil(image: PILImage, frame: int, limits: Limits) -> Frame:
    limits.check_size(*image.size)
    if frame:
        _seek(image, frame, limits)
    orientation = _orientation(image)
    gray = _upright(_gray(image), orientation)
    return Frame(gray, color=lambda: _upright(_rgb(image), orientation))


def _orientation(image: PILImage) -> int:
    """What EXIF says is still to be done: TIFF turns itself upright, and forgets the tag, on loading."""
    if image.format == "TIFF":
        image.load()
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _upright(pixels: Gray, orientation: int) -> Gray:
    turn = _UPRIGHT.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _deep(mode: str) -> bool:
    """Whether a Pillow mode holds more than 8 bits a sample, which `convert` would clip."""
    return mode in ("I", "F") or mode.startswith("I;16")


def _gray(image: PILImage) -> Gray:
    if _deep(image.mode):
        return _to_uint8(np.asarray(image))
    if image.has_transparency_data:
        image = _over_white(image)
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _rgb(image: PILImage) -> Gray:
    if _deep(image.mode):
        return np.repeat(_gray(image)[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = _over_white(image)
    return np.asarray(image.convert("RGB"))


def _over_white(image: PILImage) -> PILImage:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    white.alpha_composite(rgba)
    return white.convert("RGB")


def _from_array(array: NDArray[Any], bgr: bool, limits: Limits) -> Frame:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ImageError("an array must have shape (H, W), (H, W, 3) or (H, W, 4)")
    limits.check_size(array.shape[1], array.shape[0])
    pixels = _to_uint8(array)
    if channels == 1:
        return Frame(pixels.reshape(pixels.shape[:2]))
    if bgr:
        pixels = pixels[:, :, [2, 1, 0, *range(3, channels)]]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return Frame(_gray(image), color=lambda: _rgb(image))


def _to_uint8(array: NDArray[Any]) -> Gray:
    """Bring any real samples to 0-255 by the ranges that `Frame.load` documents."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise ImageError("an array must hold numbers or booleans")
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError("it holds NaN or infinity")
    top = 1 if array.dtype.kind == "f" and high <= 1 else 255 if high <= 255 else 65535
    if low < 0 or high > top:
        raise ImageError(f"its values span {low} to {high}; 0-1 (floats), 0-255 or 0-65535 are read")
    if top == 255:
        return array.astype(np.uint8)
    scale = np.float32(255.0 / top)
    scaled: Gray = np.rint(array.astype(np.float32) * scale).astype(np.uint8)
    return scaled

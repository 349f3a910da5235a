"""`Frame`: pixels to search for symbols, and the map from them to the source picture."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qrcascade.errors import ImageError
from qrcascade.image.limits import Limits
from qrcascade.image.sources import (
    Decoded,
    Gray,
    decode_array,
    decode_file,
    decode_image,
    name_in_errors,
    read_bytes,
)

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

__all__ = ["Frame", "Gray", "Matrix", "Source", "scaling"]

Matrix: TypeAlias = NDArray[np.float64]
Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PILImage | NDArray[Any] | Frame"
)

_IDENTITY = np.eye(3)
_IDENTITY.setflags(write=False)
_NOTHING = np.zeros((1, 1), np.uint8)


class Frame:
    """Pixels to search for symbols, and the map from them to the source picture.

    A loaded picture is a frame; so is every view of one.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Luminance (ITU-R BT.601), C-contiguous. Must not be modified.
    to_source : ndarray of float, shape (3, 3), optional
        Homography from this frame's (x, y, 1) to the source picture's. Identity by default.
    color : callable, optional
        Returns RGB pixels, uint8, shape (H, W, 3); called on first use of ``color``.

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
        The same picture at half the size, if only that has been decoded so far; see `load`.
    has_draft : bool
        Whether there is a draft, here or in the process that decodes a deferred picture.
    notes : tuple of str
        What was wrong with a loaded file, though it could be read: a JPEG that is cut, for instance.
    """

    __slots__ = (
        "_color",
        "_decode",
        "_gray",
        "_rgb",
        "draft",
        "has_draft",
        "is_source",
        "notes",
        "size",
        "to_source",
    )

    def __init__(
        self,
        gray: Gray,
        to_source: Matrix | None = None,
        color: Callable[[], Gray] | None = None,
    ) -> None:
        if gray.ndim != 2 or gray.dtype != np.uint8:
            raise ImageError(f"a frame's pixels must be uint8 of shape (H, W), got {gray.dtype} {gray.shape}")
        self._gray: Gray | None = np.ascontiguousarray(gray)
        self._decode: Callable[[], Gray] | None = None
        self.size = (gray.shape[1], gray.shape[0])
        self.draft: Frame | None = None
        self.has_draft = False
        self.notes: tuple[str, ...] = ()
        self.is_source = to_source is None
        self.to_source = _IDENTITY if to_source is None else to_source
        self._color = color
        self._rgb: Gray | None = None

    def __repr__(self) -> str:
        return f"Frame({self.size[0]}x{self.size[1]})"

    @property
    def gray(self) -> Gray:
        """Luminance, uint8, shape (H, W), C-contiguous; decoded on first use if there is a draft."""
        if self._gray is None:
            assert self._decode is not None
            self._gray = self._decode()
        return self._gray

    @property
    def color(self) -> Gray:
        """RGB pixels, uint8, shape (H, W, 3), decoded on first use; gray if there is no colour."""
        if self._rgb is None:
            if self._color is None:
                self._rgb = np.repeat(self.gray[:, :, None], 3, axis=2)
            else:
                self._rgb = np.ascontiguousarray(self._color())
        return self._rgb

    @classmethod
    def _of(cls, decoded: Decoded) -> Frame:
        frame = cls(decoded.gray, color=decoded.color)
        frame.notes = decoded.notes
        if decoded.size is not None:
            frame.draft, frame.has_draft = cls(decoded.gray, scaling(frame.size, decoded.size)), True
            frame._gray, frame._decode, frame.size = None, decoded.decode, decoded.size
        return frame

    @classmethod
    def load(
        cls,
        source: Source,
        *,
        bgr: bool = False,
        frame: int = 0,
        draft: bool = False,
        limits: Limits = Limits(),
    ) -> Frame:
        """Decode a source.

        Parameters
        ----------
        source : path, bytes, binary file, PIL.Image.Image, ndarray or Frame
            Strings are paths, not URLs. Arrays are gray (H, W) or (H, W, 1), RGB (H, W, 3), RGBA (H, W, 4):
            uint8, bool, floats to 1 or 255, integers to 255 or 65535. Transparency becomes white, or black.
        bgr : bool
            Whether an array's channels are blue, green, red, as in OpenCV.
        frame : int
            Which picture of a multi-frame file, from 0; with 0, a PIL image is read at its current frame.
        draft : bool
            Decode a large JPEG file at half its size, and in full only when ``gray`` is first used.
        limits : Limits

        Raises
        ------
        ImageError
            If the file is missing, truncated (but a JPEG gets a note), empty, too large, or no picture.
        MissingDependencyError
            If the file is HEIF and the extra is not installed.
        """
        with name_in_errors(source):
            if isinstance(source, Frame):
                limits.check_size(*source.size)
                return source
            if isinstance(source, np.ndarray):
                return cls._of(decode_array(source, bgr, limits))
            if isinstance(source, Image.Image):
                return cls._of(decode_image(source, frame, limits))
            return cls._of(decode_file(read_bytes(source, limits), frame, draft, limits))

    @classmethod
    def deferred(cls, size: tuple[int, int], load: Callable[[], Frame]) -> Frame:
        """Return a frame of this size (width, height) whose pixels are loaded on first use."""
        frame = cls(_NOTHING, color=lambda: load().color)
        frame._gray, frame._decode, frame.size = None, lambda: load().gray, size
        return frame

    @property
    def is_colored(self) -> bool:
        """Whether the frame has colour."""
        return self._color is not None


def scaling(size: tuple[int, int], to: tuple[int, int]) -> Matrix:
    """Return the map between pixels of a picture and its resized copy, which makes their edges meet."""
    fx, fy = to[0] / size[0], to[1] / size[1]
    return np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5], [0, 0, 1]])

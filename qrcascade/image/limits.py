"""How large a source may be: checked before its pixels are decoded."""

from __future__ import annotations

from dataclasses import dataclass, fields

from qrcascade.errors import ImageError, OptionError

__all__ = ["Limits", "is_count"]

# OpenCV's warps address pixels with 16-bit integers.
_ADDRESSABLE = 32_767


def is_count(value: object) -> bool:
    """Whether this is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused unread, as an `ImageError` that shows what was given and what is allowed.

    Parameters
    ----------
    max_pixels : int
        Width times height of one picture. Pillow has a limit of its own beside it,
        ``PIL.Image.MAX_IMAGE_PIXELS``, of some 179 million.
    max_side : int
        Width, and height, in pixels; 32,767 at most.
    max_bytes : int
        Size of a file, or of the bytes that are given.
    max_frames : int
        Frames of a multi-frame file, from its first, that can be asked for.

    Raises
    ------
    OptionError
        If one is no positive whole number, or ``max_side`` is over 32,767.
    """

    max_pixels: int = 100_000_000
    max_side: int = _ADDRESSABLE
    max_bytes: int = 256 * 2**20
    max_frames: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not is_count(value):
                raise OptionError(f"{field.name} must be a whole number from 1, got {value!r}")
        if self.max_side > _ADDRESSABLE:
            raise OptionError(f"max_side must be at most {_ADDRESSABLE:,}, got {self.max_side:,}")

    def check_size(self, width: int, height: int) -> None:
        """Raise an `ImageError` where a picture has no pixels, or too many."""
        if width < 1 or height < 1:
            raise ImageError(f"it is {width}x{height} pixels: nothing to look at")
        if width * height > self.max_pixels or max(width, height) > self.max_side:
            allowed = f"at most {self.max_pixels:,} in all and {self.max_side:,} a side are read"
            raise ImageError(f"it is {width}x{height} pixels; {allowed} (Limits.max_pixels, max_side)")

    def check_bytes(self, number: int) -> None:
        """Raise an `ImageError` where a file is too large."""
        if number > self.max_bytes:
            most = f"{self.max_bytes:,} bytes, the most that are read (Limits.max_bytes)"
            raise ImageError(f"it has more than {most}")

    def check_frame(self, frame: int) -> None:
        """Raise an `ImageError` where a frame lies too far into its file."""
        if frame >= self.max_frames:
            allowed = f"the first {self.max_frames:,} are read (Limits.max_frames)"
            raise ImageError(f"frame {frame:,} was asked for; {allowed}")

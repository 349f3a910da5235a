"""Limits on the size of a source, checked before its pixels are decoded."""

from __future__ import annotations

from dataclasses import dataclass, fields

from qrcascade.errors import ImageError, OptionError

__all__ = ["Limits", "is_count"]

# OpenCV's warps address pixels with 16-bit integers.
_ADDRESSABLE = 32_767


def is_count(value: object) -> bool:
    """Return whether this is a positive whole number."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest sources that are read; a larger one is an `ImageError` with its size and the limit.

    Parameters
    ----------
    max_pixels : int
        Width times height of one picture.
    max_side : int
        Width and height in pixels; at most 32,767.
    max_bytes : int
        Size of a file, or of the given bytes.
    max_frames : int
        Number of frames of a multi-frame file that can be read, counted from the first.

    Raises
    ------
    OptionError
        If one is not a positive whole number, or ``max_side`` is over 32,767.
    """

    max_pixels: int = 100_000_000
    max_side: int = 32_767
    max_bytes: int = 256 * 2**20
    max_frames: int = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not is_count(value):
                raise OptionError(f"{field.name} must be a positive whole number, got {value!r}")
        if self.max_side > _ADDRESSABLE:
            raise OptionError(f"max_side must be at most {_ADDRESSABLE:,}, got {self.max_side:,}")

    def check_size(self, width: int, height: int) -> None:
        """Raise an `ImageError` if a picture has no pixels, or too many."""
        if width < 1 or height < 1:
            raise ImageError(f"it has no pixels ({width}x{height})")
        if width * height > self.max_pixels or max(width, height) > self.max_side:
            allowed = f"at most {self.max_pixels:,} in total and {self.max_side:,} per side are read"
            raise ImageError(f"it is {width}x{height} pixels; {allowed} (Limits.max_pixels, max_side)")

    def check_bytes(self, number: int) -> None:
        """Raise an `ImageError` if a file is too large."""
        if number > self.max_bytes:
            raise ImageError(f"it has more than {self.max_bytes:,} bytes, the limit (Limits.max_bytes)")

    def check_frame(self, frame: int) -> None:
        """Raise an `ImageError` if a frame lies too far into its file."""
        if frame >= self.max_frames:
            allowed = f"only the first {self.max_frames:,} frames can be read (Limits.max_frames)"
            raise ImageError(f"frame {frame:,} was requested; {allowed}")

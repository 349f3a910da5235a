"""What the headers of some formats claim, found without decoding, in time bounded by the file's length.

Each function stops where a file is broken; the decoder then reports that.
"""

from __future__ import annotations

import contextlib
import re
import struct

from qrcascade.errors import ImageError
from qrcascade.image.limits import Limits

__all__ = [
    "check_ico",
    "check_jpeg",
    "check_webp",
    "count_gif_frames",
    "count_png_frames",
    "is_animated_webp",
]

# Each scan of a JPEG may visit every block of the picture, for a few bytes. Encoders make some ten.
_MOST_SCANS = 100
# A marker within image data, which is neither a stuffed byte nor a restart (ISO/IEC 10918-1, B.1.1).
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9

_PNG = b"\x89PNG\r\n\x1a\n"
# Size of the oldest header of a bitmap, whose width and height have 16 bits.
_SMALL_HEADER = 12
_BROKEN = (struct.error, IndexError)


def check_jpeg(data: bytes, _limits: Limits) -> None:
    """Raise an `ImageError` if a JPEG has too many scans."""
    # Most files need no closer look; thumbnails and what follows the picture count here, too.
    if data.count(b"\xff\xda") <= _MOST_SCANS:
        return
    at, scans = 2, 0
    while found := _MARKER.search(data, at):
        at, marker = found.end(), found[1][0]
        if marker == _END_OF_IMAGE:
            return
        scans += marker == _START_OF_SCAN
        if scans > _MOST_SCANS:
            raise ImageError(f"it has more than {_MOST_SCANS} scans")
        at += int.from_bytes(data[at : at + 2], "big")


def check_ico(data: bytes, limits: Limits) -> None:
    """Raise an `ImageError` if a picture in an icon is too large, whatever the icon says of it."""
    with contextlib.suppress(*_BROKEN):
        (number,) = struct.unpack_from("<H", data, 4)
        for entry in range(number):
            (at,) = struct.unpack_from("<I", data, 6 + 16 * entry + 12)
            if data[at : at + 8] == _PNG:
                width, height = struct.unpack_from(">II", data, at + 16)
            else:
                # A bitmap and its mask, one above the other, each of half the height.
                small = data[at] == _SMALL_HEADER
                width, height = struct.unpack_from("<HH" if small else "<Ii", data, at + 4)
                height = abs(height) // 2
            limits.check_size(width, height)


def check_webp(data: bytes, limits: Limits) -> None:
    """Raise an `ImageError` if a WebP is too large: Pillow allocates its canvas when it opens it."""
    with contextlib.suppress(*_BROKEN):
        if data[12:16] == b"VP8X":
            size = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        elif data[12:16] == b"VP8L":
            (packed,) = struct.unpack_from("<I", data, 21)
            size = ((packed >> shift & 0x3FFF) + 1 for shift in (0, 14))
        else:
            size = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        limits.check_size(*size)


def is_animated_webp(head: bytes) -> bool:
    """Return whether a WebP's header says that it has several frames."""
    return head[12:16] == b"VP8X" and bool(head[20:21] > b"" and head[20] & 2)


def count_gif_frames(data: bytes, most: int, limits: Limits) -> int:
    """Return the number of a GIF's frames, at most ``most``; raise an `ImageError` if one is too large."""
    frames = 0
    with contextlib.suppress(*_BROKEN):
        at = 13 + _palette_bytes(data[10])
        while frames < most and data[at] != 0x3B:
            if data[at] == 0x21:
                at = _skip_blocks(data, at + 2)
            elif data[at] == 0x2C:
                left, top, width, height = struct.unpack_from("<4H", data, at + 1)
                limits.check_size(max(1, left + width), max(1, top + height))
                at = _skip_blocks(data, at + 11 + _palette_bytes(data[at + 9]))
                frames += 1
            else:
                at += 1
    return max(1, frames)


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _skip_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += length + 1
    return at + 1


def count_png_frames(data: bytes, most: int) -> int:
    """Return the number of pictures in a PNG: one for each control chunk, and one before them."""
    at, frames = 8, 0
    while at + 8 <= len(data) and frames < most:
        length, kind = struct.unpack_from(">I4s", data, at)
        frames += kind == b"fcTL" or (kind == b"IDAT" and not frames)
        at += length + 12
    return max(1, frames)

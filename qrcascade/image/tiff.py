"""The directories of a TIFF file, and of EXIF data, which has the same structure (TIFF 6.0; CIPA DC-008)."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

from qrcascade.errors import ImageError

__all__ = ["count_directories", "read_orientation"]

# Bytes of each field type; the last three are BigTIFF's.
_SIZES = dict(zip((*range(1, 14), 16, 17, 18), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 8, 8, 8), strict=True))
# Types of whole numbers that EXIF writers use, though the orientation should be the second.
_WHOLE = {1: "B", 3: "H", 4: "I"}
_ORIENTATION = 0x0112
# Tags that point to further directories, which Pillow reads too: EXIF, GPS and interoperability.
_POINTERS = (0x8769, 0x8825, 0xA005)
# Tags in all directories that are followed. A scanned page has some 20.
_MOST_TAGS = 1_000_000


class _Field(NamedTuple):
    """A field of a directory: its tag, type and number of values; its value, or where that lies."""

    tag: int
    kind: int
    number: int
    value: bytes


class _Layout(NamedTuple):
    """Struct formats of the parts of a file: byte order, number of fields, field, pointer."""

    order: str
    length: str
    field: str
    pointer: str

    def first(self, data: bytes) -> int:
        """Return where the first directory lies."""
        pointer = self.order + self.pointer
        return int(struct.unpack_from(pointer, data, struct.calcsize(pointer))[0])

    def directory(self, data: bytes, at: int) -> tuple[list[_Field], int]:
        """Return the fields of a directory, and where the next one lies; 0 if there is none."""
        (number,) = struct.unpack_from(self.order + self.length, data, at)
        start = at + struct.calcsize(self.order + self.length)
        end = start + number * struct.calcsize(self.order + self.field)
        fields = [_Field(*f) for f in struct.iter_unpack(self.order + self.field, data[start:end])]
        return fields, int(struct.unpack_from(self.order + self.pointer, data, end)[0])

    def within(self, fields: list[_Field]) -> list[int]:
        """Return where the directories lie that these fields point to."""
        pointer = self.order + self.pointer
        return [struct.unpack(pointer, f.value)[0] for f in fields if f.tag in _POINTERS and f.number == 1]

    def claimed(self, fields: list[_Field]) -> int:
        """Return the number of bytes that the values of these fields take."""
        inline = struct.calcsize(self.order + self.pointer)
        sizes = (field.number * _SIZES.get(field.kind, 0) for field in fields)
        return sum(size for size in sizes if size > inline)


_CLASSIC, _BIG = ("H", "HHI4s", "I"), ("Q", "HHQ8s", "Q")
_LAYOUTS = {
    b"II*\0": _Layout("<", *_CLASSIC),
    b"MM\0*": _Layout(">", *_CLASSIC),
    b"II+\0": _Layout("<", *_BIG),
    b"MM\0+": _Layout(">", *_BIG),
}


def count_directories(data: bytes, most: int) -> int:
    """Return the number of a TIFF's directories, at most ``most``, without following it where it is broken.

    Raises
    ------
    ImageError
        If the directories have too many tags, or one claims far more data than the file has: tags can share
        their data, so that a small file would be read 65,535 times.
    """
    seen: set[int] = set()
    tags = 0
    with contextlib.suppress(struct.error, KeyError):
        layout = _LAYOUTS[data[:4]]
        at = layout.first(data)
        while at and at not in seen and len(seen) < most:
            seen.add(at)
            fields, at = layout.directory(data, at)
            parts = [fields]
            while parts:
                part = parts.pop()
                tags += len(part)
                claimed = layout.claimed(part)
                if tags > _MOST_TAGS:
                    raise ImageError(f"its directories have more than {_MOST_TAGS:,} tags")
                if claimed > 2 * len(data):
                    raise ImageError(f"a directory claims {claimed:,} bytes in a file of {len(data):,}")
                parts += [layout.directory(data, place)[0] for place in layout.within(part)]
    return max(1, len(seen))


def read_orientation(exif: bytes) -> int | None:
    """Return the orientation in EXIF data, from 1 to 8; None if there is none that makes sense."""
    exif = exif.removeprefix(b"Exif\0\0")
    with contextlib.suppress(struct.error, KeyError):
        layout = _LAYOUTS[exif[:4]]
        for field in layout.directory(exif, layout.first(exif))[0]:
            if field.tag == _ORIENTATION and field.number and field.kind in _WHOLE:
                value = int(struct.unpack_from(layout.order + _WHOLE[field.kind], field.value)[0])
                return value if 1 <= value <= 8 else None
    return None

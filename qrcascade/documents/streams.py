"""Find streams of a PDF that unpack to far more than a document needs, before PDFium unpacks them."""

from __future__ import annotations

import bisect
import contextlib
import re
import zlib
from collections.abc import Iterable, Iterator

from qrcascade.errors import DocumentError

__all__ = ["check_streams"]

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
# The filters of a stream, or a reference to them (ISO 32000-2, 7.4). A name may have its bytes spelt out.
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+|\d+\s+\d+\s+R)")
_SPELT = re.compile(rb"#([0-9A-Fa-f]{2})")
_IMAGE = re.compile(rb"/Subtype\s*/Image")
_UNPACKING = re.compile(rb"/(Fl|LZW|RL|RunLength)(?:ate)?(?:Decode)?(?!\w)|\d+\s+\d+\s+R")
# Most that a byte can become: by Deflate, 258 bytes of 2 bits. Others are rare, and are not measured.
_DEFLATE_RATIO = 1032
# Bytes of a stream's dictionary; and that one stream, and all that are measured, may unpack to.
_MOST_DICTIONARY, _MOST_BYTES, _MOST_IN_ALL = 4096, 64 * 2**20, 2**30
_CHUNK = 2**16


def check_streams(data: bytes) -> None:
    """Raise a `DocumentError` if a stream other than a picture unpacks to more than 64 MB.

    Few need to be measured: those that are packed twice, or so long that they could unpack to as much.
    """
    ends = [*(found.start() for found in re.finditer(b"endstream", data)), len(data)]
    in_all = 0
    for found in _STREAM.finditer(data):
        start = found.end()
        begin = data.rfind(b"obj", max(0, start - _MOST_DICTIONARY), start)
        if begin < 0:
            continue
        dictionary = _SPELT.sub(lambda m: bytes.fromhex(m[1].decode()), data[begin:start])
        filters = _FILTERS.search(dictionary)
        layers = _UNPACKING.findall(filters[1]) if filters else []
        length = ends[bisect.bisect(ends, start)] - start if start < len(data) else 0
        if len(layers) < 2 and (_IMAGE.search(dictionary) or length * _DEFLATE_RATIO <= _MOST_BYTES):
            continue
        size = _measure(data[start : start + length], max(1, len(layers)))
        in_all += size
        if max(size - _MOST_BYTES, in_all - _MOST_IN_ALL) > 0:
            raise DocumentError(f"a stream of {length:,} bytes unpacks to more than {_MOST_BYTES:,}")


def _measure(packed: bytes, layers: int) -> int:
    """Return to how many bytes a stream unpacks, or some number over the limit; 0 if it is not Deflate."""
    parts: Iterable[bytes] = (packed[at : at + _CHUNK] for at in range(0, len(packed), _CHUNK))
    for _ in range(layers):
        parts = _inflate(parts)
    size = 0
    with contextlib.suppress(zlib.error):
        for part in parts:
            size += len(part)
            if size > _MOST_BYTES:
                break
    return size


def _inflate(parts: Iterable[bytes]) -> Iterator[bytes]:
    unpacking = zlib.decompressobj()
    for part in parts:
        left = part
        while left:
            yield unpacking.decompress(left, _CHUNK)
            left = unpacking.unconsumed_tail

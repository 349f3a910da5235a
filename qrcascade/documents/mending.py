"""Give a PDF that has lost its end, with the table of its objects, a new one."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterator

__all__ = ["is_cut", "mend"]

# ISO 32000-2, 7.3.10, 7.5.5, 7.5.7, 7.7: indirect objects, the end, object streams, the catalog and pages.
_OBJECT = re.compile(rb"(?<!\d)(\d{1,10})\s+\d{1,5}\s+obj\b")
_REFERENCE = re.compile(rb"(?<!\d)(\d{1,10})\s+\d{1,5}\s+R\b")
_DICTIONARY_END = re.compile(rb"endobj|stream\r?\n")
_CATALOG = re.compile(rb"/Type\s*/Catalog(?!\w)")
_PAGE = re.compile(rb"/Type\s*/Page(?!\w)")
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm(?!\w)")
_FIRST = re.compile(rb"/First\s+(\d+)")
# Encryption is told where the file ends, so it must not be lost.
_ENCRYPTED = re.compile(rb"/Filter\s*/Standard(?!\w)")
_END = b"%%EOF"
# Highest number of an object that PDFium takes, less those that are added.
_HIGHEST = 4 * 2**20 - 2
# Bytes at the end in which the end must be told, and those of an object stream that are unpacked.
_TAIL_BYTES, _MOST_UNPACKED = 4096, 64 * 2**20


def is_cut(data: bytes) -> bool:
    """Return whether a PDF lacks the mark of its end."""
    return _END not in data[-_TAIL_BYTES:]


def mend(data: bytes) -> Iterator[bytes]:
    """Yield the PDF with each end that may fit, the likeliest first; none if encrypted or without a page."""
    pages, catalogs, added, highest = [], [], [], 0
    for number, text, packed in _objects(data):
        if _ENCRYPTED.search(text):
            return
        # An object that is lost is still referred to.
        named = [number, *(int(reference) for reference in _REFERENCE.findall(text))]
        highest = max([highest, *(n for n in named if n <= _HIGHEST)])
        if packed:
            added.append(b"%d 0 obj\n%b\nendobj\n" % (number, text))
        if _CATALOG.search(text):
            catalogs.append(number)
        elif _PAGE.search(text):
            pages.append(number)
    if not pages:
        return
    tree, root = highest + 1, highest + 2
    kids = b" ".join(b"%d 0 R" % page for page in pages)
    added.append(b"%d 0 obj\n<</Type/Pages/Count %d/Kids[%b]>>\nendobj\n" % (tree, len(pages), kids))
    added.append(b"%d 0 obj\n<</Type/Catalog/Pages %d 0 R>>\nendobj\n" % (root, tree))
    whole = data + b"\nendstream\nendobj\n" + b"".join(added)
    for catalog in (*catalogs[-1:], root):
        yield whole + b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n0\n%%%%EOF\n" % (root + 1, catalog)


def _objects(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the number of each object, its text before any stream, and whether it lay in an object stream."""
    for found in _OBJECT.finditer(data):
        end = _DICTIONARY_END.search(data, found.end())
        text = data[found.end() : end.start() if end else len(data)]
        yield int(found[1]), text, False
        if end and _OBJECT_STREAM.search(text):
            for number, inner in _unpack(text, data[end.end() :]):
                yield number, inner, True


def _unpack(dictionary: bytes, packed: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each object in an object stream, as far as it goes."""
    with contextlib.suppress(zlib.error, TypeError, ValueError):
        text = zlib.decompressobj().decompress(packed, _MOST_UNPACKED)
        first = int(_FIRST.search(dictionary)[1])  # type: ignore[index]
        numbers = [int(word) for word in text[:first].split()]
        places = [*numbers[1::2], len(text)]
        for number, start, end in zip(numbers[::2], places, places[1:], strict=False):
            yield number, text[first + start : first + end]

"""Opening a source as the kind of document that it is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from qrcascade.documents.images import Frames
from qrcascade.documents.looks import Look, Unread
from qrcascade.documents.pdf import Pdf
from qrcascade.errors import DocumentError
from qrcascade.image.formats import FIRST_BYTES, may_have_frames
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits
from qrcascade.image.sources import describe, explain_failure, read_bytes, read_content

__all__ = ["Document", "Opener", "Page", "check_path", "is_pdf", "open_source"]

# PDF readers skip whatever precedes the header.
_HEADER, _WITHIN = b"%PDF-", 1024


class Page(Protocol):
    """A page of an open document.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels.
    """

    size: tuple[int, int]

    def looks(self, unread: Unread) -> Iterator[Look]:
        """Yield looks at the page, each made on request and valid until the next one."""
        ...


class Document(Protocol):
    """An open document with a number of ``pages``, and ``notes`` on what is wrong with it."""

    pages: int
    notes: tuple[str, ...]

    def page(self, number: int) -> AbstractContextManager[Page]:
        """Open a page, numbered from 1, for use within the ``with``."""
        ...

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """Return a page whose pixels are decoded again from the source when used, even after closing."""
        ...

    def close(self) -> None:
        """Close the document."""
        ...


Opener = Callable[[Path | bytes, str | None, Limits], Document]
"""Function that opens a document from a source, a password and limits."""


def is_pdf(source: Source) -> bool:
    """Return whether a path or bytes are a PDF; a file that cannot be opened is not."""
    if isinstance(source, str | os.PathLike):
        try:
            with Path(source).open("rb") as file:
                return _HEADER in file.read(_WITHIN)
        except (OSError, ValueError):
            return False
    return isinstance(source, bytes | bytearray | memoryview) and _HEADER in bytes(source[:_WITHIN])


def check_path(source: Source) -> None:
    """Raise a `DocumentError` if the source is a path that cannot be opened."""
    if isinstance(source, str | os.PathLike):
        try:
            if not os.fspath(source):
                raise DocumentError("the path is empty")
            Path(source).open("rb").close()
        except (OSError, ValueError) as error:
            raise DocumentError(f"cannot read {describe(source)}: {explain_failure(source, error)}") from None


def open_source(
    source: Source,
    password: str | None,
    limits: Limits,
    closing: contextlib.ExitStack,
    remote_opener: Opener | None = None,
) -> tuple[Document | None, Source]:
    """Return the document, or None for a single picture; and the source in a form that can be read again.

    Raises
    ------
    DocumentError
        If the source is empty, or a PDF that is broken or locked.
    Exception
        Whatever Pillow or opening a file raises.
    """
    if isinstance(source, Frame | np.ndarray | Image.Image):
        return None, source
    source, head = _begin(source, limits)
    if not head:
        raise DocumentError("it is empty")
    is_document = is_pdf(head)
    if not is_document and not may_have_frames(head):
        return None, source
    document: Document
    if remote_opener is not None:
        # Counting frames can take long, too.
        document = remote_opener(source, password, limits)
    elif is_document:
        document = Pdf(source, password, limits)
    else:
        document = Frames(read_bytes(source, limits), source, limits)
    closing.callback(document.close)
    return (document if is_document or document.pages > 1 else None), source


def _begin(source: Source, limits: Limits) -> tuple[Path | bytes, bytes]:
    """Return the source in a form that can be opened again, and its first bytes."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        limits.check_bytes(path.stat().st_size)
        with path.open("rb") as file:
            return path, file.read(FIRST_BYTES)
    data = read_content(source, limits)
    return data, data[:FIRST_BYTES]

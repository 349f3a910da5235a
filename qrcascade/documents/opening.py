"""Which kind of document a source is, opened."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from PIL import Image

from qrcascade.documents.images import Frames
from qrcascade.documents.looks import Look, Unread
from qrcascade.documents.pdf import Pdf
from qrcascade.errors import DocumentError
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits
from qrcascade.image.sources import read_content

__all__ = ["Document", "Opener", "Page", "opened"]

# As PDF readers do: what is before the header is passed over.
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
        """The ways to see it, each made when it is asked for, and good until the next one is."""
        ...


class Document(Protocol):
    """An open document; ``pages`` is how many it has."""

    pages: int

    def page(self, number: int) -> AbstractContextManager[Page]:
        """A page, from 1, which may be used within the ``with``."""
        ...

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """A page whose pixels are made from the source again when they are used, even after closing."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


Opener = Callable[[Path | bytes, str | None, Limits], Document]
"""From a source, a password and limits, to a document."""


def opened(
    source: Source,
    password: str | None,
    limits: Limits,
    closing: contextlib.ExitStack,
    elsewhere: Opener | None = None,
) -> tuple[Document | None, Source]:
    """The document, and its source as one that can be read again; None for a single picture.

    Raises
    ------
    DocumentError
        If it is empty, or a PDF that is broken or locked.
    Exception
        Whatever opening a file, or Pillow, raises.
    """
    if isinstance(source, Frame | np.ndarray | Image.Image):
        return None, source
    source, file = _open_file(source, limits, closing)
    head = file.read(_WITHIN)
    if not head:
        raise DocumentError("it is empty")
    document: Document
    if _HEADER in head:
        document = (elsewhere or Pdf)(source, password, limits)
    else:
        file.seek(0)
        document = Frames(file, source, limits)
        if document.pages == 1:
            return None, source
        if elsewhere is not None:
            document = elsewhere(source, password, limits)
    closing.callback(document.close)
    return document, source


def _open_file(
    source: Source, limits: Limits, closing: contextlib.ExitStack
) -> tuple[Path | bytes, IO[bytes]]:
    """Return a source that can be opened again, and its file."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        limits.check_bytes(path.stat().st_size)
        return path, closing.enter_context(path.open("rb"))
    data = read_content(source, limits)
    return data, io.BytesIO(data)

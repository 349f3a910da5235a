"""The functions that a worker process runs to serve a document."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from qrcascade.documents.looks import Look
from qrcascade.documents.opening import Document, open_source
from qrcascade.errors import DocumentError, ImageError, QRCascadeError, in_words
from qrcascade.image.frame import Frame, Gray, Matrix
from qrcascade.image.limits import Limits
from qrcascade.image.quad import Quad
from qrcascade.isolation import Here

__all__ = ["SentLook", "close", "close_page", "color", "look", "open_document", "open_page", "picture"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SentLook:
    """A `Look` in transit: its gray pixels, and whether colour can be fetched."""

    gray: Gray
    has_color: bool
    name: str
    to_page: Matrix | None


@dataclass(slots=True)
class _State:
    """The state that the worker keeps."""

    document: Document | None
    closing: contextlib.ExitStack
    page: contextlib.ExitStack
    unread: Mapping[bool, Sequence[Quad | None]]
    looks: Iterator[Look] | None = None
    look: Look | None = None


def _convert_errors(function: Callable[..., _T]) -> Callable[..., _T]:
    """Make a function raise only errors that the calling process can raise too."""

    @wraps(function)
    def wrapper(here: Here, *arguments: Any) -> _T:
        try:
            return function(here, *arguments)
        except QRCascadeError:
            raise
        except Exception as error:
            why = getattr(error, "strerror", None) or in_words(error)
            raise ImageError(why) from error

    return wrapper


@_convert_errors
def open_document(
    here: Here, source: Path | bytes, password: str | None, limits: Limits
) -> tuple[int, tuple[str, ...]]:
    """Open a document and keep it; return its number of pages, and its notes."""
    closing = contextlib.ExitStack()
    try:
        document, _ = open_source(source, password, limits, closing)
    except BaseException:
        closing.close()
        raise
    here.kept = _State(document, closing, contextlib.ExitStack(), {})
    return (1, ()) if document is None else (document.pages, document.notes)


@_convert_errors
def open_page(here: Here, number: int) -> tuple[int, int]:
    """Open a page, and return its size."""
    state: _State = here.kept
    if state.document is None:
        raise DocumentError("it had several pages before and has one now")
    page = state.page.enter_context(state.document.page(number))
    state.looks = page.looks(lambda finer: state.unread[finer])
    return page.size


@_convert_errors
def look(here: Here, unread: Mapping[bool, Sequence[Quad | None]]) -> SentLook | None:
    """Make the next look at the page, given what is still unread; return None after the last."""
    state: _State = here.kept
    assert state.looks is not None
    state.unread = unread
    state.look = next(state.looks, None)
    if state.look is None:
        return None
    frame = state.look.frame
    return SentLook(frame.gray, frame.is_colored, state.look.name, state.look.to_page)


@_convert_errors
def color(here: Here) -> Gray:
    """Return the colour of the last look."""
    state: _State = here.kept
    assert state.look is not None
    return state.look.frame.color


@_convert_errors
def picture(here: Here, number: int, size: tuple[int, int]) -> tuple[Gray, Gray]:
    """Return a page's raster in gray and in colour."""
    frame: Frame = here.kept.document.picture(number, size)
    return frame.gray, frame.color


@_convert_errors
def close_page(here: Here) -> None:
    """Close the page that is open."""
    state: _State = here.kept
    state.looks = state.look = None
    state.page.close()


@_convert_errors
def close(here: Here) -> None:
    """Close the document."""
    state, here.kept = here.kept, None
    state.page.close()
    state.closing.close()

"""A document opened in a worker process, so that a crash there is only an error of one page."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from qrcascade.documents import serving
from qrcascade.documents.looks import Look, Unread
from qrcascade.documents.opening import Page
from qrcascade.errors import DocumentError, ImageError
from qrcascade.image.frame import Frame
from qrcascade.image.limits import Limits
from qrcascade.isolation import HungError, LostError, Worker, Workers

__all__ = ["RemoteDocument"]

# Longest time to open a document or make a look, in seconds. A timeout shortens it, but not below the second
# value, since a new process must import PDFium.
_HANG_S, _LEAST_S = 60.0, 5.0


class RemoteDocument:
    """A document open in a worker process; see `qrcascade.documents.opening.Document`.

    Parameters
    ----------
    workers : Workers
        Pool that provides the worker process.
    timeout : float or None
        Time limit per page, in seconds.
    source : Path or bytes
    password : str, optional
    limits : Limits

    Raises
    ------
    DocumentError
        If the source is not a document, is broken or locked, or crashes or hangs the process.
    MissingDependencyError
        If the extra is not installed.
    WorkerError
        If no worker process can be started.
    """

    def __init__(
        self,
        workers: Workers,
        timeout: float | None,
        source: Path | bytes,
        password: str | None,
        limits: Limits,
    ) -> None:
        self._workers, self._timeout = workers, timeout
        self._patience_s = _HANG_S if timeout is None else min(_HANG_S, max(_LEAST_S, timeout))
        given = source.absolute() if isinstance(source, Path) else source
        self._arguments = (given, password, limits)
        self._worker: Worker | None = None
        self.pages, self.notes = self._open()

    def _open(self) -> tuple[int, tuple[str, ...]]:
        self._worker = self._workers.take(None)
        try:
            pages, notes = self.ask(serving.open_document, *self._arguments)
            return pages, notes
        except ImageError as error:
            self._give_back()
            raise DocumentError(str(error)) from error
        except BaseException:
            self._give_back()
            raise

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of `qrcascade.documents.serving` in the other process, and return its result.

        Raises
        ------
        QRCascadeError
            Whatever the function raises.
        ImageError
            If the process has ended or does not answer.
        """
        worker = self._worker
        if worker is None:
            raise ImageError("the worker process of the document has ended")
        try:
            return worker.call(function, *arguments, until=time.monotonic() + self._patience_s)
        except (LostError, HungError) as end:
            self._worker = None
            self._workers.replace(worker)
            late = f"was stopped: no answer within {self._patience_s:g} s"
            how = f"ended ({end})" if isinstance(end, LostError) else late
            raise ImageError(f"the worker process of the document {how}") from None

    def look(self, seen: serving.SentLook) -> Look:
        """Return a look whose colour is fetched on use."""
        color = partial(self.ask, serving.color) if seen.has_color else None
        return Look(Frame(seen.gray, color=color), seen.name, seen.to_page)

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[Page]:
        """Open a page, numbered from 1, for use within the ``with``."""
        if self._worker is None:
            self._open()
        size = self.ask(serving.open_page, number)
        try:
            yield _Page(self, size)
        finally:
            self._end(serving.close_page)

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """Return a page that is opened again when its pixels are used."""
        reopen = partial(RemoteDocument, self._workers, self._timeout, *self._arguments)

        def picture() -> Frame:
            with contextlib.closing(reopen()) as again:
                gray, color = again.ask(serving.picture, number, size)
            return Frame(gray, color=lambda: color)

        return Frame.deferred(size, picture)

    def close(self) -> None:
        """Close the document; its pages must be closed."""
        self._end(serving.close)
        self._give_back()

    def _end(self, function: Callable[..., None]) -> None:
        if self._worker is not None:
            with contextlib.suppress(ImageError):
                self.ask(function)

    def _give_back(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._workers.give_back(worker)


class _Page:
    """A page open in a worker process; see `qrcascade.documents.opening.Page`."""

    def __init__(self, document: RemoteDocument, size: tuple[int, int]) -> None:
        self._document, self.size = document, size

    def looks(self, unread: Unread) -> Iterator[Look]:
        """Yield the looks made by the other process."""
        while True:
            wanted = {finer: unread(finer) for finer in (False, True)}
            seen = self._document.ask(serving.look, wanted)
            if seen is None:
                return
            yield self._document.look(seen)

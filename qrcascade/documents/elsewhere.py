"""A document that a worker process has open: what ends that process is an error of a page, and no more."""

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

__all__ = ["Elsewhere"]

# Seconds that opening a document, or making a look, may take; with a timeout as long as that, but not less
# than the other, since a new process has to import PDFium.
_HANG_S, _LEAST_S = 60.0, 5.0


class Elsewhere:
    """An open document; see `qrcascade.documents.opening.Document`.

    Parameters
    ----------
    workers : Workers
        Whose it is.
    timeout : float or None
        Seconds for a page.
    source : Path or bytes
    password : str, optional
    limits : Limits

    Raises
    ------
    DocumentError
        If it is none, or broken, or locked, or ends the process that opens it, or hangs in it.
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
        self.pages: int = self._open()

    def _open(self) -> int:
        self._worker = self._workers.take(None)
        try:
            return int(self.ask(serving.open_document, *self._arguments))
        except ImageError as error:
            self._give_back()
            raise DocumentError(str(error)) from error
        except BaseException:
            self._give_back()
            raise

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of `qrcascade.documents.serving` returns in the other process.

        Raises
        ------
        QRCascadeError
            What that raises.
        ImageError
            If it has ended, or does not answer.
        """
        worker = self._worker
        if worker is None:
            raise ImageError("the worker process that had it open has ended")
        try:
            return worker.call(function, *arguments, until=time.monotonic() + self._patience_s)
        except (LostError, HungError) as end:
            self._worker = None
            self._workers.replace(worker)
            late = f"was ended: no answer within {self._patience_s:g} s"
            how = f"ended ({end})" if isinstance(end, LostError) else late
            raise ImageError(f"the worker process that had it open {how}") from None

    def look(self, seen: serving.Seen) -> Look:
        """Return a look whose colour is asked for when it is used."""
        color = partial(self.ask, serving.color) if seen.has_color else None
        return Look(Frame(seen.gray, color=color), seen.name, seen.to_page)

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[Page]:
        """A page, from 1, which may be used within the ``with``."""
        if self._worker is None:
            self._open()
        size = self.ask(serving.open_page, number)
        try:
            yield _Page(self, size)
        finally:
            self._end(serving.close_page)

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """A page that is opened again when its pixels are used."""
        reopen = partial(Elsewhere, self._workers, self._timeout, *self._arguments)

        def picture() -> Frame:
            with contextlib.closing(reopen()) as again:
                gray, color = again.ask(serving.picture, number, size)
            return Frame(gray, color=lambda: color)

        return Frame.deferred(size, picture)

    def close(self) -> None:
        """Let go of it; its pages must be closed."""
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
    """See `qrcascade.documents.opening.Page`."""

    def __init__(self, document: Elsewhere, size: tuple[int, int]) -> None:
        self._document, self.size = document, size

    def looks(self, unread: Unread) -> Iterator[Look]:
        """Yield the looks that the other process makes."""
        while True:
            wanted = {finer: unread(finer) for finer in (False, True)}
            seen = self._document.ask(serving.look, wanted)
            if seen is None:
                return
            yield self._document.look(seen)

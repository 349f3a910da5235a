"""A document that a worker process has open: what ends that process is an error of a page, and no more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from qrcascade.documents.looks import Look, Unread
from qrcascade.documents.opening import Page
from qrcascade.documents.serving import COLOR, Seen, serve
from qrcascade.errors import DocumentError, ImageError, QRCascadeError
from qrcascade.frame import Frame, Gray
from qrcascade.isolation import Hung, Inbox, Lost, Sent, Session, Worker, Workers
from qrcascade.limits import Limits

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
        self._grays, self._colors = Inbox(), Inbox()
        self._worker: Worker | None = None
        self.pages: int = self._open()

    def _open(self) -> int:
        self._worker = self._workers.ready(None)
        try:
            return int(self.ask(Session(serve, self._arguments)))
        except ImageError as error:
            # Its session has ended.
            self._give_back()
            raise DocumentError(str(error)) from error
        except BaseException:
            self._give_back()
            raise

    def ask(self, question: Any) -> Any:
        """The other process's answer.

        Raises
        ------
        QRCascadeError
            What that raised.
        ImageError
            If it has ended, or does not answer.
        """
        worker = self._worker
        if worker is None:
            raise ImageError("the worker process that had it open has ended")
        try:
            worker.send(question)
            answer = worker.receive(time.monotonic() + self._patience_s)
        except (Lost, Hung) as end:
            self._worker = None
            self._workers.replace(worker)
            late = f"was ended: no answer within {self._patience_s:g} s"
            how = f"ended ({end})" if isinstance(end, Lost) else late
            raise ImageError(f"the worker process that had it open {how}") from None
        except BaseException:
            # Whatever it answers now nobody waits for.
            self._worker = None
            worker.close()
            raise
        if isinstance(answer, QRCascadeError):
            raise answer
        return answer

    def look(self, seen: Seen) -> Look:
        """With pixels of its own."""
        color = (lambda: _pixels(self._colors, self.ask(COLOR))) if seen.gray.colored else None
        return Look(Frame(_pixels(self._grays, seen.gray), color=color), seen.name, seen.to_page)

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[Page]:
        """A page, from 1, which may be used within the ``with``."""
        if self._worker is None:
            self._open()
        size = self.ask(number)
        try:
            yield _Page(self, size)
        finally:
            self._end()

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """A page that is opened again when its pixels are used."""
        reopen = partial(Elsewhere, self._workers, self._timeout, *self._arguments)

        def picture() -> Frame:
            with contextlib.closing(reopen()) as again:
                gray, color = again.ask((number, size))
                pixels = _pixels(again._grays, gray), _pixels(again._colors, color)
            return Frame(pixels[0], color=lambda: pixels[1])

        return Frame.deferred(size, picture)

    def close(self) -> None:
        """Let go of it; its pages must be closed."""
        self._end()
        self._give_back()

    def _end(self) -> None:
        """End the page; without one, the session."""
        if self._worker is not None:
            with contextlib.suppress(ImageError):
                self.ask(None)

    def _give_back(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._workers.give_back(worker)


class _Page:
    """See `qrcascade.documents.opening.Page`."""

    def __init__(self, document: Elsewhere, size: tuple[int, int]) -> None:
        self._document, self.size = document, size

    def looks(self, unread: Unread) -> Iterator[Look]:
        """As the other process makes them."""
        while (seen := self._document.ask({finer: unread(finer) for finer in (False, True)})) is not None:
            yield self._document.look(seen)


def _pixels(inbox: Inbox, sent: Sent) -> Gray:
    """A copy of what was laid down."""
    pixels = np.array(inbox.source(sent))
    if sent.block is not None:
        # Both sides have it mapped, so nothing is left of it whatever ends them. Windows keeps it till then.
        with contextlib.suppress(OSError):
            Path(sent.block).unlink(missing_ok=True)
    return pixels

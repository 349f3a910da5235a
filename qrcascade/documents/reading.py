"""A document's pages through a cascade, one at a time."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from qrcascade import options
from qrcascade.cascade import Cascade
from qrcascade.documents.opening import Document, Opener, opened
from qrcascade.errors import (
    DocumentError,
    MissingDependencyError,
    OptionError,
    QRCascadeError,
    WorkerError,
)
from qrcascade.frame import Frame, Source, describe
from qrcascade.limits import is_count
from qrcascade.quad import Quad
from qrcascade.results import Attempt, ReadResult
from qrcascade.scan import Accept, Expect, Scan

__all__ = ["DOCUMENT", "read_document"]

DOCUMENT = "document"
"""The strategy of an attempt whose error says why a page could not be shown."""

_NOTHING = Frame(np.empty((0, 0), np.uint8))
# A page with more places that are located and not read is a pattern, or noise.
_MOST_PLACES = 6
# Sides in pixels at 200 dpi, of symbols with modules of 0.8 to 1.5 pixels, from version 10 to 40. In larger
# ones the modules can be told apart.
_FINE_SIDE = 0.8 * 57, 1.5 * 177


def read_document(
    source: Source,
    *,
    pages: Iterable[int] | None = None,
    max_pages: int | None = None,
    stop_early: bool = False,
    password: str | None = None,
    cascade: Cascade | None = None,
    expect: Expect = None,
    timeout: float | None = None,
    formats: Collection[str] = ("QRCode",),
    accept: Accept | re.Pattern[str] | None = None,
) -> Iterator[ReadResult]:
    """Read the codes of a document, page by page.

    A document is a PDF, a picture with several pages or frames (TIFF, GIF, WebP, PNG, AVIF, HEIF), or
    any other picture, which has one page. A page is read when its result is asked for: who has
    enough stops asking. At no time is more than one page in memory.

    Parameters
    ----------
    source : path, bytes, binary file, PIL.Image.Image or ndarray
        Paths are best for large files, of which only what is needed is read then. A PIL image
        is the one page where it stands.
    pages : iterable of int, optional
        Which ones, from 1, in this order; all by default.
    max_pages : int, optional
        End after so many pages.
    stop_early : bool
        End after the first page on which a code was read.
    password : str, optional
        Of a PDF.
    cascade : Cascade, optional
        What reads a page; the "thorough" preset by default.
    expect : None, int or "all"
        For each page; see `Cascade.read`.
    timeout : float, optional
        Seconds for each page.
    formats : collection of str
        See `Cascade.read`.
    accept : callable or compiled regular expression, optional
        See `Cascade.read`.

    Yields
    ------
    ReadResult
        For each page, with its number from 1 in ``page`` of the result and of every code. Of a PDF,
        all places are in pixels of the page at 200 dpi, which is ``size``, whatever resolution a code
        was read at; ``step`` says that. A page that cannot be shown is a result with an error, and
        the next one goes on. ``picture`` is made again from the source when `ReadResult.draw`
        asks for it, so keeping results keeps no pixels.

    Raises
    ------
    DocumentError
        When the first page is asked for: if the document is broken, empty or locked, or lacks a
        page that ``pages`` names. When a page beyond ``Limits.max_frames`` is reached.
    ImageError
        If the source is no document at all.
    MissingDependencyError
        If it is a PDF or HEIF, and the extra is not installed.
    OptionError
        At once, if an option means nothing.
    WorkerError
        With isolation, if no worker process can be started.
    """
    wanted = None if pages is None else _page_numbers(pages)
    if max_pages is not None and not is_count(max_pages):
        raise OptionError(f"max_pages must be None or a number from 1, got {max_pages!r}")
    reader = _Reader(Cascade.preset() if cascade is None else cascade, expect, timeout, formats, accept)
    return _results(source, reader, wanted, max_pages, stop_early, password)


def _results(
    source: Source,
    reader: _Reader,
    wanted: Sequence[int] | None,
    max_pages: int | None,
    stop_early: bool,
    password: str | None,
) -> Iterator[ReadResult]:
    with contextlib.ExitStack() as closing:
        try:
            document, source = opened(source, password, reader.limits, closing, reader.elsewhere)
            count = 1 if document is None else document.pages
            if missing := [number for number in wanted or () if number > count]:
                raise DocumentError(f"it has no page {missing[0]}; it has {count}")
        except (MissingDependencyError, WorkerError):
            raise
        except Exception as error:
            # As in `Frame.load`: Pillow's plugins raise about every kind of exception.
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise DocumentError(f"cannot read {describe(source)}: {why}") from error
        for number in (range(1, count + 1) if wanted is None else wanted)[:max_pages]:
            if number > reader.limits.max_frames:
                allowed = f"the first {reader.limits.max_frames:,} pages are read"
                raise DocumentError(f"cannot read page {number:,} of {describe(source)}: {allowed}")
            result = _numbered(reader.page(document, source, number), number)
            yield result
            if stop_early and result:
                return


class _Reader:
    """A cascade and what it is asked of every page."""

    def __init__(
        self,
        cascade: Cascade,
        expect: Expect,
        timeout: float | None,
        formats: Collection[str],
        accept: Accept | re.Pattern[str] | None,
    ) -> None:
        self._is_met, self._wanted = options.stop_rule(expect), options.wanted(accept)
        options.deadline(timeout)
        self._cascade, self._timeout, self.limits = cascade, timeout, cascade.limits
        self._expect, self._formats = expect, options.known_formats(formats)

    @property
    def elsewhere(self) -> Opener | None:
        """Where the cascade is isolated, what opens a document in a worker process."""
        if self._cascade.openers is None:
            return None
        from qrcascade.documents.elsewhere import Elsewhere

        return functools.partial(Elsewhere, self._cascade.openers, self._timeout)

    def picture(self, source: Source, left: float | None) -> ReadResult:
        """Read a picture within so many seconds."""
        return self._cascade.read(
            source, expect=self._expect, timeout=left, formats=self._formats, accept=self._wanted
        )

    def page(self, document: Document | None, source: Source, number: int) -> ReadResult:
        """Read a page, by further looks while something on it is unread; what breaks is an attempt."""
        if document is None:
            return self.picture(source, self._timeout)
        start = time.perf_counter()
        scan, timed_out = self._scan(_NOTHING), False
        try:
            with document.page(number) as page:
                scan = self._scan(document.picture(number, page.size))
                for look in page.looks(lambda finer: self._unread(scan, finer)):
                    left = None if self._timeout is None else self._timeout + start - time.perf_counter()
                    if timed_out := left is not None and left <= 0:
                        break
                    result = self.picture(look.frame, left)
                    for attempt in result.attempts:
                        scan.record(look.carried(attempt))
                    if timed_out := result.timed_out:
                        break
        except OptionError:
            raise
        except Exception as error:
            why = str(error) if isinstance(error, QRCascadeError) else f"{type(error).__name__}: {error}"
            scan.record(Attempt(DOCUMENT, f"page {number}", error=why))
            timed_out = self._timeout is not None and time.perf_counter() - start >= self._timeout
        elapsed = time.perf_counter() - start
        found = scan.codes, scan.regions, tuple(scan.attempts)
        ended = "timeout" if timed_out else self._ended(scan)
        return ReadResult(*found, scan.frame.size, elapsed, timed_out, ended=ended, picture=scan.frame)

    def _ended(self, scan: Scan) -> str:
        if not self._is_met(scan):
            return "exhausted"
        return "settled" if self._expect is None else "expected"

    def _scan(self, picture: Frame) -> Scan:
        return Scan(
            picture,
            expect=self._expect,
            formats=self._formats,
            threshold=self._cascade.threshold,
            accept=self._wanted,
        )

    def _unread(self, scan: Scan, finer: bool) -> Sequence[Quad | None]:
        """What on a page is worth another look: all of it where a number of codes is not met.

        Not what is hardly like a symbol: a page of print has much of that, and takes several times as long.
        But where nothing is read it may be one whose modules are too fine, as long as it is so small.
        """
        if isinstance(self._expect, int):
            return () if self._is_met(scan) else (None,)
        doubtful = [code.quad for code in scan.accepted if code.confidence < scan.threshold]
        places = [*doubtful, *(region.quad for region in scan.credible)]
        if finer and not places and not scan.accepted:
            places = [r.quad for r in scan.regions if _FINE_SIDE[0] <= r.quad.side <= _FINE_SIDE[1]]
        return places[:_MOST_PLACES]


def _numbered(result: ReadResult, page: int) -> ReadResult:
    return replace(
        result,
        page=page,
        codes=tuple(replace(code, page=page) for code in result.codes),
        attempts=tuple(
            replace(attempt, codes=tuple(replace(code, page=page) for code in attempt.codes))
            for attempt in result.attempts
        ),
    )


def _page_numbers(pages: Iterable[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(pages)
    except TypeError:
        numbers = (0,)
    if not all(map(is_count, numbers)):
        raise OptionError(f"pages must be numbers from 1, got {pages!r}")
    return numbers

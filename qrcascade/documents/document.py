"""Reading a document's pages with a cascade, one at a time."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from qrcascade.cascade import Cascade, Preset, choose_cascade
from qrcascade.documents.opening import Document, Opener, Page, check_path, is_pdf, open_source
from qrcascade.errors import (
    DocumentError,
    MissingDependencyError,
    OptionError,
    QRCascadeError,
    WorkerError,
    in_words,
)
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import is_count
from qrcascade.image.quad import Quad
from qrcascade.image.sources import describe, explain_failure, read_content
from qrcascade.reading.options import (
    DocumentKeywords,
    DocumentOptions,
    PageKeywords,
    ReadKeywords,
    ReadOptions,
    override,
)
from qrcascade.reading.scan import CREDIBLE, Scan
from qrcascade.report.result import ReadResult
from qrcascade.results import Attempt
from qrcascade.symbology.names import QR_FORMATS

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["DOCUMENT", "read", "read_document", "split_keywords"]

DOCUMENT = "document"
"""Strategy of an attempt whose error says why a page could not be rendered."""

_NOTHING = Frame(np.empty((0, 0), np.uint8))
# A page with more unread places than this holds a pattern, or noise.
_MOST_PLACES = 6
# Sides, in pixels at 200 dpi, of symbols from version 10 to 40 with modules of 0.8 to 1.5 pixels. Larger
# modules can be told apart.
_FINE_SIDE = 0.8 * 57, 1.5 * 177


def read(
    source: Source,
    options: ReadOptions | None = None,
    *,
    preset: Preset | None = None,
    cascade: Cascade | None = None,
    page: int | None = None,
    password: str | None = None,
    **keywords: Unpack[ReadKeywords],
) -> ReadResult:
    """Read the codes in a picture, or on one page of a document; the result is falsy without any.

    Parameters
    ----------
    source : path, bytes, binary file, PIL.Image.Image or ndarray
        A picture as for `qrcascade.Frame.load`, or a document as for `read_document`.
    options : ReadOptions, optional
        How to read; by default ``ReadOptions()``.
    preset : {"thorough", "classical", "light", "nano", "small", "hybrid", "large"}, optional
        What to read with, by default "thorough": see `Cascade.preset`. Its models stay loaded.
    cascade : Cascade, optional
        Cascade that reads, in place of a preset.
    page, password : int and str, optional
        Page of a document, from 1, by default a PDF's first; and the password of a PDF.
    **keywords
        Options by name; `ReadOptions` says more about each. ``expect``: how many codes to look for, or "all".
        ``timeout``: seconds after which what was read by then is returned. ``formats``: symbologies by name,
        by default "QRCode". ``accept``: which texts are wanted, a function or regular expression. For a
        picture alone: ``bgr``, whether an array's channels are blue, green, red; ``frame``, which picture of
        the file, from 0; ``regions``, where symbols are known to be.

    Raises
    ------
    ImageError, OptionError, WorkerError
        As for `Cascade.read`; a `DocumentError` if a document cannot be read or has no such page.
    """
    options = override(options, keywords, others=("preset", "cascade", "page", "password"))
    return _read_one(source, options, choose_cascade(cascade, preset), page, password)


def _read_one(
    source: Source, options: ReadOptions, cascade: Cascade, page: int | None, password: str | None
) -> ReadResult:
    """Read a picture, or one page of a document."""
    if page is not None and not is_count(page):
        raise OptionError(f"page must be None or a number from 1, got {page!r}")
    if hasattr(source, "read") and not isinstance(source, Image.Image):
        source = read_content(source, cascade.limits)
    if page is None and not is_pdf(source):
        return cascade.read(source, options)
    if options.frame or options.regions:
        raise OptionError("frame and regions are for pictures, and this is a page of a document")
    return next(read_document(source, options, cascade=cascade, pages=[page or 1], password=password))


def read_document(
    source: Source,
    options: ReadOptions | None = None,
    *,
    preset: Preset | None = None,
    cascade: Cascade | None = None,
    **keywords: Unpack[DocumentKeywords],
) -> Iterator[ReadResult]:
    """Read the codes of a document, page by page.

    A document is a PDF, a picture with several pages or frames (TIFF, GIF, WebP, PNG, AVIF, HEIF), or any
    other picture, which has one page. Each page is read when its result is asked for.

    Parameters
    ----------
    source : path, bytes, binary file, PIL.Image.Image (one page) or ndarray
    options, preset, cascade : ReadOptions, str and Cascade, optional
        How and what to read with, as for `read`; for every page.
    **keywords
        ``pages``, ``max_pages``, ``stop_early``, ``password``: see `DocumentOptions`. ``expect``,
        ``timeout``, ``formats`` and ``accept`` override those of ``options``.

    Yields
    ------
    ReadResult
        One per page. Places on a PDF page are in pixels at 200 dpi. A page that cannot be rendered gives a
        result with an error. ``picture`` is made again from the source on use.

    Raises
    ------
    ImageError
        If the source is not a document; `DocumentError` if it is broken, empty or locked, lacks a page that
        ``pages`` names, or has more pages than ``Limits.max_frames``. A missing file raises it at once.
    MissingDependencyError, OptionError
        If the extra for this type is not installed; at once, if an option is invalid.
    """
    which, options = split_keywords(keywords, options)
    check_path(source)
    return _results(source, _PageReader(choose_cascade(cascade, preset), options), which)


def split_keywords(
    keywords: DocumentKeywords, options: ReadOptions | None = None, others: Sequence[str] = ()
) -> tuple[DocumentOptions, ReadOptions]:
    """Return the options of the document and of each page; raise an `OptionError` if one is invalid.

    ``others`` are further keywords that the caller's function takes, for messages.
    """
    named = (*DocumentOptions.__slots__, "preset", "cascade", *others)
    own = {name: value for name, value in keywords.items() if name in DocumentOptions.__slots__}
    rest = {name: value for name, value in keywords.items() if name not in own}
    return DocumentOptions(**own), override(options, rest, PageKeywords, named)  # type: ignore[arg-type]


def _results(source: Source, reader: _PageReader, which: DocumentOptions) -> Iterator[ReadResult]:
    with contextlib.ExitStack() as closing:
        try:
            document, source = open_source(
                source, which.password, reader.limits, closing, reader.remote_opener
            )
            count = 1 if document is None else document.pages
            readable = reader.limits.max_frames
            _check_pages(which, count, readable)
        except (MissingDependencyError, WorkerError):
            raise
        except Exception as error:
            # As in `Frame.load`: Pillow's plugins raise almost any kind of exception.
            raise DocumentError(
                f"cannot read {describe(source)}: {explain_failure(source, error)}"
            ) from error
        numbers = range(1, count + 1) if which.pages is None else which.pages
        for number in itertools.islice(numbers, which.max_pages):
            if number > readable:
                allowed = f"only the first {readable:,} pages are read"
                raise DocumentError(f"cannot read page {number:,} of {describe(source)}: {allowed}")
            result = _set_page(reader.page(document, source, number), number, count)
            yield result
            if which.stop_early and result:
                return


def _check_pages(which: DocumentOptions, count: int, readable: int) -> None:
    """Raise a `DocumentError` if a requested page is not in the document."""
    if missing := [number for number in which.pages or () if count < number <= readable]:
        raise DocumentError(f"it has no page {missing[0]}; it has {count}")


class _PageReader:
    """A cascade, and the options for every page."""

    def __init__(self, cascade: Cascade, options: ReadOptions) -> None:
        self._cascade, self._options, self.limits = cascade, options, cascade.limits

    @property
    def remote_opener(self) -> Opener | None:
        """Opener of documents in a worker process; None unless the cascade is isolated."""
        if self._cascade.openers is None:
            return None
        from qrcascade.documents.remote import RemoteDocument

        return functools.partial(RemoteDocument, self._cascade.openers, self._options.timeout)

    def page(self, document: Document | None, source: Source, number: int) -> ReadResult:
        """Read a page, with further looks while something is unread; a failure becomes an attempt."""
        if document is None:
            return self._cascade.read(source, self._options)
        start = time.perf_counter()
        scan, timed_out, waited = self._scan(_NOTHING), False, 0.0
        try:
            with document.page(number) as page:
                scan = self._scan(document.picture(number, page.size))
                timed_out, waited = self._look(page, scan, start)
        except OptionError:
            raise
        except Exception as error:
            why = str(error) if isinstance(error, QRCascadeError) else in_words(error)
            scan.record(Attempt(DOCUMENT, f"page {number}", error=why))
            timed_out = self._left_s(start) <= 0
        elapsed = time.perf_counter() - start - waited
        found = scan.codes, scan.located, tuple(scan.attempts), scan.frame.size
        ended, notes = "timeout" if timed_out else self._ended(scan), (*document.notes, *scan.notes)
        return ReadResult(*found, elapsed, timed_out, ended=ended, notes=notes, picture=scan.frame)

    def _look(self, page: Page, scan: Scan, start: float) -> tuple[bool, float]:
        """Read and record each look at a page; return whether time ran out, and the seconds of waiting."""
        waited = 0.0
        for look in page.looks(lambda finer: self._unread(scan, finer)):
            left = self._left_s(start)
            if left <= 0:
                return True, waited
            timeout = None if self._options.timeout is None else left
            since = time.perf_counter()
            result = self._cascade.read(look.frame, self._options, timeout=timeout)
            waited += time.perf_counter() - since - result.elapsed_s
            for attempt in result.attempts:
                scan.record(look.map_to_page(attempt))
            if result.timed_out:
                return True, waited
        return False, waited

    def _left_s(self, start: float) -> float:
        """Return the seconds left for a page that was begun at ``start``."""
        if self._options.timeout is None:
            return math.inf
        return self._options.timeout + start - time.perf_counter()

    def _ended(self, scan: Scan) -> str:
        if not scan.is_enough:
            return "exhausted"
        return "settled" if scan.expect is None else "expected"

    def _scan(self, picture: Frame) -> Scan:
        return self._cascade.scan(picture, self._options)

    def _unread(self, scan: Scan, finer: bool) -> Sequence[Quad | None]:
        """Return the places worth another look; None means the whole page, if codes are still expected.

        Weak candidates are left out: a page of print has many, and would take several times as long. But if
        nothing is read, a small one may be a symbol whose modules are too fine at this resolution.
        """
        if isinstance(scan.expect, int):
            return () if scan.is_enough else (None,)
        doubtful = [code.quad for code in scan.accepted if code.confidence < scan.threshold]
        located = [*scan.credible, *(region for region in scan.others if region.score >= CREDIBLE)]
        places = [*doubtful, *(region.quad for region in located)]
        if finer and not scan.codes and not scan.formats.issubset(QR_FORMATS):
            # Nothing locates other symbologies that are not read.
            return (None,)
        if finer and not places and not scan.accepted:
            places = [r.quad for r in scan.regions if _FINE_SIDE[0] <= r.quad.side <= _FINE_SIDE[1]]
        return places[:_MOST_PLACES]


def _set_page(result: ReadResult, page: int, pages: int) -> ReadResult:
    return replace(
        result,
        page=page,
        pages=pages,
        codes=tuple(replace(code, page=page) for code in result.codes),
        attempts=tuple(
            replace(attempt, codes=tuple(replace(code, page=page) for code in attempt.codes))
            for attempt in result.attempts
        ),
    )

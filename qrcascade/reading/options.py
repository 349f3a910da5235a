"""What a caller may ask of a reading: said once, checked once, carried everywhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from qrcascade.errors import OptionError
from qrcascade.image.limits import is_count
from qrcascade.image.quad import Quad

__all__ = [
    "FORMATS",
    "Accept",
    "DocumentKeywords",
    "DocumentOptions",
    "Expect",
    "PageKeywords",
    "ReadKeywords",
    "ReadOptions",
]

Expect: TypeAlias = int | str | None
Accept: TypeAlias = "Callable[[str], bool] | re.Pattern[str] | None"

FORMATS = ("QRCode", "MicroQRCode", "RMQRCode")
_MAX_TIMEOUT_S = 86_400


class PageKeywords(TypedDict, total=False):
    """What can be asked of any page: see `ReadOptions`."""

    expect: Expect
    timeout: float | None
    formats: Collection[str]
    accept: Accept


class ReadKeywords(PageKeywords, total=False):
    """What can be asked of one picture: see `ReadOptions`."""

    bgr: bool
    frame: int
    regions: Sequence[Quad]


class DocumentKeywords(PageKeywords, total=False):
    """What can be asked of a document: see `DocumentOptions` and, for each page, `ReadOptions`."""

    pages: Iterable[int] | None
    max_pages: int | None
    stop_early: bool
    password: str | None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What is asked of the reading of one picture.

    Parameters
    ----------
    expect : None, int or "all"
        None ends with the first attempt after which something is read with enough confidence and no
        credible region is unread; of a large JPEG file that may be a look at half its size, where a second,
        tiny code is not seen. A number goes on until that many codes are read, each with enough confidence.
        "all" lets every tier that locates look.
    timeout : float, optional
        Seconds from the call, loading included. What was read by then is returned. It is checked between
        engine runs, and none is begun that is not likely to end in time; but the one that loads a model, or
        fetches its weights, can take longer. With isolation that is cut off, and up to 10 seconds of waiting
        for a worker process to start do not count.
    formats : collection of str
        Symbologies to report, of `FORMATS`; kept as a sorted tuple.
    accept : callable or compiled regular expression, optional
        Says of a text (str) whether it is one of those wanted; an expression, by finding something in it. A
        code that is not accepted stays in the result, marked; the reading goes on as if it were unread.
    bgr : bool
        An array's channels are blue, green, red.
    frame : int
        Which picture of a multi-frame file, from 0.
    regions : sequence of Quad
        Where symbols are known to be, in pixels of the upright picture: read like those that are located.

    Raises
    ------
    OptionError
        If one has a value that means nothing.
    """

    expect: Expect = None
    timeout: float | None = None
    formats: Collection[str] = ("QRCode",)
    accept: Accept = None
    bgr: bool = False
    frame: int = 0
    regions: Sequence[Quad] = ()

    def __post_init__(self) -> None:
        _check_expect(self.expect)
        _check_timeout(self.timeout)
        _check_accept(self.accept)
        if not isinstance(self.bgr, bool):
            raise OptionError(f"bgr must be True or False, got {self.bgr!r}")
        if not isinstance(self.frame, int) or isinstance(self.frame, bool):
            raise OptionError(f"frame must be a whole number, from 0, got {self.frame!r}")
        object.__setattr__(self, "formats", _checked_formats(self.formats))
        object.__setattr__(self, "regions", _checked_regions(self.regions))

    @property
    def deadline(self) -> float | None:
        """The end of ``timeout`` from now, by `time.monotonic`."""
        return None if self.timeout is None else time.monotonic() + self.timeout

    def accepts(self, text: str) -> bool:
        """Return whether a payload is one that the caller wants.

        Raises
        ------
        OptionError
            If ``accept`` raises something.
        """
        if self.accept is None:
            return True
        if isinstance(self.accept, re.Pattern):
            return self.accept.search(text) is not None
        try:
            return bool(self.accept(text))
        except Exception as error:
            raise OptionError(f"accept raised {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """Which pages of a document are read.

    Parameters
    ----------
    pages : iterable of int, optional
        Which ones, from 1, in this order; all by default. Kept as a tuple.
    max_pages : int, optional
        Read at most this many.
    stop_early : bool
        End after the first page on which a code was read.
    password : str, optional
        Of a PDF.

    Raises
    ------
    OptionError
        If one has a value that means nothing.
    """

    pages: Iterable[int] | None = None
    max_pages: int | None = None
    stop_early: bool = False
    password: str | None = None

    def __post_init__(self) -> None:
        if self.pages is not None:
            object.__setattr__(self, "pages", _checked_pages(self.pages))
        if self.max_pages is not None and not is_count(self.max_pages):
            raise OptionError(f"max_pages must be None or a number from 1, got {self.max_pages!r}")


def _check_expect(expect: object) -> None:
    if expect is None or (isinstance(expect, str) and expect == "all"):
        return
    if not (isinstance(expect, int) and is_count(expect)):
        raise OptionError(f'expect must be None, a positive number of codes or "all", got {expect!r}')


def _check_timeout(timeout: object) -> None:
    if timeout is None:
        return
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= _MAX_TIMEOUT_S:
        return
    allowed = f"None or seconds, over 0 and up to {_MAX_TIMEOUT_S:,}"
    raise OptionError(f"timeout must be {allowed}, got {timeout!r}")


def _check_accept(accept: object) -> None:
    if isinstance(accept, re.Pattern) and isinstance(accept.pattern, str):
        return
    if accept is not None and not callable(accept):
        raise OptionError(f"accept must be a function of a text, or a compiled expression, got {accept!r}")


def _checked_formats(formats: Collection[str]) -> tuple[str, ...]:
    try:
        names = () if isinstance(formats, str) else tuple(formats)
    except TypeError:
        names = ()
    if not names or any(name not in FORMATS for name in names):
        raise OptionError(f"formats must be a list of some of {', '.join(FORMATS)}, got {formats!r}")
    return tuple(sorted(set(names)))


def _checked_regions(regions: object) -> tuple[Quad, ...]:
    quads = tuple(regions) if isinstance(regions, Iterable) and not isinstance(regions, Quad) else (regions,)
    for quad in quads:
        if not isinstance(quad, Quad) or not quad.convex:
            raise OptionError(f"regions must be convex Quads, as Quad.of makes of 4 points, got {quad!r}")
    return quads


def _checked_pages(pages: Iterable[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(pages)
    except TypeError:
        numbers = (0,)
    if not all(map(is_count, numbers)):
        raise OptionError(f"pages must be numbers from 1, got {pages!r}")
    return numbers

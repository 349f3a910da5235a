"""The options of a reading: defined once, checked once, passed everywhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, TypedDict

from qrcascade.errors import OptionError, in_words
from qrcascade.image.limits import is_count
from qrcascade.image.quad import Quad
from qrcascade.symbology.names import FORMATS, Format, find_format

__all__ = [
    "FORMATS",
    "NUMBER",
    "Accept",
    "DocumentKeywords",
    "DocumentOptions",
    "Expect",
    "Format",
    "Formats",
    "PageKeywords",
    "ReadKeywords",
    "ReadOptions",
    "override",
]

Expect: TypeAlias = int | Literal["all"] | None
"""How many codes to look for."""
Formats: TypeAlias = Format | Literal["all"] | Collection[Format]
"""Symbologies to read: a name, several, or "all"."""
Accept: TypeAlias = Callable[[str], bool] | re.Pattern[str] | None
"""Which payloads are wanted: by a function of the text, or by what it must contain."""

_MAX_TIMEOUT_S = 86_400

NUMBER = r"[1-9][0-9]{0,5}"
"""A number of codes as text; Python refuses to convert thousands of digits."""
_SPELT = {name.lower(): name for name in FORMATS}
# Where what is no option of a reading goes.
_CASCADE = "it is an option of Cascade.preset"
_DOCUMENT = "qrcascade.read takes it, with cascade= for the tiers"
_ELSEWHERE = {
    "cascade": "this Cascade reads with its own tiers",
    "preset": "this Cascade is what a preset makes",
    "page": _DOCUMENT, "password": _DOCUMENT,
    "threshold": _CASCADE, "isolation": _CASCADE, "max_memory": _CASCADE, "limits": _CASCADE,
}  # fmt: skip


class PageKeywords(TypedDict, total=False):
    """Options for any page: see `ReadOptions`."""

    expect: Expect
    timeout: float | None
    formats: Formats
    accept: Accept


class ReadKeywords(PageKeywords, total=False):
    """Options for one picture: see `ReadOptions`."""

    bgr: bool
    frame: int
    regions: Sequence[Quad]


class DocumentKeywords(PageKeywords, total=False):
    """Options for a document: see `DocumentOptions` and, for each page, `ReadOptions`."""

    pages: Iterable[int] | None
    max_pages: int | None
    stop_early: bool
    password: str | None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read one picture.

    Parameters
    ----------
    expect : None, int or "all"
        How many codes to look for. With None, the reading ends as soon as something is read with enough
        confidence and no credible region is unread; for a large JPEG file that may be after a look at half
        its size, in which a second, tiny code may be missed. With a number, it goes on until that many codes
        are read with enough confidence. With "all", every tier that locates symbols runs, unless nothing but
        the codes that are read shows in the picture.
    timeout : float, optional
        Seconds from the call, including loading. Whatever was read by then is returned. The timeout is
        checked between engine runs, and none is started that is unlikely to end in time; but one that loads
        a model or fetches its weights can take longer. With isolation that is cut off, and up to 10 seconds
        of waiting for the first worker process to start do not count.
    formats : str or collection of str
        Symbologies to report: names from `FORMATS` in any spelling ("EAN-13", "datamatrix"), also in one str
        with commas between them, or "all". Stored as a sorted tuple. Those that are not QR codes are read by
        zxing-cpp alone, over the classical views.
    accept : callable or compiled regular expression, optional
        Which payloads are wanted: a function of the text (str), or an expression to search for in it. A
        rejected code stays in the result, marked as such, and the reading goes on as if it were unread.
    bgr : bool
        Whether an array's channels are blue, green, red.
    frame : int
        Which picture of a multi-frame file, from 0.
    regions : sequence of Quad
        Where symbols are known to be, in pixels of the upright picture; read like located regions.

    Raises
    ------
    OptionError
        If an option has an invalid value.
    """

    expect: Expect = None
    timeout: float | None = None
    formats: Formats = ("QRCode", "QRCodeModel1")
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
            raise OptionError(f"frame must be a whole number from 0, got {self.frame!r}")
        object.__setattr__(self, "formats", _check_formats(self.formats))
        object.__setattr__(self, "regions", _check_regions(self.regions))

    @property
    def deadline(self) -> float | None:
        """When ``timeout`` ends if it starts now, by `time.monotonic`; None without a timeout."""
        return None if self.timeout is None else time.monotonic() + self.timeout

    def accepts(self, text: str) -> bool:
        """Return whether the caller wants this payload.

        Raises
        ------
        OptionError
            If ``accept`` raises an exception.
        """
        if self.accept is None:
            return True
        if isinstance(self.accept, re.Pattern):
            return self.accept.search(text) is not None
        try:
            return bool(self.accept(text))
        except Exception as error:
            raise OptionError(f"accept raised {in_words(error)}") from error


def override(
    options: ReadOptions | None,
    keywords: Mapping[str, Any],
    known: type = ReadKeywords,
    others: Sequence[str] = (),
) -> ReadOptions:
    """Return the options with these changes.

    Parameters
    ----------
    options : ReadOptions, optional
        By default ``ReadOptions()``.
    keywords : mapping
        What to change.
    known : type
        The `TypedDict` of what may be changed.
    others : sequence of str
        Other keywords that the caller's function takes, for messages.

    Raises
    ------
    OptionError
        If ``options`` is something else, or an option has an invalid value.
    TypeError
        If a keyword is not known.
    """
    if options is not None and not isinstance(options, ReadOptions):
        raise OptionError(f"options must be ReadOptions, got {options!r}; pass each by name: expect=2")
    for name in sorted(keywords.keys() - known.__annotations__.keys()):
        names = (*known.__annotations__, *others)
        hint = None if f"{name}s" in names else _ELSEWHERE.get(name)
        hint = hint or _suggest(name, names)
        raise TypeError(f"unexpected keyword argument {name!r}; {hint}")
    return replace(options or ReadOptions(), **keywords)


def _suggest(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, 1)
    return f"did you mean {close[0]}?" if close else f"the options are {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """Which pages of a document to read.

    Parameters
    ----------
    pages : iterable of int, optional
        Page numbers, from 1, read in this order; all pages by default. Stored as a tuple.
    max_pages : int, optional
        Read at most this many pages.
    stop_early : bool
        Stop after the first page on which a code was read.
    password : str, optional
        Password of a PDF.

    Raises
    ------
    OptionError
        If an option has an invalid value.
    """

    pages: Iterable[int] | None = None
    max_pages: int | None = None
    stop_early: bool = False
    password: str | None = None

    def __post_init__(self) -> None:
        if self.pages is not None:
            object.__setattr__(self, "pages", _check_pages(self.pages))
        if self.max_pages is not None and not is_count(self.max_pages):
            raise OptionError(f"max_pages must be None or a number from 1, got {self.max_pages!r}")


def _check_expect(expect: object) -> None:
    if expect is None or (isinstance(expect, str) and expect == "all"):
        return
    if not (isinstance(expect, int) and is_count(expect)):
        raise OptionError(f'expect must be None, a positive whole number or "all", got {expect!r}')


def _check_timeout(timeout: object) -> None:
    if timeout is None:
        return
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= _MAX_TIMEOUT_S:
        return
    allowed = f"None or a number of seconds, over 0 and up to {_MAX_TIMEOUT_S:,}"
    raise OptionError(f"timeout must be {allowed}, got {timeout!r}")


def _check_accept(accept: object) -> None:
    if isinstance(accept, re.Pattern) and isinstance(accept.pattern, str):
        return
    if accept is not None and not callable(accept):
        raise OptionError(f"accept must be a function or a compiled regular expression, got {accept!r}")


def _check_formats(formats: object) -> tuple[str, ...]:
    given = filter(None, map(str.strip, formats.split(","))) if isinstance(formats, str) else formats
    names = tuple(given) if isinstance(given, Iterable) else ()
    if "all" in names:
        return tuple(sorted(FORMATS))
    found = [(name, find_format(name)) for name in names]
    wrong = [name for name, known in found if known is None]
    if wrong or not found:
        known, given = ", ".join(FORMATS), ", ".join(map(repr, wrong)) or repr(formats)
        close = [
            _SPELT[one] for name in wrong for one in get_close_matches(str(name).lower(), _SPELT, 1, 0.5)
        ]
        hint = f"; did you mean {close[0]}?" if close else ""
        raise OptionError(f'formats must be "all" or names from {known}, got {given}{hint}')
    return tuple(sorted({known for _, known in found if known is not None}))


def _check_regions(regions: object) -> tuple[Quad, ...]:
    quads = tuple(regions) if isinstance(regions, Iterable) and not isinstance(regions, Quad) else (regions,)
    for quad in quads:
        if not isinstance(quad, Quad) or not _is_quad(quad):
            raise OptionError(f"regions must be convex Quads (see Quad.of), got {quad!r}")
    return quads


def _is_quad(quad: Quad) -> bool:
    """Return whether a quad is as `Quad.of` makes it: its constructor takes anything."""
    try:
        return quad.convex and Quad.of(quad.corners).corners == quad.corners
    except (TypeError, ValueError, IndexError):
        return False


def _check_pages(pages: Iterable[int]) -> tuple[int, ...]:
    try:
        numbers = tuple(pages)
    except TypeError:
        numbers = (0,)
    if not all(map(is_count, numbers)):
        raise OptionError(f"pages must be numbers from 1, got {pages!r}")
    return numbers

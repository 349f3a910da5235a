"""What a caller may ask of a reading, checked: each function raises an OptionError where it means nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence

from qrcascade.errors import OptionError
from qrcascade.limits import is_count
from qrcascade.quad import Quad
from qrcascade.results import Attempt, Region
from qrcascade.scan import Accept, Expect, Scan

__all__ = ["FORMATS", "deadline", "given", "known_formats", "stop_rule", "wanted"]

_MAX_TIMEOUT_S = 86_400
FORMATS = ("QRCode", "MicroQRCode", "RMQRCode")


def given(regions: Sequence[Quad]) -> Attempt | None:
    """The caller's regions as an attempt of nobody else's; None where there are none."""
    quads = tuple(regions) if isinstance(regions, Iterable) and not isinstance(regions, Quad) else (regions,)
    for quad in quads:
        if not isinstance(quad, Quad) or not quad.convex:
            raise OptionError(f"regions must be convex Quads, as Quad.of makes of 4 points, got {quad!r}")
    if not quads:
        return None
    return Attempt("caller", "regions", regions=tuple(Region(quad, 1.0, "caller") for quad in quads))


def stop_rule(expect: Expect) -> Callable[[Scan], bool]:
    """When ``expect`` is met."""
    if expect is None:
        return lambda scan: scan.settled
    if isinstance(expect, str) and expect == "all":
        return lambda _scan: False
    if isinstance(expect, int) and is_count(expect):
        number = int(expect)
        return lambda scan: sum(c.confidence >= scan.threshold for c in scan.accepted) >= number
    raise OptionError(f'expect must be None, a positive number of codes or "all", got {expect!r}')


def wanted(accept: Accept | re.Pattern[str] | None) -> Accept | None:
    """``accept`` as a function whose own exceptions are OptionErrors."""
    if accept is None:
        return None
    if isinstance(accept, re.Pattern) and isinstance(accept.pattern, str):
        return lambda text: accept.search(text) is not None
    if not callable(accept):
        raise OptionError(f"accept must be a function of a text, or a compiled expression, got {accept!r}")

    def asked(text: str) -> bool:
        try:
            return bool(accept(text))
        except Exception as error:
            raise OptionError(f"accept raised {type(error).__name__}: {error}") from error

    return asked


def deadline(timeout: float | None) -> float | None:
    """``timeout`` from now, by `time.monotonic`."""
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= _MAX_TIMEOUT_S:
        return time.monotonic() + timeout
    allowed = f"None or seconds, over 0 and up to {_MAX_TIMEOUT_S:,}"
    raise OptionError(f"timeout must be {allowed}, got {timeout!r}")


def known_formats(formats: Collection[str]) -> tuple[str, ...]:
    """``formats``, each of them one of `FORMATS`."""
    try:
        names = () if isinstance(formats, str) else tuple(formats)
    except TypeError:
        names = ()
    if not names or any(name not in FORMATS for name in names):
        raise OptionError(f"formats must be a list of some of {', '.join(FORMATS)}, got {formats!r}")
    return names

"""The loop: strategies in order, each attempt recorded, stopped as soon as the caller has enough."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from qrcascade.errors import OptionError, QRCascadeError
from qrcascade.frame import Frame, Source
from qrcascade.quad import Quad
from qrcascade.results import Attempt, QRCode, ReadResult, Region
from qrcascade.scan import Expect, Scan
from qrcascade.strategies import ClassicalStrategy, GridStrategy, QReaderStrategy, Strategy

__all__ = ["FORMATS", "PRESETS", "Cascade", "read"]

_MAX_TIMEOUT_S = 86_400
FORMATS = ("QRCode", "MicroQRCode", "RMQRCode")
PRESETS: dict[str, tuple[str, ...]] = {
    "classical": (),
    "light": ("grid",),
    "nano": ("n",),
    "small": ("s",),
    "hybrid": ("s", "m"),
    "large": ("l",),
    "thorough": ("grid", "s", "grid", "m", "grid"),
}
"""Name of a preset to what follows the classical tier: the grid reader, or a size of QReader."""


class Cascade:
    """Strategies, cheapest first, each asked only while something is still missing.

    Safe to share between threads: what a reading learns is kept in its `Scan`.

    Parameters
    ----------
    strategies : sequence of Strategy
        Objects with a ``name`` and ``attempts(scan)``.
    threshold : float
        Confidence, 0 to 1, under which a code does not end the reading.

    Raises
    ------
    OptionError
        If there is no strategy, one lacks ``name`` or ``attempts``, or the threshold is out of range.
    """

    def __init__(self, strategies: Sequence[Strategy], *, threshold: float = 0.7) -> None:
        try:
            self.strategies = tuple(strategies)
        except TypeError as error:
            raise OptionError(f"strategies must be a sequence of them, got {strategies!r}") from error
        self.threshold = threshold
        if not self.strategies:
            raise OptionError("a cascade needs at least one strategy")
        for strategy in self.strategies:
            if not isinstance(strategy, Strategy):
                raise OptionError(f"a strategy has a name and attempts(scan); {strategy!r} does not")
        if not (isinstance(threshold, int | float) and 0 <= threshold <= 1):
            raise OptionError(f"threshold must be between 0 and 1, got {threshold!r}")

    def __repr__(self) -> str:
        return f"Cascade({', '.join(s.name for s in self.strategies)}, threshold={self.threshold})"

    @classmethod
    def preset(cls, name: str = "thorough", *, threshold: float = 0.7) -> Cascade:
        """One of the ready-made cascades.

        Parameters
        ----------
        name : {"classical", "light", "nano", "small", "hybrid", "large", "thorough"}
            Classical alone; followed by the grid reader; by QReader n, s, s then m, or l; or by the
            grid reader, s, m and the grid reader for what each locates. Where the extra is not
            installed, the neural tiers are attempts with an error.
        threshold : float
            As for the class.

        Raises
        ------
        OptionError
            If there is no preset of this name.
        """
        if not isinstance(name, str) or name not in PRESETS:
            raise OptionError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
        return cls([ClassicalStrategy(), *map(_tier, PRESETS[name])], threshold=threshold)

    def read(
        self,
        source: Source,
        *,
        expect: Expect = None,
        timeout: float | None = None,
        formats: Collection[str] = ("QRCode",),
        bgr: bool = False,
        frame: int = 0,
        regions: Sequence[Quad] = (),
    ) -> ReadResult:
        """Read the codes in one picture.

        Parameters
        ----------
        source : path, bytes, binary file, PIL.Image.Image or ndarray
            See `qrcascade.frame.Frame.load`.
        expect : None, int or "all"
            None ends with the first engine run after which something is read with enough
            confidence and no credible region is unread; of a large JPEG file that may be a look at
            half its size, where a second, tiny code is not seen. A number goes on until that many
            codes are read, each with enough confidence. "all" lets every tier that locates look.
        timeout : float, optional
            Seconds from the call, loading included; checked between engine runs, of which the one
            that loads a model, or fetches its weights, is the longest. What was read by then is
            returned.
        formats : collection of str
            Symbologies to report, of "QRCode", "MicroQRCode" and "RMQRCode".
        bgr : bool
            An array's channels are blue, green, red.
        frame : int
            Which picture of a multi-frame file, from 0.
        regions : sequence of Quad
            Where symbols are known to be, in pixels of the upright picture: read like those that are located.

        Returns
        -------
        ReadResult
            Also where nothing was read: then it is false.

        Raises
        ------
        ImageError
            If the source is not a picture that can be read.
        OptionError
            If an option means nothing.
        """
        start = time.perf_counter()
        enough = _stop_rule(expect)
        formats = _known(formats)
        deadline = _deadline(timeout)
        scan = Scan(
            Frame.load(source, bgr=bgr, frame=frame, draft=expect is None),
            expect=expect,
            formats=formats,
            threshold=self.threshold,
            deadline=deadline,
        )
        given = _given(regions)
        if given is not None:
            scan.record(given)
        ended = "exhausted"
        for attempt in self._attempts(scan):
            scan.record(attempt)
            if enough(scan):
                ended = "settled" if expect is None else "expected"
                break
            if scan.timed_out:
                ended = "timeout"
                break
        elapsed = time.perf_counter() - start
        found = scan.codes, scan.regions, tuple(scan.attempts)
        timed_out = ended == "timeout"
        return ReadResult(*found, scan.frame.size, elapsed, timed_out, ended=ended, picture=scan.frame)

    def _attempts(self, scan: Scan) -> Iterator[Attempt]:
        """Every strategy's attempts in turn; what a strategy raises is its last attempt."""
        for strategy in self.strategies:
            try:
                for attempt in strategy.attempts(scan):
                    yield _sound(attempt)
            except QRCascadeError as error:
                yield Attempt(strategy.name, "", error=str(error))
            except Exception as error:
                yield Attempt(strategy.name, "", error=f"{type(error).__name__}: {error}")


def _tier(name: str) -> Strategy:
    return GridStrategy() if name == "grid" else QReaderStrategy(name, required=False)


def _given(regions: Sequence[Quad]) -> Attempt | None:
    """The caller's regions as an attempt of nobody else's; None where there are none."""
    quads = tuple(regions) if isinstance(regions, Iterable) and not isinstance(regions, Quad) else (regions,)
    for quad in quads:
        if not isinstance(quad, Quad) or not quad.convex:
            raise OptionError(f"regions must be convex Quads, got {quad!r}")
    if not quads:
        return None
    return Attempt("caller", "regions", regions=tuple(Region(quad, 1.0, "caller") for quad in quads))


def _sound(attempt: object) -> Attempt:
    """Check what a strategy yields, before the scan works with it."""
    if not isinstance(attempt, Attempt):
        raise TypeError(f"attempts() must yield Attempt, got {attempt!r}")
    for code in attempt.codes:
        if not (isinstance(code, QRCode) and isinstance(code.quad, Quad) and 0 <= code.confidence <= 1):
            raise TypeError(f"an attempt's codes must be QRCode with a Quad and a confidence, got {code!r}")
    for region in attempt.regions:
        if not (isinstance(region, Region) and isinstance(region.quad, Quad)):
            raise TypeError(f"an attempt's regions must be Region with a Quad, got {region!r}")
    return attempt


def _stop_rule(expect: Expect) -> Callable[[Scan], bool]:
    if expect is None:
        return lambda scan: scan.settled
    if isinstance(expect, str) and expect == "all":
        return lambda _scan: False
    if isinstance(expect, int) and not isinstance(expect, bool) and expect > 0:
        wanted = int(expect)
        return lambda scan: sum(c.confidence >= scan.threshold for c in scan.codes) >= wanted
    raise OptionError(f'expect must be None, a positive number of codes or "all", got {expect!r}')


def _deadline(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= _MAX_TIMEOUT_S:
        return time.monotonic() + timeout
    raise OptionError(f"timeout must be None or seconds, up to {_MAX_TIMEOUT_S:,}, got {timeout!r}")


def _known(formats: Collection[str]) -> tuple[str, ...]:
    try:
        names = () if isinstance(formats, str) else tuple(formats)
    except TypeError:
        names = ()
    if not names or any(name not in FORMATS for name in names):
        raise OptionError(f"formats must be some of {', '.join(FORMATS)}, got {formats!r}")
    return names


@functools.cache
def _default() -> Cascade:
    return Cascade.preset("thorough")


def read(
    source: Source,
    *,
    expect: Expect = None,
    timeout: float | None = None,
    formats: Collection[str] = ("QRCode",),
    bgr: bool = False,
    frame: int = 0,
    regions: Sequence[Quad] = (),
) -> ReadResult:
    """Read the codes in one picture with the "thorough" preset.

    The parameters, the result and what is raised are those of `Cascade.read`.
    """
    return _default().read(
        source, expect=expect, timeout=timeout, formats=formats, bgr=bgr, frame=frame, regions=regions
    )

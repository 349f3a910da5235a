"""The loop: strategies in order, each attempt recorded, stopped as soon as the caller has enough."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable, Collection, Generator, Sequence
from typing import TYPE_CHECKING, Any

from qrcascade import options
from qrcascade.errors import OptionError
from qrcascade.frame import Frame, Source
from qrcascade.limits import Limits, is_count
from qrcascade.quad import Quad
from qrcascade.results import Attempt, ReadResult
from qrcascade.scan import Accept, Expect, OutOfTime, Scan
from qrcascade.strategies import ClassicalStrategy, GridStrategy, QReaderStrategy, Strategy
from qrcascade.strategies.base import attempts, warm

if TYPE_CHECKING:
    from qrcascade.isolation import Workers

__all__ = ["PRESETS", "Cascade", "read"]

_LIMITS = Limits()
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
    isolation : None or "process"
        "process" loads pictures and runs strategies in worker processes, one for each reading at a
        time, started when they are first needed: whatever ends one is an attempt's error, and a
        timeout is kept to whatever an engine does. None does all in this process.
    max_memory : int, optional
        Megabytes of private memory that a worker process may have; only on Linux.
    limits : Limits
        Sources that are larger are refused.

    Attributes
    ----------
    openers : Workers or None
        The worker processes, without strategies, in which `read_document` opens documents; None for this
        process.

    Raises
    ------
    OptionError
        If there is no strategy, one lacks ``name`` or ``attempts``, or an option means nothing.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        *,
        threshold: float = 0.7,
        isolation: str | None = None,
        max_memory: int | None = None,
        limits: Limits = _LIMITS,
    ) -> None:
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
        if not isinstance(limits, Limits):
            raise OptionError(f"limits must be Limits, got {limits!r}")
        self.isolation = isolation
        self.max_memory = max_memory
        self.limits = limits
        self._start()

    def _start(self) -> None:
        """Say where strategies run, and where documents are opened; None is this process."""
        self._workers: Workers | None = None
        self.openers: Workers | None = None
        if self.isolation is None and self.max_memory is None:
            return
        if self.isolation != "process":
            with_memory = " with max_memory" if self.max_memory is not None else ""
            raise OptionError(f'isolation must be None or "process"{with_memory}, got {self.isolation!r}')
        from qrcascade.isolation import CAN_CAP_MEMORY, Workers

        cap = self.max_memory
        if cap is not None and not is_count(cap):
            raise OptionError(f"max_memory must be None or a whole number of megabytes, got {cap!r}")
        if cap is not None and not CAN_CAP_MEMORY:
            raise OptionError("max_memory can only be kept to on Linux")
        self._workers = Workers(self.strategies, self.limits, cap)
        self.openers = Workers((), self.limits, cap)

    def __repr__(self) -> str:
        isolation = f", isolation={self.isolation!r}" if self.isolation else ""
        return f"Cascade({', '.join(s.name for s in self.strategies)}, threshold={self.threshold}{isolation})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_workers": None, "openers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()

    def __enter__(self) -> Cascade:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End idle worker processes. A later reading starts new ones."""
        for workers in (self._workers, self.openers):
            if workers is not None:
                workers.close()

    def warm(self, workers: int = 1) -> None:
        """Load now what would be loaded at the first picture that needs it: models, worker processes.

        What cannot be loaded is told by the attempts that need it.

        Parameters
        ----------
        workers : int
            Worker processes to have ready, with isolation. One that is replaced later loads its models, too.

        Raises
        ------
        OptionError
            If ``workers`` is no number from 1.
        WorkerError
            If no worker process can be started.
        """
        if not is_count(workers):
            raise OptionError(f"workers must be a whole number from 1, got {workers!r}")
        if self._workers is None:
            warm(self.strategies)
        else:
            self._workers.warm(workers)

    @classmethod
    def preset(
        cls,
        name: str = "thorough",
        *,
        threshold: float = 0.7,
        isolation: str | None = None,
        max_memory: int | None = None,
        limits: Limits = _LIMITS,
    ) -> Cascade:
        """One of the ready-made cascades.

        Parameters
        ----------
        name : {"classical", "light", "nano", "small", "hybrid", "large", "thorough"}
            Classical alone; followed by the grid reader; by QReader n, s, s then m, or l; or by the
            grid reader, s, m and the grid reader for what each locates. Where the extra is not
            installed, the neural tiers are attempts with an error.
        threshold, isolation, max_memory, limits
            As for the class.

        Raises
        ------
        OptionError
            If there is no preset of this name.
        """
        if not isinstance(name, str) or name not in PRESETS:
            raise OptionError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
        strategies = [ClassicalStrategy(), *map(_tier, PRESETS[name])]
        return cls(strategies, threshold=threshold, isolation=isolation, max_memory=max_memory, limits=limits)

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
        accept: Accept | re.Pattern[str] | None = None,
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
            Seconds from the call, loading included. What was read by then is returned. It is checked
            between engine runs, and none is begun that is not likely to end in time; but the one that
            loads a model, or fetches its weights, can take longer. With isolation that is cut off, and
            up to 10 seconds of waiting for a worker process to start do not count.
        formats : collection of str
            Symbologies to report, of "QRCode", "MicroQRCode" and "RMQRCode".
        bgr : bool
            An array's channels are blue, green, red.
        frame : int
            Which picture of a multi-frame file, from 0.
        regions : sequence of Quad
            Where symbols are known to be, in pixels of the upright picture: read like those that are located.
        accept : callable or compiled regular expression, optional
            Says of a text (str) whether it is one of those wanted; an expression, by finding something
            in it. A code that is not accepted stays in the result, marked; the reading goes on as if
            it were unread.

        Returns
        -------
        ReadResult
            Also where nothing was read: then it is false.

        Raises
        ------
        ImageError
            If the source is not a picture that can be read.
        OptionError
            If an option means nothing, or ``accept`` raises something.
        WorkerError
            If no worker process can be started.
        """
        start = time.perf_counter()
        enough, wanted = options.stop_rule(expect), options.wanted(accept)
        formats = options.known_formats(formats)
        deadline = options.deadline(timeout)
        given = options.given(regions)
        picture, run = self._load(source, bgr=bgr, frame=frame, draft=expect is None, deadline=deadline)
        scan = Scan(
            picture,
            expect=expect,
            formats=formats,
            threshold=self.threshold,
            deadline=deadline,
            accept=wanted,
        )
        if given is not None:
            scan.record(given)
        ended = "exhausted"
        with contextlib.closing(run(scan)) as made:
            try:
                for attempt in made:
                    scan.record(attempt)
                    if enough(scan):
                        ended = "settled" if expect is None else "expected"
                        break
                    if scan.timed_out:
                        raise OutOfTime
            except OutOfTime:
                ended = "timeout"
        elapsed = time.perf_counter() - start
        found = scan.codes, scan.regions, tuple(scan.attempts)
        timed_out = ended == "timeout"
        return ReadResult(*found, picture.size, elapsed, timed_out, ended=ended, picture=picture)

    def _load(
        self, source: Source, *, deadline: float | None, **how: Any
    ) -> tuple[Frame, Callable[[Scan], Generator[Attempt]]]:
        """The picture, and what makes the attempts at it; a worker process loads it with the first one."""
        if self._workers is None:
            picture = Frame.load(source, limits=self.limits, **how)
            return picture, functools.partial(attempts, self.strategies)
        from qrcascade.isolation import Reading

        reading = Reading(
            self._workers, self.strategies, source, limits=self.limits, deadline=deadline, **how
        )
        return reading.frame, reading.attempts


def _tier(name: str) -> Strategy:
    return GridStrategy() if name == "grid" else QReaderStrategy(name, required=False)


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
    accept: Accept | re.Pattern[str] | None = None,
) -> ReadResult:
    """Read the codes in one picture with the "thorough" preset.

    The parameters, the result and what is raised are those of `Cascade.read`.
    """
    return _default().read(
        source,
        expect=expect,
        timeout=timeout,
        formats=formats,
        bgr=bgr,
        frame=frame,
        regions=regions,
        accept=accept,
    )

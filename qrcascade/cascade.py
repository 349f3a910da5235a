"""The reading loop: run strategies in order, record each attempt, stop as soon as the caller has enough."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qrcascade.errors import OptionError
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits, is_count
from qrcascade.image.quad import Quad
from qrcascade.neural import runtimes
from qrcascade.reading.executor import Executor, LocalExecutor, OutOfTimeError, PictureLostError, run_plan
from qrcascade.reading.options import ReadKeywords, ReadOptions, override
from qrcascade.reading.scan import CALLER, Scan
from qrcascade.reading.steps import Steps
from qrcascade.report.result import ReadResult
from qrcascade.results import Attempt, Region
from qrcascade.strategies import ClassicalStrategy, GridStrategy, QReaderStrategy, Strategy
from qrcascade.strategies.base import warm

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from qrcascade.isolation import Workers

__all__ = ["PRESETS", "Cascade", "Isolation", "Preset", "choose_cascade"]

Preset: TypeAlias = Literal["classical", "light", "nano", "small", "hybrid", "large", "thorough"]
"""Name of a ready-made cascade."""
Isolation: TypeAlias = Literal["process"] | None

PRESETS: dict[Preset, tuple[str, ...]] = {
    "classical": (),
    "light": ("grid",),
    "nano": ("n",),
    "small": ("s",),
    "hybrid": ("s", "m"),
    "large": ("l",),
    "thorough": ("grid", "s", "grid", "m", "grid"),
}
"""Presets by name, with what follows the classical tier: the grid reader or sizes of QReader."""


class Cascade:
    """Strategies, cheapest first, each run only while something is still missing.

    Safe to share between threads: each reading keeps its state in its own `Scan`.

    Parameters
    ----------
    strategies : sequence of Strategy
        Objects with a ``name`` and ``steps(scan)``.
    threshold : float
        Confidence, 0 to 1, below which a code does not end the reading.
    isolation : None or "process"
        "process" loads pictures and runs steps in worker processes, one per concurrent reading, started
        on first use. A crash becomes an attempt's error, and a timeout holds even if an engine hangs.
        None does everything in this process.
    max_memory : int, optional
        Megabytes of private memory that a worker process may use; Linux only.
    limits : Limits
        Larger sources are refused.

    Attributes
    ----------
    openers : Workers or None
        The worker processes in which `read_document` opens documents; None for this process.

    Raises
    ------
    OptionError
        If there is no strategy, one lacks ``name`` or ``steps``, or an option has an invalid value.
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        *,
        threshold: float = 0.7,
        isolation: Isolation = None,
        max_memory: int | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self.strategies = _check_strategies(strategies)
        self.threshold = threshold
        if not (isinstance(threshold, int | float) and 0 <= threshold <= 1):
            raise OptionError(f"threshold must be between 0 and 1, got {threshold!r}")
        if not isinstance(limits, Limits):
            raise OptionError(f"limits must be Limits, got {limits!r}")
        self.isolation = isolation
        self.max_memory = max_memory
        self.limits = limits
        self._start()

    def _start(self) -> None:
        """Decide where to run steps and open documents; None means this process."""
        self._workers: Workers | None = None
        self.openers: Workers | None = None
        if self.isolation is None and self.max_memory is None:
            return
        if self.isolation is None:
            raise OptionError('max_memory needs isolation="process"')
        if self.isolation != "process":
            raise OptionError(f'isolation must be None or "process", got {self.isolation!r}')
        from qrcascade.isolation import CAN_CAP_MEMORY, Workers

        cap = self.max_memory
        if cap is not None and not is_count(cap):
            raise OptionError(f"max_memory must be None or a whole number of megabytes, got {cap!r}")
        if cap is not None and not CAN_CAP_MEMORY:
            raise OptionError("max_memory is supported only on Linux")
        self._workers = Workers(self.strategies, cap)
        self.openers = Workers((), cap)

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
        """Stop idle worker processes. A later reading starts new ones."""
        for workers in (self._workers, self.openers):
            if workers is not None:
                workers.close()

    def warm(self, workers: int = 1) -> None:
        """Load models and start worker processes now, instead of at the first picture that needs them.

        What cannot be loaded is reported by the attempts that need it.

        Parameters
        ----------
        workers : int
            Number of worker processes to start, with isolation. Their replacements load models too.

        Raises
        ------
        OptionError
            If ``workers`` is not a positive whole number.
        WorkerError
            If no worker process can be started.
        """
        if not is_count(workers):
            raise OptionError(f"workers must be a positive whole number, got {workers!r}")
        if self._workers is None:
            warm(self.strategies)
        else:
            self._workers.warm(workers)

    @classmethod
    def preset(
        cls,
        name: Preset = "thorough",
        *,
        threshold: float = 0.7,
        isolation: Isolation = None,
        max_memory: int | None = None,
        limits: Limits = Limits(),
    ) -> Cascade:
        """Return one of the ready-made cascades.

        Parameters
        ----------
        name : {"thorough", "classical", "light", "nano", "small", "hybrid", "large"}
            "classical" is the classical tier alone. The others add the grid reader ("light"); QReader n,
            s, s then m, or l; or, for "thorough", the grid reader, and s and m if a runtime for them is
            installed, with the grid reader again after each of them. In the presets named after QReader's
            sizes, a tier whose runtime is not installed is an attempt with an error.
        threshold : float
            As for `Cascade`, like the following.
        isolation : None or "process"
        max_memory : int, optional
        limits : Limits

        Raises
        ------
        OptionError
            If there is no preset of this name, or an option has an invalid value.
        """
        if not isinstance(name, str) or name not in PRESETS:
            raise OptionError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
        tiers = _drop_absent(PRESETS[name]) if name == "thorough" else PRESETS[name]
        strategies = [ClassicalStrategy(survey="grid" in tiers), *map(_build_tier, tiers)]
        return cls(strategies, threshold=threshold, isolation=isolation, max_memory=max_memory, limits=limits)

    def read(
        self, source: Source, options: ReadOptions | None = None, **keywords: Unpack[ReadKeywords]
    ) -> ReadResult:
        """Read the codes in one picture.

        Parameters
        ----------
        source : path, bytes, binary file, PIL.Image.Image or ndarray
            See `qrcascade.image.frame.Frame.load`.
        options : ReadOptions, optional
            How to read; by default ``ReadOptions()``.
        **keywords
            ``expect``, ``timeout``, ``formats``, ``accept``, ``bgr``, ``frame`` and ``regions``, which
            override those of ``options``: see `ReadOptions`.

        Returns
        -------
        ReadResult
            Falsy if no code was read and accepted.

        Raises
        ------
        ImageError
            If the source is not a readable picture.
        OptionError
            If an option has an invalid value, or ``accept`` raises an exception.
        WorkerError
            If no worker process can be started.
        """
        start = time.perf_counter()
        options = override(options, keywords)
        with contextlib.closing(self._make_executor(source, options)) as executor:
            scan = self.scan(executor.frame, options)
            ended = self._read(scan, executor)
        elapsed = time.perf_counter() - start - executor.waited_s
        found = scan.codes, scan.located, tuple(scan.attempts), scan.frame.size
        timed_out, notes = ended == "timeout", (*scan.frame.notes, *scan.notes)
        return ReadResult(*found, elapsed, timed_out, ended=ended, notes=notes, picture=scan.frame)

    def scan(self, frame: Frame, options: ReadOptions) -> Scan:
        """Return the state of a reading of this cascade before its first step.

        Parameters
        ----------
        frame : Frame
            The picture.
        options : ReadOptions
            How to read it.
        """
        survey = any(getattr(strategy, "survey", False) is True for strategy in self.strategies)
        return Scan(frame, options, threshold=self.threshold, survey=survey)

    def _make_executor(self, source: Source, options: ReadOptions) -> Executor:
        """Return an executor for one reading; a worker process loads the picture itself."""
        if self._workers is None:
            deadline = options.deadline
            how: dict[str, Any] = {"bgr": options.bgr, "frame": options.frame, "limits": self.limits}
            frame = Frame.load(source, draft=options.expect is None, **how)
            return LocalExecutor(frame, frozenset(options.formats), deadline)
        from qrcascade.isolation import WorkerExecutor

        return WorkerExecutor(self._workers, source, options, self.limits)

    def _read(self, scan: Scan, executor: Executor) -> str:
        """Run the strategies' steps until the caller has enough; return why the reading ended."""
        try:
            executor.load()
            if scan.options.regions:
                scan.record(_record_regions(scan.options.regions))
            for strategy in self.strategies:
                if self._run(strategy, scan, executor):
                    return "settled" if scan.expect is None else "expected"
        except OutOfTimeError as late:
            if str(late):
                scan.record(Attempt("", "load", error=str(late)))
            return "timeout"
        except PictureLostError as lost:
            scan.record(Attempt("", "load", error=str(lost)))
        return "timeout" if executor.was_cut_off else "exhausted"

    @staticmethod
    def _run(strategy: Strategy, scan: Scan, executor: Executor) -> bool:
        """Run the steps that a strategy plans; return whether the caller has enough."""
        for _ in run_plan(strategy.name, _plan(strategy, scan), scan, executor):
            if scan.is_enough:
                return True
            if executor.is_late:
                raise OutOfTimeError
        return False


def choose_cascade(cascade: Cascade | None, preset: Preset | None) -> Cascade:
    """Return the cascade, or that of the preset, by default "thorough"; presets keep their models loaded.

    Raises
    ------
    OptionError
        If both are given, or one is invalid.
    """
    if cascade is None:
        name: Preset = "thorough" if preset is None else preset
        # What is no name may not be hashable, and is refused there.
        return _share_preset(name) if isinstance(name, str) else Cascade.preset(name)
    if not isinstance(cascade, Cascade):
        raise OptionError(f'cascade must be a Cascade, such as Cascade.preset("light"), got {cascade!r}')
    if preset is not None:
        raise OptionError(f"give a cascade or a preset, not both: got cascade={cascade!r}, preset={preset!r}")
    return cascade


@functools.cache
def _share_preset(preset: Preset) -> Cascade:
    return Cascade.preset(preset)


def _plan(strategy: Strategy, scan: Scan) -> Steps:
    """Wrap a strategy's plan in a generator, so that `Strategy.steps` raises at the first step."""
    steps = strategy.steps(scan)
    yield from steps if isinstance(steps, Generator) else (step for step in steps)


def _check_strategies(strategies: Sequence[Strategy]) -> tuple[Strategy, ...]:
    try:
        checked = tuple(strategies)
    except TypeError as error:
        raise OptionError(f"strategies must be a sequence of strategies, got {strategies!r}") from error
    if not checked:
        raise OptionError("a cascade needs at least one strategy")
    for strategy in checked:
        if not isinstance(strategy, Strategy):
            raise OptionError(f"a strategy needs a name and steps(scan); {strategy!r} lacks them")
    return checked


def _record_regions(regions: Sequence[Quad]) -> Attempt:
    """Return the caller's regions as an attempt, so that strategies read them."""
    located = tuple(Region(quad, 1.0, CALLER) for quad in regions)
    return Attempt(CALLER, "regions", regions=located)


def _build_tier(name: str) -> Strategy:
    return GridStrategy() if name == "grid" else QReaderStrategy(name, required=False)


def _drop_absent(tiers: Sequence[str]) -> list[str]:
    """Return the tiers that have a runtime here; consecutive grid readers become one."""
    kept = [tier for tier in tiers if tier == "grid" or runtimes.is_installed(runtimes.choose(tier))]
    return [tier for tier, _ in itertools.groupby(kept)]

"""The first tier: zxing-cpp and zbar over preprocessing views and located regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qrcascade import engines, views
from qrcascade.errors import OptionError
from qrcascade.frame import Frame
from qrcascade.quad import Quad
from qrcascade.results import Attempt, Findings
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step, carried
from qrcascade.strategies.regions import WORTHWHILE, credible_outline, reread, verified

__all__ = ["QUICK", "SCHEDULE", "ClassicalStrategy"]

# Whole-picture steps, in the order that `python -m benchmarks schedule` found, with the points that
# each adds to those before it and its time, both as means over all pictures of the corpora. The raw
# picture comes first: an easy one costs one engine run.
SCHEDULE: tuple[str, ...] = (
    "zxing raw",  # 85.59 points, 7.2 ms a picture
    "finders <=1200px",  # locates: 7.0 ms
    "zxing x0.5",  # +0.17, 0.8 ms
    "zbar <=800px+otsu",  # +0.27, 3.8 ms
    "zxing background",  # +0.26, 4.0 ms
    "zxing equalize+otsu",  # +0.05, 3.9 ms
    "zxing x2",  # +0.06, 13.6 ms
)
# So many steps look at every picture. The others are run on evidence: something is located and
# unread, or read with doubt or not accepted, or the caller expects more codes than are read.
QUICK = 5
# What stands in for the first step where the picture has a draft, and what a code must be like there to be
# all that is looked for: half of its correction unused, its modules so many pixels wide.
_RAW, _DRAFT = SCHEDULE[0], "zxing draft"
_THRIFTY = engines.ZXingEngine(thrifty=True)
_DRAFT_SURE = 0.945
_DRAFT_MODULE = 2.0


class ClassicalStrategy:
    """Engines over views of the whole picture, and over what they locate and cannot read.

    Parameters
    ----------
    schedule : sequence of str
        Steps as "engine view", in order; `SCHEDULE` by default.
    quick : int
        How many of them look at every picture. The others only where something is located and
        unread, or read with doubt, or where ``expect`` is a number.
    name : str
        Its name in results.

    Raises
    ------
    OptionError
        If the schedule is no list, or a step names an engine or a view that does not exist.
    """

    def __init__(
        self, schedule: Sequence[str] = SCHEDULE, *, quick: int = QUICK, name: str = "classical"
    ) -> None:
        self.name = name
        self.quick = quick
        if isinstance(schedule, str) or not isinstance(schedule, Iterable):
            raise OptionError(f"schedule must be a list of steps, got {schedule!r}")
        self.schedule = tuple(schedule)
        self._parse()

    def __repr__(self) -> str:
        return f"ClassicalStrategy({len(self.schedule)} steps)"

    def _parse(self) -> None:
        self._steps = tuple(map(_step, self.schedule))
        # Where nothing is expected the first look is a thrifty one; the others are for what it leaves.
        first = (Step(_THRIFTY, self._steps[0].view),) if self.schedule[:1] == (_RAW,) else self._steps[:1]
        self._thrifty = first + self._steps[1:]

    def __getstate__(self) -> dict[str, Any]:
        # Views are functions, which no other process can take.
        return {name: value for name, value in self.__dict__.items() if name not in ("_steps", "_thrifty")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._parse()

    def attempts(self, scan: Scan) -> Iterator[Attempt]:
        """Look at the draft, if there is one; run the schedule, and read every region once it is located."""
        runner = Runner(self.name, scan)
        draft = scan.frame.draft
        if draft is not None and self.schedule[:1] == (_RAW,) and scan.expect is None and not scan.attempts:
            yield runner.attempt(_DRAFT, lambda: _alone(draft, scan.formats))
        tried: set[Quad] = set()
        for number, step in enumerate(self._steps if scan.expect is not None else self._thrifty):
            if step.engine.name == "zbar" and not _seen(scan):
                continue
            attempt = runner.run(step, scan.frame)
            if attempt is not None:
                yield from verified(scan, attempt, runner)
            for region in scan.regions:
                if scan.is_read(region.quad) or region.quad in tried:
                    continue
                if region.score >= WORTHWHILE and credible_outline(region.quad, scan.frame):
                    tried.add(region.quad)
                    yield from reread(scan, region, runner)
            if number + 1 >= self.quick and not _promising(scan):
                return


def _step(text: str) -> Step:
    try:
        return Step.of(text)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        known = f"an engine ({', '.join(engines.NAMES)}), a space, and views ({', '.join(views.NAMES)})"
        raise OptionError(f"no such step: {text!r}; a step is {known}, joined by +") from error


def _alone(draft: Frame, formats: frozenset[str]) -> Findings:
    """What zxing-cpp reads in a draft, if it is one clear code and nothing else; else nothing.

    What is seen less clearly, and where several are, all pixels are to tell.
    """
    found = _THRIFTY.read(draft.gray, formats)
    if len(found.codes) != 1 or found.regions:
        return Findings()
    (code,) = found.codes
    if code.format != "QRCode" or code.version is None or code.confidence < _DRAFT_SURE:
        return Findings()
    module = code.quad.side / (17 + 4 * int(code.version))
    return carried(found, draft) if module >= _DRAFT_MODULE else Findings()


def _seen(scan: Scan) -> bool:
    """Whether there is any sign of a symbol, be it a single finder pattern, or one is expected.

    zbar is five times as dear as zxing-cpp, and where there was no sign it never read anything: of the 146
    pictures of the BoofCV, ZXing and jsQR sets that zxing-cpp does not read whole.
    """
    return bool(scan.codes or scan.regions or scan.expect is not None)


def _promising(scan: Scan) -> bool:
    """Whether there is evidence of a code that is still unread."""
    if isinstance(scan.expect, int):
        return True
    worthwhile = any(region.score >= WORTHWHILE for region in scan.regions)
    doubtful = any(code.confidence < scan.threshold or not code.accepted for code in scan.codes)
    return worthwhile or doubtful

"""One picture's reading so far: what strategies look at, and what the cascade fills."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from qrcascade import confidence
from qrcascade.frame import Frame
from qrcascade.quad import Quad
from qrcascade.results import Attempt, QRCode, Region

__all__ = ["CREDIBLE", "PATIENCE", "Accept", "Expect", "OutOfTime", "Scan"]

Expect = int | str | None
Accept = Callable[[str], bool]

# Regions that score less are not worth another tier, and do not keep a reading from ending.
CREDIBLE = 0.5
# Where there are several symbols there may be more: so many attempts must then bring no further one.
PATIENCE = 4
# Attempts that were quicker than foreseen do not promise that the next one will be much quicker still.
_LEAST_PACE = 0.2


@dataclass(slots=True, eq=False)
class _Sighting:
    """Every reading of one symbol that gave one payload, and the sightings of others at its place."""

    code: QRCode
    readings: list[tuple[str, float]] = field(default_factory=list)
    accepted: bool = True
    rivals: list[_Sighting] = field(default_factory=list)

    @property
    def confidence(self) -> float:
        sure = confidence.agree(self.readings)
        if not self.rivals:
            return sure
        return confidence.contradict(sure, max(confidence.agree(rival.readings) for rival in self.rivals))

    def result(self) -> QRCode:
        sure = self.confidence
        if (sure, self.accepted) == (self.code.confidence, self.code.accepted):
            return self.code
        return replace(self.code, confidence=sure, accepted=self.accepted)


class OutOfTime(Exception):  # noqa: N818
    """What comes next does not fit into the time that is left; the reading ends."""


class Scan:
    """The state of one reading.

    Parameters
    ----------
    frame : Frame
        The picture.
    expect : None, int or "all"
        How many codes the caller wants; see `Cascade.read`.
    formats : collection of str
        Symbologies to report.
    threshold : float
        Confidence under which a code does not end the reading.
    deadline : float, optional
        When the reading should end, by `time.monotonic`.
    accept : callable, optional
        Says of a text whether it is one that the caller wants; all are where this is None.
    begun : callable, optional
        Told the strategy, the step and the region (or None) of each attempt before it is made.

    Attributes
    ----------
    workshop : dict
        Work on a region that one tier begins and another may go on with, by the region's outline.
    broken : set of str
        Engines that ended a worker process on this picture.
    """

    def __init__(
        self,
        frame: Frame,
        *,
        expect: Expect = None,
        formats: Collection[str] = ("QRCode",),
        threshold: float = 0.7,
        deadline: float | None = None,
        accept: Accept | None = None,
        begun: Callable[[str, str, Quad | None], None] | None = None,
    ) -> None:
        self.frame = frame
        self.expect = expect
        self.formats = frozenset(formats)
        self.threshold = threshold
        self.attempts: list[Attempt] = []
        self.broken: set[str] = set()
        self._deadline = deadline
        self._accept = accept
        self._begun = begun
        self._done: dict[tuple[str, str, Quad | None], Attempt] = {}
        self._spent, self._foreseen = 0.0, 0.0
        self._sightings: list[_Sighting] = []
        self._codes: tuple[QRCode, ...] | None = ()
        self._quiet = 0
        self._regions: list[Region] = []
        self.workshop: dict[Quad, Any] = {}
        self._unread: tuple[Region, ...] | None = ()

    @property
    def codes(self) -> tuple[QRCode, ...]:
        """Every symbol read so far once, the most confident first.

        Where different payloads were read at one place, only the more confident is here.
        """
        if self._codes is None:
            kept: list[QRCode] = []
            for code in sorted((sighting.result() for sighting in self._sightings), key=_rank):
                if not any(code.quad.same_place(other.quad) for other in kept):
                    kept.append(code)
            self._codes = tuple(kept)
        return self._codes

    @property
    def accepted(self) -> tuple[QRCode, ...]:
        """Those of the codes that the caller wants."""
        return tuple(code for code in self.codes if code.accepted)

    @property
    def regions(self) -> tuple[Region, ...]:
        """What is located and not read so far, the most credible first."""
        if self._unread is None:
            unread = [r for r in self._regions if not (self.is_read(r.quad) or self._is_part(r.quad))]
            self._unread = tuple(sorted(unread, key=lambda region: (-region.score, region.quad.corners)))
        return self._unread

    @property
    def credible(self) -> tuple[Region, ...]:
        """The unread regions that are worth another look."""
        return tuple(region for region in self.regions if region.score >= CREDIBLE)

    @property
    def settled(self) -> bool:
        """Whether something wanted is read, surely enough, and nothing credible is left unread.

        Of a picture with several such codes, also that the last `PATIENCE` attempts read no further one.
        """
        codes = self.codes if self._accept is None else self.accepted
        if not codes or codes[0].confidence < self.threshold or self.credible:
            return False
        return len(codes) == 1 or self._quiet >= PATIENCE

    @property
    def timed_out(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def prolong(self, seconds: float) -> None:
        """Put the deadline off, by what does not count."""
        if self._deadline is not None:
            self._deadline += seconds

    def begin(self, strategy: str, step: str, region: Quad | None, foreseen_s: float) -> None:
        """Say which attempt comes next.

        Raises
        ------
        OutOfTime
            If it is not the first one, and does not fit into the time that is left, going by how those
            before it kept to the times that were foreseen for them.
        """
        if self._deadline is not None and self._foreseen:
            pace = max(self._spent / self._foreseen, _LEAST_PACE)
            if time.monotonic() + pace * foreseen_s > self._deadline:
                raise OutOfTime
        if self._begun is not None:
            self._begun(strategy, step, region)

    def end(self, foreseen_s: float, elapsed_s: float) -> None:
        """Say how long an attempt took."""
        self._foreseen += foreseen_s
        self._spent += elapsed_s

    def resume(self, attempts: Iterable[Attempt]) -> None:
        """Go on with a reading that was cut off: record its attempts, which are not made again.

        Those of the grid reader would be: they build on each other.
        """
        for attempt in attempts:
            self.record(attempt)
            if not attempt.step.startswith("grid "):
                self._done[attempt.strategy, attempt.step, attempt.region] = attempt

    def done(self, strategy: str, step: str, region: Quad | None) -> Attempt | None:
        """The attempt that was made before this reading was resumed."""
        return self._done.get((strategy, step, region))

    def is_read(self, quad: Quad) -> bool:
        """Whether a symbol at this place is read with enough confidence."""
        return any(
            sighting.code.quad.same_place(quad) and sighting.confidence >= self.threshold
            for sighting in self._sightings
        )

    def _is_part(self, quad: Quad) -> bool:
        """Whether this lies in a symbol that is read, as a finder pattern does, or around one, as a page."""
        read = (s.code.quad for s in self._sightings if s.confidence >= self.threshold)
        return any(symbol.covers(quad) or quad.covers(symbol) for symbol in read)

    def record(self, attempt: Attempt) -> None:
        """Take in one attempt: merge its codes with those known, keep its regions."""
        self.attempts.append(attempt)
        known = len(self._sightings)
        for code in attempt.codes:
            self._sight(code)
            self._codes = None
        if len(self._sightings) > known:
            self._quiet = 0
        elif attempt.region is None or not self._is_sighted(attempt.region):
            # Another look at what is read cannot bring a further one.
            self._quiet += 1
        for region in attempt.regions:
            self._locate(region)
        if attempt.codes or attempt.regions:
            self._unread = None

    def _is_sighted(self, quad: Quad) -> bool:
        """Whether something was read at this place, however surely."""
        return any(sighting.code.quad.same_place(quad) for sighting in self._sightings)

    def _sight(self, code: QRCode) -> None:
        here = [s for s in self._sightings if s.code.quad.same_place(code.quad)]
        same = next((s for s in here if s.code.same_payload(code)), None)
        if same is None:
            same = _Sighting(code, accepted=self._wants(code))
            self._sightings.append(same)
        elif (code.data is not None, code.confidence) > (same.code.data is not None, same.code.confidence):
            same.code, same.accepted = code, self._wants(code)
        same.readings.append((code.engine, code.confidence))
        for other in here:
            if other is not same and other not in same.rivals:
                same.rivals.append(other)
                other.rivals.append(same)

    def _wants(self, code: QRCode) -> bool:
        return self._accept is None or self._accept(code.text)

    def _locate(self, region: Region) -> None:
        for i, known in enumerate(self._regions):
            if known.quad.same_place(region.quad):
                if region.score > known.score:
                    self._regions[i] = region
                return
        self._regions.append(region)


def _rank(code: QRCode) -> tuple[float, tuple[float, float]]:
    """Most confident first; equals from top to bottom."""
    x, y = code.quad.center
    return (-code.confidence, (y, x))

"""The state of one picture's reading: strategies look at it, the cascade fills it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from qrcascade.engines import confidence
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.reading.options import Expect, ReadOptions
from qrcascade.reading.outlines import Outlines, is_cut, is_mixture, is_part
from qrcascade.results import SKIPPED, Attempt, QRCode, Region
from qrcascade.symbology.append import join_parts
from qrcascade.symbology.names import LINEAR, QR_FORMATS

__all__ = ["CALLER", "CREDIBLE", "PATIENCE", "PLAIN", "SURVEY", "SURVEYOR", "Scan"]

SURVEYOR = "detector"
"""The engine that surveys pictures."""

CALLER = "caller"
"""Where the regions come from that the caller gives."""

SURVEY, PLAIN = "survey", "plain"
"""Kinds of a survey's attempt; the second if nothing but the codes that are read shows, not even print."""

# Regions with a lower score are not worth another tier, and do not keep a reading from ending.
CREDIBLE = 0.5
# If there are several symbols there may be more: end only after this many attempts without a new one.
PATIENCE = 4
# A code that fills this share of the picture leaves hardly any room for another: no survey is needed. Of the
# 443 pictures of the development sets that zxing-cpp reads at its first look, one loses a code by it.
_FILLED = 0.2
# Outlines that overlap more than this lead the grid reader to the same grid. Chosen.
_SAME_OUTLINE = 0.9


@dataclass(slots=True, eq=False)
class _Sighting:
    """All readings of one symbol that gave the same payload; its rivals gave others at the same place."""

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


class Scan:
    """The state of one reading.

    Parameters
    ----------
    frame : Frame
        The picture.
    options : ReadOptions
        The caller's options.
    threshold : float
        Confidence below which a code does not end the reading.
    survey : bool
        Whether a strategy surveys pictures, which is to locate all symbols. Then a reading ends only after
        that, unless the codes that are read fill the picture.

    Attributes
    ----------
    formats : frozenset of str
        Symbologies to report.
    attempts : list of Attempt
        All attempts so far, in order.
    compared : dict
        By outline of a region: the texts of other engines that were compared with the grid fitted there.
    """

    def __init__(
        self,
        frame: Frame,
        options: ReadOptions = ReadOptions(),
        *,
        threshold: float = 0.7,
        survey: bool = False,
    ) -> None:
        self.frame = frame
        self.options = options
        self.threshold = threshold
        self.formats = frozenset(options.formats)
        self.attempts: list[Attempt] = []
        self.compared: dict[Quad, set[str]] = {}
        self._following: dict[tuple[str, Quad | None], str] = {}
        self._sightings: list[_Sighting] = []
        self._sighted = Outlines()
        self._codes: tuple[QRCode, ...] | None = ()
        self._quiet = 0
        self._regions: list[Region] = []
        self._located = Outlines()
        # By region: whether it is unread.
        self._open: list[bool] = []
        self._others: list[Quad] = []
        self._unread: tuple[Region, ...] | None = ()
        self._survey = survey and "QRCode" in self.formats
        self._surveyed: tuple[Region, ...] | None = None
        self._surveyed_at = Outlines()
        self._is_plain = False

    @property
    def expect(self) -> Expect:
        """How many codes the caller wants: None, a number or "all"."""
        return self.options.expect

    @property
    def is_enough(self) -> bool:
        """Whether the caller has what was asked for; with "all", if nothing else shows in the picture."""
        if self.expect is None:
            return self.settled
        if not isinstance(self.expect, int):
            return self.settled and self._is_plain
        return sum(code.confidence >= self.threshold for code in self.accepted) >= self.expect

    @property
    def codes(self) -> tuple[QRCode, ...]:
        """Every symbol read so far, once, the most confident first.

        If different payloads were read at the same place, only the more confident one is included.
        """
        if self._codes is None:
            kept: dict[_Sighting, QRCode] = {}
            ranked = sorted(((s.result(), s) for s in self._sightings), key=lambda pair: _rank(pair[0]))
            for code, sighting in ranked:
                # All at one place are rivals.
                if not any(r in kept and _is_same_place(code, kept[r]) for r in sighting.rivals):
                    kept[sighting] = code
            self._codes = tuple(kept.values())
        return self._codes

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing, though something was read: expected codes, and parts of divided messages."""
        found = len(self.accepted)
        notes = [
            f"a message is divided among {message.count} symbols, and {len(message.parts)} of them "
            f"{'was' if len(message.parts) == 1 else 'were'} read; join_parts joins them"
            for message in join_parts(self.accepted)
        ]
        if isinstance(self.expect, int) and 0 < found < self.expect:
            notes.append(f"{found} of {self.expect} expected codes {'was' if found == 1 else 'were'} read")
        return tuple(notes)

    @property
    def accepted(self) -> tuple[QRCode, ...]:
        """The codes that the caller accepts."""
        return tuple(code for code in self.codes if code.accepted)

    @property
    def regions(self) -> tuple[Region, ...]:
        """The QR codes that are located but not yet read, the most credible first."""
        return tuple(region for region in self._all_unread if region.format in QR_FORMATS)

    @property
    def others(self) -> tuple[Region, ...]:
        """The symbols of other symbologies that are located but not yet read, the most credible first."""
        return tuple(region for region in self._all_unread if region.format not in QR_FORMATS)

    @property
    def _all_unread(self) -> tuple[Region, ...]:
        """All that is located but not yet read, the most credible first."""
        if self._unread is None:
            unread = [region for region, is_open in zip(self._regions, self._open, strict=True) if is_open]
            self._unread = tuple(sorted(unread, key=lambda region: (-region.score, region.quad.corners)))
        return self._unread

    @property
    def located(self) -> tuple[Region, ...]:
        """What a result reports, of every symbology: unread, and as likely as not to be a symbol."""
        return tuple(region for region in self._all_unread if region.score >= CREDIBLE)

    @property
    def credible(self) -> tuple[Region, ...]:
        """The unread QR codes that are worth another look; not what the survey saw cut by an edge."""
        size = self.frame.size
        located = (region for region in self.regions if region.score >= CREDIBLE)
        return tuple(r for r in located if not (r.source == SURVEYOR and is_cut(r.quad, size)))

    @property
    def is_other(self) -> bool:
        """Whether all that is read or credibly located is of other symbologies."""
        return bool(self.accepted) and not self.credible and not self._read(qr=True)

    def _read(self, qr: bool) -> list[QRCode]:
        """Return the accepted codes that are QR codes, or those that are not."""
        return [code for code in self.accepted if (code.format in QR_FORMATS) is qr]

    def other_outlines(self, region: Region) -> tuple[Quad, ...]:
        """Return outlines of the same place that differ from the region's, the first located first."""
        return tuple(quad for quad in self._others if quad.same_place(region.quad))

    @property
    def settled(self) -> bool:
        """Whether an accepted code is read with enough confidence, and nothing credible is left unread.

        If there are several such codes, a survey must have located them all, or the last `PATIENCE` attempts
        must have found no new one. No survey locates other symbologies: if several of theirs are read, or one
        is credibly located and unread, only the latter counts.
        """
        codes = self.accepted
        if not codes or codes[0].confidence < self.threshold or self.credible or self.needs_survey:
            return False
        if self._quiet >= PATIENCE:
            return True
        if len(self._read(qr=False)) > 1 or any(region.score >= CREDIBLE for region in self.others):
            return False
        return len(codes) == 1 or self.is_all_located

    @property
    def needs_survey(self) -> bool:
        """Whether the picture is still to be surveyed."""
        return self._survey and not self._is_filled()

    @property
    def is_surveyed(self) -> bool:
        """Whether the detector has looked at the whole picture."""
        return self._surveyed is not None

    def _is_filled(self) -> bool:
        width, height = self.frame.size
        codes = self.accepted
        if self.expect is not None or len(codes) != 1 or codes[0].confidence < self.threshold:
            return False
        return bool(codes[0].quad.area >= _FILLED * width * height)

    @property
    def is_all_located(self) -> bool:
        """Whether the survey located every QR code that is read: then it is to be trusted."""
        return self.is_surveyed and all(
            any(quad.same_place(code.quad) for quad in self._list_surveyed(code.quad))
            for code in self._read(qr=True)
        )

    def following(self, engine: str, region: Quad) -> str | None:
        """Return the kind of step that an engine working in stages would run next on a region.

        None if it has not begun there; empty if it has nothing more to try.
        """
        return self._following.get((engine, region))

    def is_read(self, quad: Quad) -> bool:
        """Return whether a symbol at this place is read with enough confidence."""
        return any(
            sighting.code.quad.same_place(quad) and sighting.confidence >= self.threshold
            for sighting in self._list_near(quad)
        )

    def _list_near(self, quad: Quad) -> list[_Sighting]:
        return [self._sightings[number] for number in self._sighted.near(quad)]

    def _is_made_of_others(self, region: Region) -> bool:
        """Return whether what was located there belongs to symbols that are read or located elsewhere."""
        quad = region.quad
        read = (s.code.quad for s in self._list_near(quad) if s.confidence >= self.threshold)
        # A place that the caller names may be rough.
        is_found = region.source != CALLER
        return is_part(quad, read) or (is_found and is_mixture(quad, self._list_surveyed(quad)))

    def _list_surveyed(self, quad: Quad) -> list[Quad]:
        """Return the outlines near this one that the survey located."""
        located = self._surveyed or ()
        return [located[number].quad for number in self._surveyed_at.near(quad)]

    def record(self, attempt: Attempt) -> None:
        """Record an attempt: merge its codes with the known ones, keep its regions."""
        if attempt.engine == SURVEYOR and attempt.kind in (SURVEY, PLAIN, SKIPPED):
            self._survey = False
        if attempt.kind == SKIPPED:
            return
        self.attempts.append(attempt)
        if attempt.kind in (SURVEY, PLAIN) and attempt.error is None and self._surveyed is None:
            self._surveyed = attempt.regions
            for number, region in enumerate(attempt.regions):
                self._surveyed_at.put(number, region.quad)
            self._is_plain = attempt.kind == PLAIN
        if attempt.following is not None:
            self._following[attempt.engine, attempt.region] = attempt.following
        known = len(self._sightings)
        changed: list[Quad] = []
        for code in attempt.codes:
            # A strategy's own code may read other formats than those requested.
            if code.format in self.formats:
                changed += self._sight(code)
            self._codes = None
        if len(self._sightings) > known:
            self._quiet = 0
        elif attempt.region is None or not self._is_sighted(attempt.region):
            # Another look at a known symbol cannot find a new one.
            self._quiet += 1
        changed += [self._locate(region) for region in attempt.regions]
        if changed:
            self._look_again(changed)

    def _look_again(self, changed: list[Quad]) -> None:
        """Decide again which regions are unread where something has changed."""
        self._unread = None
        self._open += [True] * (len(self._regions) - len(self._open))
        for i in {number for quad in set(changed) for number in self._located.near(quad)}:
            region = self._regions[i]
            self._open[i] = not (self.is_read(region.quad) or self._is_made_of_others(region))

    def _is_sighted(self, quad: Quad) -> bool:
        """Return whether something was read at this place, with whatever confidence."""
        return any(sighting.code.quad.same_place(quad) for sighting in self._list_near(quad))

    def _sight(self, code: QRCode) -> list[Quad]:
        """Add a reading; return the outlines of what it may have changed."""
        # A part of a bar code need not touch the other parts.
        near = self._sightings if code.format in LINEAR else self._list_near(code.quad)
        here = [s for s in near if _is_same_place(s.code, code)]
        same = next((s for s in here if s.code.same_payload(code)), None)
        if same is None:
            same = _Sighting(code, accepted=self._wants(code))
            self._sighted.put(len(self._sightings), code.quad)
            self._sightings.append(same)
        before = same.code.quad
        if (code.data is not None, code.confidence) > (same.code.data is not None, same.code.confidence):
            same.code, same.accepted = code, self._wants(code)
            self._sighted.put(self._sightings.index(same), code.quad)
        same.readings.append((code.engine, code.confidence))
        for other in here:
            if other is not same and other not in same.rivals:
                same.rivals.append(other)
                other.rivals.append(same)
        return [before, same.code.quad, *(rival.code.quad for rival in same.rivals)]

    def _wants(self, code: QRCode) -> bool:
        return self.options.accepts(code.text)

    def _locate(self, region: Region) -> Quad:
        """Add a region, or join it with a known one; return its outline."""
        for i in self._located.near(region.quad):
            known = self._regions[i]
            alike = (known.format in QR_FORMATS) is (region.format in QR_FORMATS)
            if alike and known.quad.same_place(region.quad):
                # What an engine locates, it outlines better than the survey does, but not always.
                better = max(known, region, key=_rank_outline)
                other = region if better is known else known
                known_outlines = [better.quad, *self.other_outlines(better)]
                if all(other.quad.overlap(quad) < _SAME_OUTLINE for quad in known_outlines):
                    self._others.append(other.quad)
                module = better.module if better.module is not None else other.module
                self._regions[i] = replace(better, score=max(known.score, region.score), module=module)
                self._located.put(i, better.quad)
                return better.quad
        self._located.put(len(self._regions), region.quad)
        self._regions.append(region)
        return region.quad


def _is_same_place(code: QRCode, other: QRCode) -> bool:
    """Return whether two readings are of one symbol.

    Of bars an engine outlines only what it scanned, and may take a part for the whole.
    """
    if code.quad.same_place(other.quad):
        return True
    if code.format != other.format or code.format not in LINEAR:
        return False
    width = max(quad.bounds[2 + i] - quad.bounds[i] for quad in (code.quad, other.quad) for i in (0, 1))
    is_part = code.text in other.text or other.text in code.text
    return is_part and math.dist(code.quad.center, other.quad.center) < width


def _rank_outline(region: Region) -> tuple[bool, float]:
    """Return a sort key by how close a region's outline is likely to be; the last is the closest."""
    return (region.source != SURVEYOR and region.score >= CREDIBLE, region.score)


def _rank(code: QRCode) -> tuple[float, tuple[float, float]]:
    """Return a sort key: the most confident first, equals from top to bottom."""
    x, y = code.quad.center
    return (-code.confidence, (y, x))

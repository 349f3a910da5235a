"""Explain a reading in words: what was read, why the rest is unread and what helps, what was tried.

Causes are derived from what is measured in the picture (`qrcascade.report.causes`). Without a measurement,
nothing is claimed.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from qrcascade.engines.zxing import name_symbols
from qrcascade.image.quad import Quad
from qrcascade.reading.scan import PLAIN, SURVEY
from qrcascade.report.causes import describe_picture, describe_tiny, find_causes
from qrcascade.report.places import MOST, Place, find_places
from qrcascade.report.words import count
from qrcascade.results import Attempt, QRCode, Reading, Region, shorten
from qrcascade.symbology.names import QR_FORMATS

__all__ = ["explain", "explain_unread"]

_ENDS = {
    "settled": "It stopped because a code was read with confidence and nothing credible was left unread.",
    "expected": "It stopped because the expected number of codes was read with confidence.",
    "timeout": "It stopped because time ran out before every tier had run: allow more time.",
    "exhausted": "It stopped because every tier had run.",
}
_PATTERNS = (
    "no finder pattern shows, so it may not be a code",
    "one finder pattern shows",
    "two finder patterns show",
)


def explain(result: Reading) -> str:
    """Return the full explanation, a few lines of text."""
    return "\n".join(_write_lines(result))


def _write_lines(result: Reading) -> Iterator[str]:
    width, height = result.size
    page = f" (page {result.page})" if result.page and result.pages != 1 else ""
    refused = bool(result.codes) and not result
    read = count(len(result.codes), "code") if result else "No code"
    was = "was accepted" if refused else "were read" if len(result.codes) > 1 else "was read"
    yield f"{read} {was} in this {width}x{height} picture{page}, in {_format_time(result.elapsed_s)}."
    yield from (f"- {_describe_code(code)}" for code in result.codes)
    if not (result and result.ended in ("settled", "expected")):
        yield from explain_unread(result)
    yield from _summarize_attempts(result.attempts)
    yield from (f"Note: {note}." for note in result.notes)
    if result.ended in _ENDS:
        yield _ENDS[result.ended]


def explain_unread(result: Reading) -> Iterator[str]:
    """Explain line by line what was located but not read, and why."""
    if result.codes and not result:
        yield "Not accepted: `accept` matched none of the texts read. Check its pattern or function."
    # A picture that a worker process could not decode has no size; do not risk decoding it here.
    if result.picture is not None and all(result.size):
        yield from _describe_unread(result)
    elif result.regions or not result.codes:
        yield from (f"Located by {r.source}, not read: {_describe_position(r.quad)}." for r in result.regions)
        yield "The reason is unknown: the picture is not available. Copies and pickles of a result omit it."


def _describe_code(code: QRCode) -> str:
    what = f", version {code.version}" if code.version else ""
    level = f", level {code.ec_level}" if code.ec_level else ""
    refused = "" if code.accepted else "; not accepted"
    part = f", part {code.part.index} of {code.part.count} of a message" if code.part else ""
    by = " ".join(dict.fromkeys(part for part in (code.strategy, code.step) if part)) or code.engine
    return f"{shorten(code.text)}: confidence {code.confidence:.3f}, by {by}{what}{level}{part}{refused}"


def _summarize_attempts(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    tiers: list[str] = []
    for name, group in itertools.groupby(attempts, key=lambda attempt: attempt.strategy):
        runs = list(group)
        spent = _format_time(sum(attempt.elapsed_s for attempt in runs))
        tiers.append(f"{name} ({count(len(runs), 'run')}, {spent})")
    yield f"Tried: {', then '.join(tiers)}." if tiers else "Nothing was tried."
    broken = dict.fromkeys((a.strategy, a.error) for a in attempts if a.error)
    yield from (f"Error in {strategy}: {error}" for strategy, error in broken)


def _describe_unread(result: Reading) -> Iterator[str]:
    others = [] if result.codes else _name_others(result)
    known = [*(code.quad for code in result.codes), *(quad for _, quad in others)]
    unread: list[Region] = [r for r in result.regions if not any(r.quad.same_place(quad) for quad in known)]
    regions = [region for region in unread if region.format in QR_FORMATS]
    named = [line for line, _ in others]
    for r in unread:
        if r.format not in QR_FORMATS:
            named.append(f"Located by {r.source}, not read: {r.format}, {_describe_position(r.quad)}.")
    places: list[Place] = []
    if regions or not result.codes or result:
        surveyed = any(attempt.kind in (SURVEY, PLAIN) for attempt in result.attempts)
        places = find_places(result.picture, regions, known, survey=not surveyed)
    tiny = [] if result.codes or named else list(describe_tiny(result.size, places))
    if tiny:
        yield from tiny
        return
    for place in places:
        yield from _describe_place(place, place.region in result.regions)
    if len(regions) > len(places):
        yield f"And {len(regions) - len(places)} more such places."
    yield from named
    if not (result.codes or places or named):
        yield describe_picture(result.picture)


def _name_others(result: Reading) -> list[tuple[str, Quad]]:
    """Name symbols that were not asked for, each with its place: one more look, by zxing-cpp."""
    found = []
    # What is absent or breaks has been told as an attempt's error.
    with contextlib.suppress(Exception):
        found = name_symbols(result.picture.gray)
    told = []
    for kind, name, quad in found[:MOST]:
        if name in ("QRCode", "QRCodeModel1"):
            said = (
                f'Readable: zxing-cpp reads a {kind} (format "{name}"), {_describe_position(quad)}. The '
                "formats, the timeout or the schedule of this reading left it out."
            )
        else:
            why = f"Not asked for: a {kind}" if name in QR_FORMATS else f"Not a QR code: {kind}"
            said = f'{why}, {_describe_position(quad)}. Read it with formats=["{name}"], or --formats {name}.'
        told.append((said, quad))
    return told


def _describe_place(place: Place, located: bool) -> Iterator[str]:
    source = place.region.source
    found = f"Located by {source}, not read" if located else f"Found only now, by {source}"
    module = "" if place.module is None else f", about {place.module:.1f} pixels per module"
    patterns = "" if place.patterns == 3 else f"; {_PATTERNS[place.patterns]}"
    yield f"{found}: {_describe_position(place.region.quad)}{module}{patterns}."
    yield from (f"- {cause}" for cause in find_causes(place))


def _describe_position(quad: Quad) -> str:
    x, y = quad.center
    return f"{quad.side:.0f} pixels wide, centred on ({x:.0f}, {y:.0f})"


def _format_time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"

"""A reading in words: what was tried, read and located, why it stopped, what kept the rest from being read.

Causes come from what `qrcascade.report.symptoms` measures in the picture. Where that says nothing, nothing is
claimed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from qrcascade.image.quad import Quad
from qrcascade.report.symptoms import Place, places, sharpest
from qrcascade.results import Attempt, QRCode, Reading

__all__ = ["causes", "explain", "unread"]

_ENDS = {
    "settled": "It stopped because something was read with confidence and nothing credible was left unread.",
    "expected": "It stopped because as many codes as were expected were read with confidence.",
    "timeout": "It stopped because the time was up, before every tier was done: allow it more.",
    "exhausted": "It stopped because every tier was done.",
}
# What is needed. Pixels to a module: of 24 made symbols of each size, as blurred as a photograph, the
# classical tier read 24 at 2.0, 22 at 1.8, 11 at 1.6 and 7 at 1.4. Blur in modules: the curves in
# docs/benchmarks/curves.md end at 0.52 for the classical tier and at 0.7 for the grid reader.
_MODULE = 2.0
_BLUR = 0.6
# Blur, in pixels, that every camera's picture has.
_OWN_BLUR = 1.5
# From a tenth to nine tenths of an edge, in standard deviations.
_EDGE = 2.56
# Share of a symbol that cannot be told: level L corrects 7 % of the codewords.
_LOST = 0.05
# Modules beyond the picture's edge; and how near to it an outline must come to end there, where not all
# finder patterns are seen.
_OUTSIDE, _NEAR = 1.0, -1.5
_FAINT = 25
# The fewest modules of a symbol's side.
_SMALLEST = 21
# Pixels of blur that are too many for print, too; of a large picture in one reduced to 2048 pixels.
_SOFT_PICTURE = 2.5
_MOST_PLACES = 5


def explain(result: Reading) -> str:
    """Return the whole explanation, a few lines of text."""
    return "\n".join(_lines(result))


def _lines(result: Reading) -> Iterator[str]:
    width, height = result.size
    page = "" if result.page is None else f" (page {result.page})"
    read = _counted(len(result.codes), "code") if result.codes else "No code"
    was = "were" if len(result.codes) > 1 else "was"
    yield f"{read} {was} read in this {width}x{height} picture{page}, in {_time(result.elapsed_s)}."
    yield from (f"- {_told(code)}" for code in result.codes)
    yield from _tried(result.attempts)
    if result.ended in _ENDS:
        yield _ENDS[result.ended]
    if result and result.ended in ("settled", "expected"):
        return
    yield from unread(result)


def unread(result: Reading) -> Iterator[str]:
    """What is there and was not read, and what kept it from being read, in lines."""
    # A picture that could not be decoded in a worker process has no size, and is not tried in this one.
    if result.picture is not None and all(result.size):
        yield from _unread(result)
    elif result.regions or not result:
        yield from (f"Located by {r.source}, {_where(r.quad)}: not read." for r in result.regions)
        yield "Why is not known: the picture is not here to be measured. Copies and pickles leave it out."


def _told(code: QRCode) -> str:
    text = repr(code.text if len(code.text) <= 60 else code.text[:60] + "…")
    what = f", version {code.version}" if code.version else ""
    level = f", level {code.ec_level}" if code.ec_level else ""
    refused = "" if code.accepted else "; not accepted"
    by = " ".join(dict.fromkeys(part for part in (code.strategy, code.step) if part)) or code.engine
    return f"{text}: confidence {code.confidence:.3f}, by {by}{what}{level}{refused}"


def _tried(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    tiers: list[str] = []
    for name, group in itertools.groupby(attempts, key=lambda attempt: attempt.strategy):
        runs = list(group)
        spent = _time(sum(attempt.elapsed_s for attempt in runs))
        tiers.append(f"{name} ({_counted(len(runs), 'run')}, {spent})")
    yield f"Tried: {', then '.join(tiers)}." if tiers else "Nothing was tried."
    broken = dict.fromkeys((a.strategy, a.error) for a in attempts if a.error)
    yield from (f"Did not work, {strategy}: {error}" for strategy, error in broken)


def _unread(result: Reading) -> Iterator[str]:
    found = places(result.picture, result.regions, result.codes)
    if result:
        found = [place for place in found if place.module is not None and place.patterns > 1]
    symbols = [place for place in found if place.module is not None or place.source != "texture"]
    for place in symbols[:_MOST_PLACES]:
        yield from _described(place)
    if len(symbols) > _MOST_PLACES:
        yield f"And {len(symbols) - _MOST_PLACES} more such places."
    if result:
        return
    if any(place.module is not None for place in symbols):
        return
    yield "No finder patterns were seen."
    yield from _picture(result)
    if not any(attempt.kind == "detect" for attempt in result.attempts):
        yield 'No neural detector looked; Cascade.preset("thorough") has two.'
    yield from _patches([place for place in found if place not in symbols])
    if not symbols:
        yield "Whether there is a code is not known. read(..., regions=[quad]) looks where you know of one."


def _described(place: Place) -> Iterator[str]:
    where = f"Located by {place.source}, {_where(place.quad)}"
    if place.module is None:
        yield f"{where}: no finder patterns are seen there, so it may be no code."
        return
    what = {1: "one finder pattern, or its like", 2: "a code with two of its finder patterns", 3: "a code"}
    yield f"{where}: {what[place.patterns]}, about {place.module:.1f} pixels a module, not read."
    why = list(causes(place))
    yield from (f"- {cause}" for cause in why)
    if not why and place.patterns == 3:
        yield "- Large enough, sharp and whole; damage, bends and faint reflections are not measured."
        yield "- So the reason is not known."
    elif not why:
        yield "- Why the other finder patterns are not seen is not known."


def causes(place: Place) -> Iterator[str]:
    """What keeps a place with finder patterns from being read, as far as its pixels tell, and what may help.

    Parameters
    ----------
    place : Place
        With a ``module``.
    """
    module, blur = place.module or 0.0, place.seen.blur
    if module < _MODULE:
        yield (
            f"Too small: about {module:.1f} pixels a module, and about {_MODULE:.0f} are needed. "
            f"Show it {1.05 * _MODULE / module:.1f} times as large: from nearer, or scanned finer."
        )
    if blur > max(_BLUR * module, _OWN_BLUR):
        yield (
            f"Blurred: an edge is about {_EDGE * blur:.0f} pixels wide, {_EDGE * blur / module:.1f} modules; "
            f"up to about {_EDGE * _BLUR:.1f} modules are read. Focus, and hold the camera still."
        )
    if place.outside > _OUTSIDE:
        yield f"Cut off: about {place.outside:.0f} modules lie beyond the picture. Show the whole code."
    elif place.patterns < 3 and place.outside > _NEAR:
        yield "Cut off: it ends at the picture's edge, and finder patterns are missing. Show the whole code."
    if place.lost.light >= _LOST:
        yield (
            f"Glare, or something light over it: {place.lost.light:.0%} of it is as light as paper, without "
            "modules. Turn it away from the lamp."
        )
    if place.lost.dark >= _LOST:
        yield (
            f"Deep shadow, or something dark over it: {place.lost.dark:.0%} of it is as dark as ink, without "
            "modules. Light it evenly."
        )
    if place.lost.gray >= _LOST:
        yield f"Covered: {place.lost.gray:.0%} of it is plain gray, without modules."
    if place.seen.contrast < _FAINT:
        yield f"Faint: {place.seen.contrast:.0f} gray levels between its dark and its light."


def _picture(result: Reading) -> Iterator[str]:
    """What the whole picture tells where nothing else does."""
    seen = sharpest(result.picture)
    if seen.contrast < _FAINT:
        yield f"The picture is almost plain: {seen.contrast:.0f} gray levels between dark and light."
    elif seen.blur > _SOFT_PICTURE * max(1.0, max(result.size) / 2048):
        yield f"Blurred: the sharpest edge in the picture is about {_EDGE * seen.blur:.0f} pixels wide."


def _patches(patches: list[Place]) -> Iterator[str]:
    if not patches:
        return
    seen = _counted(len(patches), "patch", "patches")
    yield f"{seen} of texture, as print has too, without a finder pattern."
    for place in patches:
        # Not even the smallest symbol has larger modules.
        if place.seen.blur > max(_BLUR * place.quad.side / _SMALLEST, _SOFT_PICTURE):
            wide = f"an edge is about {_EDGE * place.seen.blur:.0f} pixels wide"
            yield f"- If the one {_where(place.quad)} is a code, it is blurred: {wide}."


def _where(quad: Quad) -> str:
    x, y = quad.center
    return f"{quad.side:.0f} pixels wide around ({x:.0f}, {y:.0f})"


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"

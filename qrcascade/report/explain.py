"""Explain a reading in words: what was tried, read and located, why it stopped, why the rest is unread.

Causes are derived from what `qrcascade.report.symptoms` measures in the picture. Without a measurement,
nothing is claimed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from qrcascade.image.quad import Quad
from qrcascade.neural import runtimes
from qrcascade.report.symptoms import Place, find_places, measure_sharpest
from qrcascade.results import Attempt, QRCode, Reading

__all__ = ["explain", "explain_unread", "find_causes"]

_ENDS = {
    "settled": "It stopped because a code was read with confidence and nothing credible was left unread.",
    "expected": "It stopped because the expected number of codes was read with confidence.",
    "timeout": "It stopped because time ran out before every tier had run: allow more time.",
    "exhausted": "It stopped because every tier had run.",
}
# What a code needs. Pixels per module: of 24 synthetic symbols of each size, as blurred as a photograph, the
# classical tier read 24 at 2.0, 22 at 1.8, 11 at 1.6 and 7 at 1.4. Blur in modules: the curves in
# docs/benchmarks/curves.md end at 0.52 for the classical tier and at 0.7 for the grid reader.
_MODULE = 2.0
_BLUR = 0.6
# Blur, in pixels, of any camera's picture.
_OWN_BLUR = 1.5
# Width of an edge from 10 % to 90 %, in standard deviations.
_EDGE = 2.56
# Share of a symbol that is lost: level L corrects 7 % of the codewords.
_LOST = 0.05
# Modules beyond the picture's edge; and how near to the edge an outline with missing finder patterns must
# come to count as cut off.
_OUTSIDE, _NEAR = 1.0, -1.5
_FAINT = 25
# Modules per side of the smallest symbol.
_SMALLEST = 21
# Pixels of blur that are too many even for print; for a large picture, after reduction to 2048 pixels.
_SOFT_PICTURE = 2.5
_MOST_PLACES = 5


def explain(result: Reading) -> str:
    """Return the full explanation, a few lines of text."""
    return "\n".join(_write_lines(result))


def _write_lines(result: Reading) -> Iterator[str]:
    width, height = result.size
    page = "" if result.page is None else f" (page {result.page})"
    read = _count(len(result.codes), "code") if result.codes else "No code"
    was = "were" if len(result.codes) > 1 else "was"
    yield f"{read} {was} read in this {width}x{height} picture{page}, in {_format_time(result.elapsed_s)}."
    yield from (f"- {_describe_code(code)}" for code in result.codes)
    yield from _summarize_attempts(result.attempts)
    if result.ended in _ENDS:
        yield _ENDS[result.ended]
    if result and result.ended in ("settled", "expected"):
        return
    yield from explain_unread(result)


def explain_unread(result: Reading) -> Iterator[str]:
    """Explain line by line what was located but not read, and why."""
    # A picture that a worker process could not decode has no size; do not risk decoding it here.
    if result.picture is not None and all(result.size):
        yield from _describe_unread(result)
    elif result.regions or not result:
        yield from (f"Located by {r.source}, {_describe_position(r.quad)}: not read." for r in result.regions)
        yield "The reason is unknown: the picture is not available. Copies and pickles of a result omit it."


def _describe_code(code: QRCode) -> str:
    text = repr(code.text if len(code.text) <= 60 else code.text[:60] + "…")
    what = f", version {code.version}" if code.version else ""
    level = f", level {code.ec_level}" if code.ec_level else ""
    refused = "" if code.accepted else "; not accepted"
    by = " ".join(dict.fromkeys(part for part in (code.strategy, code.step) if part)) or code.engine
    return f"{text}: confidence {code.confidence:.3f}, by {by}{what}{level}{refused}"


def _summarize_attempts(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    tiers: list[str] = []
    for name, group in itertools.groupby(attempts, key=lambda attempt: attempt.strategy):
        runs = list(group)
        spent = _format_time(sum(attempt.elapsed_s for attempt in runs))
        tiers.append(f"{name} ({_count(len(runs), 'run')}, {spent})")
    yield f"Tried: {', then '.join(tiers)}." if tiers else "Nothing was tried."
    broken = dict.fromkeys((a.strategy, a.error) for a in attempts if a.error)
    yield from (f"Error in {strategy}: {error}" for strategy, error in broken)


def _describe_unread(result: Reading) -> Iterator[str]:
    found = find_places(result.picture, result.regions, result.codes)
    if result:
        found = [place for place in found if place.module is not None and place.patterns > 1]
    symbols = [place for place in found if place.module is not None or place.source != "texture"]
    for place in symbols[:_MOST_PLACES]:
        yield from _describe_place(place)
    if len(symbols) > _MOST_PLACES:
        yield f"And {len(symbols) - _MOST_PLACES} more such places."
    if result:
        return
    if any(place.module is not None for place in symbols):
        return
    yield "No finder patterns were found."
    yield from _describe_picture(result)
    can_detect = any(map(runtimes.is_installed, runtimes.RUNTIMES))
    if can_detect and not any(attempt.kind == "detect" for attempt in result.attempts):
        yield 'No neural detector was used; Cascade.preset("thorough") has two.'
    yield from _describe_patches([place for place in found if place not in symbols])
    if not symbols:
        yield "There may be no code. If you know where one is, use read(..., regions=[quad])."


def _describe_place(place: Place) -> Iterator[str]:
    where = f"Located by {place.source}, {_describe_position(place.quad)}"
    if place.module is None:
        yield f"{where}: no finder patterns were found there, so it may not be a code."
        return
    what = {
        1: "one finder pattern, or something like it",
        2: "a code with two of its finder patterns",
        3: "a code",
    }
    yield f"{where}: {what[place.patterns]}, about {place.module:.1f} pixels per module, not read."
    why = list(find_causes(place))
    yield from (f"- {cause}" for cause in why)
    if not why and place.patterns == 3:
        yield "- It is large enough, sharp and whole. Damage, bends and faint reflections are not measured."
        yield "- So the reason is unknown."
    elif not why:
        yield "- It is unknown why the other finder patterns were not found."


def find_causes(place: Place) -> Iterator[str]:
    """Say why a place with finder patterns was not read, as far as its pixels show, and what may help.

    Parameters
    ----------
    place : Place
        One that has a ``module``.
    """
    module, blur = place.module or 0.0, place.seen.blur
    if module < _MODULE:
        yield (
            f"Too small: about {module:.1f} pixels per module; about {_MODULE:.0f} are needed. Make it "
            f"{1.05 * _MODULE / module:.1f} times as large: move closer, or scan at a higher resolution."
        )
    if blur > max(_BLUR * module, _OWN_BLUR):
        yield (
            f"Blurred: an edge is about {_EDGE * blur:.0f} pixels wide, or {_EDGE * blur / module:.1f} "
            f"modules; up to about {_EDGE * _BLUR:.1f} can be read. Focus, and hold the camera still."
        )
    if place.outside > _OUTSIDE:
        yield f"Cut off: about {place.outside:.0f} modules lie outside the picture. Show the whole code."
    elif place.patterns < 3 and place.outside > _NEAR:
        yield "Cut off: it ends at the picture's edge, and finder patterns are missing. Show the whole code."
    if place.lost.light >= _LOST:
        yield (
            f"Glare, or something light on it: {place.lost.light:.0%} of it is as light as paper and shows "
            "no modules. Turn it away from the light."
        )
    if place.lost.dark >= _LOST:
        yield (
            f"Deep shadow, or something dark on it: {place.lost.dark:.0%} of it is as dark as ink and shows "
            "no modules. Light it evenly."
        )
    if place.lost.gray >= _LOST:
        yield f"Covered: {place.lost.gray:.0%} of it is plain gray and shows no modules."
    if place.seen.contrast < _FAINT:
        yield f"Faint: {place.seen.contrast:.0f} gray levels between dark and light."


def _describe_picture(result: Reading) -> Iterator[str]:
    """Say what the picture as a whole shows, if nothing else does."""
    seen = measure_sharpest(result.picture)
    if seen.contrast < _FAINT:
        yield f"The picture is almost blank: {seen.contrast:.0f} gray levels between dark and light."
    elif seen.blur > _SOFT_PICTURE * max(1.0, max(result.size) / 2048):
        yield f"Blurred: the sharpest edge in the picture is about {_EDGE * seen.blur:.0f} pixels wide."


def _describe_patches(patches: list[Place]) -> Iterator[str]:
    if not patches:
        return
    seen = _count(len(patches), "patch", "patches")
    has = "has" if len(patches) == 1 else "have"
    yield f"{seen} of texture {has} no finder pattern; printed text looks like this too."
    for place in patches:
        # Not even the smallest symbol would have larger modules.
        if place.seen.blur > max(_BLUR * place.quad.side / _SMALLEST, _SOFT_PICTURE):
            wide = f"an edge is about {_EDGE * place.seen.blur:.0f} pixels wide"
            yield f"- If the one {_describe_position(place.quad)} is a code, it is blurred: {wide}."


def _describe_position(quad: Quad) -> str:
    x, y = quad.center
    return f"{quad.side:.0f} pixels wide, centred on ({x:.0f}, {y:.0f})"


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _format_time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"

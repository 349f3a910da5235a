"""Say why a place or a picture was not read, as far as its pixels show, and what helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from qrcascade.image.frame import Frame
from qrcascade.report.places import Place
from qrcascade.report.symptoms import Lost, measure_sharpest

__all__ = ["describe_picture", "describe_tiny", "find_causes"]

# What a code needs. Pixels per module: of 24 synthetic symbols of each size, as blurred as a photograph, the
# classical tier read 24 at 2.0, 22 at 1.8, 11 at 1.6 and 7 at 1.4. Blur in modules: the curves in
# docs/benchmarks/curves.md end at 0.52 for the classical tier and at 0.7 for the grid reader.
_MODULE = 2.0
_BLUR = 0.6
# The same if nothing else is wrong: motion at an angle to the sides is measured as less than it is.
_SOME_BLUR = 0.4
# Blur, in pixels, of any camera's picture.
_OWN_BLUR = 1.5
# Width of an edge from 10 % to 90 %, in standard deviations.
_EDGE = 2.56
# Share of a symbol that is lost: level L corrects 7 % of the codewords. More if the outline is rough, since
# that takes in some of the margin; and how many times less than another kind goes without saying. Chosen.
_LOST, _LOST_ROUGHLY, _LOST_RATIO = 0.05, 0.15, 2.0
# Modules beyond the picture's edge; and how near to the edge an outline with missing finder patterns must
# come to count as cut off.
_OUTSIDE, _NEAR = 1.0, -1.5
_FAINT = 25
# Share of the margin on one side of a symbol that is dark where its quiet zone is missing. Chosen.
_BARE = 0.35
# Modules per side of the smallest symbol, and of a common one, version 5, with its quiet zone.
_SMALLEST, _COMMON = 21, 45
# Pixels of blur that are too many even for print; for a large picture, after reduction to 2048 pixels.
_SOFT_PICTURE = 2.5
_HOLD = "Focus, and hold the camera still."


def find_causes(place: Place) -> Iterator[str]:
    """Say why a place was not read and what helps, the most certain cause first."""
    if place.module is None:
        smallest = place.region.quad.side / _SMALLEST
        if place.seen.blur > max(_BLUR * smallest, _SOFT_PICTURE):
            yield f"Blurred: an edge is about {_EDGE * place.seen.blur:.0f} pixels wide. {_HOLD}"
        return
    causes = [*_find_causes_outside(place, place.module), *_find_causes_inside(place)]
    if not causes and place.grid is not None and place.grid.bare >= _BARE:
        causes = [
            "No quiet zone: print or a dark ground touches it. Leave a margin of four modules around it."
        ]
    yield from causes
    if place.grid is not None and place.grid.readable:
        said = "It can be read all the same" if causes else "Readable"
        yield f'{said}: the grid reader reads it, as in Cascade.preset("light").'
    elif place.grid is not None and place.grid.fault:
        yield f"Nothing to read: its modules decode, but they hold no valid message ({place.grid.fault})."
    elif not causes:
        yield from _suspect(place, place.module)


def _suspect(place: Place, module: float) -> Iterator[str]:
    """Say what remains if no cause is certain."""
    if place.seen.blur > max(_SOME_BLUR * module, _OWN_BLUR):
        yield _describe_blur(place.seen.blur, module)
    elif place.patterns == 3:
        yield (
            "Damaged: it is large enough, sharp and whole, but too many of its modules are wrong. Flatten "
            "the paper, or get a better print."
        )
    elif place.patterns:
        yield "Damaged, or something lies on it: a finder pattern is missing. Show the whole code."


def _describe_blur(blur: float, module: float) -> str:
    return (
        f"Blurred: an edge is about {_EDGE * blur:.0f} pixels wide, or {_EDGE * blur / module:.1f} modules. "
        f"{_HOLD}"
    )


def _find_causes_outside(place: Place, module: float) -> Iterator[str]:
    """Say what is wrong with the way the picture was taken."""
    if place.outside > _OUTSIDE:
        yield f"Cut off: about {place.outside:.0f} modules lie outside the picture. Show the whole code."
    elif place.patterns < 3 and place.outside > _NEAR:
        yield "Cut off: it ends at the picture's edge, and finder patterns are missing. Show the whole code."
    if module < _MODULE:
        yield (
            f"Too small: about {module:.1f} pixels per module; about {_MODULE:.0f} are needed. Move closer, "
            f"or scan at a higher resolution: make it {1.05 * _MODULE / module:.1f} times as large."
        )
    if place.seen.contrast < _FAINT:
        yield (
            f"Faint: only {place.seen.contrast:.0f} gray levels between dark and light. Use more light, or a "
            "darker print."
        )
    elif place.seen.blur > max(_BLUR * module, _OWN_BLUR):
        yield _describe_blur(place.seen.blur, module)


def _find_causes_inside(place: Place) -> Iterator[str]:
    """Say what is wrong with the symbol itself."""
    lost = _pick_lost(place)
    if lost.light:
        yield (
            f"Glare, or something light on it: {lost.light:.0%} of it is as light as paper and shows "
            "no modules. Turn it away from the light."
        )
    if lost.dark:
        yield (
            f"Deep shadow, or something dark on it: {lost.dark:.0%} of it is as dark as ink and shows "
            "no modules. Light it evenly."
        )
    if lost.gray:
        yield f"Covered: {lost.gray:.0%} of it is plain gray and shows no modules. Take off what covers it."


def _pick_lost(place: Place) -> Lost:
    """Return the shares that are lost beyond doubt, zero for the others."""
    shares = astuple(place.lost)
    least = max(_LOST if place.grid else _LOST_ROUGHLY, max(shares) / _LOST_RATIO)
    return Lost(*(share if share >= least and place.seen.contrast >= _FAINT else 0.0 for share in shares))


def describe_tiny(size: tuple[int, int], places: Sequence[Place]) -> Iterator[str]:
    """Say so if a picture is too small for a common code, and shows none that is large enough."""
    if min(size) < _MODULE * _COMMON and not any((place.module or 0.0) >= _MODULE for place in places):
        yield (
            f"Tiny picture: {size[0]}x{size[1]} pixels. A code of {_COMMON - 8} modules a side needs about "
            f"{_MODULE * _COMMON:.0f} with its margin: use the picture at its full size."
        )


def describe_picture(frame: Frame) -> str:
    """Say what a picture as a whole shows, if it shows no code."""
    seen = measure_sharpest(frame)
    if seen.contrast < _FAINT:
        if seen.contrast < 1:
            return "Blank: everything has the same gray level."
        return f"Blank: there are at most {seen.contrast:.0f} gray levels between dark and light."
    if seen.blur > _SOFT_PICTURE * max(1.0, max(frame.size) / 2048):
        return (
            f"Blurred: the sharpest edge in the picture is about {_EDGE * seen.blur:.0f} pixels wide. {_HOLD}"
        )
    return "No code was found. If you know where one is, pass a picture's regions=[quad] in Python."

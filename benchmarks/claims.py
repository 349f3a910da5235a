"""What zbar and OpenCV read where the payload is known: is it right, and what does the module grid say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.corpora import Picture
from benchmarks.harness import pictures
from benchmarks.pages import Corpora, Every, command
from qrcascade import Frame, QRCode
from qrcascade.grid.reader import Stages
from qrcascade.reading.executor import perform
from qrcascade.reading.steps import Context
from qrcascade.strategies.classical import parse_step
from qrcascade.strategies.regions import REGION_LOOKS, is_credible_outline, look_at_region
from qrcascade.symbology import charset

_LOCATE = ("zxing raw", "finders <=1200px")
_STEPS: tuple[str, ...] = ("zbar raw", "zbar <=800px+otsu", "zbar <=500px+blur3", "zbar <=1200px+adaptive31")
_STEPS += ("opencv <=1200px+raw", "aruco <=1200px+raw")
_REGIONS = 6


@command()
def claims(names: Corpora = ("zxing", "jsqr", "synthetic"), every: Every = 1) -> Iterator[str]:
    """Count the readings of engines without exact bytes, by whether they are right and borne out.

    Only the first stage of the grid reader is asked, and the comparison after it.
    """
    for name in names:
        counts = Counter(told for found in pictures(_told, name, every) for told in found)
        yield "\n".join(
            f"{name}: {engine} {truth}; the grid {grid}: {count}"
            for (engine, truth, grid), count in sorted(counts.items())
        )


def _told(picture: Picture) -> Iterator[tuple[str, str, str]]:
    """Return engine, right or wrong, and what the grid made of it, for each reading."""
    if not picture.known:
        return
    texts = {text if isinstance(text, str) else charset.decode([(None, text)]).text for text in picture.known}
    frame = Frame.load(picture.rgb())
    for code in _readings(frame):
        ways = Stages(frame, code.quad)
        decoded = next(ways).run()
        found = decoded or ways.verify(code.text)
        if found is None:
            grid = "says nothing"
        elif found.decoded.payload.text != code.text:
            grid = "says " + ("what is right" if found.decoded.payload.text in texts else "something else")
        else:
            grid = "says the same" if decoded else "bears it out"
        yield code.engine, "right" if code.text in texts else "wrong", grid


def _readings(frame: Frame) -> list[QRCode]:
    """Return each payload that an engine reads at a place, once."""
    context = Context(frame, frozenset(["QRCode"]))
    located = [perform(parse_step(text), context).findings for text in _LOCATE]
    quads = [r.quad for a in located for r in a.regions if is_credible_outline(r.quad, frame)][:_REGIONS]
    steps = [parse_step(text) for text in _STEPS]
    steps += [look_at_region(*look, quad) for quad in quads for look in REGION_LOOKS if look[0] == "zbar"]
    found: list[QRCode] = []
    for step in steps:
        for code in perform(step, context).findings.codes:
            if not any(
                code.engine == other.engine and code.text == other.text and code.quad.same_place(other.quad)
                for other in found
            ):
                found.append(code)
    return found

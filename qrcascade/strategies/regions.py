"""Reading a located region: rectify, scale, every engine. One mechanism for every tier."""

from __future__ import annotations

from collections.abc import Iterator

from qrcascade.engines import engine
from qrcascade.frame import Frame
from qrcascade.results import Attempt, Quad, Region
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.views import View, rectify, view

__all__ = ["REGION_STEPS", "credible_outline", "region_step", "reread"]

# In the order that `python -m benchmarks schedule` found.
REGION_STEPS: tuple[str, ...] = (
    "zbar region160px+blur7",
    "zxing region120px+adaptive31",
    "zbar region400px+blur3+adaptive31",
    "zxing region640px+adaptive31",
)


def reread(scan: Scan, region: Region, runner: Runner) -> Iterator[Attempt]:
    """Try to read what was located, until the scan says that it is read.

    Parameters
    ----------
    scan : Scan
        The reading; the cascade records each attempt in it before the next one.
    region : Region
        What to read.
    runner : Runner
        Of the strategy that reads.
    """
    for text in REGION_STEPS:
        attempt = runner.run(region_step(text, region.quad), scan.frame)
        if attempt is None:
            continue
        yield attempt
        if scan.is_read(region.quad):
            return


def region_step(text: str, quad: Quad) -> Step:
    """Parse "engine regionNpx+view": a view of the square, N pixels wide, that a quad becomes."""
    name, _, rest = text.partition(" region")
    side, _, tone = rest.partition("px+")
    square = View(f"region{side}px", lambda frame: rectify(frame, quad, int(side)))
    return Step(engine(name), square.then(view(tone)))


def credible_outline(quad: Quad, frame: Frame) -> bool:
    """Whether a quad can outline a symbol: convex, a dozen pixels wide, its centre in the picture."""
    width, height = frame.size
    x, y = quad.center
    inside = 0 <= x < width and 0 <= y < height
    return quad.convex and quad.side >= 12 and inside and quad.area <= 2 * width * height

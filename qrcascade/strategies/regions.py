"""Reading a located region: rectify, scale, an engine. One mechanism for every tier."""

from __future__ import annotations

from collections.abc import Iterator

from qrcascade.engines import engine
from qrcascade.frame import Frame
from qrcascade.results import Attempt, Quad, Region
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.views import View, rectify, view

__all__ = ["REGION_STEPS", "WORTHWHILE", "credible_outline", "region_step", "reread"]

# Regions that score less, as single finder patterns do, are no outlines of symbols.
WORTHWHILE = 0.15

# In the order that `python -m benchmarks schedule` found, with the points that each adds to those
# before it and its time on one region.
REGION_STEPS: tuple[str, ...] = (
    "zbar region120px+blur3",  # +3.35, 2.3 ms
    "zxing region200px+unsharp",  # +1.87, 2.5 ms
    "zbar region120px+gamma2",  # +0.83, 2.2 ms
    "zxing region120px+gamma0.5",  # +0.53, 1.7 ms
    "zxing region120px+adaptive31",  # +0.24, 1.7 ms
    "zbar region120px+unsharp",  # +0.28, 2.5 ms
    "zxing region160px+unsharp",  # +0.21, 2.0 ms
    "zbar region320px+blur3+adaptive31",  # +0.59, 6.1 ms
    "zbar region200px+adaptive31",  # +0.20, 3.4 ms
    "zbar region120px+blur7",  # +0.11, 2.2 ms
    "zxing region160px+gamma0.5",  # +0.08, 2.0 ms
    "zxing region200px+clahe",  # +0.07, 2.7 ms
    "zxing region320px+otsu",  # +0.06, 3.3 ms
    "zxing region400px+background",  # +0.06, 5.1 ms
    "zxing region400px+gamma0.5",  # +0.05, 5.0 ms
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
        attempt = runner.run(region_step(text, region.quad), scan.frame, region.quad)
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

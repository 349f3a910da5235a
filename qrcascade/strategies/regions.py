"""Reading a located region: rectify, scale, every engine. One mechanism for every tier."""

from __future__ import annotations

from collections.abc import Iterator

from qrcascade.frame import Frame
from qrcascade.results import Attempt, Quad, Region
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.views import View, rectify

__all__ = ["REGION_STEPS", "credible_outline", "reread"]

# (engine and tone, pixels a side of the rectified square)
REGION_STEPS: tuple[tuple[str, int], ...] = (
    ("zxing background", 160),
    ("zbar gamma2", 160),
    ("zxing blur7", 160),
    ("zxing unsharp", 160),
    ("zxing background", 250),
    ("zbar clahe", 250),
    ("zxing raw", 400),
    ("zxing raw", 640),
    ("zxing otsu", 640),
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
    for text, side in REGION_STEPS:
        step = Step.of(text)
        attempt = runner.run(Step(step.engine, _square(region.quad, side).then(step.view)), scan.frame)
        if attempt is None:
            continue
        yield attempt
        if scan.is_read(region.quad):
            return


def _square(quad: Quad, side: int) -> View:
    return View(f"region{side}px", lambda frame: rectify(frame, quad, side))


def credible_outline(quad: Quad, frame: Frame) -> bool:
    """Whether a quad can outline a symbol: convex, a dozen pixels wide, its centre in the picture."""
    width, height = frame.size
    x, y = quad.center
    inside = 0 <= x < width and 0 <= y < height
    return quad.convex and quad.side >= 12 and inside and quad.area <= 2 * width * height

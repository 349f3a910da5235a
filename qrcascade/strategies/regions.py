"""Reading a located region: rectify, scale, an engine. One mechanism for every tier."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from qrcascade.engines import engine
from qrcascade.frame import Frame
from qrcascade.grid.reader import GridReading, Stages, stages
from qrcascade.quad import Quad
from qrcascade.results import Attempt, Findings, QRCode, Region
from qrcascade.scan import Scan
from qrcascade.strategies.base import Runner, Step
from qrcascade.views import View, rectify, view

__all__ = [
    "REGION_STEPS",
    "WORTHWHILE",
    "credible_outline",
    "grid_stage",
    "region_step",
    "reread",
    "verified",
]

# Regions that score less, as single finder patterns do, are no outlines of symbols.
WORTHWHILE = 0.15

# In the order that `python -m benchmarks schedule` found, with the points that each adds to those
# before it and its time on one region.
REGION_STEPS: tuple[str, ...] = (
    "zbar region120px+gamma2",  # +3.22, 2.6 ms
    "zxing region200px+unsharp",  # +1.60, 2.7 ms
    "zxing region160px+background+blur7",  # +1.05, 2.2 ms
    "zbar region120px+unsharp",  # +0.62, 3.1 ms
    "zxing region120px+gamma2",  # +0.32, 1.8 ms
    "zxing region160px+unsharp",  # +0.26, 2.2 ms
    "zbar region160px+blur7",  # +0.37, 3.2 ms
    "zxing region120px+clahe",  # +0.19, 2.1 ms
    "zbar region320px+blur3+adaptive31",  # +0.48, 7.4 ms
    "zbar region160px+unsharp",  # +0.16, 3.9 ms
    "zxing region200px+clahe",  # +0.07, 2.9 ms
    "zxing region320px+otsu",  # +0.06, 4.1 ms
    "zbar region200px+adaptive31",  # +0.05, 4.0 ms
    "zxing region400px+background",  # +0.06, 6.2 ms
    "zxing region400px+gamma0.5",  # +0.05, 6.1 ms
)

# Stages of the grid reader that are run where an engine read something without exact bytes: the fit, the
# local fit, and the fit without highlights. Of 50 such codes in the corpora the first proves 48, the last 2.
_PROOF_STAGES = 3


def grid_stage(scan: Scan, region: Region, runner: Runner) -> Attempt | None:
    """Go one stage on with fitting a region's module grid; None where all stages are done."""
    ways = scan.workshop.setdefault(region.quad, stages(scan.frame, region.quad))
    way = next(ways, None)
    if way is None:
        return None
    name, run = way
    return runner.attempt(f"grid {name}", functools.partial(_findings, run), region.quad)


def _findings(run: Callable[[], GridReading | None]) -> Findings:
    reading = run()
    if reading is None:
        return Findings()
    decoded = reading.decoded
    code = QRCode(
        text=decoded.payload.text,
        data=decoded.payload.data,
        quad=reading.quad,
        confidence=decoded.confidence,
        engine="grid",
        version=str(decoded.version),
        ec_level=decoded.level,
        mirrored=reading.mirrored,
        evidence_bits=decoded.evidence_bits,
        mesh=tuple(tuple((float(x), float(y)) for x, y in row) for row in reading.mesh),
    )
    return Findings((code,))


def reread(scan: Scan, region: Region, runner: Runner) -> Iterator[Attempt]:
    """Try to read what was located until it is read: by engines, then by the grid reader's first stage.

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
        yield from verified(scan, attempt, runner)
        if scan.is_read(region.quad):
            return
    # As dear as all of these together, and it reads most of what they leave.
    if "QRCode" in scan.formats:
        attempt = grid_stage(scan, region, runner)
        if attempt is not None:
            yield attempt


def verified(scan: Scan, attempt: Attempt, runner: Runner) -> Iterator[Attempt]:
    """An attempt, and after it what the module grid has to say of its codes that come without exact bytes.

    The grid is fitted where such a code was read. Where it does not say by itself what the symbol says, the
    engine's text is compared with its modules. Places that are read with confidence are left alone.
    """
    yield attempt
    for code in attempt.codes:
        quad = code.quad
        if code.data is not None or scan.is_read(quad) or not credible_outline(quad, scan.frame):
            continue
        # A region's own grid may be a bad one: only a grid that was fitted for a code is used again.
        asked = (known for known, work in scan.workshop.items() if work.compared and known.same_place(quad))
        place = next(asked, None)
        if place is None:
            yield from _fitted_at(scan, code, runner)
        elif code.text not in scan.workshop[place].compared:
            yield _compared(scan, place, code, runner)


def _fitted_at(scan: Scan, code: QRCode, runner: Runner) -> Iterator[Attempt]:
    """Fit the grid where a code was read, until it says or bears out what the symbol says."""
    region = Region(code.quad, 1.0, code.engine)
    for _ in range(_PROOF_STAGES):
        attempt = grid_stage(scan, region, runner)
        if attempt is None:
            return
        yield attempt
        if scan.is_read(code.quad):
            return
        yield _compared(scan, region.quad, code, runner)
        if scan.is_read(code.quad):
            return


def _compared(scan: Scan, place: Quad, code: QRCode, runner: Runner) -> Attempt:
    work: Stages = scan.workshop[place]
    compare = functools.partial(work.verify, code.text)
    return runner.attempt("grid verify", functools.partial(_findings, compare), place)


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

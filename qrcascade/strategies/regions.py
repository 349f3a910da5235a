"""Read a located region: rectify it, scale it, run an engine. Every tier uses this mechanism."""

from __future__ import annotations

from functools import partial

from qrcascade.engines import DetectorEngine, Engine, engine
from qrcascade.engines.plain import is_plain_beside
from qrcascade.errors import MissingDependencyError, in_words
from qrcascade.grid.reader import GridReading, Stages
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.image.views import View, square, view
from qrcascade.reading.scan import PLAIN, SURVEY, SURVEYOR, Scan
from qrcascade.reading.steps import Context, Step, Steps, carry_to_source, look_at
from qrcascade.results import Attempt, Findings, Progress, QRCode, Region

__all__ = [
    "REGION_LOOKS",
    "WORTHWHILE",
    "continue_grid",
    "is_credible_outline",
    "look_at_region",
    "read_region",
    "survey",
    "verify_codes",
]

# Regions with a lower score, such as single finder patterns, do not outline symbols.
WORTHWHILE = 0.15

# Engine, pixels of the square's side, and view, in the order that `python -m benchmarks schedule` found, with
# the points that each adds to those before it and its time on one region.
REGION_LOOKS: tuple[tuple[str, int, str], ...] = (
    ("zbar", 120, "gamma2"),  # +3.22, 2.6 ms
    ("zxing", 200, "unsharp"),  # +1.60, 2.7 ms
    ("zxing", 160, "background+blur7"),  # +1.05, 2.2 ms
    ("zbar", 120, "unsharp"),  # +0.62, 3.1 ms
    ("zxing", 120, "gamma2"),  # +0.32, 1.8 ms
    ("zxing", 160, "unsharp"),  # +0.26, 2.2 ms
    ("zbar", 160, "blur7"),  # +0.37, 3.2 ms
    ("zxing", 120, "clahe"),  # +0.19, 2.1 ms
    ("zbar", 320, "blur3+adaptive31"),  # +0.48, 7.4 ms
    ("zbar", 160, "unsharp"),  # +0.16, 3.9 ms
    ("zxing", 200, "clahe"),  # +0.07, 2.9 ms
    ("zxing", 320, "otsu"),  # +0.06, 4.1 ms
    ("zbar", 200, "adaptive31"),  # +0.05, 4.0 ms
    ("zxing", 400, "background"),  # +0.06, 6.2 ms
    ("zxing", 400, "gamma0.5"),  # +0.05, 6.1 ms
)

# The looks before the grid reader's first stage, which reads most of what they leave. Of 73 codes in the
# BoofCV set that looks were the first to read, the others read two after that stage. Chosen.
_LOOKS_BEFORE_GRID = 4

# Stages of the grid reader that are run if an engine read a code without exact bytes: the fit, the local
# fit, and the fit without highlights. Of 50 such codes in the corpora the first proves 48, the last 2.
_PROOF_STAGES = 3

_GRID = "grid"
_FIRST_STAGE = "fit"


def survey(scan: Scan) -> Step:
    """Return the step in which the detector locates all symbols of the picture."""
    read = tuple(code.quad for code in scan.accepted if code.confidence >= scan.threshold)
    return Step(SURVEYOR, "raw", None, SURVEY, partial(_survey, read, scan.expect is None))


def _survey(read: tuple[Quad, ...], quick: bool, context: Context) -> Findings:
    # Both are larger than the detector's looks: take what is decoded faster.
    view = context.frame.draft or context.frame
    share = view.size[0] / context.frame.size[0]
    known = [Quad.of([(share * x, share * y) for x, y in quad]) for quad in read]
    regions = tuple(Region(quad, 1.0, SURVEYOR) for quad in read)
    if known and is_plain_beside(view.gray, known):
        return Findings(regions=regions, progress=Progress(PLAIN, "raw", ""))
    detector = DetectorEngine()
    if quick and detector.is_alone(view.gray, known):
        return Findings(regions=regions)
    return carry_to_source(detector.locate(view.gray, known), view)


def look_at_region(name: str, side: int, tone: str, quad: Quad) -> Step:
    """Return the step in which an engine looks at a quad as a square this many pixels wide."""
    seen = square(quad, side).then(view(tone)).name
    return Step(name, seen, quad, "region", partial(_look_at_square, engine(name), quad, side, view(tone)))


def _look_at_square(engine: Engine, quad: Quad, side: int, tone: View, context: Context) -> Findings:
    return look_at(tone, context.cut_square(quad, side), engine, context)


def read_region(scan: Scan, region: Region) -> Steps:
    """Try to read a located region: with engines in turn, and with the grid reader's first stage between."""
    for number, (name, side, tone) in enumerate(REGION_LOOKS):
        if number == _LOOKS_BEFORE_GRID and "QRCode" in scan.formats:
            step = continue_grid(scan, region.quad, region.module)
            if step is not None:
                yield step
                if scan.is_read(region.quad):
                    return
        attempt = yield look_at_region(name, side, tone, region.quad)
        yield from verify_codes(scan, attempt)
        if scan.is_read(region.quad):
            return


def verify_codes(scan: Scan, attempt: Attempt) -> Steps:
    """Check an attempt's codes that lack exact bytes against the module grid.

    The grid is fitted where such a code was read. If it cannot be decoded, the engine's text is compared
    with its modules. Places already read with confidence are skipped.
    """
    for code in attempt.codes:
        quad = code.quad
        if code.data is not None or scan.is_read(quad) or not is_credible_outline(quad, scan.frame):
            continue
        # A region's own grid may be poor: reuse only a grid that was fitted for a code.
        place = next((known for known in scan.compared if known.same_place(quad)), None)
        if place is None:
            yield from _fit_at(scan, code)
        elif code.text not in scan.compared[place]:
            yield _compare(scan, place, code)


def _fit_at(scan: Scan, code: QRCode) -> Steps:
    """Fit the grid where a code was read, until it is decoded or confirms the code."""
    for _ in range(_PROOF_STAGES):
        step = continue_grid(scan, code.quad)
        if step is None:
            return
        yield step
        if scan.is_read(code.quad):
            return
        yield _compare(scan, code.quad, code)
        if scan.is_read(code.quad):
            return


def _compare(scan: Scan, place: Quad, code: QRCode) -> Step:
    scan.compared.setdefault(place, set()).add(code.text)
    return Step(_GRID, "", place, "verify", partial(_verify, place, code.text))


def continue_grid(scan: Scan, quad: Quad, module: float | None = None) -> Step | None:
    """Return the step for the next stage of a region's grid; None if all stages are done.

    The rough width of a module in pixels, if known, serves the first stage.
    """
    known = scan.following(_GRID, quad)
    kind = _FIRST_STAGE if known is None else known
    return Step(_GRID, "", quad, kind, partial(_run_stage, quad, module)) if kind else None


def _run_stage(quad: Quad, module: float | None, context: Context) -> Findings:
    """Run the next stage; an exception is reported, and the stage after it still comes next."""
    work = context.grids.get(quad)
    if work is None:
        beside = [grid for known, grid in context.grids.items() if known.same_place(quad)]
        work = context.grids[quad] = Stages(context.frame, quad, beside, module)
    stage = next(work, None)
    if stage is None:
        return Findings(progress=Progress(_FIRST_STAGE, "", ""))
    codes: tuple[QRCode, ...] = ()
    following, error = "", None
    try:
        codes = _convert_codes(stage.run())
    except MissingDependencyError:
        raise
    except Exception as broken:
        error = in_words(broken)
    try:
        # Two outlines that lead to one grid go on with the same stages.
        work = context.grids[quad] = work.twin or work
        following = work.following
    except Exception as broken:
        error = error or in_words(broken)
    return Findings(codes, error=error, progress=Progress(stage.kind, stage.name, following))


def _verify(quad: Quad, text: str, context: Context) -> Findings:
    work = context.grids.get(quad)
    return Findings() if work is None else Findings(_convert_codes(work.verify(text)))


def _convert_codes(reading: GridReading | None) -> tuple[QRCode, ...]:
    if reading is None:
        return ()
    decoded, payload = reading.decoded, reading.decoded.payload
    code = QRCode(
        text=payload.text,
        data=payload.data,
        quad=reading.quad,
        confidence=decoded.confidence,
        engine=_GRID,
        version=str(decoded.version),
        ec_level=decoded.level,
        mirrored=reading.mirrored,
        inverted=reading.inverted,
        charset=payload.charset,
        charset_source=payload.charset_source,
        symbology_identifier=payload.identifier,
        part=payload.part,
        evidence_bits=decoded.evidence_bits,
        mesh=tuple(tuple((float(x), float(y)) for x, y in row) for row in reading.mesh),
    )
    return (code,)


def is_credible_outline(quad: Quad, frame: Frame) -> bool:
    """Return whether a quad can outline a symbol: convex, 12 pixels wide or more, centred in the picture."""
    width, height = frame.size
    x, y = quad.center
    inside = 0 <= x < width and 0 <= y < height
    return quad.convex and quad.side >= 12 and inside and quad.area <= 2 * width * height

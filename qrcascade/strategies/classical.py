"""The first tier: zxing-cpp and zbar over preprocessing views and located regions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from qrcascade import engines
from qrcascade.errors import OptionError
from qrcascade.image import views
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.reading.scan import CALLER, Scan
from qrcascade.reading.steps import Context, Step, Steps, carry_to_source
from qrcascade.results import Findings, QRCode, Region
from qrcascade.strategies.regions import WORTHWHILE, is_credible_outline, read_region, survey, verify_codes
from qrcascade.symbology.layout import symbol_size
from qrcascade.symbology.names import QR_FORMATS, SCANNED

__all__ = ["QUICK", "SCHEDULE", "TURNS", "ClassicalStrategy", "parse_step"]

# Whole-picture steps, in the order that `python -m benchmarks schedule` found, with the points that each
# adds to those before it and its time, both as means over all pictures of the corpora. The raw picture comes
# first, so that an easy one costs a single engine run.
SCHEDULE: tuple[str, ...] = (
    "zxing raw",  # 85.59 points, 7.2 ms a picture
    "finders <=1200px",  # locates: 7.0 ms
    "zxing x0.5",  # +0.17, 0.8 ms
    "zbar <=800px+otsu",  # +0.27, 3.8 ms
    "zxing background",  # +0.26, 4.0 ms
    "zxing equalize+otsu",  # +0.05, 3.9 ms
    "zxing x2",  # +0.06, 13.6 ms
)
# This many steps look at every picture. The others need evidence: something is located and unread, read
# with doubt or not accepted, or the caller expects more codes than are read.
QUICK = 5
# After this many regions in a row without a code no more are read: such a picture is a pattern, or too poor.
# The second is for a caller who expects codes. Chosen.
_MOST_VAIN, _MOST_VAIN_EXPECTED = 12, 100
# Longer side in pixels up to which a picture without any sign of a symbol is looked at by all quick steps:
# there they take as long as the survey.
_SMALL = 480
# Formats that the detector sees.
_SURVEYED = frozenset(["QRCode", "QRCodeModel1"])
# Turns, in degrees, in which a symbol that is read along rows and columns comes within five of upright, as
# PDF417 has to; the likeliest tilts first. A quarter turn more or less is all the same to zxing-cpp.
TURNS: tuple[Step, ...] = tuple(
    Step.look(engines.engine("zxing"), views.limit(1600).then(views.turn(degrees)))
    for degrees in (10, 80, 20, 70, 30, 60, 40, 50)
)
# The step before the first one if the picture has a draft, and what each code there needs to be kept: half of
# its error correction unused, and modules this many pixels wide.
_RAW = SCHEDULE[0]
_THRIFTY, _ALL = engines.ZXingEngine(thrifty=True), engines.ZXingEngine()
_DRAFT_SURE = 0.945
_DRAFT_MODULE = 2.0

# What is tried last in a coloured picture of at most this many pixels that shows nothing in gray. Chosen:
# such pictures are drawn, not photographed, and there the look costs little.
_MOST_COLOURED = 1_000_000


class ClassicalStrategy:
    """Engines over views of the whole picture, and over the regions that they locate but cannot read.

    Parameters
    ----------
    schedule : sequence of str
        Steps as "engine view", in order; `SCHEDULE` by default. Any other schedule runs as it is given,
        until enough is read.
    quick : int, optional
        How many of them look at every picture; by default `QUICK` of `SCHEDULE`, and all of any other.
        The others run only if something is located and unread, or read with doubt, or if ``expect`` is a
        number.
    survey : bool
        Whether the project's detector looks at the picture after the first step, unless the code read by
        then fills it. Where neither sees anything, the schedule ends, unless the picture is small; and where
        the detector locates all that is read, unless ``expect`` is a number.
    name : str
        Its name in results.

    Raises
    ------
    OptionError
        If the schedule is not a list or is empty, or a step names an engine or a view that does not exist.
    """

    def __init__(
        self,
        schedule: Sequence[str] = SCHEDULE,
        *,
        quick: int | None = None,
        survey: bool = False,
        name: str = "classical",
    ) -> None:
        self.name = name
        self.survey = survey
        is_list = isinstance(schedule, Iterable) and not isinstance(schedule, str)
        self.schedule = tuple(schedule) if is_list else ()
        if not self.schedule:
            raise OptionError(f"schedule must be a list of steps, got {schedule!r}")
        self._steps = tuple(map(parse_step, self.schedule))
        self._is_own = self.schedule != SCHEDULE
        self.quick = quick if quick is not None else len(self.schedule) if self._is_own else QUICK
        # Without ``expect`` the first look is a thrifty one; the others find what it misses.
        is_usual = self.schedule[:1] == (_RAW,)
        first = (Step.look(_THRIFTY, views.view("raw")),) if is_usual else self._steps[:1]
        self._thrifty = first + self._steps[1:]
        look = partial(_read_draft, survey)
        self._draft = Step(_THRIFTY.name, "draft", None, "picture", look) if is_usual else None

    def __repr__(self) -> str:
        survey = ", survey=True" if self.survey else ""
        return f"ClassicalStrategy({len(self.schedule)} steps{survey})"

    def steps(self, scan: Scan) -> Steps:
        """Plan a look at the draft, if there is one, then the schedule; read located regions."""
        regions = _LocatedRegions()
        if self._draft and scan.frame.has_draft and scan.expect is None and not scan.attempts:
            yield self._draft
            if self.survey and scan.codes and scan.needs_survey:
                # Before the whole picture is decoded: the draft is large enough.
                yield survey(scan)
                if len(scan.regions) == 1:
                    # To look at one place in all pixels costs less than to look at the whole picture.
                    yield from regions.read(scan)
        for number, step in enumerate(self._steps if scan.expect is not None else self._thrifty):
            if step.engine in engines.ONLY_QR and "QRCode" not in scan.formats:
                continue
            if step.engine == "zbar" and not (self._is_own or _has_sign(scan)):
                continue
            attempt = yield step
            yield from verify_codes(scan, attempt)
            if self.survey and scan.needs_survey:
                yield survey(scan)
            if _is_hopeless(scan):
                break
            yield from regions.read(scan)
            if (number + 1 >= self.quick and not _is_promising(scan)) or _is_all_seen(scan):
                break
        else:
            if not scan.formats.isdisjoint(SCANNED) and (not scan.accepted or scan.expect is not None):
                yield from (step for step in TURNS)
        if not self._is_own and _shows_colours(scan):
            yield Step(_ALL.name, "chroma", None, "picture", _read_chroma)


class _LocatedRegions:
    """The regions of a picture, each of which is read once, until too many in a row give no code."""

    def __init__(self) -> None:
        self._tried: set[Quad] = set()
        self._vain = 0

    def read(self, scan: Scan) -> Steps:
        """Read those that are unread and were not tried yet."""
        most = _MOST_VAIN if scan.expect is None else _MOST_VAIN_EXPECTED
        for region in scan.regions:
            if scan.is_read(region.quad) or region.quad in self._tried:
                continue
            if region.score < WORTHWHILE or not is_credible_outline(region.quad, scan.frame):
                continue
            if self._vain >= most and region.source != CALLER:
                continue
            self._tried.add(region.quad)
            yield from read_region(scan, region)
            self._vain = 0 if scan.is_read(region.quad) else self._vain + 1


def parse_step(text: str) -> Step:
    """Return the step for an entry of a schedule: an engine and views, such as "zxing clahe+otsu".

    Raises
    ------
    OptionError
        If there is no such engine or view.
    """
    try:
        name, tone = text.split(" ", 1)
        return Step.look(engines.engine(name), views.view(tone))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        known = f"an engine ({', '.join(engines.NAMES)}), a space, and views ({', '.join(views.NAMES)})"
        raise OptionError(f"no such step: {text!r}; a step is {known} joined by +") from error


def _read_draft(is_surveyed: bool, context: Context) -> Findings:
    """Return the clear codes that zxing-cpp reads in the draft; what is less clear counts as unread.

    Unless a survey follows, which shows what else there is, a picture with several codes or with anything
    doubtful is left to the steps that look at all pixels.
    """
    draft: Frame | None = context.frame.draft
    if draft is None:
        return Findings()
    found = _THRIFTY.read(draft.gray, context.formats)
    clear = tuple(filter(_is_clear, found.codes))
    doubtful = tuple(
        Region(code.quad, code.confidence, _THRIFTY.name, format=code.format)
        for code in found.codes
        if not _is_clear(code)
    )
    regions = found.regions + doubtful
    if not clear or (not is_surveyed and (len(clear) > 1 or regions)):
        return Findings()
    return carry_to_source(Findings(clear, regions), draft)


def _is_clear(code: QRCode) -> bool:
    """Return whether a code that was read in a draft needs no look at all pixels."""
    if code.format != "QRCode" or code.version is None or code.confidence < _DRAFT_SURE:
        return False
    return code.quad.side >= _DRAFT_MODULE * symbol_size(int(code.version))


def _read_chroma(context: Context) -> Findings:
    """Return what zxing-cpp reads in colour alone, if anything shows there that gray does not show."""
    if not views.has_hidden_edges(context.frame):
        return Findings()
    seen = views.view("chroma")(context.frame)
    return carry_to_source(_ALL.read(seen.gray, context.formats), seen)


def _is_hopeless(scan: Scan) -> bool:
    """Return whether the survey, which could see everything, saw nothing, and other steps cost much more."""
    if scan.expect is not None or scan.codes or scan.regions or not scan.is_surveyed:
        return False
    return bool(scan.formats <= _SURVEYED and max(scan.frame.size) > _SMALL)


def _is_all_seen(scan: Scan) -> bool:
    """Return whether the survey is to be trusted: it located all that is read, and what is unread, if any.

    Then what is left is for closer looks at those places. In the BoofCV set, no step at a whole picture after
    the survey reads a code that nothing before it has read.
    """
    if isinstance(scan.expect, int) or not scan.formats <= _SURVEYED:
        return False
    return bool(scan.codes or scan.regions) and scan.is_all_located


def _shows_colours(scan: Scan) -> bool:
    """Return whether nothing is read or located, and colours of equal luminance may be looked at."""
    width, height = scan.frame.size
    few = scan.frame.is_colored and width * height <= _MOST_COLOURED
    return bool(few and not (scan.codes or scan.regions or scan.formats.isdisjoint(QR_FORMATS)))


def _has_sign(scan: Scan) -> bool:
    """Return whether there is any sign of a symbol, even a single finder pattern, or one is expected.

    zbar takes five times as long as zxing-cpp, and without a sign it never read anything in the 146 pictures
    of the BoofCV, ZXing and jsQR sets that zxing-cpp does not read completely.
    """
    is_read = any(code.format in QR_FORMATS for code in scan.codes)
    return bool(is_read or scan.regions or scan.expect is not None)


def _is_promising(scan: Scan) -> bool:
    """Return whether there is evidence of an unread code."""
    if isinstance(scan.expect, int):
        return True
    if not scan.codes and not scan.formats <= _SURVEYED:
        # Nothing locates them, so that nothing is located says little.
        return True
    worthwhile = any(region.score >= WORTHWHILE for region in (*scan.regions, *scan.others))
    doubtful = any(code.confidence < scan.threshold or not code.accepted for code in scan.codes)
    return worthwhile or doubtful

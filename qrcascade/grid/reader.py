"""Read one region, from a rough outline to a payload, cheapest way first.

The ways are stages, run one by one, so that the caller can stop between them: first the fit by polynomials,
which reads most, then the local fit, then other variants of the same pixels (clipped highlights, light
removed, colour channels), and finally deconvolution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from qrcascade.grid.blur import rank_blurs
from qrcascade.grid.choose import Candidate
from qrcascade.grid.region import GridReading, RegionReader
from qrcascade.grid.variants import VARIANTS
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad

__all__ = ["GridReading", "Stage", "Stages"]

# The order of the stages, all of it chosen.
# The variant after which fits are first deconvolved, and how many fits are, then and at the end. Two fits are
# the same if their figures differ by less.
_DEBLUR_AFTER, _FIRST_DEBLURRED, _DEBLURRED = VARIANTS[2], 1, 3
# The variant in which something may show that glare hides in the first.
_WITHOUT_GLARE = VARIANTS[1]
_SAME_FIT = 0.01
# Modules beyond which light is left out of a deconvolution; 0 leaves none out. Of 21 symbols in the corpora,
# made ones included, that were read so, these read 10, 7 and 4, and the second likely blur none.
_HIGHPASSES = (2.0, 1.2, 0.0)
# Modules, the width of a blur below which there is nothing to take off. Chosen between measured values: in
# the ZXing, jsQR, synthetic and beyond sets and 700 pictures of benchmarks/ruins.py, 45 deconvolutions of a
# narrower blur read nothing; 104 of a wider one read 19 symbols, all with 0.475 or more.
_LEAST_BLUR = 0.45


class Stage(NamedTuple):
    """One way to read a region.

    Parameters
    ----------
    kind : {"fit", "local", "deblur"}
        What sort of work it is.
    name : str
        What it looks at, or which blur it takes off.
    run : callable
        Runs the stage, and returns what was read, or None.
    """

    kind: str
    name: str
    run: Callable[[], GridReading | None]


class Stages(Iterator[Stage]):
    """The stages that read one region, ever more expensive; run each before asking for the next.

    They end once the symbol is read, or the region turns out to contain none.

    Parameters
    ----------
    frame : Frame
        The picture.
    quad : Quad
        The symbol's rough outline, in the frame's pixels: corners may be off by up to 6 % of the side.
    beside : sequence of Stages
        Those of other outlines of the same place: what they decoded in vain is not decoded again.
    module : float, optional
        Rough width of a module in pixels: versions that it rules out are not tried.
    """

    def __init__(
        self, frame: Frame, quad: Quad, beside: Sequence[Stages] = (), module: float | None = None
    ) -> None:
        self._region: RegionReader = RegionReader(frame, quad, [other._region for other in beside], module)
        self._beside = beside
        self._stages = _plan(self._region)
        self._next: Stage | None = None

    def __next__(self) -> Stage:
        stage = self._next or next(self._stages)
        self._next = None
        return stage

    @property
    def following(self) -> str:
        """The kind of the next stage, or "" if there is none; valid once the last stage has run."""
        self._next = self._next or next(self._stages, None)
        return "" if self._next is None else self._next.kind

    @property
    def twin(self) -> Stages | None:
        """Those of another outline that led to the same grid, unless this one has shown something new."""
        if self._region.candidates:
            return None
        return next((other for other in self._beside if other._region is self._region.twin), None)

    def verify(self, text: str) -> GridReading | None:
        """Compare what another engine read there with the grid that was fitted last.

        Return None if no grid was fitted, or it does not confirm the text; see `qrcascade.grid.verify`.
        """
        return self._region.verify(text)


def _plan(region: RegionReader) -> Iterator[Stage]:
    """Yield the stages of a region while nothing is read and there may be a symbol."""
    deblurred: set[Candidate] = set()
    for variant in VARIANTS:
        if region.covered and variant is not _WITHOUT_GLARE:
            return
        if variant.repeats and not region.begins_elsewhere(variant):
            continue
        fit = functools.partial(region.fit, variant)
        # Locating is part of the first one's work: it is timed, and its errors are reported.
        if variant is not VARIANTS[0]:
            pixels = variant.render(region.canvas)
            if not region.shows_more(variant, pixels):
                continue
            fit = functools.partial(region.fit, variant, pixels)
        yield Stage("fit", variant.name, fit)
        if region.reading is not None or not region.promising:
            return
        if region.covered:
            continue
        if variant.local and region.current is not None and region.twin is None:
            yield Stage("local", variant.name, region.refine)
            if region.reading is not None:
                return
        if variant is _DEBLUR_AFTER and not region.covered:
            yield from _plan_deblurring(region, _FIRST_DEBLURRED, deblurred)
            if region.reading is not None:
                return
    if not region.covered:
        yield from _plan_deblurring(region, _DEBLURRED, deblurred)


def _plan_deblurring(region: RegionReader, count: int, done: set[Candidate]) -> Iterator[Stage]:
    """Yield deconvolutions of the best remaining fits, each as it was after fitting the function patterns."""
    blurred = [candidate for candidate in region.candidates if candidate.blurred]
    best = sorted(blurred, key=lambda candidate: -candidate.fit.agreement)
    different = [c for i, c in enumerate(best) if not any(_is_same_fit(c, other) for other in best[:i])]
    for candidate in different[:count]:
        if candidate in done:
            continue
        done.add(candidate)
        blur = rank_blurs(candidate.fit)[0]
        if blur.measure_width() < _LEAST_BLUR:
            continue
        for highpass in _HIGHPASSES:
            run = functools.partial(region.deblur, candidate.fit, blur, highpass)
            yield Stage("deblur", blur.name + (f" highpass {highpass:g}" if highpass else ""), run)
            if region.reading is not None:
                return
            if region.hopeless:
                break


def _is_same_fit(one: Candidate, other: Candidate) -> bool:
    """Return whether two variants show a symbol in the same way, as the channels of a gray picture do."""
    figures = [(c.fit.agreement, c.likeness, c.sureness) for c in (one, other)]
    same = one.fit.layout.version == other.fit.layout.version
    return same and all(abs(a - b) < _SAME_FIT for a, b in zip(*figures, strict=True))

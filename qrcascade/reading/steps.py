"""The steps that strategies plan: values that can be sent to the process in which they run."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from qrcascade.engines import Engine
from qrcascade.grid.reader import Stages
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.image.views import View, rectify, to_source
from qrcascade.results import Attempt, Findings, QRCode, Region, step_text

__all__ = ["Context", "Step", "Steps", "carry_to_source", "check_findings", "look_at"]


@dataclass(slots=True, eq=False)
class Context:
    """What a step can use where it runs. Each reading has its own.

    Parameters
    ----------
    frame : Frame
        The picture.
    formats : frozenset of str
        Symbologies to report.
    grids : dict
        What the grid reader knows about each region, by its outline.
    """

    frame: Frame
    formats: frozenset[str]
    grids: dict[Quad, Stages] = field(default_factory=dict)
    _squares: dict[tuple[Quad, int], Frame] = field(default_factory=dict)

    def cut_square(self, quad: Quad, side: int) -> Frame:
        """Return a region as a square this many pixels wide; looks at the same region share it."""
        if (quad, side) not in self._squares:
            # Looks at one region follow each other: nothing is kept of another.
            self._squares = {key: kept for key, kept in self._squares.items() if key[0] == quad}
            self._squares[quad, side] = rectify(self.frame, quad, side)
        return self._squares[quad, side]


Work: TypeAlias = Callable[[Context], Findings]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try.

    Comparison ignores ``work`` and ``expected_s``. To run in another process, a step must be picklable:
    its work must be a module's function, a strategy's method, or a `functools.partial` of one.

    Parameters
    ----------
    engine : str
        The engine that looks.
    view : str
        The view that it looks at.
    region : Quad, optional
        The located region; None for the whole picture.
    kind : str
        "picture" or "region" for an engine's look at one; "detect" or "decode" for QReader; "fit",
        "local", "deblur" or "verify" for the grid reader; "survey" for the detector's look at the whole
        picture; "call" for a strategy's own code.
    work : callable
        Function from a `Context` to `Findings` in pixels of the source picture.
    expected_s : float, optional
        Seconds that the step is likely to take on a picture of average size; None to take this from
        `qrcascade.reading.costs`.
    """

    engine: str
    view: str
    region: Quad | None
    kind: str
    work: Work = field(repr=False, compare=False)
    expected_s: float | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return step_text(self.engine, self.kind, self.view)

    @classmethod
    def look(cls, engine: Engine, view: View, region: Quad | None = None) -> Step:
        """Return the step in which an engine looks at a view of a region, or else of the picture."""
        kind = "picture" if region is None else "region"
        return cls(engine.name, view.name, region, kind, partial(_look, engine, view))

    @classmethod
    def call(cls, name: str, function: Callable[[Frame], Findings], *, region: Quad | None = None) -> Step:
        """Return the step that runs a strategy's own code.

        Parameters
        ----------
        name : str
            As it appears in `Attempt.engine`.
        function : callable
            From a `Frame` to `Findings` in its pixels. An exception becomes the attempt's error.
        region : Quad, optional
            The located region that the function looks at.
        """
        return cls(name, "", region, "call", partial(_call, function))


Steps: TypeAlias = Generator[Step, Attempt, None]
"""A plan: yields each step, and is resumed with its attempt."""


def _look(engine: Engine, view: View, context: Context) -> Findings:
    return look_at(view, context.frame, engine, context)


def look_at(view: View, frame: Frame, engine: Engine, context: Context) -> Findings:
    """Return what an engine sees in a view of a frame, in pixels of the source picture."""
    seen = view(frame)
    found = engine.read(seen.gray, context.formats)
    if view.name.split("+").count("invert") % 2:
        found = replace(found, codes=tuple(map(_negate, found.codes)))
    return carry_to_source(found, seen)


def _negate(code: QRCode) -> QRCode:
    return replace(code, inverted=None if code.inverted is None else not code.inverted)


def _call(function: Callable[[Frame], Findings], context: Context) -> Findings:
    return function(context.frame)


def carry_to_source(findings: Findings, view: Frame) -> Findings:
    """Map findings from a view's pixels to the source picture's."""
    if view.is_source:
        return findings
    codes = [(code, _map_back(view, code.quad)) for code in findings.codes]
    regions = [(region, _map_back(view, region.quad)) for region in findings.regions]
    return replace(
        findings,
        codes=tuple(replace(code, quad=quad) for code, quad in codes if quad is not None),
        regions=tuple(region.moved(quad) for region, quad in regions if quad is not None),
    )


def _map_back(view: Frame, quad: Quad) -> Quad | None:
    """Map a quad to the source picture; None if the view's perspective puts a corner at infinity."""
    try:
        return to_source(view, quad)
    except ValueError:
        return None


def check_findings(findings: object) -> Findings:
    """Check what a step's work returned before the scan uses it, and return it.

    Raises
    ------
    TypeError
        If it is not `Findings`, or contains anything but codes and regions at finite places.
    """
    if not isinstance(findings, Findings):
        raise TypeError(f"a step's function must return Findings, got {findings!r}")
    for code in findings.codes:
        if not (isinstance(code, QRCode) and isinstance(code.quad, Quad) and 0 <= code.confidence <= 1):
            raise TypeError(f"findings' codes must be QRCode with a Quad and a confidence, got {code!r}")
    for region in findings.regions:
        if not (isinstance(region, Region) and isinstance(region.quad, Quad)):
            raise TypeError(f"findings' regions must be Region with a Quad, got {region!r}")
    for quad in [*(code.quad for code in findings.codes), *(region.quad for region in findings.regions)]:
        if not all(math.isfinite(n) for corner in quad for n in corner):
            raise TypeError(f"corners must be finite numbers, got {quad!r}")
    return findings

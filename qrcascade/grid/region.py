"""What is learned about a region on the way from a rough outline to a payload.

`RegionReader` is the only mutable state: its methods fit or compare, and keep the outcome.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.orientation import is_inverted
from qrcascade.grid import codewords, verify
from qrcascade.grid.accept import Decoded, Partial
from qrcascade.grid.blur import Blur, estimate_blur
from qrcascade.grid.canvas import Canvas, Pixels
from qrcascade.grid.choose import Candidate, assess_fit, choose_fit, find_poses_near, is_clear
from qrcascade.grid.deblur import deconvolve
from qrcascade.grid.fit import Fit, add_known, measure_move
from qrcascade.grid.formats import turn_upright
from qrcascade.grid.grow import fit_data, refine_locally
from qrcascade.grid.locate import Pose
from qrcascade.grid.recentre import recentre_outline
from qrcascade.grid.soft import cancel_leakage, sample_centres
from qrcascade.grid.variants import Variant, differ, render_gray
from qrcascade.image.frame import Frame
from qrcascade.image.quad import Quad
from qrcascade.image.views import map_points

__all__ = ["GridReading", "RegionReader"]

# Modules of the windows when decoded blocks help to fit. Chosen.
_HELPED_WIDTHS = (3.0, 2.0)
# Modules within which a grid ends where it ended before. Chosen: in the synthetic and beyond sets and 700
# pictures of benchmarks/ruins.py, 103 grids were laid so near to the last fit of the same pixels, and 102 led
# to the same modules; of 107 laid so near to that of nearly the same pixels none was read.
_SAME_GRID = 0.5
# Modules per side; only the blur of symbols smaller than this is estimated from its modules. Rounds of the
# deconvolution after that. Chosen.
_BLIND_SIZE, _BLIND_ROUNDS = 80, 3
# Doubt after a deconvolution above which no other one of the same fit reads it. Chosen from the curve in
# docs/grid.md: of those that were read, the most had 1.21.
_MOST_DOUBT = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class GridReading:
    """A symbol that was read from its grid.

    Parameters
    ----------
    decoded : Decoded
        The payload and the evidence for it.
    mesh : ndarray, shape (N + 1, N + 1, 2)
        Corners (x, y) of its modules in the source picture, in its own rows and columns.
    mirrored : bool
        Whether the picture shows it mirrored.
    inverted : bool or None
        Whether the picture shows it light on dark, if that can be told.
    """

    decoded: Decoded
    mesh: NDArray[np.float64]
    mirrored: bool
    inverted: bool | None = None

    @property
    def quad(self) -> Quad:
        """Its outline, its own top-left first."""
        return Quad.of(np.array([self.mesh[0, 0], self.mesh[0, -1], self.mesh[-1, -1], self.mesh[-1, 0]]))


class RegionReader:
    """Fits and decodes one region, and keeps what it learns.

    Attributes
    ----------
    reading : GridReading or None
        What was read.
    current : Fit or None
        The grid that was fitted last, before any deconvolution.
    candidates : list of Candidate
        One for each fitted variant that says something new.
    twin : RegionReader or None
        The reader, perhaps this one, that decoded in vain what the variant fitted last says.
    covered : bool
        Whether something hides more of the symbol than can be corrected.
    hopeless : bool
        Whether the last deconvolution left too many codewords uncertain.
    """

    def __init__(
        self, frame: Frame, quad: Quad, beside: Sequence[RegionReader] = (), module: float | None = None
    ) -> None:
        self.reading: GridReading | None = None
        self.current: Fit | None = None
        self.candidates: list[Candidate] = []
        self.twin: RegionReader | None = None
        self.covered = self.hopeless = False
        # Which modules were dark in each decoding.
        self._said: list[NDArray[np.bool_]] = []
        self._known = (self, *beside)
        self._frame, self._quad, self._module = frame, quad, module
        self._partials: dict[int, Partial] = {}
        self._fitted: dict[Variant, Pixels] = {}
        self._spent = 0

    @functools.cached_property
    def _located(self) -> tuple[Canvas, list[Pose]]:
        return recentre_outline(self._frame, self._quad, self._module)

    @property
    def canvas(self) -> Canvas:
        """The rectified region; located on first use."""
        return self._located[0]

    @property
    def promising(self) -> bool:
        """Whether anything seen so far may be a symbol."""
        return any(candidate.promising for candidate in self.candidates)

    def has_said(self, soft: Pixels) -> bool:
        """Return whether all modules are the same as in an earlier decoding."""
        return any(np.array_equal(soft > 0, one) for one in self._said)

    def begins_elsewhere(self, variant: Variant) -> bool:
        """Return whether a variant's grid would be laid elsewhere than the last fit has ended."""
        (canvas, poses), fit = self._located, self.current
        if fit is None:
            return True
        of_version = (pose for pose in poses if pose.version == fit.layout.version)
        moves = (measure_move(fit, canvas, pose, corner=variant.corner) for pose in of_version)
        return next(moves, np.inf) > _SAME_GRID

    def shows_more(self, variant: Variant, pixels: Pixels) -> bool:
        """Return whether a variant shows what the fitted ones did not, or begins elsewhere."""
        anew = variant.corner and self.begins_elsewhere(variant)
        others = (seen for other, seen in self._fitted.items() if not anew or other.corner)
        return all(differ(pixels, seen) for seen in others)

    def fit(self, variant: Variant, pixels: Pixels | None = None) -> GridReading | None:
        """Fit the most promising poses to the function patterns, the best one to the data, and decode."""
        canvas, poses = self._located
        if pixels is None:
            pixels = variant.render(canvas)
        self._fitted[variant] = pixels
        if variant.render is not render_gray:
            poses = find_poses_near(canvas, pixels, poses)
        begun = choose_fit(canvas, pixels, poses, corner=variant.corner)
        if begun is None:
            self.current = None
            return None
        fit = self.current = fit_data(begun)
        soft = sample_centres(fit)
        self.twin = next((reader for reader in self._known if reader.has_said(soft)), None)
        if self.twin is not None:
            return None
        candidate = assess_fit(begun, soft, is_clear(poses))
        self.candidates.append(candidate)
        return self._read(fit, soft) if candidate.promising else None

    def refine(self) -> GridReading | None:
        """Fit the current grid locally, and decode again."""
        if self.current is None:
            return None
        fit = self.current = refine_locally(self.current)
        partial = self._partials.get(fit.layout.version)
        if self._read(fit, sample_centres(fit)) is None and partial is not None:
            helped = refine_locally(add_known(fit, partial.modules), _HELPED_WIDTHS)
            # A text that is compared with this grid must not be confirmed by what was decoded from it.
            self.current = replace(helped, known=fit.known)
            self._decode(helped, cancel_leakage(helped), partial)
        return self.reading

    def deblur(self, fit: Fit, blur: Blur, highpass: float = 0.0) -> GridReading | None:
        """Deconvolve a fit and decode it; if that fails, estimate the blur again from its modules."""
        found = deconvolve(fit, blur, highpass=highpass)
        self._decode(found.fit, found.soft)
        version = fit.layout.version
        self.hopeless = codewords.measure_doubt(turn_upright(found.soft, version)[0], version) > _MOST_DOUBT
        if self.reading is None and not highpass and fit.size < _BLIND_SIZE:
            blur = estimate_blur(found.fit, blur, found.modules)
            found = deconvolve(found.fit, blur, modules=found.modules, rounds=_BLIND_ROUNDS)
            self._decode(found.fit, found.soft)
        return self.reading

    def verify(self, text: str) -> GridReading | None:
        """Compare a text with the current grid's soft bits."""
        fit = self.current
        if fit is None:
            return None
        version = fit.layout.version
        for sample in (sample_centres, cancel_leakage):
            upright, mirrored = turn_upright(sample(fit), version)
            found = verify.verify_text(upright, version, text, hypotheses=self._charge())
            if found is not None:
                self.reading = self._locate(fit, found, mirrored)
                return self.reading
        return None

    def _read(self, fit: Fit, soft: Pixels) -> GridReading | None:
        """Decode soft bits; if that fails, cancel leakage and decode again."""
        self._decode(fit, soft)
        if self.reading is not None:
            return self.reading
        version = fit.layout.version
        self.covered = codewords.is_covered(turn_upright(soft, version)[0], version)
        if not self.covered:
            self._decode(fit, cancel_leakage(fit))
        return self.reading

    def _decode(self, fit: Fit, soft: Pixels, before: Partial | None = None) -> None:
        """Decode soft bits, or those of the mirror image if its format information fits better."""
        version = fit.layout.version
        self._said.append(soft > 0)
        upright, mirrored = turn_upright(soft, version)
        found = codewords.decode(upright, version, hypotheses=self._charge(), before=before)
        if isinstance(found, Decoded):
            self.reading = self._locate(fit, found, mirrored)
        elif isinstance(found, Partial) and not mirrored:
            known = self._partials.get(version)
            if known is None or found.blocks > known.blocks:
                self._partials[version] = found

    def _charge(self) -> float:
        """Count one more reading of the region, and return its charge (`qrcascade.grid.evidence`)."""
        self._spent += 1
        return self._spent * (self._spent + 1)

    def _locate(self, fit: Fit, decoded: Decoded, mirrored: bool) -> GridReading:
        """Return a reading with its mesh in the source picture."""
        mesh = fit.mesh()
        if mirrored:
            mesh = mesh.transpose(1, 0, 2)
        reading = GridReading(decoded, map_points(self.canvas.frame.to_source, mesh), mirrored)
        return replace(reading, inverted=is_inverted(self._frame.gray, reading.quad, decoded.version))

"""Which of several poses a region's grid is fitted to: each goes on only while it agrees with the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qrcascade.grid.canvas import Canvas, Pixels
from qrcascade.grid.fit import Fit, Patch, lay_grid
from qrcascade.grid.formats import measure_likeness
from qrcascade.grid.grow import fit_finders, fit_timing, grow_outwards, measure_finders
from qrcascade.grid.locate import Pose, adjacent_versions, find_poses

__all__ = ["Candidate", "assess_fit", "choose_fit", "find_poses_near", "is_clear"]

# Thresholds, chosen unless stated otherwise.
# Number of poses that are fitted to the function patterns, and of the best of them that are fitted to data.
_FITTED, _GROWN = 4, 2
# Correlation of finder patterns: below the first there is no symbol; above the second the match is not
# chance, whatever the timing patterns look like.
_LEAST_MATCH, _CLEAR_MATCH = 0.45, 0.65
# By how much a pose's correlation may fall short of the best one's. Chosen: of 159 symbols that the grid read
# in the ZXing and synthetic sets and 500 of `benchmarks/ruins.py`, five were read from another pose than the
# best, whose correlation fell short by 0.13 at most.
_MATCH_GAP = 0.2
# How visible fitted finder patterns must be at least, and by how much they may fall short of the best.
_LEAST_SEEN, _SEEN_GAP = 0.35, 0.25
# With less agreement of all function patterns there is no symbol; with more than the second, of the best
# match, it is that one: of 107 fits in the BoofCV set 69 had more, and always of the pose chosen among all.
_LEAST_AGREEMENT, _SURE_AGREEMENT = 0.5, 1.5
# By how much a fit may agree less than the best before data are fitted; of 73 second ones in the BoofCV set
# none agreed better in the end.
_AGREEMENT_GAP = 0.3

# Likeness to a symbol below which nothing more is tried. Chosen between measured values: chance gives 0.4 to
# 0.7, and the least of any symbol of the BoofCV set that was read was 1.06.
_PROMISING = 0.8
# Mean sureness of modules, 0 to 1, above which there is no blur to remove. Chosen above measured values:
# fits that were read by deconvolution had 0.7; blur that hides the timing patterns from `measure_likeness`
# leaves 0.65.
_SHARP = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A fit to the function patterns, and how its modules look.

    Attributes
    ----------
    fit : Fit
        As it was before data moved it: deconvolution begins with this.
    likeness : float
        By `qrcascade.grid.formats.measure_likeness`, up to 2.
    sureness : float
        Mean of how sure the modules are, 0 to 1.
    clear : bool
        Whether its finder patterns matched beyond chance.
    """

    fit: Fit
    likeness: float
    sureness: float
    clear: bool

    @property
    def promising(self) -> bool:
        """Whether there may be a symbol. Blur wipes out everything else before the finder patterns."""
        return self.likeness >= _PROMISING or (self.clear and self.blurred)

    @property
    def blurred(self) -> bool:
        """Whether there may be blur to take off."""
        return self.sureness <= _SHARP


def is_clear(poses: list[Pose]) -> bool:
    """Return whether the finder patterns of the best pose match beyond chance."""
    return bool(poses) and poses[0].score >= _CLEAR_MATCH


def find_poses_near(canvas: Canvas, pixels: Pixels, poses: list[Pose]) -> list[Pose]:
    """Find poses in other pixels of a canvas, of versions near to the best ones of its gray."""
    return find_poses(canvas, pixels, adjacent_versions(*(pose.version for pose in poses[:_FITTED])))


def choose_fit(canvas: Canvas, pixels: Pixels, poses: list[Pose], *, corner: bool = False) -> Fit | None:
    """Fit poses to the function patterns, and return the fit that agrees best; None if none does.

    Parameters
    ----------
    canvas : Canvas
        Where the symbol is.
    pixels : ndarray of float32
        What the canvas shows, 0 to 255.
    poses : list of Pose
        What may lie there, the best first.
    corner : bool
        As in `qrcascade.grid.fit.lay_grid`.
    """
    least_match = max([_LEAST_MATCH, *(best.score - _MATCH_GAP for best in poses[:1])])
    likely = [pose for pose in poses[:_FITTED] if pose.score >= least_match]
    fits, patches = [], dict[tuple[int, bool], Patch]()
    for pose in likely:
        kind = pose.version, pose.inverted
        patch = patches[kind] = patches.get(kind) or Patch.cut(canvas, pixels, pose)
        fits.append(fit_finders(lay_grid(canvas, patch, pose, corner=corner)))
        if pose is likely[0] and (first := fit_timing(fits[0])).agreement >= _SURE_AGREEMENT:
            return grow_outwards(first)
    fits = [first if fit is fits[0] else fit_timing(fit) for fit in _keep_seen(fits)]
    fits = sorted(fits, key=lambda fit: -fit.agreement)[:_GROWN]
    least = fits[0].agreement - _AGREEMENT_GAP if fits else 0.0
    if not is_clear(poses):
        least = max(least, _LEAST_AGREEMENT)
    fits = [fit for fit in fits if fit.agreement >= least]
    return max(map(grow_outwards, fits), key=lambda fit: fit.agreement, default=None)


def _keep_seen(fits: list[Fit]) -> list[Fit]:
    """Return the fits whose finder patterns are visible, and nearly as clearly as those of the best."""
    seen = [measure_finders(fit) for fit in fits]
    least = max([_LEAST_SEEN, *(share - _SEEN_GAP for share in seen)])
    return [fit for fit, share in zip(fits, seen, strict=True) if share >= least]


def assess_fit(begun: Fit, soft: Pixels, clear: bool) -> Candidate:
    """Return a fit with how its modules look after fitting the data."""
    alike = max(measure_likeness(seen, begun.layout.version) for seen in (soft, soft.T))
    sureness = float(np.abs(np.clip(soft, -1, 1)).mean())
    return Candidate(begun, alike, sureness, clear)

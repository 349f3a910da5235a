"""One region: from a rough outline to a payload, cheapest way first.

The ways are stages, run one by one, so that whoever asks can stop between them: first the fit by
polynomials, which reads most, then the local fit, then other looks of the same pixels (clipped
highlights, light taken off, colour channels), and at last deconvolution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.frame import Frame
from qrcascade.grid import codewords, deblur, verify
from qrcascade.grid.codewords import Decoded, Partial
from qrcascade.grid.deblur import Blur
from qrcascade.grid.fit import QUIET, Fit
from qrcascade.grid.formats import measure_likeness, turn_upright
from qrcascade.grid.locate import Canvas, Pixels, Start, around, starts
from qrcascade.grid.looks import LOOKS, Look, gray
from qrcascade.grid.recentre import recentred
from qrcascade.grid.soft import cancelled, centred
from qrcascade.quad import Quad

__all__ = ["GridReading", "Stages", "stages"]

# Starts that are fitted to the function patterns; the best of them goes on.
_FITTED, _GROWN = 4, 2
# With a worse match of finder patterns, or agreement with all function patterns, there is no symbol.
_LEAST_MATCH, _LEAST_SCORE = 0.45, 0.5
# The least that must be seen of the finder patterns once they are fitted, and how much less than the best.
_LEAST_SEEN, _SEEN_GAP = 0.35, 0.25
# A match of finder patterns that is no chance, whatever became of the timing patterns.
_BLURRED_MATCH = 0.65
# Likeness to a symbol without which nothing more is tried: chance gives 0.4 to 0.7. The least of a symbol
# of the BoofCV set that was read in any way was 1.06.
_PROMISING = 0.8
# Where modules are surer than this, there is no blur to take off. Those that it was taken off of had 0.7;
# blur that hides the timing patterns from `formats.measure_likeness` leaves 0.65.
_SHARP = 0.8
# Mean difference in gray levels under which two looks are one.
_SAME_PIXELS = 2.0
# Larger symbols have too many modules for a blind estimate to move any of them.
_BLIND_SIZE = 80
# Looks that come before the first deconvolution.
_SHARPEN_AFTER = 3


@dataclass(frozen=True, slots=True, eq=False)
class GridReading:
    """A symbol that was read by its grid.

    Parameters
    ----------
    decoded : Decoded
        What it says and why that is believed.
    mesh : ndarray, shape (N + 1, N + 1, 2)
        Corners (x, y) of its modules in the source picture, in its own rows and columns.
    mirrored : bool
        Whether the picture shows it mirrored.
    """

    decoded: Decoded
    mesh: NDArray[np.float64]
    mirrored: bool

    @property
    def quad(self) -> Quad:
        """Its outline, its own top-left first."""
        return Quad.of(np.array([self.mesh[0, 0], self.mesh[0, -1], self.mesh[-1, -1], self.mesh[-1, 0]]))


Stage = tuple[str, Callable[[], "GridReading | None"]]
"""A name, and what does the work."""


class Stages(Iterator[Stage]):
    """The stages of one region, as `stages` gives them, and what it knows after each.

    Attributes
    ----------
    compared : set of str
        The texts that `verify` was given.
    """

    def __init__(self, frame: Frame, quad: Quad) -> None:
        self._region = _Region(frame, quad)
        self._stages = _stages(self._region)
        self.compared: set[str] = set()

    def __next__(self) -> Stage:
        return next(self._stages)

    def verify(self, text: str) -> GridReading | None:
        """Compare what another engine read there with the grid that was fitted last.

        None where no grid was fitted, or it does not bear the text out; see `qrcascade.grid.verify`.
        """
        self.compared.add(text)
        return self._region.verified(text)


def stages(frame: Frame, quad: Quad) -> Stages:
    """Ways to read one region, ever dearer; each is to be run before the next is asked for.

    Parameters
    ----------
    frame : Frame
        The picture.
    quad : Quad
        About where the symbol is, in the frame's pixels: corners up to 6 % of the side off.

    Yields
    ------
    name : str
        What is tried.
    run : callable
        Tries it, and gives what was read, or None. Nothing follows a reading, or a region without a symbol.
    """
    return Stages(frame, quad)


def _stages(region: _Region) -> Iterator[Stage]:
    for look in LOOKS:
        # The first one always does. Locating is part of its work: it is timed, and its errors are told.
        if look is not LOOKS[0] and not region.shows_more(look):
            continue
        yield f"fit {look.name}", functools.partial(region.fitted, look)
        if region.reading is not None or not region.promising:
            return
        if region.current is not None:
            yield f"local {look.name}", region.refined
            if region.reading is not None:
                return
        if look is LOOKS[_SHARPEN_AFTER]:
            yield from region.sharpened(1)
            if region.reading is not None:
                return
    yield from region.sharpened(4)


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A fit, where its modules were by the function patterns, and what came of it.

    ``likeness`` is `formats.measure_likeness`, ``sureness`` the mean of how sure the modules are, 0 to 1, and
    ``clear`` whether its finder patterns matched beyond chance.
    """

    fit: Fit
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    likeness: float
    sureness: float
    clear: bool

    @property
    def promising(self) -> bool:
        """Whether there may be a symbol. Blur wipes all out before the finder patterns."""
        return self.likeness >= _PROMISING or (self.clear and self.sureness <= _SHARP)


class _Region:
    """What is learned about one region on the way."""

    def __init__(self, frame: Frame, quad: Quad) -> None:
        self.reading: GridReading | None = None
        self.current: Fit | None = None
        self._frame, self._quad = frame, quad
        self._partial: dict[int, Partial] = {}
        self._fits: list[_Fitted] = []
        self._seen: dict[Look, Pixels] = {}
        self._sharpened: set[int] = set()
        self._spent = 0

    @property
    def promising(self) -> bool:
        """Whether anything seen so far may be a symbol."""
        return any(fitted.promising for fitted in self._fits)

    def shows_more(self, look: Look) -> bool:
        """Whether a look shows what those before it did not: of a gray picture all channels are one."""
        pixels = look.pixels(self._located[0])
        for other, seen in self._seen.items():
            if other.corner == look.corner and float(np.abs(pixels - seen).mean()) < _SAME_PIXELS:
                return False
        self._seen[look] = pixels
        return True

    @functools.cached_property
    def _located(self) -> tuple[Canvas, list[Start]]:
        return recentred(self._frame, self._quad)

    def fitted(self, look: Look) -> GridReading | None:
        """Fit the most promising starts to the function patterns, the best one to the data, and decode."""
        clear = self._grow(look)
        fit = self.current
        if fit is None:
            return None
        x, y = fit.x, fit.y
        fit.by_data()
        soft, version = centred(fit), fit.layout.version
        likeness = max(measure_likeness(seen, version) for seen in (soft, soft.T))
        sureness = float(np.abs(np.clip(soft, -1, 1)).mean())
        fitted = _Fitted(fit, x, y, likeness, sureness, clear)
        self._fits.append(fitted)
        return self._read(fit, soft) if fitted.promising else None

    def _grow(self, look: Look) -> bool:
        """Fit the starts of a look to the function patterns, the best is current; whether they are clear."""
        canvas, found = self._located
        if look not in self._seen:
            self._seen[look] = look.pixels(canvas)
        pixels = self._seen[look]
        if look.pixels is not gray:
            found = starts(canvas, pixels, around(*(start.version for start in found[:_FITTED])))
        clear = bool(found) and found[0].score >= _BLURRED_MATCH
        found = [start for start in found[:_FITTED] if start.score >= _LEAST_MATCH]
        fits = [Fit(canvas, pixels, start, corner=look.corner) for start in found]
        seen = [fit.by_finders() for fit in fits]
        least = max([_LEAST_SEEN, *(share - _SEEN_GAP for share in seen)])
        fits = [fit for fit, share in zip(fits, seen, strict=True) if share >= least]
        for fit in fits:
            fit.by_timing()
        fits = sorted(fits, key=lambda fit: -fit.score)[:_GROWN]
        fits = fits if clear else [fit for fit in fits if fit.score >= _LEAST_SCORE]
        for fit in fits:
            fit.outwards()
        self.current = max(fits, key=lambda fit: fit.score, default=None)
        return clear

    def refined(self) -> GridReading | None:
        """Fit the current grid locally, and decode again."""
        fit = self.current
        if fit is None:
            return None
        fit.locally()
        partial = self._partial.get(fit.layout.version)
        if self._read(fit, centred(fit)) is None and partial is not None:
            patterns, fit.known = fit.known, _with(partial, fit.known)
            fit.locally((3.0, 2.0))
            self._decoded(fit, cancelled(fit), partial)
            fit.known = patterns
        return self.reading

    def _read(self, fit: Fit, soft: Pixels) -> GridReading | None:
        if not self._decoded(fit, soft):
            self._decoded(fit, cancelled(fit))
        return self.reading

    def sharpened(self, count: int) -> Iterator[Stage]:
        """Deconvolve the most promising fits, each as it was by the function patterns."""
        for fitted in sorted(self._fits, key=lambda f: -f.fit.score)[:count]:
            fit, x, y = fitted.fit, fitted.x, fitted.y
            if id(fit) in self._sharpened or fitted.sureness > _SHARP:
                continue
            self._sharpened.add(id(fit))
            fit.x, fit.y = x, y
            bank = deblur.blurs(fit)
            for blur in bank[:2]:
                yield f"deblur {blur.name}", functools.partial(self._deblur, fit, x, y, blur)
                if self.reading is not None:
                    return
            for highpass in (2.0, 1.2):
                run = functools.partial(self._deblur, fit, x, y, bank[0], highpass)
                yield f"deblur {bank[0].name} highpass {highpass:g}", run
                if self.reading is not None:
                    return

    def _deblur(
        self, fit: Fit, x: NDArray[np.float64], y: NDArray[np.float64], blur: Blur, highpass: float = 0.0
    ) -> GridReading | None:
        fit.x, fit.y = x, y
        soft, modules = deblur.deconvolved(fit, blur, highpass=highpass)
        self._decoded(fit, soft)
        if fit.size < _BLIND_SIZE and not highpass:
            for _ in range(2):
                if self.reading is not None:
                    break
                blur = deblur.blind(fit, blur, modules)
                soft, modules = deblur.deconvolved(fit, blur, modules=modules, rounds=3)
                self._decoded(fit, soft)
        return self.reading

    def verified(self, text: str) -> GridReading | None:
        """Compare a text with the current grid's soft bits."""
        fit = self.current
        if fit is None:
            return None
        version = fit.layout.version
        for soft in (centred, cancelled):
            turned, mirrored = turn_upright(soft(fit), version)
            self._spent += 1
            found = verify.verify_text(turned, version, text, hypotheses=self._spent * (self._spent + 1))
            if found is not None:
                self.reading = GridReading(found, self._mesh(fit, mirrored), mirrored)
                return self.reading
        return None

    def _decoded(self, fit: Fit, soft: Pixels, before: Partial | None = None) -> bool:
        """Decode soft bits, also of the mirror image where its format information fits better."""
        version = fit.layout.version
        turned, mirrored = turn_upright(soft, version)
        self._spent += 1
        found = codewords.decode(turned, version, hypotheses=self._spent * (self._spent + 1), before=before)
        if isinstance(found, Decoded):
            self.reading = GridReading(found, self._mesh(fit, mirrored), mirrored)
            return True
        if isinstance(found, Partial) and not mirrored:
            known = self._partial.get(version)
            if known is None or found.blocks > known.blocks:
                self._partial[version] = found
        return False

    def _mesh(self, fit: Fit, mirrored: bool) -> NDArray[np.float64]:
        canvas = self._located[0]
        mesh = fit.mesh()
        if mirrored:
            mesh = mesh.transpose(1, 0, 2)
        scale = len(fit.sheet) / len(canvas.gray)
        points = np.dstack([(mesh + 0.5) / scale - 0.5, np.ones(mesh.shape[:2])])
        points = points @ canvas.frame.to_source.T
        return np.asarray(points[..., :2] / points[..., 2:])


def _with(partial: Partial, known: Pixels) -> Pixels:
    """What is known to a fit, and what was decoded."""
    known = known.copy()
    inner = known[QUIET:-QUIET, QUIET:-QUIET]
    inner[partial.modules != 0] = partial.modules[partial.modules != 0]
    return known

"""One region: from a rough outline to a payload, cheapest way first.

The ways are stages. Each yields when it is done, so that whoever asks can stop: first the fit by polynomials,
which reads most, then the local fit, then other looks of the same pixels (clipped highlights, light taken off,
colour channels), and at last deconvolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.frame import Frame
from qrcascade.grid import codewords, deblur
from qrcascade.grid.codewords import Decoded, Partial
from qrcascade.grid.fit import QUIET, Fit
from qrcascade.grid.locate import Canvas, Pixels, starts
from qrcascade.grid.soft import cancelled, centred
from qrcascade.results import Quad
from qrcascade.views import opencv

__all__ = ["GridReading", "stages"]

# Every region is charged for so many readings, and never given more.
READINGS = 256
# Starts that are fitted to the function patterns; the best of them goes on.
_FITTED, _GROWN = 4, 2
# Under this agreement with the function patterns there is no symbol, or not this one.
_LEAST_SCORE = 0.35
_SHARP_ENOUGH = 0.5


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


@dataclass(frozen=True, slots=True)
class _Look:
    """Pixels of the canvas to fit to, and where to begin."""

    name: str
    pixels: Callable[[Canvas], Pixels]
    corner: bool = False


def stages(frame: Frame, quad: Quad) -> Iterator[tuple[str, GridReading | None]]:
    """Read a region in ever dearer ways.

    Parameters
    ----------
    frame : Frame
        The picture.
    quad : Quad
        About where the symbol is, in the frame's pixels.

    Yields
    ------
    name : str
        What was tried.
    reading : GridReading or None
        The first one that is not None is the last.
    """
    region = _Region(Canvas.of(frame, quad))
    for look in _LOOKS:
        fit = region.fit(look)
        yield f"fit {look.name}", region.read(fit, local=False)
        if region.reading is not None:
            return
        if fit is None:
            if look is _LOOKS[0]:
                return
            continue
        yield f"local {look.name}", region.read(fit, local=True)
        if region.reading is not None:
            return
    for fit in region.best_fits(4):
        for name, reading in region.deblurred(fit):
            yield name, reading
            if reading is not None:
                return


class _Region:
    """What is learned about one region on the way."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.reading: GridReading | None = None
        self._partial: dict[int, Partial] = {}
        self._fits: list[tuple[Fit, NDArray[np.float64], NDArray[np.float64]]] = []
        self._spent = 0

    def fit(self, look: _Look) -> Fit | None:
        """The start that agrees best with the function patterns, fitted to them."""
        pixels = look.pixels(self.canvas)
        found = starts(self.canvas, pixels)[:_FITTED]
        fits = [Fit(self.canvas, pixels, start, corner=look.corner) for start in found]
        for fit in fits:
            fit.by_patterns()
        fits = sorted(fits, key=lambda fit: -fit.score)[:_GROWN]
        for fit in fits:
            fit.outwards()
        best = max(fits, key=lambda fit: fit.score, default=None)
        if best is None or best.score < _LEAST_SCORE:
            return None
        self._fits.append((best, best.x, best.y))
        return best

    def best_fits(self, count: int) -> Iterator[Fit]:
        """The most promising fits again, as they were by the function patterns."""
        for fit, x, y in sorted(self._fits, key=lambda f: -f[0].score)[:count]:
            fit.x, fit.y = x, y
            yield fit

    def read(self, fit: Fit | None, *, local: bool) -> GridReading | None:
        """Refine a fit, by polynomials or locally, and decode it."""
        if fit is None:
            return None
        if local:
            fit.locally()
        else:
            fit.by_data()
        for soft in (centred, cancelled):
            if self._decoded(fit, soft(fit)):
                return self.reading
        partial = self._partial.get(fit.layout.version)
        if local and partial is not None:
            with_known(fit, partial)
            fit.locally((3.0, 2.0))
            self._decoded(fit, cancelled(fit))
        return self.reading

    def deblurred(self, fit: Fit) -> Iterator[tuple[str, GridReading | None]]:
        """Deconvolve with the blurs that explain the finder patterns best."""
        x, y = fit.x, fit.y
        bank = deblur.blurs(fit)
        for blur in bank[:2]:
            fit.x, fit.y = x, y
            soft, modules = deblur.deconvolved(fit, blur)
            self._decoded(fit, soft)
            yield f"deblur {blur.name}", self.reading
            if fit.size < 80:
                for _ in range(2):
                    blur = deblur.blind(fit, blur, modules)
                    soft, modules = deblur.deconvolved(fit, blur, modules=modules, rounds=3)
                    self._decoded(fit, soft)
                    yield f"deblur {blur.name}", self.reading
        for highpass in (2.0, 1.2):
            fit.x, fit.y = x, y
            soft, modules = deblur.deconvolved(fit, bank[0], highpass=highpass)
            self._decoded(fit, soft)
            yield f"deblur {bank[0].name} highpass", self.reading

    def _decoded(self, fit: Fit, soft: Pixels) -> bool:
        """Decode soft bits, also of the mirror image where its format information fits better."""
        version = fit.layout.version
        mirrored = codewords.format_score(soft.T, version) > codewords.format_score(soft, version) + 0.1
        if self._spent >= READINGS:
            return False
        self._spent += 1
        found = codewords.decode(soft.T if mirrored else soft, version, hypotheses=READINGS)
        if isinstance(found, Decoded):
            self.reading = GridReading(found, self._mesh(fit, mirrored), mirrored)
            return True
        if isinstance(found, Partial) and not mirrored:
            known = self._partial.get(version)
            if known is None or found.blocks > known.blocks:
                self._partial[version] = found
        return False

    def _mesh(self, fit: Fit, mirrored: bool) -> NDArray[np.float64]:
        mesh = fit.mesh()
        if mirrored:
            mesh = mesh.transpose(1, 0, 2)
        scale = len(fit.sheet) / self.canvas.frame.size[0]
        points = np.dstack([(mesh + 0.5) / scale - 0.5, np.ones(mesh.shape[:2])])
        points = points @ self.canvas.frame.to_source.T
        return np.asarray(points[..., :2] / points[..., 2:])


def with_known(fit: Fit, partial: Partial) -> None:
    """Take what was decoded as known to the fit."""
    inner = fit.known[QUIET:-QUIET, QUIET:-QUIET]
    inner[partial.modules != 0] = partial.modules[partial.modules != 0]


def _gray(canvas: Canvas) -> Pixels:
    return canvas.frame.gray.astype(np.float32)


def _clipped(pixels: Callable[[Canvas], Pixels]) -> Callable[[Canvas], Pixels]:
    """Highlights cut off a little above paper white: glare counts as light, and bends nothing."""

    def clip(canvas: Canvas) -> Pixels:
        whole = pixels(canvas)
        first = round(canvas.origin)
        inner = whole[first : first + canvas.side, first : first + canvas.side]
        paper = inner[inner < 240]
        if paper.size < 0.3 * inner.size:
            return whole
        return np.minimum(whole, np.percentile(paper, 97) * 1.1 + 3)

    return clip


def _without_light(share: float) -> Callable[[Canvas], Pixels]:
    """Only what changes within a share of the side, at the same contrast everywhere."""

    def even(canvas: Canvas) -> Pixels:
        cv2 = opencv()
        sigma = canvas.side * share
        gray = _gray(canvas)
        detail = gray - cv2.GaussianBlur(gray, (0, 0), sigma)
        contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * sigma))
        contrast = np.maximum(contrast, max(0.25 * float(np.median(contrast)), 1e-3))
        return np.clip(128 + 50 * detail / contrast, 0, 255).astype(np.float32)

    return even


def _channel(of: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Callable[[Canvas], Pixels]:
    return lambda canvas: of(canvas.frame.color).astype(np.float32)


_LOOKS = (
    _Look("gray", _gray),
    _Look("clipped", _clipped(_gray)),
    _Look("corner", _gray, corner=True),
    _Look("detail", _without_light(1 / 33)),
    _Look("wide detail", _without_light(1 / 22), corner=True),
    _Look("red", _clipped(_channel(lambda c: c[:, :, 0]))),
    _Look("lightest", _clipped(_channel(lambda c: c.max(axis=2)))),
    _Look("green", _clipped(_channel(lambda c: c[:, :, 1])), corner=True),
    _Look("blue", _clipped(_channel(lambda c: c[:, :, 2])), corner=True),
    _Look("darkest", _clipped(_channel(lambda c: c.min(axis=2)))),
)

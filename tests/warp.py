"""Symbols on paper that is not flat: drawn through an analytic map, so that every module's place is known.

A map goes from the picture to the symbol, both in sides of the symbol with its middle at (0, 0). It is the
identity and a displacement that changes slower than its place, so that iterating gives the way back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray
from qrcascade.reading.executor import perform
from qrcascade.reading.steps import Context
from qrcascade.strategies.classical import SCHEDULE, parse_step
from qrcascade.strategies.regions import REGION_LOOKS, look_at_region
from qrcascade.symbology.layout import layout
from tests import draw

Points = NDArray[np.float64]
Kernel = NDArray[np.float64]
Displacement = Callable[[Points], Points]

QUIET = 4
# Pixels of the drawing to a module, and of the picture to one of its pixels before averaging.
_DRAWN, _FINER = 12, 2
# Sides of the symbol that the picture shows.
_SHOWN = 1.7


def flat(at: Points) -> Points:
    """No displacement."""
    return np.zeros_like(at)


def tilted(at: Points) -> Points:
    """A homography."""
    x, y = np.moveaxis(at, -1, 0)
    seen: Points = at / (1 + 0.22 * x - 0.13 * y)[..., None]
    return seen - at


def cylinder(at: Points) -> Points:
    """Round a can as wide as one and a half symbols."""
    x = at[..., 0]
    around = 0.75 * np.arcsin(np.clip(x / 0.75, -0.99, 0.99))
    return np.stack([around - x, 0.12 * x * x - 0.02], axis=-1)


def bend(at: Points) -> Points:
    """Quadratic in both directions."""
    x, y = np.moveaxis(at, -1, 0)
    return np.stack([0.1 * y * y + 0.05 * x * y, 0.08 * x * x - 0.06 * x * y], axis=-1)


def crumple(at: Points, seed: int = 7, depth: float = 0.006) -> Points:
    """Waves of different directions; seven of them, each up to a share of the side deep."""
    random = np.random.default_rng(seed)
    moved = np.zeros_like(at)
    for _ in range(7):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        length = random.uniform(0.6, 1.4)
        way = at @ np.array([np.cos(angle), np.sin(angle)])
        push = random.uniform(-depth, depth, 2)
        moved += np.sin(2 * np.pi * way / length + phase)[..., None] * push
    return moved


@dataclass(frozen=True)
class Warped:
    """A picture of a symbol.

    Parameters
    ----------
    gray : ndarray of uint8
        The picture.
    mesh : ndarray, shape (N + 1, N + 1, 2)
        Corners (x, y) of the modules, in the symbol's own rows and columns.
    modules : ndarray of int8, shape (N, N)
        +1 dark, -1 light.
    version, level : int, str
    """

    gray: Gray
    mesh: Points
    modules: NDArray[np.int8]
    version: int
    level: str

    @property
    def frame(self) -> Frame:
        return Frame(self.gray)

    @property
    def quad(self) -> Quad:
        """The symbol's corners, its own top-left first."""
        return Quad.of(self.mesh[[0, 0, -1, -1], [0, -1, -1, 0]])

    @property
    def module(self) -> float:
        """Pixels."""
        return self.quad.side / len(self.modules)

    def mirrored(self) -> Warped:
        """As in a mirror."""
        mesh = self.mesh * [-1, 1] + [self.gray.shape[1] - 1, 0]
        return replace(self, gray=np.ascontiguousarray(self.gray[:, ::-1]), mesh=mesh)

    def turned(self, quarters: int) -> Warped:
        """Turned clockwise."""
        gray, mesh = self.gray, self.mesh
        for _ in range(quarters):
            mesh = mesh[..., ::-1] * [-1, 1] + [len(gray) - 1, 0]
            gray = np.rot90(gray, -1)
        return replace(self, gray=np.ascontiguousarray(gray), mesh=mesh)

    def jittered(self, share: float, seed: int = 0) -> Quad:
        """The outline with each corner off by a share of the side, each in another direction."""
        angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, 4)
        off = share * self.quad.side * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return Quad.of(np.asarray(self.quad) + off)


def symbol(
    payload: str,
    way: Displacement = flat,
    *,
    module: float = 6.0,
    cover: tuple[slice, slice] | None = None,
    scrambled: bool = False,
    kernel: Kernel | None = None,
    noise: float = 0.0,
    **options: Any,
) -> Warped:
    """Draw a symbol.

    Parameters
    ----------
    payload : str
        What it says.
    way : callable
        The displacement, points (..., 2) to points.
    module : float
        Pixels to a module.
    cover : pair of slices, optional
        Rows and columns of modules that are covered by white.
    scrambled : bool
        All modules but the function patterns are random, so that nothing can be read.
    kernel : ndarray, optional
        What blurs the picture, in its pixels; `gaussian` and `motion` make some.
    noise : float
        Standard deviation in gray levels.
    **options
        Of `segno.make`.
    """
    code = draw.made(payload, micro=False, **options)
    dark = np.array([[bool(v) for v in row] for row in code.matrix])
    shown = dark.copy()
    if scrambled:
        free = layout(int(code.version)).pattern == 0
        shown[free] = np.random.default_rng(2).random(free.sum()) < 0.5
    if cover is not None:
        shown[cover] = False
    page = np.kron(np.where(np.pad(shown, QUIET), 20, 235), np.ones((_DRAWN, _DRAWN))).astype(np.uint8)
    gray = _photographed(page, len(dark), way, module)
    if kernel is not None:
        gray = np.asarray(cv2.filter2D(gray, -1, kernel, borderType=cv2.BORDER_REPLICATE))
    gray = gray + np.random.default_rng(1).normal(0, noise, gray.shape)
    at = np.arange(len(dark) + 1) / len(dark) - 0.5
    mesh = _there(np.stack(np.meshgrid(at, at), axis=-1), way)
    side = module * len(dark)
    return Warped(
        gray=np.clip(np.rint(gray), 0, 255).astype(np.uint8),
        mesh=(mesh + _SHOWN / 2) * side - 0.5,
        modules=np.where(dark, 1, -1).astype(np.int8),
        version=int(code.version),
        level=str(code.error),
    )


def _photographed(page: Gray, size: int, way: Displacement, module: float) -> Points:
    """What a camera sees of a page with its quiet zone."""
    side = module * size
    width = round(_SHOWN * side)
    at = (np.arange(width * _FINER) + 0.5) / (_FINER * side) - _SHOWN / 2
    seen = np.stack(np.meshgrid(at, at), axis=-1)
    x, y = np.moveaxis((seen + way(seen) + 0.5) * size * _DRAWN + QUIET * _DRAWN - 0.5, -1, 0)
    fine = cv2.remap(page, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderValue=235)
    return np.asarray(cv2.resize(fine.astype(float), (width, width), interpolation=cv2.INTER_AREA))


def _there(points: Points, way: Displacement) -> Points:
    """Where points of the symbol are in the picture."""
    seen = points
    for _ in range(200):
        seen = points - way(seen)
    assert np.abs(seen + way(seen) - points).max() < 1e-6
    return seen


def gaussian(sigma: float) -> Kernel:
    """A Gaussian of so many pixels."""
    reach = int(4 * sigma) + 1
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel: Kernel = np.outer(line, line) / line.sum() ** 2
    return kernel


def motion(length: float, degrees: float) -> Kernel:
    """A straight motion over so many pixels, counted from right to down."""
    reach = int(length / 2) + 2
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    steps = np.linspace(-length / 2, length / 2, 400)
    x, y = (reach + steps * f(np.radians(degrees)) for f in (np.cos, np.sin))
    for dx in (0, 1):
        for dy in (0, 1):
            left, top = np.floor(x), np.floor(y)
            share = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
            np.add.at(kernel, ((top + dy).astype(int), (left + dx).astype(int)), share)
    whole: Kernel = kernel / kernel.sum()
    return whole


def read_by_engines(gray: Gray, quad: Quad) -> list[str]:
    """The steps of the classical tier, on the picture and on a region, that read something."""
    context = Context(Frame(gray), frozenset({"QRCode"}))
    steps = [*map(parse_step, SCHEDULE), *(look_at_region(*look, quad) for look in REGION_LOOKS)]
    return [str(step) for step in steps if perform(step, context).findings.codes]

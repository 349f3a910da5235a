"""Conditions that get worse evenly: curved and creased paper, blur, paint and glare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks import deformed
from benchmarks.deformed import Bend, Points, Symbol
from benchmarks.symbols import Page, Random
from qrcascade import Quad
from qrcascade.image.frame import Gray

_FOLDS = 3


def _cylinder(random: Random, _: Symbol, curvature: float) -> Bend:
    """Wrap it round a cylinder whose axis passes behind the middle, upright or turned."""
    angle = random.choice([0.0, random.uniform(-np.pi / 2, np.pi / 2)])
    across, along = np.cos(angle), np.sin(angle)

    def bend(x: Points, y: Points) -> tuple[Points, Points]:
        seen, height = across * x + along * y, across * y - along * x
        flat = np.arcsin(np.clip(seen * curvature, -1, 1)) / curvature
        return across * flat - along * height, along * flat + across * height

    return bend


def _crumple(random: Random, made: Symbol, modules: float) -> Bend:
    """Fold along random lines, so that no point is off by more than this from the plane that fits best."""
    angles = random.uniform(0, 2 * np.pi, _FOLDS)
    offsets = random.uniform(-0.35, 0.35, _FOLDS)
    pushes = random.normal(0, 1, (_FOLDS, 2))

    def folded(x: Points, y: Points) -> Points:
        away = np.abs(x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles) - offsets)
        return np.asarray(away @ pushes)

    def flat(x: Points, y: Points) -> Points:
        return np.stack([x, y, np.ones_like(x)], axis=-1)

    u, v = (a.ravel() for a in np.meshgrid(*[np.linspace(-0.5, 0.5, 41)] * 2))
    plane = np.linalg.lstsq(flat(u, v), folded(u, v), rcond=None)[0]
    scale = modules / len(made.modules) / np.hypot(*(folded(u, v) - flat(u, v) @ plane).T).max()

    def bend(x: Points, y: Points) -> tuple[Points, Points]:
        dx, dy = np.moveaxis(scale * (folded(x, y) - flat(x, y) @ plane), -1, 0)
        return x + dx, y + dy

    return bend


def _blur(_: Random, page: Page, _quad: Quad, module: float, sigma: float) -> Page:
    return deformed.blurred(page, sigma * module)


def _move(random: Random, page: Page, _quad: Quad, module: float, modules: float) -> Page:
    """Move along a random line this many modules long while the shutter is open."""
    length, angle = modules * module, random.uniform(0, np.pi)
    way = np.linspace(-length / 2, length / 2, 501)
    half = int(length / 2) + 1
    edges = np.arange(-half, half + 2) - 0.5
    kernel = np.histogram2d(way * np.sin(angle), way * np.cos(angle), bins=[edges, edges])[0]
    return np.asarray(cv2.filter2D(page, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def _shine(random: Random, page: Page, quad: Quad, _module: float, share: float) -> Page:
    """Shine a light on the symbol that saturates within this share of its side."""
    x, y = np.array(quad.center) + random.uniform(-0.25, 0.25, 2) * quad.side
    rows, columns = np.mgrid[: page.shape[0], : page.shape[1]]
    away = np.hypot(columns - x, rows - y) / max(share * quad.side, 1e-3)
    # 255 levels at the radius, and a halo that is gone at twice as much.
    light: Page = (page + 255 * np.exp(2 - 2 * np.minimum(away, 20) ** 2)).astype(np.float32)
    return light


@dataclass(frozen=True, slots=True)
class Condition:
    """What is made worse, evenly from the least amount at severity 0 to the most at severity 1.

    ``unit`` is what the amount is. It changes one of three: the ``bend`` of the paper, the ``art`` of the
    symbol, or ``after``, the picture, given where the symbol is and the pixels to a module. A symbol without
    ``level`` has one at random.
    """

    unit: str
    least: float
    most: float
    level: str = ""
    bend: Callable[[Random, Symbol, float], Bend] | None = None
    art: Callable[[Random, Symbol, float], Page] | None = None
    after: Callable[[Random, Page, Quad, float, float], Page] | None = None

    def amount(self, severity: float) -> float:
        """Return the amount at a severity."""
        return self.least + severity * (self.most - self.least)

    def __call__(self, random: Random, severity: float) -> tuple[Gray, bytes]:
        """Return a picture, of 4 to 6 pixels a module, and its payload."""
        made, amount = deformed.symbol(random, level=self.level), self.amount(severity)
        bend = self.bend and self.bend(random, made, amount)
        art = self.art(random, made, amount) if self.art else deformed.drawn(made.modules)
        module = random.uniform(4, 6)
        page, quad = deformed.shot(random, art, made.border, module * len(made.modules), bend=bend)
        if self.after:
            page = self.after(random, page, quad, module, amount)
        return deformed.finished(random, page, 3.0), made.payload


CONDITIONS: dict[str, Condition] = {
    "cylinder": Condition("side of the symbol / radius of the cylinder", 1 / 3, 2.0, bend=_cylinder),
    "crumple": Condition("modules off the best plane, at most", 0.0, 2.0, bend=_crumple),
    "blur": Condition("sigma, modules", 0.0, 1.4, after=_blur),
    "motion": Condition("length, modules", 0.0, 2.5, after=_move),
    "covered H": Condition("share covered, level H", 0.0, 0.3, "H", art=deformed.covered),
    "covered L": Condition("share covered, level L", 0.0, 0.08, "L", art=deformed.covered),
    "glare": Condition("radius of the white spot / side", 0.0, 0.35, after=_shine),
}


def picture(condition: str, severity: float, seed: int) -> tuple[Gray, bytes]:
    """Draw a condition at a severity; a seed has the same symbol and view at every severity."""
    return CONDITIONS[condition](np.random.default_rng([seed, *condition.encode()]), severity)

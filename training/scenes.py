"""Draw scenes: symbols on print, photographs and plain grounds, as a camera or scanner sees them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.damage import damage, show_on_screen
from training.decoys import draw_decoy
from training.print import print_on
from training.sheets import choose_levels, draw_grid, draw_other, draw_sheet, draw_single
from training.stock import Stock
from training.values import Gray, Labels, Rng, Sheet, chance, log_uniform
from training.warps import choose_view, crumple, curl, paste

#: Rows and columns of a scene.
SIDE = 512
_SMALLEST, _LARGEST = 12.0, 480.0
_TOUCH = 0.02  # of the smaller one's area: outlines overlap no more


@dataclass(frozen=True)
class Scene:
    """A picture and its symbols."""

    picture: NDArray[np.uint8]
    labels: Labels


def draw_scene(seed: int, stock: Stock) -> Scene:
    """Draw the scene of this seed, the same wherever the stock is the same."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(
        ["one", "some", "sheet", "grid", "empty", "decoys"], p=[0.3, 0.12, 0.2, 0.16, 0.08, 0.14]
    )
    canvas = draw_ground(rng, stock)
    sheets = _draw_sheets(rng, stock, str(kind))
    parts: list[Labels] = []
    for sheet, size in sheets:
        placed = _place(rng, canvas, sheet, size, parts)
        if placed is not None:
            parts.append(placed)
    picture, labels = canvas, Labels.join(parts)
    if chance(rng, 0.22):
        picture, labels = crumple(rng, picture, labels)
    quantized, labels = damage(rng, picture, labels)
    return Scene(quantized, labels)


def draw_ground(rng: Rng, stock: Stock) -> Gray:
    """Draw what lies below: a photograph, print, a plain level, a gradient, or a texture."""
    kind = rng.choice(["photograph", "print", "plain", "gradient", "texture"], p=[0.5, 0.22, 0.12, 0.06, 0.1])
    if kind == "photograph":
        return stock.crop_photograph(rng, SIDE, SIDE)
    if kind == "print":
        return print_on(rng, stock.crop_page(rng, SIDE, SIDE))
    if kind == "plain":
        return np.full((SIDE, SIDE), float(rng.choice([255, 0, rng.uniform(0, 255)])), np.float32)
    if kind == "texture":
        low, high = sorted(choose_levels(rng))
        return np.asarray(low + (high - low) * draw_decoy(rng, stock, SIDE, SIDE), np.float32)
    knots = rng.uniform(0, 255, (int(rng.integers(2, 6)),) * 2).astype(np.float32)
    return np.asarray(cv2.resize(knots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


def _draw_sheets(rng: Rng, stock: Stock, kind: str) -> list[tuple[Sheet, float]]:
    """Draw flat things; return with each how many pixels of the picture its longer side takes."""
    if kind == "one":
        return _draw_singles(rng, stock, 1, _LARGEST)
    if kind == "some":
        return _draw_singles(rng, stock, int(rng.integers(2, 12)), 200.0)
    if kind == "grid":
        return [_draw_rows(rng)]
    if kind == "empty":
        return []
    if kind == "decoys":
        sizes = [log_uniform(rng, 20, 400) for _ in range(int(rng.integers(1, 7)))]
        return [(draw_other(rng, stock, int(size)), size) for size in sizes]
    return [_draw_page(rng, stock)]


def _draw_singles(rng: Rng, stock: Stock, count: int, largest: float) -> list[tuple[Sheet, float]]:
    found = []
    for _ in range(count):
        side = log_uniform(rng, _SMALLEST * (2 if count == 1 else 1), largest)
        if count == 1 and chance(rng, 0.4):
            side = float(rng.uniform(0.2, 1) * largest)
        sheet = draw_single(rng, stock, max(20, int(side * 1.1)))
        if chance(rng, 0.1):
            sheet = Sheet(show_on_screen(rng, sheet.levels), sheet.cover, sheet.labels)
        found.append((sheet, side * max(sheet.levels.shape) / max(20, int(side * 1.1))))
    if chance(rng, 0.3):
        size = log_uniform(rng, 30, 250)
        found.insert(0, (draw_other(rng, stock, int(size)), size))
    return found


def _draw_rows(rng: Rng) -> tuple[Sheet, float]:
    """Draw symbols in rows: from two beside each other to hundreds."""
    most = int(rng.choice([3, 6, 12, 24]))
    rows, columns = (int(number) for number in rng.integers(1, most + 1, 2))
    size = float(rng.uniform(0.4, 1.25)) * SIDE
    side = max(int(_SMALLEST), int(size / max(rows, columns, 2)))
    rows, columns = min(rows, int(size // side) + 1), min(columns, int(size // side) + 1)
    sheet = draw_grid(rng, rows, columns, side)
    return sheet, float(min(max(sheet.levels.shape), 1.25 * SIDE))


def _draw_page(rng: Rng, stock: Stock) -> tuple[Sheet, float]:
    """Draw a page, label or screen; a symbol on it takes from a fortieth to most of its width."""
    size = float(rng.uniform(0.4, 1.3)) * SIDE
    width, height = int(size * rng.uniform(0.5, 1)), int(size)
    if chance(rng, 0.4):
        width, height = height, width
    symbols = int(rng.choice([0, 1, 2, 4, 10], p=[0.12, 0.5, 0.18, 0.12, 0.08]))
    largest = max(_SMALLEST + 2, 0.6 * min(width, height) / max(1.0, symbols**0.5))
    sheet = draw_sheet(rng, stock, width, height, symbols, (_SMALLEST + 1, largest))
    if chance(rng, 0.2):
        sheet = Sheet(show_on_screen(rng, sheet.levels), sheet.cover, sheet.labels)
    return sheet, size


def _place(rng: Rng, canvas: Gray, sheet: Sheet, size: float, parts: list[Labels]) -> Labels | None:
    """Put a sheet where it covers no symbol that is there already."""
    if chance(rng, 0.18):
        sheet = curl(rng, sheet)
    high, wide = sheet.levels.shape
    view = choose_view(rng, wide, high, size)
    half = np.ptp(view, axis=0) / 2
    for _ in range(10):
        over = 0.0 if chance(rng, 0.8) else 0.25
        low, top = half * (1 - over), SIDE - half * (1 - over)
        target = view + rng.uniform(np.minimum(low, top), np.maximum(low, top)).astype(np.float32)
        if not any(_overlaps(target, labels) for labels in parts):
            return paste(canvas, sheet, target)
    return None


def _overlaps(target: NDArray[np.float32], labels: Labels) -> bool:
    hull = np.asarray(cv2.convexHull(target))
    for quad in labels.quads:
        shared = cv2.intersectConvexConvex(hull, np.asarray(cv2.convexHull(quad)))[0]
        if shared > _TOUCH * cv2.contourArea(quad):
            return True
    return False

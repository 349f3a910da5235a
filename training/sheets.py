"""Draw what is flat: a symbol, a label with some, a sheet of hundreds; with print and look-alikes around."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.decoys import draw_decoy
from training.print import print_on
from training.stock import Stock
from training.symbols import choose_matrix, draw_symbol
from training.values import Gray, Labels, Rng, Sheet, chance, log_uniform

_QUIET_ZONES = (0, 1, 2, 4, 4, 4, 6)


def _outline(left: float, top: float, side: float) -> Gray:
    """Return the corners of an upright symbol; the picture's pixel centres are whole numbers."""
    x, y = left - 0.5, top - 0.5
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], np.float32)


def choose_levels(rng: Rng) -> tuple[float, float]:
    """Choose the levels of dark and light modules: mostly plain, some faint, some inverted."""
    dark, light = float(rng.uniform(0, 100)), float(rng.uniform(140, 255))
    if chance(rng, 0.14):
        middle, half = float(rng.uniform(50, 210)), float(rng.uniform(8, 35))
        dark, light = middle - half, middle + half
    return (light, dark) if chance(rng, 0.08) else (dark, light)


def draw_single(rng: Rng, stock: Stock, side: int) -> Sheet:
    """Draw one symbol with its quiet zone; opaque, or of ink alone on whatever is below."""
    matrix = choose_matrix(rng, side)
    picture = stock.crop_photograph(rng, 64, 64)
    light = draw_symbol(rng, matrix, side, picture)
    margin = round(int(rng.choice(_QUIET_ZONES)) * side / len(matrix))
    light = np.pad(light, margin, constant_values=1.0)
    dark, paper = choose_levels(rng)
    levels = (dark + (paper - dark) * light).astype(np.float32)
    cover = np.ones_like(levels)
    if chance(rng, 0.12):
        cover = 1 - light if chance(rng, 0.75) else light
        levels = np.full_like(levels, dark if dark < paper else paper)
    elif chance(rng, 0.1):
        cover *= float(rng.uniform(0.7, 1.0))
    labels = Labels(_outline(margin, margin, side)[None], np.array([len(matrix)], np.int32), np.ones(1, bool))
    return Sheet(levels, cover.astype(np.float32), labels)


def draw_grid(rng: Rng, rows: int, columns: int, side: int) -> Sheet:
    """Draw rows and columns of symbols, touching or apart, most of them alike; some places are empty."""
    gap = int(side * rng.choice([0.0, 0.05, 0.15, 0.3, 0.8])) + int(chance(rng, 0.5))
    step_x, step_y = side + gap, side + (gap if chance(rng, 0.6) else int(side * rng.uniform(0, 0.9)))
    light = np.ones((rows * step_y + 2 * gap, columns * step_x + 2 * gap), np.float32)
    empty = float(rng.choice([0, 0, 0.1, 0.4]))
    alike = chance(rng, 0.5)
    first = choose_matrix(rng, side, 1.0)
    quads, counts = [], []
    for row in range(rows):
        for column in range(columns):
            if chance(rng, empty):
                continue
            matrix = first if alike else choose_matrix(rng, side, 1.0)
            x, y = gap + column * step_x, gap + row * step_y
            light[y : y + side, x : x + side] = _draw_plain(matrix, side)
            if step_y - side > 8:
                _caption(rng, light[y + side + 1 : y + step_y - 1, x : x + side])
            quads.append(_outline(x, y, side))
            counts.append(len(matrix))
    dark, paper = choose_levels(rng)
    levels = (dark + (paper - dark) * light).astype(np.float32)
    labels = Labels(
        np.array(quads, np.float32).reshape(-1, 4, 2), np.array(counts, np.int32), np.ones(len(counts), bool)
    )
    return Sheet(levels, np.ones_like(levels), labels)


def _draw_plain(matrix: NDArray[np.uint8], side: int) -> Gray:
    scale = max(1, -(-side // len(matrix)))
    big = np.kron(1 - matrix.astype(np.float32), np.ones((scale, scale), np.float32))
    return np.asarray(cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _caption(rng: Rng, below: Gray) -> None:
    """Draw a line of marks as high as small print."""
    high, wide = below.shape
    if high < 4 or wide < 4:
        return
    tall = min(high, int(rng.integers(4, 9)))
    marks = rng.random((tall, max(2, wide // 2))) < 0.5
    below[:tall] = np.where(cv2.resize(marks.astype(np.uint8), (wide, tall)) > 0, rng.uniform(0, 0.5), 1.0)


def draw_sheet(
    rng: Rng, stock: Stock, width: int, height: int, symbols: int, side_range: tuple[float, float]
) -> Sheet:
    """Draw a page, label or screen of this size with some symbols, look-alikes and print."""
    levels = _draw_ground(rng, stock, width, height)
    taken: list[tuple[int, int, int, int]] = []
    parts = []
    for number in range(symbols + int(rng.choice([0, 0, 1, 2, 4]))):
        side = int(log_uniform(rng, *side_range))
        piece = draw_single(rng, stock, side) if number < symbols else draw_other(rng, stock, side)
        high, wide = piece.levels.shape
        spot = _find_place(rng, taken, width, height, wide, high)
        if spot is None:
            continue
        x, y = spot
        taken.append((x, y, x + wide, y + high))
        under = levels[y : y + high, x : x + wide]
        under += (piece.levels - under) * piece.cover
        parts.append(piece.labels.moved(piece.labels.quads + np.array([x, y], np.float32)))
    return Sheet(levels, np.ones_like(levels), Labels.join(parts))


def draw_other(rng: Rng, stock: Stock, side: int) -> Sheet:
    """Draw a look-alike about as large as a symbol of this side, sometimes much longer."""
    width, height = side, int(side * rng.uniform(0.4, 1.2))
    light = draw_decoy(rng, stock, max(12, width), max(12, height))
    dark, paper = choose_levels(rng)
    return Sheet((dark + (paper - dark) * light).astype(np.float32), np.ones_like(light), Labels.none())


def _draw_ground(rng: Rng, stock: Stock, width: int, height: int) -> Gray:
    """Draw blank paper, print, or a picture."""
    kind = rng.choice(["blank", "print", "picture"], p=[0.35, 0.5, 0.15])
    if kind == "picture":
        return stock.crop_photograph(rng, width, height)
    if kind == "print":
        return print_on(rng, stock.crop_page(rng, width, height))
    return np.full((height, width), float(rng.uniform(60, 255)), np.float32)


def _find_place(
    rng: Rng, taken: list[tuple[int, int, int, int]], width: int, height: int, wide: int, high: int
) -> tuple[int, int] | None:
    """Find where a piece fits without overlapping the others."""
    if wide > width or high > height:
        return None
    for _ in range(12):
        x, y = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
        if not any(
            x < right and y < low and x + wide > left and y + high > top for left, top, right, low in taken
        ):
            return x, y
    return None

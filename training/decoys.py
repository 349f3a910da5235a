"""Draw what looks like a QR code and is none."""

from __future__ import annotations

import cv2
import numpy as np

from training.stock import Stock
from training.values import Gray, Rng, chance, log_uniform

_KINDS = {
    "other code": 0.3, "finder": 0.11, "modules": 0.15, "chess": 0.07, "halftone": 0.12, "foliage": 0.07,
    "keys": 0.06, "windows": 0.06, "maze": 0.06,
}  # fmt: skip

_RINGS = tuple(tuple(range(outer, 0, -1)) for outer in (2, 3, 5, 7))


def draw_decoy(rng: Rng, stock: Stock, width: int, height: int) -> Gray:
    """Draw a picture without a QR code, in levels from 0 (dark) to 1 (light)."""
    kind = rng.choice(list(_KINDS), p=np.array(list(_KINDS.values())))
    if kind == "other code":
        levels = _draw_code(rng, stock, width, height)
    elif kind == "finder":
        levels = _draw_finder(rng, width, height)
    elif kind in ("keys", "windows"):
        levels = _draw_boxes(rng, width, height, keys=kind == "keys")
    elif kind == "halftone":
        levels = _draw_halftone(rng, stock, width, height)
    elif kind == "foliage":
        levels = _draw_foliage(rng, width, height)
    else:
        levels = _draw_modules(rng, width, height, str(kind))
    return np.asarray(1 - levels if chance(rng, 0.1) else levels, np.float32)


def _fit(levels: Gray, width: int, height: int) -> Gray:
    """Enlarge or shrink to this size, keeping the modules' edges."""
    enlarged = levels.shape[0] < height and levels.shape[1] < width
    kind = cv2.INTER_NEAREST if enlarged else cv2.INTER_AREA
    return np.asarray(cv2.resize(levels, (width, height), interpolation=kind), np.float32)


def _draw_code(rng: Rng, stock: Stock, width: int, height: int) -> Gray:
    code = np.asarray(stock.choose_other(rng) / 255, np.float32)
    high, wide = code.shape
    scale = min(width / wide, height / high)
    fitted = _fit(code, max(8, int(wide * scale)), max(8, int(high * scale)))
    canvas = np.ones((height, width), np.float32)
    canvas[: fitted.shape[0], : fitted.shape[1]] = fitted[:height, :width]
    return canvas


def _draw_finder(rng: Rng, width: int, height: int) -> Gray:
    """Draw one finder pattern, or two, square or round; also targets with more rings."""
    canvas = np.full((height, width), float(rng.choice([1.0, rng.uniform(0.5, 1.0)])), np.float32)
    round_one = chance(rng, 0.4)
    rings = (3.5, 2.5, 1.5) if chance(rng, 0.7) else _RINGS[int(rng.integers(4))]
    for _ in range(int(rng.choice([1, 1, 2]))):
        module = min(width, height) / float(rng.uniform(8, 20))
        centre = int(rng.uniform(0.25, 0.75) * width), int(rng.uniform(0.25, 0.75) * height)
        for number, ring in enumerate(rings):
            level, half = float(number % 2), int(ring * module)
            if round_one:
                cv2.circle(canvas, centre, half, level, -1, cv2.LINE_AA)
            else:
                low, high = (centre[0] - half, centre[1] - half), (centre[0] + half, centre[1] + half)
                cv2.rectangle(canvas, low, high, level, -1)
    return canvas


def _draw_modules(rng: Rng, width: int, height: int, kind: str) -> Gray:
    """Draw chess boards, random modules without finder patterns, and mazes of thick lines."""
    columns = int(log_uniform(rng, 4, min(120, max(5, width / 2))))
    rows = max(3, columns * height // width)
    if kind == "chess":
        y, x = np.mgrid[:rows, :columns]
        cells = ((x + y) % 2).astype(np.float32)
    elif kind == "modules":
        cells = (rng.random((rows, columns)) < rng.uniform(0.25, 0.75)).astype(np.float32)
    else:
        y, x = np.mgrid[:rows, :columns]
        wall = (x % 2 == 0) & (y % 2 == 0) | ((x + y) % 2 == 1) & (rng.random((rows, columns)) < 0.5)
        cells = 1 - wall.astype(np.float32)
    return _fit(cells, width, height)


def _draw_boxes(rng: Rng, width: int, height: int, keys: bool) -> Gray:
    """Draw a keyboard or a front of windows: a grid of boxes with something in each."""
    canvas = np.full((height, width), float(rng.uniform(0.3, 1.0)), np.float32)
    columns = int(rng.integers(3, 14))
    step = max(6, width // columns)
    ratio = 1.0 if keys else float(rng.uniform(0.8, 1.8))
    box, margin = float(rng.uniform(0, 0.6)), max(1, int(step * rng.uniform(0.05, 0.3)))
    for y in range(0, height, max(6, int(step * ratio))):
        for x in range(0, width, step):
            low, high = (x + margin, y + margin), (x + step - margin, y + int(step * ratio) - margin)
            cv2.rectangle(canvas, low, high, box + float(rng.uniform(-0.1, 0.1)), -1)
            if keys:
                marks = (rng.uniform(0.2, 0.8, (3, 2)) * step + [x, y]).astype(np.int32)
                cv2.polylines(canvas, [marks], False, 1.0, max(1, step // 20))
            elif chance(rng, 0.6):
                middle = (low[0] + high[0]) // 2
                cv2.line(canvas, (middle, low[1]), (middle, high[1]), 1 - box, margin)
    return canvas


def _draw_halftone(rng: Rng, stock: Stock, width: int, height: int) -> Gray:
    """Draw a photograph printed in round dots, in the squares of an ordered dither, or in random dots."""
    picture = np.asarray(stock.crop_photograph(rng, width, height) / 255, np.float32)
    if chance(rng, 0.45):
        return _dither(rng, picture)
    period, turn = float(rng.uniform(3, 12)), float(rng.uniform(0, np.pi))
    y, x = np.mgrid[:height, :width].astype(np.float32) * (2 * np.pi / period)
    u, v = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    screen = (np.cos(u) + np.cos(v)) / 4 + 0.5
    return np.asarray(np.clip((picture - screen) * 6 + 0.5, 0, 1), np.float32)


_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 + 1 / 32


def _dither(rng: Rng, picture: Gray) -> Gray:
    """Make a picture black and white by Bayer's threshold matrix or by chance, in dots of 1 to 6 pixels."""
    height, width = picture.shape
    dot = int(rng.integers(1, 7))
    rows, columns = -(-height // dot), -(-width // dot)
    coarse = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    if chance(rng, 0.5):
        screen = np.tile(_BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns]
    else:
        screen = rng.random((rows, columns))
    dots = (coarse > screen).astype(np.float32)
    return np.asarray(cv2.resize(dots, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)


def _draw_foliage(rng: Rng, width: int, height: int) -> Gray:
    """Draw hedges, gravel, crumbs: noise of one grain size, with strong contrast."""
    grain = float(rng.uniform(1, 8))
    small = rng.normal(size=(max(2, int(height / grain)), max(2, int(width / grain)))).astype(np.float32)
    noise = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(noise * rng.uniform(0.3, 2.0) + 0.5, 0, 1), np.float32)

"""Draw QR symbols of every version in the styles that are met."""

from __future__ import annotations

import string
from functools import lru_cache

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from training.values import Gray, Rng, chance, log_uniform

_CHARACTERS = list(string.ascii_letters + string.digits + "/?&=.-")
_LAST_VERSION = 40
_FINDER = 7
#: How many symbols are as dense as their side allows, and how wide their modules are at most, in pixels.
_DENSE, _DENSE_MODULE = 0.16, 2.0


@lru_cache(maxsize=256)
def make_matrix(version: int, variant: int) -> NDArray[np.uint8]:
    """Return the modules (1 dark) of a symbol; the same for the same version and variant."""
    rng = np.random.default_rng([version, variant])
    level, mask = str(rng.choice(list("LMQH"))), int(rng.integers(8))
    characters = max(1, int((17 + 4 * version) ** 2 / 8 * rng.uniform(0.1, 0.8)))
    while True:
        text = "".join(rng.choice(_CHARACTERS, characters))
        try:
            code = segno.make(text, version=version, error=level, mask=mask, micro=False, boost_error=False)
        except segno.DataOverflowError:
            characters = max(1, int(characters * 0.7))
        else:
            return np.array(code.matrix, np.uint8)


def choose_matrix(rng: Rng, side: float, smallest_module: float = 0.8) -> NDArray[np.uint8]:
    """Choose a symbol whose modules are still seen at this side, small versions first as in life."""
    if chance(rng, _DENSE):
        module = log_uniform(rng, smallest_module, _DENSE_MODULE)
        version = max(1, min(_LAST_VERSION, int((side / module - 17) / 4)))
        return make_matrix(version, int(rng.integers(4)))
    highest = rng.choice([3, 6, 10, 20, _LAST_VERSION], p=[0.28, 0.26, 0.2, 0.13, 0.13])
    version = int(rng.integers(1, highest + 1))
    version = max(1, min(version, int((side / smallest_module - 17) / 4)))
    return make_matrix(version, int(rng.integers(24 if version <= 10 else 4)))


def draw_symbol(rng: Rng, matrix: NDArray[np.uint8], side: int, picture: Gray | None = None) -> Gray:
    """Draw a symbol in one of the styles, levels 0 (dark) to 1 (light); `picture` may shine through."""
    if side < _DENSE_MODULE * len(matrix) and chance(rng, 0.4):
        return draw_coarsely(matrix, side, seams=chance(rng, 0.5))
    scale = max(2, min(24, round(1.25 * side / len(matrix))))
    style = rng.choice(["plain", "tiles", "rounded", "spread"], p=[0.62, 0.16, 0.1, 0.12])
    dark: Gray = np.kron(matrix.astype(np.float32), np.ones((scale, scale), np.float32)).astype(np.float32)
    if style == "tiles":
        dark = _tile(rng, matrix, scale, dark)
    elif style == "rounded":
        soft = cv2.GaussianBlur(dark, (0, 0), scale * float(rng.uniform(0.25, 0.45)))
        dark = np.asarray(np.clip((soft - 0.5) * scale + 0.5, 0, 1), np.float32)
    elif style == "spread":
        kernel = np.ones((1 + max(1, scale // 4),) * 2, np.uint8)
        dark = np.asarray((cv2.erode if chance(rng, 0.5) else cv2.dilate)(dark, kernel), np.float32)
    if chance(rng, 0.08):
        _draw_round_finders(rng, dark, scale)
    light = np.asarray(1 - dark, np.float32)
    if chance(rng, 0.1):
        light = _tint(rng, light, picture)
    if chance(rng, 0.16):
        _draw_logo(rng, light, picture)
    if chance(rng, 0.07):
        _erase_parts(rng, light)
    return np.asarray(cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def draw_coarsely(matrix: NDArray[np.uint8], side: int, seams: bool) -> Gray:
    """Draw modules of a pixel or two as renderers do: one by one with seams, or the nearest to each pixel."""
    if not seams:
        nearest = cv2.resize(1 - matrix, (side, side), interpolation=cv2.INTER_NEAREST)
        return np.asarray(nearest, np.float32)
    module = side / len(matrix)
    pixels = np.arange(side)
    light = np.ones((side, side), np.float32)
    shares = []
    for step in range(int(np.ceil(1 / module)) + 1):
        at = (pixels / module).astype(int) + step
        covered = np.minimum((at + 1) * module, pixels + 1) - np.maximum(at * module, pixels)
        # Beyond the last module there is none to cover a pixel, whichever is looked up.
        covered[at >= len(matrix)] = 0
        shares.append((np.minimum(at, len(matrix) - 1), np.clip(covered, 0, 1)))
    for rows, high in shares:
        for columns, wide in shares:
            light *= 1 - matrix[np.ix_(rows, columns)] * high[:, None] * wide
    return light


def _tile(rng: Rng, matrix: NDArray[np.uint8], scale: int, solid: Gray) -> Gray:
    """Draw modules as dots, bars or small squares; the finder patterns often stay solid."""
    y, x = np.abs((np.mgrid[:scale, :scale] + 0.5) / scale - 0.5) * 2
    reach = float(rng.uniform(0.65, 1.0))
    shape = int(rng.integers(4))
    distance = (np.hypot(x, y), np.maximum(x, y), x, x + y - 0.3)[shape]
    tile = np.clip((reach - distance) * scale / 2 + 0.5, 0, 1).astype(np.float32)
    dark = np.kron(matrix.astype(np.float32), tile if chance(rng, 0.5) else tile.T)
    if chance(rng, 0.7):
        size = _FINDER * scale
        for rows, columns in (
            (slice(0, size), slice(0, size)),
            (slice(0, size), slice(-size, None)),
            (slice(-size, None), slice(0, size)),
        ):
            dark[rows, columns] = solid[rows, columns]
    return np.asarray(dark, np.float32)


def _draw_round_finders(rng: Rng, dark: Gray, scale: int) -> None:
    """Put rings where the finder patterns are."""
    size, half = len(dark), _FINDER * scale / 2
    outer = float(rng.uniform(3.2, 3.5))
    for x, y in ((half, half), (size - half, half), (half, size - half)):
        low_x, low_y, length = int(x - half), int(y - half), _FINDER * scale
        dark[low_y : low_y + length, low_x : low_x + length] = 0
        for radius, level in ((outer, 1.0), (outer - 1, 0.0), (1.6, 1.0)):
            cv2.circle(dark, (int(x), int(y)), max(1, int(radius * scale)), level, -1, cv2.LINE_AA)


def _tint(rng: Rng, light: Gray, picture: Gray | None) -> Gray:
    """Lay a gradient of colour over the modules, or a picture behind them."""
    size = len(light)
    if picture is not None and chance(rng, 0.5):
        behind = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) / 255
        share = float(rng.uniform(0.15, 0.45))
        return np.asarray(light * (1 - share) + behind * share, np.float32)
    low, high = np.sort(rng.uniform(0, 0.55, 2))
    ramp = np.linspace(low, high, size, dtype=np.float32)
    floor = ramp[None] if chance(rng, 0.5) else ramp[:, None]
    return np.asarray(floor + (1 - floor) * light, np.float32)


def _erase_parts(rng: Rng, light: Gray) -> None:
    """Cut clean holes: at corners, where finder patterns are, and along edges."""
    size = len(light)
    level = float(rng.choice([1.0, 1.0, 0.0]))
    for _ in range(int(rng.integers(1, 4))):
        wide, high = (max(1, int(size * rng.uniform(0.05, 0.35))) for _ in range(2))
        x, y = (int(rng.choice([0, size - length, int(rng.integers(size))])) for length in (wide, high))
        light[y : y + high, x : x + wide] = level


def _draw_logo(rng: Rng, light: Gray, picture: Gray | None) -> None:
    """Draw something in the middle, a tenth to a third of the side."""
    size = len(light)
    half = int(size * rng.uniform(0.1, 0.32) / 2)
    middle = size // 2
    if half < 2:
        return
    square = light[middle - half : middle + half, middle - half : middle + half]
    square[:] = float(rng.choice([0.0, 1.0, rng.random()]))
    if picture is not None and chance(rng, 0.4):
        square[:] = cv2.resize(picture, square.shape[::-1], interpolation=cv2.INTER_AREA) / 255
    elif chance(rng, 0.7):
        radius = int(half * rng.uniform(0.5, 0.95))
        cv2.circle(light, (middle, middle), radius, float(rng.random()), -1, cv2.LINE_AA)

"""Make several examples of each drawn scene: parts at other scales, turned, lighter, noisier."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.second_look import SYMBOL
from training.damage import are_inside, compress
from training.scenes import Scene
from training.values import Labels, Rng, chance, log_uniform, sides

_LEAST_SHOWN = 0.65
_SMALLEST_SIDE, _SMALLEST_MODULE = 9.0, 0.35
_MOST_ENLARGED = 2.5
#: How many examples are straightened, and how far off that is: a factor, radians, shares of the side.
_STRAIGHT = 0.2
_OFF_SIZE, _OFF_TURN, _OFF_CORNER = 1.35, 0.12, 0.05
_FAINT, _LEAST_SPAN = 0.07, 24
_PADDED, _PAD, _MIDDLE_GRAY = 0.2, 64, 128  # as pictures are padded when they are looked at


def crop(rng: Rng, scene: Scene, side: int) -> tuple[NDArray[np.uint8], Labels]:
    """Cut a part of the scene, `side` x `side` pixels, and its symbols; flip it and turn it by quarters."""
    if scene.labels.counted.any() and chance(rng, _STRAIGHT):
        picture, seen = _straighten(rng, scene, side)
    else:
        picture, seen = _cut(rng, scene, side)
    picture, quads = _turn(rng, picture, seen.quads)
    wide, high = (side - rng.integers(_PAD, size=2) * chance(rng, _PADDED)).tolist()
    labels = _keep_visible(seen.moved(quads), wide, high)
    picture = change_levels(rng, picture)
    picture[:, wide:] = picture[high:] = _MIDDLE_GRAY
    return picture, labels


def _cut(rng: Rng, scene: Scene, side: int) -> tuple[NDArray[np.uint8], Labels]:
    (x, y), window = _choose_window(rng, scene, side)
    scale = side / window
    part = scene.picture[y : y + window, x : x + window]
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(part, (side, side), interpolation=kind), np.uint8)
    return picture, scene.labels.moved(
        (scene.labels.quads - np.array([x, y], np.float32) + 0.5) * scale - 0.5
    )


def _straighten(rng: Rng, scene: Scene, side: int) -> tuple[NDArray[np.uint8], Labels]:
    """Put one symbol nearly upright in the middle, as the second look sees it after a first that was off."""
    labels = scene.labels
    chosen = int(rng.choice(np.flatnonzero(labels.counted)))
    quad = labels.quads[chosen]
    length = SYMBOL * log_uniform(rng, 1 / _OFF_SIZE, _OFF_SIZE)
    square = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - 0.5) * length
    turn = float(rng.normal(0, _OFF_TURN))
    square = square @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = side / 2 + rng.normal(0, _OFF_CORNER * length, 2)
    target = middle + square + rng.normal(0, _OFF_CORNER * length, (4, 2))
    view = cv2.getPerspectiveTransform(quad, target.astype(np.float32))
    shrink = np.sqrt(abs(cv2.contourArea(quad))) / (2 * length)
    source = scene.picture
    if shrink > 1:  # a warp alone would skip pixels
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), 0.6 * shrink), np.uint8)
    picture = cv2.warpPerspective(source, view, (side, side), borderMode=cv2.BORDER_REPLICATE)
    ends = np.concatenate([labels.quads, np.ones_like(labels.quads[..., :1])], -1) @ view.T
    ahead = (ends[..., 2] * np.sign(ends[chosen, 0, 2]) > 0).all(1)
    moved = ends[ahead][..., :2] / ends[ahead][..., 2:]
    return np.asarray(picture, np.uint8), labels.where(ahead).moved(moved)


def _choose_window(rng: Rng, scene: Scene, side: int) -> tuple[tuple[int, int], int]:
    """Choose a square of the scene: anywhere, or where one of the symbols is whole, or just around that."""
    full = scene.picture.shape[0]
    window = log_uniform(rng, 0.75 * side, max(full, 0.8 * side))
    low, high = np.zeros(2), np.full(2, float(full))
    if len(scene.labels.quads) and chance(rng, 0.7):
        quad = scene.labels.quads[int(rng.integers(len(scene.labels.quads)))]
        if chance(rng, 0.45):
            window = max(float(np.ptp(quad, axis=0).max()) / rng.uniform(0.4, 1), side / _MOST_ENLARGED)
        low, high = quad.max(0) - window, quad.min(0)
    size = int(np.clip(window, 64, full))
    first, last = (np.clip(np.rint(end), 0, full - size).astype(int) for end in (low, high))
    x, y = rng.integers(np.minimum(first, last), np.maximum(first, last) + 1).tolist()
    return (x, y), size


def _turn(
    rng: Rng, picture: NDArray[np.uint8], quads: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    last = picture.shape[0] - 1
    if chance(rng, 0.5):
        picture, quads = picture[:, ::-1], np.stack([last - quads[..., 0], quads[..., 1]], -1)
    if chance(rng, 0.5):
        picture, quads = picture[::-1], np.stack([quads[..., 0], last - quads[..., 1]], -1)
    if chance(rng, 0.5):
        picture, quads = picture.T, quads[..., ::-1]
    return np.ascontiguousarray(picture), quads


def _keep_visible(labels: Labels, wide: int, high: int) -> Labels:
    """Leave out what lies outside; what is cut or too small does not count."""
    touching = are_inside(labels.quads, wide, high, 0.02)
    labels = labels.where(touching)
    lengths = sides(labels.quads)
    large = (lengths >= _SMALLEST_SIDE) & (lengths >= _SMALLEST_MODULE * labels.counts)
    return labels.only(large & are_inside(labels.quads, wide, high, _LEAST_SHOWN))


def change_levels(rng: Rng, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Change the curve of gray levels, sharpen, add noise, compress: each now and then."""
    table = np.arange(256.0)
    if chance(rng, 0.5):
        table = 255 * (table / 255) ** log_uniform(rng, 0.5, 2.0)
        table = (table - 128) * float(rng.uniform(0.5, 1.3)) + 128 + float(rng.uniform(-30, 30))
    if chance(rng, 0.05):
        table = 255 - table
    if chance(rng, _FAINT):
        span = log_uniform(rng, _LEAST_SPAN, 120)
        table = np.clip(table, 0, 255) * span / 255 + float(rng.uniform(0, 255 - span))
    changed = np.asarray(cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)), np.uint8)
    if chance(rng, 0.12):
        soft = cv2.GaussianBlur(changed, (0, 0), float(rng.uniform(0.6, 1.6)))
        changed = np.asarray(cv2.addWeighted(changed, 2.0, soft, -1.0, 0), np.uint8)
    if chance(rng, 0.2):
        noise = rng.integers(-8, 9, changed.shape, dtype=np.int16)
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    return compress(changed, int(rng.integers(15, 95))) if chance(rng, 0.1) else changed

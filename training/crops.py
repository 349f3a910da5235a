"""Make several examples of each drawn scene: parts at other scales, turned, lighter, noisier."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.damage import are_inside, compress
from training.scenes import Scene
from training.values import Labels, Rng, chance, log_uniform, sides

_LEAST_SHOWN = 0.65
_SMALLEST_SIDE, _SMALLEST_MODULE = 9.0, 0.5
_PADDED, _PAD, _MIDDLE_GRAY = 0.2, 64, 128  # as pictures are padded when they are looked at


def crop(rng: Rng, scene: Scene, side: int) -> tuple[NDArray[np.uint8], Labels]:
    """A part of the scene as `side` x `side` pixels, and its symbols; flipped and turned by quarters."""
    full = scene.picture.shape[0]
    window = int(np.clip(log_uniform(rng, 0.75 * side, max(full, 0.8 * side)), 64, full))
    x, y = _choose_corner(rng, scene.labels, window, full)
    scale = side / window
    part = scene.picture[y : y + window, x : x + window]
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(part, (side, side), interpolation=kind), np.uint8)
    quads = (scene.labels.quads - np.array([x, y], np.float32) + 0.5) * scale - 0.5
    picture, quads = _turn(rng, picture, quads)
    wide, high = (side - rng.integers(_PAD, size=2) * chance(rng, _PADDED)).tolist()
    labels = _keep_visible(scene.labels.moved(quads), wide, high)
    picture = change_levels(rng, picture)
    picture[:, wide:] = picture[high:] = _MIDDLE_GRAY
    return picture, labels


def _choose_corner(rng: Rng, labels: Labels, window: int, full: int) -> tuple[int, int]:
    """Anywhere, or where one of the symbols is whole."""
    most = full - window
    if len(labels.quads) and chance(rng, 0.6):
        quad = labels.quads[int(rng.integers(len(labels.quads)))]
        low = np.clip(np.ceil(quad.max(0)) - window + 1, 0, most).astype(int)
        high = np.clip(np.floor(quad.min(0)), 0, most).astype(int)
        low, high = np.minimum(low, high), np.maximum(low, high)
        x, y = rng.integers(low, high + 1).tolist()
        return x, y
    return int(rng.integers(most + 1)), int(rng.integers(most + 1))


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
    labels = Labels(labels.quads[touching], labels.counts[touching], labels.counted[touching])
    lengths = sides(labels.quads)
    large = (lengths >= _SMALLEST_SIDE) & (lengths >= _SMALLEST_MODULE * labels.counts)
    return labels.only(large & are_inside(labels.quads, wide, high, _LEAST_SHOWN))


def change_levels(rng: Rng, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Another curve of gray levels, sharpening, noise, compression: each now and then."""
    table = np.arange(256.0)
    if chance(rng, 0.5):
        table = 255 * (table / 255) ** log_uniform(rng, 0.5, 2.0)
        table = (table - 128) * float(rng.uniform(0.5, 1.3)) + 128 + float(rng.uniform(-30, 30))
    if chance(rng, 0.05):
        table = 255 - table
    changed = np.asarray(cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)), np.uint8)
    if chance(rng, 0.12):
        soft = cv2.GaussianBlur(changed, (0, 0), float(rng.uniform(0.6, 1.6)))
        changed = np.asarray(cv2.addWeighted(changed, 2.0, soft, -1.0, 0), np.uint8)
    if chance(rng, 0.2):
        noise = rng.integers(-8, 9, changed.shape, dtype=np.int16)
        changed = np.clip(changed + noise, 0, 255).astype(np.uint8)
    return compress(changed, int(rng.integers(15, 95))) if chance(rng, 0.1) else changed

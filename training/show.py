"""A sheet of scenes with their labels, for the eye."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scenes import Scene, draw_scene
from training.stock import load_stock

_COLUMNS, _ROWS = 6, 4
_COUNTED, _LEFT_OUT = (0, 220, 0), (0, 0, 255)


def show(stock: Path, first: int, path: Path) -> None:
    """Write the scenes of 24 seeds: outlines that count are green, the others red."""
    pictures = load_stock(stock)
    tiles = [_outline(draw_scene(seed, pictures)) for seed in range(first, first + _ROWS * _COLUMNS)]
    rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
    cv2.imwrite(str(path), np.vstack(rows))


def _outline(scene: Scene) -> NDArray[np.uint8]:
    tile = np.asarray(cv2.cvtColor(scene.picture, cv2.COLOR_GRAY2BGR), np.uint8)
    for quad, counted in zip(scene.labels.quads, scene.labels.counted, strict=True):
        corners = np.rint(quad).astype(np.int32)
        cv2.polylines(tile, [corners], True, _COUNTED if counted else _LEFT_OUT)
    return tile

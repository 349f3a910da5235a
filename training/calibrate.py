"""Measure what a score means: of detections in drawn scenes, how many are symbols at this score?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.detections import Network, detect, load_network, shrink
from qrcascade.engines.second_look import FARTHEST, MOST_LOOKS, WORTH_A_LOOK, find, settle, to_logit
from training.evaluate import measure_overlap
from training.scenes import SIDE, Scene, draw_scene
from training.stock import load_stock

#: Seeds that training does not come to.
FIRST_SEED = 1_000_000_000
_LOWEST_SCORE = 0.1
_SAME, _TOUCHING = 0.5, 0.1  # intersection over union
_BINS = 10


def calibrate(model: Path, stock: Path, scenes: int) -> None:
    """Print the weights that `qrcascade.engines.second_look.judge` should have, and what its scores mean."""
    cv2.setNumThreads(1)
    pictures, network = load_stock(stock), load_network(model)
    rows: list[tuple[float, ...]] = []
    pairs: list[tuple[float, float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + scenes):
        scene = draw_scene(seed, pictures)
        rows += look_twice(network, scene, SIDE)
        # As in photographs, where a closer look shows more than the first.
        rows += look_twice(network, scene, SIDE // 2)
        pairs += compare(network, scene)
    *columns, right = np.array(rows).T
    weights = fit_logistic(np.array(columns).T, right)
    print(f"{len(rows)} looks; first, closer, away, constant: {', '.join(f'{w:.2f}' for w in weights)}")
    scores, right = np.array(pairs).T
    print(f"{len(pairs)} detections in {scenes} scenes")
    for low, high, mean, share, count in draw_curve(scores, right):
        print(f"{low:.1f} to {high:.1f}: mean score {mean:.2f}, symbols {share:.2f} of {count}")


def look_twice(network: Network, scene: Scene, look: int) -> Iterator[tuple[float, ...]]:
    """Yield both looks' logits, how far the corners moved, and 1 for a symbol, 0 for none."""
    found = detect(network, *shrink(scene.picture, look), WORTH_A_LOOK)
    for quad, score in zip(found.quads[:MOST_LOOKS], found.scores, strict=False):
        closer = settle(network, scene.picture, quad, float(score))
        right = is_symbol(scene, closer.quad) if closer.score > 0 else None
        if right is not None:
            yield to_logit(float(score)), to_logit(closer.score), min(closer.away, FARTHEST), right


def compare(network: Network, scene: Scene) -> Iterator[tuple[float, float]]:
    """Yield the score of each detection, and 1 where a symbol is there."""
    found = find(network, scene.picture, SIDE, _LOWEST_SCORE)
    for quad, score in zip(found.quads, found.scores, strict=True):
        right = is_symbol(scene, quad)
        if right is not None:
            yield float(score), right


def is_symbol(scene: Scene, quad: NDArray[np.float32]) -> bool | None:
    """Return whether a symbol is there; None at symbols that do not count."""
    labels = scene.labels
    overlaps = np.array([measure_overlap(quad, other) for other in labels.quads])
    if (overlaps[labels.counted] > _SAME).any():
        return True
    return None if (overlaps[~labels.counted] > _TOUCHING).any() else False


def fit_logistic(columns: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit weights (n,) and a constant: those that make the sigmoid the likeliest, by Newton's method."""
    columns = np.column_stack([columns, np.ones(len(columns))])
    weights = np.zeros(columns.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-columns @ weights))
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns
        weights = weights + np.linalg.solve(
            curvature + 1e-6 * np.eye(len(weights)), columns.T @ (right - chance)
        )
    return weights


def draw_curve(
    scores: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[float, float, float, float, int]]:
    """Return, for each tenth of the scores, its ends, the mean score, the share that was right, how many."""
    tenths = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    for tenth in np.unique(tenths):
        here = tenths == tenth
        low, high = tenth / _BINS, (tenth + 1) / _BINS
        yield low, high, float(scores[here].mean()), float(right[here].mean()), int(here.sum())

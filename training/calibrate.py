"""Measure what a score means: of detections in drawn scenes, how many are symbols at this score?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.detections import Network, load_network
from qrcascade.engines.second_look import find
from training.evaluate import measure_overlap
from training.scenes import SIDE, Scene, draw_scene
from training.stock import load_stock

#: Seeds that training does not come to.
FIRST_SEED = 1_000_000_000
_LOWEST_SCORE = 0.1
_SAME, _TOUCHING = 0.5, 0.1  # intersection over union
_BINS = 10


def calibrate(model: Path, stock: Path, scenes: int) -> None:
    """Print the curve, and the slope and shift of the score's logit that would make it straight."""
    cv2.setNumThreads(1)
    pictures, network = load_stock(stock), load_network(model)
    seeds = range(FIRST_SEED, FIRST_SEED + scenes)
    pairs = [pair for seed in seeds for pair in judge(network, draw_scene(seed, pictures))]
    scores, right = np.array(pairs).T
    slope, shift = fit_logistic(np.log(scores / (1 - scores)), right)
    print(f"{len(pairs)} detections in {scenes} scenes; slope {slope:.2f}, shift {shift:.2f}")
    for low, high, mean, share, count in draw_curve(scores, right):
        print(f"{low:.1f} to {high:.1f}: mean score {mean:.2f}, symbols {share:.2f} of {count}")


def judge(network: Network, scene: Scene) -> Iterator[tuple[float, float]]:
    """Score of each detection, and 1 where a symbol is there; none for those at symbols that do not count."""
    found = find(network, scene.picture, SIDE, _LOWEST_SCORE)
    labels = scene.labels
    for quad, score in zip(found.quads, found.scores, strict=True):
        overlaps = np.array([measure_overlap(quad, other) for other in labels.quads])
        right = bool((overlaps[labels.counted] > _SAME).any())
        if right or not (overlaps[~labels.counted] > _TOUCHING).any():
            yield float(np.clip(score, 1e-6, 1 - 1e-6)), float(right)


def fit_logistic(logits: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Fit slope and shift: those that make the sigmoid the likeliest, by Newton's method."""
    columns = np.stack([logits, np.ones_like(logits)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-columns @ weights))
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns
        weights = weights + np.linalg.solve(curvature + 1e-6 * np.eye(2), columns.T @ (right - chance))
    return float(weights[0]), float(weights[1])


def draw_curve(
    scores: NDArray[np.float64], right: NDArray[np.float64]
) -> Iterator[tuple[float, float, float, float, int]]:
    """Return, for each tenth of the scores, its ends, the mean score, the share that was right, how many."""
    tenths = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    for tenth in np.unique(tenths):
        here = tenths == tenth
        low, high = tenth / _BINS, (tenth + 1) / _BINS
        yield low, high, float(scores[here].mean()), float(right[here].mean()), int(here.sum())

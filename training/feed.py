"""Draw batches ahead in a separate process; the same first seed gives the same batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.crops import crop
from training.scenes import Scene, draw_scene
from training.stock import load_stock
from training.targets import make_target

#: Sides of the examples, how many of them make a batch, and how often each comes.
SIZES = ((256, 20, 0.72), (384, 9, 0.2), (640, 4, 0.08))
#: Scenes drawn for a batch: drawing takes longer than training, so each is used up to ten times.
_SCENES_A_BATCH = 2
_KEPT = 600

Batch = tuple[Tensor, list[Tensor]]


class Batches(IterableDataset[Batch]):  # type: ignore[misc]
    """Endless batches, the first of them by its number."""

    def __init__(self, stock: Path, first: int) -> None:
        self.stock = stock
        self.first = first

    def __iter__(self) -> Iterator[Batch]:
        """Draw scenes, keep the latest, cut examples from any of them."""
        cv2.setNumThreads(1)
        stock = load_stock(self.stock)
        kept: list[Scene] = []
        seed, number = self.first * _SCENES_A_BATCH, self.first
        while True:
            rng = np.random.default_rng([number, 7])
            side, count, _ = SIZES[int(rng.choice(len(SIZES), p=[share for _, _, share in SIZES]))]
            for _ in range(_SCENES_A_BATCH if kept else _KEPT // 6):
                kept.append(draw_scene(seed, stock))
                seed += 1
            kept = kept[-_KEPT:]
            picks = [kept[int(rng.integers(len(kept)))] for _ in range(count)]
            yield make_batch(rng, picks, side)
            number += 1


def make_batch(rng: np.random.Generator, scenes: list[Scene], side: int) -> Batch:
    """Cut one example of each scene; return them with the wanted answers."""
    pictures, targets = [], []
    for scene in scenes:
        picture, labels = crop(rng, scene, side)
        pictures.append(picture)
        targets.append(make_target(labels, side))
    stacked = [torch.from_numpy(np.stack(parts)) for parts in zip(*targets, strict=True)]
    return torch.from_numpy(np.stack(pictures)[:, None]), stacked


def feed(stock: Path, first: int) -> Iterator[Batch]:
    """Yield batches from this number on, drawn in another process."""
    load_stock(stock)
    # Not forked: the stock may just have been made here, and a fork of OpenCV's threads never answers.
    return iter(
        DataLoader(
            Batches(stock, first),
            batch_size=None,
            num_workers=1,
            prefetch_factor=16,
            multiprocessing_context="spawn",
        )
    )

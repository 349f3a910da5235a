"""Averaged weights in a small file from which training can go on: convolutions in 16 bits, the rest in 32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def write_weights(weights: dict[str, Tensor], path: Path) -> None:
    """Save a network's weights as arrays, by name."""
    arrays = {name: value.numpy() for name, value in weights.items()}
    np.savez_compressed(
        path,
        **{name: array.astype(np.float16) if array.ndim == 4 else array for name, array in arrays.items()},
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of such a file, in 32 bits."""
    with np.load(path) as arrays:
        return {
            name: torch.from_numpy(arrays[name].astype(np.float32) if arrays[name].ndim else arrays[name])
            for name in arrays.files
        }

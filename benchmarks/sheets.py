"""A sheet with one symbol, and kinds of fault that it may have: each at several severities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import symbols
from benchmarks.symbols import CELL, Page, Random
from qrcascade.image.frame import Gray

# Side of the picture in pixels, samples to a pixel.
SIZE, _OVERSAMPLE = 720, 4


@dataclass
class Sheet:
    """A picture with one symbol near its middle.

    Lengths are in modules, levels of gray 0 to 255. ``spoil`` changes the print, at `CELL` pixels a module;
    ``after`` the finished picture.
    """

    random: Random
    module: float = 5.0
    ink: float = 0.0
    paper: float = 255.0
    ground: float = 255.0
    quiet: int = symbols.QUIET
    shape: NDArray[np.float64] = field(default_factory=lambda: np.eye(2))
    spoil: Callable[[Page], Any] | None = None
    after: Callable[[Page], Page] | None = None
    payload: bytes = b""

    def __post_init__(self) -> None:
        self.payload = f"https://example.com/i/{self.random.integers(10**6):06d}".encode()
        level = "LMQH"[int(self.random.integers(4))]
        self.modules = symbols.dark(self.payload, error=level, mode="byte", boost_error=False)

    @property
    def reach(self) -> float:
        """Return the pixels from its middle to those of its finder patterns, to the right and down."""
        return self.module * (len(self.modules) / 2 - 3.5)

    def draw(self) -> Gray:
        """Draw it: gray, or RGB where ``after`` made it so."""
        levels = np.where(np.pad(self.modules, self.quiet), self.ink, self.paper)
        art = np.kron(levels, np.ones((CELL, CELL))).astype(np.float32)
        if self.spoil:
            self.spoil(art)
        size = SIZE * _OVERSAMPLE
        matrix = np.zeros((2, 3))
        matrix[:, :2] = _OVERSAMPLE * self.module / CELL * self.shape
        middle = size / 2 + self.random.uniform(0, _OVERSAMPLE, 2)
        matrix[:, 2] = middle - matrix[:, :2] @ np.full(2, len(art) / 2)
        page = np.full((size, size), self.ground, np.float32)
        cv2.warpAffine(art, matrix, (size, size), page, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        page = np.asarray(cv2.resize(page, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        if self.after:
            page = self.after(page)
        return np.clip(np.round(page), 0, 255).astype(np.uint8)


Changes = dict[str, Any]
"""What a fault changes of a sheet, by the names of its fields."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: the unit of its amounts, from mild to severe, and what it changes of a sheet."""

    unit: str
    amounts: Sequence[float]
    how: Callable[[Sheet, float], Changes]

    def draw(self, seed: int, amount: float) -> tuple[Gray, bytes]:
        """Draw a picture, and return it with its payload; a seed has the same symbol at every amount."""
        sheet = Sheet(np.random.default_rng([seed, *self.unit.encode()]))
        for name, value in self.how(sheet, amount).items():
            setattr(sheet, name, value)
        return sheet.draw(), sheet.payload

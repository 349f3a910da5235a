"""Printed pages with a code that cannot be read, each for one known reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from qrcascade import Quad
from qrcascade.image.frame import Gray
from tests import draw

URL = "https://example.com/verify?invoice=2026-004711&t=9f86d081884c7d659a2feaa0c55ad015"
PAPER, INK = 242, 25
SIZE = (700, 800)
_WORDS = ("INVOICE", "TOTAL", "VAT", "DATE", "ORDER", "CARD", "ITEM", "THANK YOU")
_FINE = 12

Spoil = Callable[[Gray, float], None]


def page(seed: int) -> Gray:
    """Printed words on paper."""
    random = np.random.default_rng(seed)
    paper = np.full(SIZE[::-1], PAPER, np.uint8)
    for y in range(50, SIZE[1], 55):
        words = "  ".join(random.choice(_WORDS, int(random.integers(1, 6))))
        place = (int(random.integers(10, SIZE[0] // 3)), y)
        cv2.putText(paper, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 40, 2)
    return paper


def symbol(module: float, text: str = URL) -> Gray:
    """A symbol of level M with its quiet zone; modules may be of any width."""
    code = draw.made(text, micro=False, error="m", boost_error=False)
    dark = np.array([list(row) for row in code.matrix]) > 0
    fine = np.kron(np.where(np.pad(dark, 4), INK, PAPER), np.ones((_FINE, _FINE))).astype(np.uint8)
    side = round((len(dark) + 8) * module)
    return np.asarray(cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def picture(
    module: float = 0.0,
    *,
    seed: int = 0,
    at: tuple[int, int] = (220, 260),
    spoil: Spoil | None = None,
    angle: float = 0.0,
    window: Callable[[Quad], tuple[float, float, float, float]] | None = None,
    blur: float = 0.0,
    noise: float = 2.0,
    **options: Any,
) -> Gray:
    """A page with a symbol of so many pixels a module, or without one for 0, as a camera sees it.

    ``spoil`` changes the symbol's print, ``window`` says which part is seen by the symbol's outline, in
    pixels: left, top, right, bottom.
    """
    paper, quad = page(seed), Quad(((0, 0), (1, 0), (1, 1), (0, 1)))
    if module:
        print_ = symbol(module, **options)
        if spoil:
            spoil(print_, module)
        (x, y), side = at, len(print_)
        paper[y : y + side, x : x + side] = print_
        low, high = 4 * module, side - 4 * module
        quad = Quad.of([(x + a, y + b) for a, b in ((low, low), (high, low), (high, high), (low, high))])
    matrix = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), angle, 1.0)
    paper = np.asarray(cv2.warpAffine(paper, matrix, SIZE, borderValue=PAPER), np.uint8)
    if window:
        corners = np.column_stack([np.asarray(quad), np.ones(4)]) @ matrix.T
        left, top, right, bottom = (round(v) for v in window(Quad.of(corners)))
        paper = paper[max(0, top) : bottom, max(0, left) : right]
    seen: NDArray[np.float32] = paper.astype(np.float32)
    if blur:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), blur), np.float32)
    seen = seen + np.random.default_rng(seed).normal(0, noise, seen.shape).astype(np.float32)
    return seen.clip(0, 255).astype(np.uint8)


def glare(width: float = 0.25, middle: float = 0.55) -> Spoil:
    """A lamp's reflection, its width and place as shares of the symbol."""

    def apply(print_: Gray, _module: float) -> None:
        y, x = np.indices(print_.shape) / len(print_)
        lamp = 500 * np.exp(-((np.hypot(x - middle, y - middle) / width) ** 4))
        print_[:] = np.clip(print_ + lamp, 0, 255)

    return apply


def shadow(share: float = 0.5) -> Spoil:
    """Its right part is as good as black."""

    def apply(print_: Gray, _module: float) -> None:
        print_[:, round(len(print_) * (1 - share)) :] //= 200

    return apply


def damage(print_: Gray, module: float) -> None:
    """Three modules of ten turned, finder patterns left alone."""
    count = round(len(print_) / module) - 8
    wrong = np.random.default_rng(1).random((count, count)) < 0.3
    wrong[:8, :8] = wrong[:8, -8:] = wrong[-8:, :8] = False
    whole = cv2.resize(np.pad(wrong, 4).astype(np.uint8), print_.shape, interpolation=cv2.INTER_NEAREST) > 0
    print_[whole] = np.uint8(PAPER) - (print_[whole] - np.uint8(INK))

"""Looks at a region: the same pixels with highlights clipped, with light taken off, or one colour alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.locate import Canvas, Pixels
from qrcascade.views import opencv

__all__ = ["LOOKS", "Look", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """Pixels of a canvas to fit to, 0 to 255, and whether its outline's fourth corner is believed."""

    name: str
    pixels: Callable[[Canvas], Pixels]
    corner: bool = False


def gray(canvas: Canvas) -> Pixels:
    """The canvas as it is."""
    return canvas.gray


def _clipped(pixels: Callable[[Canvas], Pixels]) -> Callable[[Canvas], Pixels]:
    """Highlights cut off a little above paper white: glare counts as light, and bends nothing."""

    def clip(canvas: Canvas) -> Pixels:
        whole = pixels(canvas)
        first = round(canvas.origin)
        inner = whole[first : first + canvas.side, first : first + canvas.side]
        paper = inner[inner < 240]
        if paper.size < 0.3 * inner.size:
            return whole
        return np.minimum(whole, np.percentile(paper, 97) * 1.1 + 3)

    return clip


def _without_light(share: float) -> Callable[[Canvas], Pixels]:
    """Only what changes within a share of the side, at the same contrast everywhere."""

    def even(canvas: Canvas) -> Pixels:
        cv2 = opencv()
        sigma = canvas.side * share
        detail = canvas.gray - cv2.GaussianBlur(canvas.gray, (0, 0), sigma)
        contrast = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * sigma))
        contrast = np.maximum(contrast, max(0.25 * float(np.median(contrast)), 1e-3))
        return np.asarray(np.clip(128 + 50 * detail / contrast, 0, 255), np.float32)

    return even


def _channel(of: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Callable[[Canvas], Pixels]:
    return lambda canvas: of(canvas.frame.color).astype(np.float32)


# The cheap and likely ones first.
LOOKS = (
    Look("gray", gray),
    Look("clipped", _clipped(gray)),
    Look("corner", gray, corner=True),
    Look("detail", _without_light(1 / 33)),
    Look("wide detail", _without_light(1 / 22), corner=True),
    Look("red", _clipped(_channel(lambda c: c[:, :, 0]))),
    Look("lightest", _clipped(_channel(lambda c: c.max(axis=2)))),
    Look("green", _clipped(_channel(lambda c: c[:, :, 1])), corner=True),
    Look("blue", _clipped(_channel(lambda c: c[:, :, 2])), corner=True),
    Look("darkest", _clipped(_channel(lambda c: c.min(axis=2)))),
)

"""Variants of a region: its pixels with highlights clipped, with light removed, or a single channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.grid.canvas import Canvas, Pixels, blur_widely

__all__ = ["VARIANTS", "Variant", "differ", "render_gray"]

# Thresholds, all chosen.
# Gray levels from which a pixel may be a highlight, the least share of the others, and the percentile of them
# that is paper white. What is lighter than that by a share and some gray levels is cut off.
_HIGHLIGHT, _LEAST_PAPER, _PAPER_PERCENTILE = 240, 0.3, 97
_ABOVE_SHARE, _ABOVE_LEVELS = 1.1, 3
# Shares of the side within which something changes to be a detail.
_DETAIL, _WIDE_DETAIL = 1 / 33, 1 / 22
# Standard deviation of the window in which contrast is measured, in that of the detail.
_CONTRAST_WINDOW = 1.5
# The least contrast, as a share of the median one, and in gray levels.
_LEAST_CONTRAST, _LEAST_LEVELS = 0.25, 1e-3
# Gray levels: where there is no detail, and of one standard deviation of detail.
_MIDDLE, _DRAWN_CONTRAST = 128, 50
# Mean difference in gray levels under which two variants are one, and the share of one's variance above which
# the other explains it: of a print in black, a channel has 0.984 and more.
_SAME_PIXELS, _EXPLAINED = 2.0, 0.98
# Every fourth pixel each way is enough to compare variants, and to measure paper.
_SPARSE = 4


@dataclass(frozen=True, slots=True)
class Variant:
    """Pixels of a canvas to fit to, and whether its outline's fourth corner is believed.

    Attributes
    ----------
    name : str
        The stage's name.
    render : callable
        Returns the pixels of a canvas, 0 to 255.
    corner : bool
        As in `qrcascade.grid.fit.lay_grid`.
    local : bool
        Whether the local fit follows. Of 30 after the gray fit with the fourth corner none read anything: it
        has begun from the same pixels before.
    repeats : bool
        Whether the one before it shows nearly the same, so that it may help only by beginning elsewhere.
    """

    name: str
    render: Callable[[Canvas], Pixels]
    corner: bool = False
    local: bool = True
    repeats: bool = False


def differ(pixels: Pixels, others: Pixels) -> bool:
    """Return whether two variants differ by more than light; in a gray picture, all channels are the same."""
    pixels, others = pixels[::_SPARSE, ::_SPARSE].ravel(), others[::_SPARSE, ::_SPARSE].ravel()
    if float(np.abs(pixels - others).mean()) < _SAME_PIXELS:
        return False
    # Of plain pixels there is no correlation.
    with np.errstate(invalid="ignore"):
        correlation = float(np.nan_to_num(np.corrcoef(pixels, others)[0, 1]))
    return correlation**2 < _EXPLAINED


def render_gray(canvas: Canvas) -> Pixels:
    """Return the canvas as it is."""
    return canvas.gray


def _clip_highlights(render: Callable[[Canvas], Pixels]) -> Callable[[Canvas], Pixels]:
    """Cut highlights off a little above paper white: glare counts as light, and bends nothing."""

    def clip(canvas: Canvas) -> Pixels:
        whole = render(canvas)
        first = round(canvas.origin)
        inner = whole[first : first + canvas.side : _SPARSE, first : first + canvas.side : _SPARSE]
        paper = inner[inner < _HIGHLIGHT]
        if paper.size < _LEAST_PAPER * inner.size:
            return whole
        return np.minimum(whole, np.percentile(paper, _PAPER_PERCENTILE) * _ABOVE_SHARE + _ABOVE_LEVELS)

    return clip


def _take_light_off(share: float) -> Callable[[Canvas], Pixels]:
    """Keep only what changes within a share of the side, at the same contrast everywhere."""

    def render(canvas: Canvas) -> Pixels:
        sigma = canvas.side * share
        detail = canvas.gray - blur_widely(canvas.gray, sigma)
        contrast = np.sqrt(blur_widely(detail * detail, _CONTRAST_WINDOW * sigma))
        contrast = np.maximum(contrast, max(_LEAST_CONTRAST * float(np.median(contrast)), _LEAST_LEVELS))
        return np.asarray(np.clip(_MIDDLE + _DRAWN_CONTRAST * detail / contrast, 0, 255), np.float32)

    return render


def _take_channel(of: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Callable[[Canvas], Pixels]:
    return lambda canvas: of(canvas.frame.color).astype(np.float32)


# The cheap and likely ones first, as docs/grid.md counts them.
VARIANTS = (
    Variant("gray", render_gray),
    Variant("clipped", _clip_highlights(render_gray)),
    Variant("detail", _take_light_off(_DETAIL)),
    Variant("wide detail", _take_light_off(_WIDE_DETAIL), corner=True, repeats=True),
    Variant("corner", render_gray, corner=True, local=False),
    Variant("red", _clip_highlights(_take_channel(lambda c: c[:, :, 0]))),
    Variant("lightest", _clip_highlights(_take_channel(lambda c: c.max(axis=2)))),
    Variant("green", _clip_highlights(_take_channel(lambda c: c[:, :, 1])), corner=True),
    Variant("blue", _clip_highlights(_take_channel(lambda c: c[:, :, 2])), corner=True),
    Variant("darkest", _clip_highlights(_take_channel(lambda c: c.min(axis=2)))),
)

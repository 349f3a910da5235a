"""Preprocessing: pure functions from a frame to another frame, with the map back.

A `View` is callable and has a name, which appears in `Attempt.view`. Tone views keep the geometry; the
others move pixels and compose their map with the frame's own. As in OpenCV, pixel centres are at whole
coordinates. Views can be pickled, so that a step can run in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Frame, Gray, Matrix, scaling
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad

__all__ = [
    "NAMES",
    "View",
    "crop",
    "enlarge",
    "has_hidden_edges",
    "limit",
    "map_points",
    "rectify",
    "square",
    "to_source",
    "turn",
    "view",
]

# Red, green and blue in luminance (ITU-R BT.601); the least range of what changes in colour, in levels.
_LUMINANCE, _LEAST_RANGE = np.array([0.299, 0.587, 0.114], np.float32), 1.0
# Longer side at which colours are compared, in pixels; levels of an edge in colour, and of one that gray does
# not show; the least share of pixels with both. Chosen: of 111 pictures without a code one has more than
# 0.002, and codes in colours of equal luminance that are a sixth of the picture wide have 0.009 to 0.025.
_CHROMA_SIDE, _COLOUR_EDGE, _GRAY_EDGE, _LEAST_EDGES = 320, 30.0, 6.0, 0.002


@dataclass(frozen=True, slots=True)
class View:
    """A named function of a frame.

    Parameters
    ----------
    name : str
        As it appears in `Attempt.view`.
    apply : callable
        Frame to frame; does not change its argument. Not compared.
    """

    name: str
    apply: Callable[[Frame], Frame] = field(repr=False, compare=False)

    def __call__(self, frame: Frame) -> Frame:
        """Apply the view to a frame."""
        return self.apply(frame)

    def then(self, other: View) -> View:
        """Return the view that applies this one, then another."""
        return View(f"{self.name}+{other.name}", partial(_apply_both, self, other))


def _apply_both(first: View, second: View, frame: Frame) -> Frame:
    return second(first(frame))


def to_source(frame: Frame, quad: Quad) -> Quad:
    """Map a quad from a frame's pixels to the source picture's.

    Raises
    ------
    ValueError
        If the frame's perspective puts a corner at infinity.
    """
    return Quad.of(map_points(frame.to_source, np.asarray(quad)))


def map_points(matrix: Matrix, points: NDArray[Any]) -> NDArray[np.float64]:
    """Map points (x, y), shape (..., 2), by a 3-by-3 matrix; those at infinity become inf or NaN."""
    ones = np.ones((*points.shape[:-1], 1))
    mapped = np.concatenate([points, ones], axis=-1) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(mapped[..., :2] / mapped[..., 2:])


def _change_tone(function: Callable[[Gray], Gray], frame: Frame) -> Frame:
    return Frame(function(frame.gray), frame.to_source)


def _resize(factor: float, frame: Frame) -> Frame:
    width, height = (max(1, round(n * factor)) for n in frame.size)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    back = scaling((width, height), frame.size)

    def resize(pixels: Gray) -> Gray:
        return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)

    return Frame(resize(frame.gray), frame.to_source @ back, lambda: resize(frame.color))


def limit(side: int) -> View:
    """Return the view that reduces a picture whose longer side exceeds this many pixels."""
    return View(f"<={side}px", partial(_limit, side))


def _limit(side: int, frame: Frame) -> Frame:
    longest = max(frame.size)
    return frame if longest <= side else _resize(side / longest, frame)


def enlarge(side: int) -> View:
    """Return the view that enlarges a smaller picture to this longer side, but at most to double size."""
    return View(f">={side}px", partial(_enlarge, side))


def _enlarge(side: int, frame: Frame) -> Frame:
    factor = min(side / max(frame.size), 2.0)
    return _resize(factor, frame) if factor > 1 else frame


def crop(left: int, top: int, width: int, height: int) -> View:
    """Return the view that shows part of a frame, in its own pixels; colour is copied only on request."""
    return View(f"crop{width}x{height}+{left}+{top}", partial(_crop, left, top, width, height))


def _crop(left: int, top: int, width: int, height: int, frame: Frame) -> Frame:
    window = np.s_[top : top + height, left : left + width]
    shift = np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]])
    return Frame(frame.gray[window], frame.to_source @ shift, lambda: frame.color[window])


def _clahe(gray: Gray) -> Gray:
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(gray), np.uint8)


def _equalize(gray: Gray) -> Gray:
    return np.asarray(cv2.equalizeHist(gray), np.uint8)


def _otsu(gray: Gray) -> Gray:
    return np.asarray(cv2.threshold(gray, 0, 255, cv2.THRESH_OTSU)[1], np.uint8)


def _adaptive(block: int, gray: Gray) -> Gray:
    mean, binary = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY
    return np.asarray(cv2.adaptiveThreshold(gray, 255, mean, binary, block, 5), np.uint8)


def _blur(size: int, gray: Gray) -> Gray:
    return np.asarray(cv2.GaussianBlur(gray, (size, size), 0), np.uint8)


def _median(size: int, gray: Gray) -> Gray:
    return np.asarray(cv2.medianBlur(gray, size), np.uint8)


def _unsharp(gray: Gray) -> Gray:
    soft = cv2.GaussianBlur(gray, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(gray, 2.5, soft, -1.5, 0), np.uint8)


def _background(gray: Gray) -> Gray:
    """Divide by the local background: closing fills the dark modules, blurring smooths the light.

    The background is computed at a reduced size, since light changes slowly.
    """
    height, width = gray.shape
    small = cv2.resize(gray, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    light = cv2.resize(cv2.GaussianBlur(closed, (0, 0), 4.0), (width, height))
    return np.asarray(cv2.divide(gray, light, scale=255), np.uint8)


def _gamma(exponent: float, gray: Gray) -> Gray:
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return table[gray]


def _invert(gray: Gray) -> Gray:
    return 255 - gray


def _keep(frame: Frame) -> Frame:
    return frame


def _pad(frame: Frame) -> Frame:
    """Add a white border of a tenth of the longer side: the quiet zone that tight crops lack."""
    border = max(frame.size) // 10 + 4
    gray = np.pad(frame.gray, border, constant_values=255)
    shift = np.array([[1.0, 0, -border], [0, 1, -border], [0, 0, 1]])
    return Frame(gray, frame.to_source @ shift)


def _turn90(frame: Frame) -> Frame:
    """Turn by 90 degrees clockwise."""
    back = np.array([[0.0, 1, 0], [-1, 0, frame.size[1] - 1], [0, 0, 1]])
    return Frame(np.rot90(frame.gray, -1), frame.to_source @ back)


def turn(degrees: float) -> View:
    """Return the view that turns a picture clockwise, on white and with nothing cut off."""
    return View(f"turn{degrees:g}", partial(_turn, degrees))


def _turn(degrees: float, frame: Frame) -> Frame:
    width, height = frame.size
    matrix = np.eye(3)
    # OpenCV counts angles anticlockwise.
    matrix[:2] = cv2.getRotationMatrix2D((0, 0), -degrees, 1.0)
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1]])
    turned = corners @ matrix[:2].T
    low = np.floor(turned.min(axis=0))
    matrix[:2, 2] -= low
    size = tuple(int(n) + 1 for n in np.ceil(turned.max(axis=0) - low))

    def warp(pixels: Gray) -> Gray:
        white = (255, 255, 255)
        return np.asarray(cv2.warpAffine(pixels, matrix[:2], size, borderValue=white), np.uint8)

    return Frame(warp(frame.gray), frame.to_source @ np.linalg.inv(matrix), lambda: warp(frame.color))


def _take_channel(index: int, frame: Frame) -> Frame:
    return Frame(frame.color[:, :, index], frame.to_source)


class _Chroma(NamedTuple):
    """Colours of a reduced picture without luminance, along their first principal component.

    ``levels`` and ``gray`` have shape (H, W); ``axis`` is a unit vector in RGB, and ``mean`` their mean.
    """

    levels: NDArray[np.float32]
    gray: NDArray[np.float32]
    axis: NDArray[np.float32]
    mean: NDArray[np.float32]

    @classmethod
    def of(cls, frame: Frame) -> _Chroma:
        stride = -(-max(frame.size) // _CHROMA_SIDE)
        few = np.ascontiguousarray(frame.color[::stride, ::stride], np.float32)
        mean = few.mean(axis=(0, 1))
        flat = few.reshape(-1, 3) - mean
        without = np.eye(3) - np.outer(_LUMINANCE, _LUMINANCE) / (_LUMINANCE @ _LUMINANCE)
        axis = np.linalg.eigh(without @ (flat.T @ flat) @ without)[1][:, -1].astype(np.float32)
        axis *= np.sign(axis[np.argmax(np.abs(axis))])
        return cls((flat @ axis).reshape(few.shape[:2]), few @ _LUMINANCE, axis, mean)


def has_hidden_edges(frame: Frame) -> bool:
    """Return whether more edges show in colour and not in gray than photographs have."""
    chroma = _Chroma.of(frame)
    changes, hidden = (np.abs(np.diff(levels, axis=1)) for levels in (chroma.levels, chroma.gray))
    edges = np.count_nonzero((changes > _COLOUR_EDGE) & (hidden < _GRAY_EDGE))
    return bool(edges > _LEAST_EDGES * chroma.gray.size)


def _take_chroma(frame: Frame) -> Frame:
    """Show what changes most in colour at equal luminance, over the range that it has."""
    levels, _, axis, mean = _Chroma.of(frame)
    low, high = float(levels.min()), float(levels.max())
    scaled = axis * (255 / max(high - low, _LEAST_RANGE))
    offset = -scaled @ mean - low * 255 / max(high - low, _LEAST_RANGE)
    # Rounded and clipped to 8 bits.
    shown = cv2.transform(frame.color, np.append(scaled, offset)[None].astype(np.float32))
    return Frame(np.asarray(shown, np.uint8), frame.to_source)


def rectify(frame: Frame, quad: Quad, side: int, margin: float = 0.15) -> Frame:
    """Rectify a region: cut it out so that its quad becomes an upright square.

    Parameters
    ----------
    frame : Frame
        The picture to cut from.
    quad : Quad
        Convex outline, in the frame's own pixels.
    side : int
        Side of the square in pixels, without the margin.
    margin : float
        Width of the surroundings to show on each side, as a share of the square's side.

    Returns
    -------
    Frame
        A square ``side * (1 + 2 * margin)`` pixels wide, white beyond the picture's edges.
    """
    pad = round(side * margin)
    square = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) + np.float32(pad - 0.5)
    back = cv2.getPerspectiveTransform(square, np.asarray(quad, dtype=np.float32))
    # If many pixels become one, average them first: warping alone would skip most of them.
    average = max(1, round(quad.side / side))
    full = side + 2 * pad

    def warp(pixels: Gray) -> Gray:
        crop, offset = _crop_around(pixels, quad, margin)
        out = cv2.warpPerspective(
            cv2.blur(crop, (average, average)) if average > 1 else crop,
            offset @ back,
            (full, full),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(255, 255, 255),
        )
        return np.asarray(out, np.uint8)

    return Frame(warp(frame.gray), frame.to_source @ back, lambda: warp(frame.color))


def square(quad: Quad, side: int) -> View:
    """Return the view that shows a region as a square this many pixels wide; see `rectify`."""
    return View(f"region{side}px", partial(_square, quad, side))


def _square(quad: Quad, side: int, frame: Frame) -> Frame:
    return rectify(frame, quad, side)


def _crop_around(pixels: Gray, quad: Quad, margin: float) -> tuple[Gray, NDArray[np.float64]]:
    """Return the quad's surroundings, and the map from the picture to them."""
    corners = np.asarray(quad)
    reach = margin * 2 * max(np.ptp(corners[:, 0]), np.ptp(corners[:, 1])) + 2
    height, width = pixels.shape[:2]
    # At least one pixel, also of a quad that lies outside the picture.
    left, top = (
        min(max(0, int(v)), n - 1) for v, n in zip(corners.min(axis=0) - reach, (width, height), strict=True)
    )
    right, bottom = (
        max(low + 1, int(v) + 1) for low, v in zip((left, top), corners.max(0) + reach, strict=True)
    )
    crop = pixels[top:bottom, left:right]
    return crop, np.array([[1.0, 0, -left], [0, 1, -top], [0, 0, 1]])


# Changes of gray levels that keep the geometry.
_TONES: dict[str, Callable[[Gray], Gray]] = {
    "clahe": _clahe,
    "otsu": _otsu,
    "equalize": _equalize,
    "adaptive31": partial(_adaptive, 31),
    "adaptive71": partial(_adaptive, 71),
    "blur3": partial(_blur, 3),
    "blur7": partial(_blur, 7),
    "median5": partial(_median, 5),
    "unsharp": _unsharp,
    "background": _background,
    "gamma0.5": partial(_gamma, 0.5),
    "gamma2": partial(_gamma, 2.0),
    "invert": _invert,
}
_VIEWS: dict[str, View] = {
    view.name: view
    for view in [
        View("raw", _keep),
        *(View(f"x{factor:g}", partial(_resize, factor)) for factor in (0.25, 0.5, 1.4, 2.0, 3.0)),
        *(limit(side) for side in (500, 800, 1200, 1600)),
        *(enlarge(side) for side in (800, 1600)),
        *(View(name, partial(_change_tone, function)) for name, function in _TONES.items()),
        View("pad", _pad),
        View("turn90", _turn90),
        View("chroma", _take_chroma),
        *(View(name, partial(_take_channel, i)) for i, name in enumerate(("red", "green", "blue"))),
    ]
}
NAMES = tuple(_VIEWS)
"""The names of the single views."""


def view(name: str) -> View:
    """Return a view by name, or several applied in turn, joined by "+": "<=500px+blur3".

    Raises
    ------
    KeyError
        If there is no view of that name.
    """
    first, *rest = (_VIEWS[part] for part in name.split("+"))
    for other in rest:
        first = first.then(other)
    return first

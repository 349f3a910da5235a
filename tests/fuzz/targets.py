"""What is fuzzed: functions of bytes that raise where something is wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from qrcascade import Frame, ImageError, Quad
from qrcascade.image import views
from qrcascade.reading.steps import carry_to_source
from qrcascade.results import Findings, Region
from qrcascade.strategies.regions import is_credible_outline

__all__ = ["TARGETS"]

# Colour of larger pictures is not asked for: that only takes time.
_COLOR_PIXELS = 1_000_000


def load(data: bytes) -> None:
    """A file's bytes are a picture, or an ImageError."""
    try:
        frame = Frame.load(data, draft=True)
        gray = frame.gray
        color = frame.color if gray.size <= _COLOR_PIXELS else None
    except ImageError:
        return
    assert gray.dtype == np.uint8
    assert gray.shape[::-1] == frame.size
    assert gray.size > 0
    assert gray.flags.c_contiguous
    assert color is None or color.shape == (*gray.shape, 3)


def maps(data: bytes) -> None:
    """Views of any picture give pictures, and their maps lead back to where things were.

    The first bytes are the picture's sides and up to three views; the others are the corners of a quad.
    """
    width, height, *chosen = (*data[:5], *bytes(5))[:5]
    frame = Frame(
        np.arange((width + 1) * (height + 1), dtype=np.uint32).astype(np.uint8).reshape(height + 1, -1)
    )
    seen = views.view("+".join(views.NAMES[number % len(views.NAMES)] for number in chosen))(frame)
    assert min(seen.size) >= 1
    assert seen.gray.shape == seen.size[::-1]
    assert np.isfinite(seen.to_source).all()
    # A map leads back: corners of the view are corners of the picture, or its border's.
    w, h = seen.size
    corners = np.array([[-0.5, -0.5, 1], [w - 0.5, -0.5, 1], [w - 0.5, h - 0.5, 1], [-0.5, h - 0.5, 1]])
    found = corners @ seen.to_source.T
    reach = 4 * max(frame.size) + 40
    assert (np.abs(found[:, :2] / found[:, 2:]) < reach).all()
    _quad(frame, data[5:37])


def _quad(frame: Frame, data: bytes) -> None:
    """Cut a quad out, if it can be one, and carry its square back."""
    if len(data) < 32:
        return
    numbers = struct.unpack("<8f", data)
    if not np.isfinite(numbers).all():
        return
    quad = Quad.of(np.reshape(numbers, (4, 2)))
    # Where the view's perspective has it at infinity there is nothing: no exception.
    steep = Frame(frame.gray, np.array([[1.0, 0, 0], [0, 1, 0], [0.1, 0, 0.5]]))
    carry_to_source(Findings(regions=(Region(quad, 0.5, "fuzz"),)), steep)
    if not is_credible_outline(quad, frame):
        return
    square = views.rectify(frame, quad, 40)
    assert square.gray.shape == (52, 52)
    inner = Quad.of(np.array([[0, 0], [40, 0], [40, 40], [0, 40]]) + 5.5)
    found = carry_to_source(Findings(regions=(Region(inner, 0.5, "fuzz"),)), square).regions
    # The map of a sliver is beyond the precision of numbers; that of an outline is not.
    if _wide(quad):
        assert np.abs(np.asarray(found[0].quad) - np.asarray(quad)).max() <= 1e-2 * quad.side


def _wide(quad: Quad) -> bool:
    """Whether each of the four triangles of three corners is a good part of the whole."""
    c = np.asarray(quad)
    before, after = np.roll(c, 1, axis=0) - c, np.roll(c, -1, axis=0) - c
    triangles = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) / 2
    return bool(triangles.min() >= 0.05 * quad.side**2)


TARGETS: dict[str, Callable[[bytes], None]] = {"load": load, "maps": maps}
"""A name to what is fuzzed."""

"""Draw what was read and located over the picture. Lengths are in pixels of the upright picture."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qrcascade.errors import ImageError, OptionError, reason
from qrcascade.image.frame import Frame, Source
from qrcascade.results import Reading

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["AMBER", "BLUE", "GREEN", "draw", "overlay", "to_data_uri"]

Point = tuple[float, float]
Color = tuple[int, int, int]

GREEN: Color = (0, 170, 60)
AMBER: Color = (255, 176, 0)
BLUE: Color = (30, 110, 255)

# Width of a line as a share of the picture's longer side; radius of a mark in line widths.
_WIDTH, _MARK = 1 / 200, 2.0


def draw(reading: Reading, picture: Source | None = None, *, mesh: bool = False) -> Image:
    """Draw what was found over the picture: see `qrcascade.ReadResult.draw`."""
    frame = reading.picture if picture is None else _load(picture, reading)
    if frame is None:
        raise OptionError(
            "this result holds no picture, as after a batch or a pickle: pass it, result.draw(picture)"
        )
    try:
        pixels = frame.color
    except OSError as error:
        # A page of a document is rendered when it is needed.
        raise ImageError(f"cannot read the page again: {reason(error)}") from error
    unread = [(r.quad.corners, AMBER, False) for r in reading.regions]
    read = [(code.quad.corners, GREEN, True) for code in reading.codes]
    meshes = [code.mesh for code in reading.codes if mesh and code.mesh is not None]
    return overlay(pixels, outlines=[*unread, *read], meshes=meshes)


def _load(picture: Source, reading: Reading) -> Frame:
    is_file = isinstance(picture, str | bytes | os.PathLike)
    frame = Frame.load(picture, frame=(reading.page or 1) - 1 if is_file else 0)
    if all(reading.size) and frame.size != reading.size:
        raise OptionError(f"the picture that was read has size {reading.size}, this one has {frame.size}")
    return frame


def overlay(
    pixels: Any,
    *,
    outlines: Iterable[tuple[Sequence[Point], Color, bool]],
    meshes: Iterable[Sequence[Sequence[Point]]] = (),
) -> Image:
    """Return a picture with outlines and meshes drawn over it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        RGB; not changed.
    outlines : iterable of (corners, color, marked)
        Corners (x, y) in turn, a colour, and whether to mark the first corner; later outlines lie on top.
    meshes : iterable of rows of points
        Meshes whose rows and columns are drawn as lines, below the outlines.

    Returns
    -------
    PIL.Image.Image
        A new picture of the same size, in mode "RGB".
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels).copy()
    pen = ImageDraw.Draw(image)
    width = max(1, round(_WIDTH * max(image.size)))
    for rows in meshes:
        _draw_mesh(pen, rows, max(1, width // 3))
    for corners, color, marked in outlines:
        # Go on past the first corner, so that the last joint is round as well.
        pen.line([*corners, *corners[:2]], color, width, joint="curve")
        if marked:
            x, y = corners[0]
            radius = _MARK * width
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), color)
    return image


def to_data_uri(image: Image, side: int, quality: int = 80) -> str:
    """Reduce a picture to ``side`` pixels at most, and return it as a JPEG in a data URI."""
    image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _draw_mesh(pen: ImageDraw, rows: Sequence[Sequence[Point]], width: int) -> None:
    for line in (*rows, *zip(*rows, strict=True)):
        pen.line(list(line), BLUE, width)

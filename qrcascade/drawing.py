"""What was read and located, drawn over the picture. Lengths are pixels of the upright picture.

Works on points and colours alone: it knows nothing of codes and regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["AMBER", "BLUE", "GREEN", "overlaid"]

Point = tuple[float, float]
Color = tuple[int, int, int]

GREEN: Color = (0, 170, 60)
AMBER: Color = (255, 176, 0)
BLUE: Color = (30, 110, 255)

# Share of the picture's longer side that a line is wide, and widths of a line that a mark's radius is.
_WIDTH, _MARK = 1 / 200, 2.0


def overlaid(
    pixels: Any,
    *,
    outlines: Iterable[tuple[Sequence[Point], Color, bool]],
    meshes: Iterable[Sequence[Sequence[Point]]] = (),
) -> Image:
    """A picture with outlines and meshes.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        RGB; not changed.
    outlines : iterable of (corners, color, marked)
        Corners (x, y) in turn, a colour, and whether the first corner is marked; later ones lie on top.
    meshes : iterable of rows of points
        Lines along the rows and the columns, below the outlines.

    Returns
    -------
    PIL.Image.Image
        A new one, of mode "RGB" and the picture's size.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels).copy()
    draw = ImageDraw.Draw(image)
    width = max(1, round(_WIDTH * max(image.size)))
    for rows in meshes:
        _mesh(draw, rows, max(1, width // 3))
    for corners, color, marked in outlines:
        # From the first corner on past it, so that the last joint is round as well.
        draw.line([*corners, *corners[:2]], color, width, joint="curve")
        if marked:
            x, y = corners[0]
            radius = _MARK * width
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), color)
    return image


def _mesh(draw: ImageDraw, rows: Sequence[Sequence[Point]], width: int) -> None:
    for line in (*rows, *zip(*rows, strict=True)):
        draw.line(list(line), BLUE, width)

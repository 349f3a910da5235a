"""The result of a reading, with ways to show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qrcascade.results import Reading

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ReadResult"]


@dataclass(frozen=True, slots=True)
class ReadResult(Reading):
    """The result of `qrcascade.read`: a `Reading` that can be drawn and explained."""

    def draw(self, mesh: bool = False) -> Image:
        """Draw what was found over the picture: codes in green, unread regions in amber.

        Parameters
        ----------
        mesh : bool
            Whether to draw, in blue, the fitted module mesh of the codes that have one.

        Returns
        -------
        PIL.Image.Image
            Upright, RGB; a dot marks each code's own top-left corner. Line width grows with the picture.

        Raises
        ------
        OptionError
            If this result has no picture.
        """
        from qrcascade.report.drawing import draw

        return draw(self, mesh)

    def explain(self) -> str:
        """Explain in words what was read, why the rest is unread and what helps, and what was tried.

        If something may be unread, the picture is measured again, which takes a fraction of a second, or a
        few seconds if 12 MP are full of patterns. Without its picture, a result says less.
        """
        from qrcascade.report.explain import explain

        return explain(self)

    def _repr_html_(self) -> str:
        """Show the picture with what was found, and the attempts, in a notebook."""
        from qrcascade.report.display import to_html

        return to_html(self)

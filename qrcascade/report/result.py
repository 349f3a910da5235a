"""The result of a reading: its values, and ways to show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qrcascade.results import Reading

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ReadResult"]


@dataclass(frozen=True, slots=True)
class ReadResult(Reading):
    """What `qrcascade.read` gives: a `Reading` that can be drawn and explained."""

    def draw(self, mesh: bool = False) -> Image:
        """Draw the picture with what was found: read codes in green, credible regions left unread in amber.

        Parameters
        ----------
        mesh : bool
            Draw the fitted module mesh of the codes that have one, in blue.

        Returns
        -------
        PIL.Image.Image
            Upright, RGB; a dot marks each code's own top-left corner. Lines grow with the picture.

        Raises
        ------
        OptionError
            If this result has no picture.
        """
        from qrcascade.report.drawing import draw

        return draw(self, mesh)

    def explain(self) -> str:
        """Say in words what was tried, read and located, why it stopped, and what kept the rest unread.

        Looks at the picture again where something may be unread, a fraction of a second
        (`qrcascade.report.explain` says how). A result without its picture says less.
        """
        from qrcascade.report.explain import explain

        return explain(self)

    def _repr_html_(self) -> str:
        """Show in a notebook the picture with what was found, and the attempts."""
        from qrcascade.report.display import to_html

        return to_html(self)

"""A look at a page: some of its pixels, and their mapping to the page's raster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qrcascade.image.frame import Frame, Matrix
from qrcascade.image.quad import Quad
from qrcascade.image.views import map_points
from qrcascade.results import Attempt, QRCode, step_text

__all__ = ["Look", "Unread"]

Unread = Callable[[bool], Sequence[Quad | None]]
"""Function that returns the places worth another look now; None stands for the whole page.

Its argument says whether the look would be finer (True) than the ones before, which may justify more places.
"""


@dataclass(frozen=True, slots=True)
class Look:
    """Some pixels of a page.

    Parameters
    ----------
    frame : Frame
        The pixels, which must be read while the page is open.
    name : str
        "scan", "200 dpi" and so on; empty if this is the only look at the page.
    to_page : ndarray of shape (3, 3), optional
        Affine map from the frame's (x, y, 1) to pixels of the page's raster; None if they are the same.
    """

    frame: Frame
    name: str = ""
    to_page: Matrix | None = None

    def map_to_page(self, attempt: Attempt) -> Attempt:
        """Return an attempt on this look as one on the page, with the look's name in its view."""
        if self.to_page is None:
            return attempt
        view = self._view(attempt.view)
        step = step_text(attempt.engine, attempt.kind, view)
        return replace(
            attempt,
            view=view,
            codes=tuple(self._code(step, code) for code in attempt.codes),
            regions=tuple(region.moved(self._quad(region.quad)) for region in attempt.regions),
            region=None if attempt.region is None else self._quad(attempt.region),
        )

    def _view(self, view: str) -> str:
        return f"{view} @{self.name}".lstrip()

    def _code(self, step: str, code: QRCode) -> QRCode:
        assert self.to_page is not None
        flipped = np.linalg.det(self.to_page) < 0 and code.mirrored is not None
        mesh = None if code.mesh is None else tuple(tuple(self._points(row)) for row in code.mesh)
        return replace(
            code,
            quad=self._quad(code.quad),
            mesh=mesh,
            step=step,
            mirrored=not code.mirrored if flipped else code.mirrored,
        )

    def _quad(self, quad: Quad) -> Quad:
        return Quad.of(self._points(quad.corners))

    def _points(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        assert self.to_page is not None
        return [(float(x), float(y)) for x, y in map_points(self.to_page, np.asarray(points))]

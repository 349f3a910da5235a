"""A look at a page: some pixels of it, and the way from them to the page's own raster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Frame, Matrix
from qrcascade.image.quad import Quad
from qrcascade.results import Attempt, QRCode, step_text

__all__ = ["Look", "Unread"]

Unread = Callable[[bool], Sequence[Quad | None]]
"""What another look is worth its while at, now: places on the page, None for the whole of it, or nothing.

Of a finer look (True) that may be more than of one at a coarser resolution.
"""


@dataclass(frozen=True, slots=True)
class Look:
    """Some pixels of a page.

    Parameters
    ----------
    frame : Frame
        To be read while the page is open.
    name : str
        "scan", "200 dpi" and so on; empty where there is no other look at this page.
    to_page : ndarray of shape (3, 3), optional
        Affine, from the frame's (x, y, 1) to pixels of the page's raster; None where they are the same.
    """

    frame: Frame
    name: str = ""
    to_page: Matrix | None = None

    def carried(self, attempt: Attempt) -> Attempt:
        """Return an attempt on this look's pixels as one on the page, whose view says which look it was."""
        if self.to_page is None:
            return attempt
        view = self._view(attempt.view)
        step = step_text(attempt.engine, attempt.kind, view)
        return replace(
            attempt,
            view=view,
            codes=tuple(self._code(step, code) for code in attempt.codes),
            regions=tuple(replace(region, quad=self._quad(region.quad)) for region in attempt.regions),
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
        on_page: NDArray[np.float64] = np.column_stack([points, np.ones(len(points))]) @ self.to_page.T
        return [(float(x), float(y)) for x, y, _ in on_page]

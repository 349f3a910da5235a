"""Find the modules that something hides: a stamp, a glare, the picture's edge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.opencv import cv2

__all__ = ["find_hidden"]

# Modules per side of a square of one colour that is not the symbol's own. No function pattern holds one, and
# of random modules, as which masks make data look, 25 are alike once in 2^24 places. Chosen.
_SIDE = 5


def find_hidden(soft: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return the modules that lie in a square of one colour, 5 by 5 modules or more.

    What they say is the cover's colour, and as a rule a cover looks certain.

    Parameters
    ----------
    soft : ndarray of float, shape (N, N)
        Above 0 where dark.

    Returns
    -------
    ndarray of bool, shape (N, N)
    """
    dark = (soft > 0).astype(np.uint8)
    square = np.ones((_SIDE, _SIDE), np.uint8)
    # Beyond the symbol lies its quiet zone, which is no part of a cover.
    border = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}
    covers = (cv2.morphologyEx(one, cv2.MORPH_OPEN, square, **border) for one in (dark, 1 - dark))
    return np.asarray(np.logical_or(*covers))

"""Sources on their way to a worker process: paths by name, files as bytes, decoded pictures as arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qrcascade.frame import Frame, Source, content, naming
from qrcascade.limits import Limits

__all__ = ["Packed", "pack"]


@dataclass(frozen=True, slots=True)
class Packed:
    """A source that can be sent.

    Parameters
    ----------
    source : str, bytes or ndarray
        A path, a file's bytes, or pixels.
    has_color : bool
        Whether the pixels are the gray ones of a picture whose colour can be asked for.
    """

    source: str | bytes | NDArray[Any]
    has_color: bool = False


def pack(source: Source, frame: int, limits: Limits) -> tuple[Packed, Source]:
    """Return a source as it is sent, and as it can be loaded here again if its pixels are asked for.

    Raises
    ------
    ImageError
        If it is too large, or cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        # The worker's folder is the one in which it was started.
        return Packed(str(Path.cwd() / source)), source
    if isinstance(source, np.ndarray):
        if source.ndim not in (2, 3) or source.dtype.kind not in "biuf":
            # Loading it says what is wrong with it.
            return Packed(Frame.load(source, limits=limits).gray), source
        with naming(source):
            limits.check_size(source.shape[1], source.shape[0])
        return Packed(np.ascontiguousarray(source)), source
    if isinstance(source, Image.Image):
        source = Frame.load(source, frame=frame, limits=limits)
    if isinstance(source, Frame):
        with naming(source):
            limits.check_size(*source.size)
        # Colour is another decoding or rendering, and most readings end without it.
        return Packed(source.gray, source.is_colored), source
    data = content(source, limits)
    return Packed(data), data

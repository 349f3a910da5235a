"""Pictures with several pages or frames, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO

from qrcascade.documents.looks import Look, Unread
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits
from qrcascade.image.sources import identify

__all__ = ["FramePage", "Frames"]

# Of these every frame is a page. In others, as the MPO of some phones, what follows the picture is no page:
# a preview, a depth map.
_PAGED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF", "HEIF")


class Frames:
    """An open picture, of which one frame at a time is decoded.

    Parameters
    ----------
    file : binary file
        Read from as frames are asked for; closed by the caller.
    source : path or bytes
        The same, for whom the file is closed.
    limits : Limits
        How large a frame may be.

    Raises
    ------
    Exception
        Whatever Pillow raises where it is no picture.
    """

    def __init__(self, file: IO[bytes], source: Source, limits: Limits) -> None:
        self._image = identify(file)
        self._reload: Callable[..., Frame] = partial(Frame.load, source, limits=limits)
        self._limits = limits
        self.pages: int = getattr(self._image, "n_frames", 1) if self._image.format in _PAGED else 1

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[FramePage]:
        """A page, from 1, which may be used within the ``with``."""
        self._image.seek(number - 1)
        yield FramePage(Frame.load(self._image, limits=self._limits))

    def close(self) -> None:
        """Nothing: the caller closes the file."""

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """A page that is decoded from the source again when it is used."""
        return Frame.deferred(size, lambda: self._reload(frame=number - 1))


class FramePage:
    """A decoded frame of an open picture.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.size = frame.size

    def looks(self, _unread: Unread) -> Iterator[Look]:
        """The one way to see it."""
        yield Look(self._frame)

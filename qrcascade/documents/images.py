"""Pictures with several pages or frames."""

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

# Formats in which every frame is a page. In others, such as the MPO of some phones, further frames are a
# preview or a depth map.
_PAGED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF", "HEIF")


class Frames:
    """An open picture, decoded one frame at a time.

    Parameters
    ----------
    file : binary file
        The picture; the caller closes it.
    source : path or bytes
        The same picture, to read it again once the file is closed.
    limits : Limits
        Limits on the size of a frame.

    Raises
    ------
    Exception
        Whatever Pillow raises if the file is not a picture.
    """

    def __init__(self, file: IO[bytes], source: Source, limits: Limits) -> None:
        self._image = identify(file)
        self._reload: Callable[..., Frame] = partial(Frame.load, source, limits=limits)
        self._limits = limits
        self.pages: int = getattr(self._image, "n_frames", 1) if self._image.format in _PAGED else 1

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[FramePage]:
        """Open a page, numbered from 1, for use within the ``with``."""
        self._image.seek(number - 1)
        yield FramePage(Frame.load(self._image, limits=self._limits))

    def close(self) -> None:
        """Do nothing: the caller closes the file."""

    def picture(self, number: int, size: tuple[int, int]) -> Frame:
        """Return a page that is decoded from the source again on use."""
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
        """Yield the only look at it."""
        yield Look(self._frame)

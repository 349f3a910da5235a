"""Pictures with several pages or frames."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from qrcascade.documents.looks import Look, Unread
from qrcascade.image.formats import PAGED, count_frames, open_picture
from qrcascade.image.frame import Frame, Source
from qrcascade.image.limits import Limits

__all__ = ["FramePage", "Frames"]


class Frames:
    """An open picture, decoded one frame at a time.

    Parameters
    ----------
    data : bytes
        The picture.
    source : path or bytes
        The same picture, to read it again when this is closed.
    limits : Limits
        Limits on the size and number of frames; no more than one beyond their number is counted.

    Raises
    ------
    Exception
        Whatever Pillow raises if the file is not a picture.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, data: bytes, source: Source, limits: Limits) -> None:
        self._image = open_picture(data, limits)
        self._reload: Callable[..., Frame] = partial(Frame.load, source, limits=limits)
        self._limits = limits
        self.pages = count_frames(self._image, data, limits) if self._image.format in PAGED else 1

    @contextlib.contextmanager
    def page(self, number: int) -> Iterator[FramePage]:
        """Open a page, numbered from 1, for use within the ``with``."""
        self._image.seek(number - 1)
        yield FramePage(Frame.load(self._image, limits=self._limits))

    def close(self) -> None:
        """Release the picture."""
        self._image.close()

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

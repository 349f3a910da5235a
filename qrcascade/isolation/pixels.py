"""Sources on their way to a worker process: paths by name, bytes and pixels over shared memory."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qrcascade.frame import Frame, Source, content, naming
from qrcascade.limits import Limits

__all__ = ["Inbox", "Outbox", "Sent"]

# Smaller ones are not worth a mapping; a mapping grows by whole blocks.
_INLINE_BYTES = 65_536
_BLOCK_BYTES = 4 * 2**20
# Where files are memory, and how much of it is left to others.
_MEMORY = Path("/dev/shm")
_SPARE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """One source.

    Parameters
    ----------
    path : str, optional
        Of a file that the worker opens itself.
    shape, dtype : tuple of int, str
        Of an array; no dtype says that it is a file's bytes.
    data : bytes, optional
        The content, where it is small or there is no memory to share.
    block : str, optional
        Path of the shared file that begins with the content.
    colored : bool
        Whether the gray array has colour that can be asked for.
    """

    path: str | None = None
    shape: tuple[int, ...] = ()
    dtype: str | None = None
    data: bytes | None = None
    block: str | None = None
    colored: bool = False


class Outbox:
    """Where the cascade lays sources for one worker."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._memory: mmap.mmap | None = None

    def lay(self, source: Source, frame: int, limits: Limits) -> tuple[Sent, Source]:
        """Lay a source down for the worker.

        Returns
        -------
        sent : Sent
            What to tell the worker.
        again : path, bytes, ndarray or Frame
            The same source, to be loaded here if its pixels are asked for later.

        Raises
        ------
        ImageError
            If it is too large, or cannot be opened.
        """
        if isinstance(source, str | os.PathLike):
            # The worker's folder is the one in which it was started.
            return Sent(path=str(Path.cwd() / source)), source
        array, again = _pixels(source, frame, limits)
        if array is None:
            data = content(source, limits)
            return self._lay(Sent(shape=(len(data),)), data), data
        array = np.ascontiguousarray(array)
        colored = isinstance(again, Frame) and again.is_colored
        sent = Sent(shape=array.shape, dtype=array.dtype.str, colored=colored)
        return self._lay(sent, array.reshape(-1).data), again

    def _lay(self, sent: Sent, data: Any) -> Sent:
        flat = memoryview(data).cast("B") if len(data) else memoryview(b"")
        if flat.nbytes > _INLINE_BYTES:
            with contextlib.suppress(OSError):
                memory = self._grown(flat.nbytes)
                memory[: flat.nbytes] = flat
                return replace(sent, block=str(self._file))
        return replace(sent, data=bytes(flat))

    def _grown(self, size: int) -> mmap.mmap:
        """Shared memory of this size or more; OSError where there is not so much."""
        if self._memory is not None and len(self._memory) >= size:
            return self._memory
        self.close()
        size = -(-size // _BLOCK_BYTES) * _BLOCK_BYTES
        handle, name = tempfile.mkstemp(prefix="qrcascade-", dir=_folder(size))
        self._file = Path(name)
        try:
            with os.fdopen(handle, "r+b") as file:
                if hasattr(os, "posix_fallocate"):
                    # Else a full memory would end this process, not this call.
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
                self._memory = mmap.mmap(file.fileno(), size)
        except OSError:
            self.close()
            raise
        return self._memory

    def hide(self) -> None:
        """Unlink what the worker has mapped by now, so that nothing is left whatever ends this process."""
        if os.name == "posix" and self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()

    def close(self) -> None:
        """Give the memory back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
            self._file = None


def _folder(size: int) -> str | None:
    """Where files are memory, if that has room; else where temporary files are."""
    with contextlib.suppress(OSError, AttributeError):
        free = os.statvfs(_MEMORY)
        if free.f_bavail * free.f_frsize >= size + _SPARE_BYTES and os.access(_MEMORY, os.W_OK):
            return str(_MEMORY)
    return None


def _pixels(source: Source, frame: int, limits: Limits) -> tuple[NDArray[Any] | None, Source]:
    """The pixels of what is decoded already; None of what is a file's bytes."""
    if isinstance(source, np.ndarray):
        if source.ndim in (2, 3) and source.dtype.kind in "biuf":
            with naming(source):
                limits.check_size(source.shape[1], source.shape[0])
            return source, source
        # Loading it says what is wrong with it.
        return Frame.load(source, limits=limits).gray, source
    if isinstance(source, Image.Image):
        source = Frame.load(source, frame=frame, limits=limits)
    if isinstance(source, Frame):
        with naming(source):
            limits.check_size(*source.size)
        # Colour is another decoding or rendering, and most readings end without it.
        return source.gray, source
    return None, source


class Inbox:
    """Where a worker finds what was laid down for it."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._memory: mmap.mmap | None = None

    def source(self, sent: Sent) -> Source:
        """A path, bytes, or an array, which is good until the next source is asked for."""
        if sent.path is not None:
            return sent.path
        count = math.prod(sent.shape)
        data: Any = sent.data if sent.block is None else self._mapped(sent.block)
        if sent.dtype is None:
            return bytes(data[:count])
        array = np.frombuffer(data, sent.dtype, count).reshape(sent.shape)
        array.setflags(write=False)
        return array

    def _mapped(self, name: str) -> mmap.mmap:
        if name != self._name or self._memory is None:
            # Who still has an array of the old memory keeps that alive.
            self._memory = None
            with Path(name).open("r+b") as file:
                self._memory = mmap.mmap(file.fileno(), 0)
            self._name = name
        return self._memory

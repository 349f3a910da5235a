"""Named pipes and devices as sources: they have no size, cannot be read twice, and may never deliver."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path

from qrcascade.errors import ImageError
from qrcascade.image.frame import Source
from qrcascade.image.limits import Limits

__all__ = ["read_pipe"]

_CHUNK_BYTES = 2**20


def read_pipe(source: Source, limits: Limits, patience_s: float | None) -> Source:
    """Return the bytes of a named pipe or a device; return any other source as it is.

    Raises
    ------
    ImageError
        If nothing more comes for ``patience_s`` seconds, or more comes than the limits allow.
    OSError
        If it cannot be opened or read.
    """
    if not isinstance(source, str | os.PathLike) or not _is_pipe(source):
        return source
    # Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
    descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    parts: list[bytes] = []
    size = 0
    try:
        while select.select([descriptor], [], [], patience_s)[0]:
            if not (part := os.read(descriptor, _CHUNK_BYTES)):
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            limits.check_bytes(size)
    finally:
        os.close(descriptor)
    raise ImageError(f"cannot read {str(source)!r}: timed out, nothing came for {patience_s:g} s")


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    if sys.platform == "win32":
        return False
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)

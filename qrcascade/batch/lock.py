"""Files that one process at a time writes: a lock on a name, and replacement in one step."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from qrcascade.errors import OptionError

__all__ = ["Lock", "replace_whole"]


class Lock:
    """A lock for ``path``, held in a hidden file beside it until this process ends, however that ends.

    Raises
    ------
    OptionError
        If another process holds it, or there is no writing in that folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.name}.lock")
        while not self._take(path):
            pass

    def _take(self, path: Path) -> bool:
        """Lock the file; return whether it is still the one of that name: its last holder removes it."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OptionError(f"cannot write {str(path)!r}: {error.strerror}") from error
        try:
            _lock(self._descriptor)
        except BlockingIOError:
            os.close(self._descriptor)
            raise OptionError(f"another scan is writing {str(path)!r}; wait until it has ended") from None
        except OSError:
            # Some network file systems have no locks.
            return True
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._descriptor), self._path.stat()):
                return True
        os.close(self._descriptor)
        return False

    def release(self) -> None:
        """Give the lock up."""
        # Windows does not remove an open file, but one nobody holds does no harm.
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Yield where to write a file that replaces this one if the block succeeds; else it is removed.

    Only one process may do so at a time. What an earlier one has left there is removed first.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

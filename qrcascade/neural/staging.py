"""Temporary files and folders; what a killed process has left is removed when the next one comes.

Whoever makes one holds a lock on it (``flock``), which ends with the process. So what nobody holds was left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is swept.
    fcntl = None  # type: ignore[assignment]

__all__ = ["replace_atomically", "stage"]


@contextlib.contextmanager
def stage(prefix: str, beside: Path | None = None) -> Iterator[Path]:
    """Yield a new folder, beside a file or in the temporary directory; it is removed when the block ends."""
    parent = Path(tempfile.gettempdir()) if beside is None else beside.parent
    _sweep(parent, f"{prefix}*")
    with _hold(lambda: Path(tempfile.mkdtemp(prefix=prefix, dir=parent))) as folder:
        yield folder


@contextlib.contextmanager
def replace_atomically(file: Path) -> Iterator[Path]:
    """Yield a new file beside this one, which replaces it in one step if the block succeeds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    prefix, suffix = f".{file.name}.", ".part"
    _sweep(file.parent, f"{prefix}*{suffix}")

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=file.parent)
        os.close(handle)
        return Path(name)

    with _hold(make) as new:
        yield new
        # Readable by every user, for images that one user builds and another one runs.
        new.chmod(0o644)
        new.replace(file)


@contextlib.contextmanager
def _hold(make: Callable[[], Path]) -> Iterator[Path]:
    """Make a file or folder, hold its lock while the block runs, and remove it."""
    while True:
        made = make()
        with contextlib.ExitStack() as held:
            held.callback(_remove, made)
            _lock(made, held, wait=True)
            # Another process may have swept it before it was locked.
            if made.exists():
                yield made
                return


def _sweep(folder: Path, pattern: str) -> None:
    """Remove this user's files and folders that match and that no process holds."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            if fcntl is not None and path.lstat().st_uid == os.getuid() and not path.is_symlink():
                _lock(path, held, wait=False)
                _remove(path)


def _lock(path: Path, held: contextlib.ExitStack, *, wait: bool) -> None:
    """Lock a file or folder until the stack is closed. Without ``wait``, OSError says that it is held."""
    if fcntl is None:
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        held.callback(os.close, handle)
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # A file system without locks: then nobody can sweep it either.
        if not wait:
            raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

"""Replacing a file in one step, by one written beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replace_whole"]


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

"""Undo what a library changes in the whole process when it is imported."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["keep_process"]

# Functions that Ultralytics replaces with its own. Its `PIL.Image.open` fails on every format for which it
# wants an optional package.
_REPLACED = {
    "PIL.Image": ("open",),
    "cv2": ("imread", "imwrite", "imshow"),
    "torch": ("load", "save"),
}


@contextlib.contextmanager
def keep_process() -> Iterator[None]:
    """Restore replaced functions, the environment, thread counts and print options when the block ends."""
    modules: dict[str, Any] = {}
    for name in _REPLACED:
        with contextlib.suppress(ImportError):
            modules[name] = importlib.import_module(name)
    functions = [(m, name, getattr(m, name)) for key, m in modules.items() for name in _REPLACED[key]]
    environment, printing = dict(os.environ), np.get_printoptions()
    with _keep_torch(modules.get("torch")), _keep_opencv(modules.get("cv2")):
        try:
            yield
        finally:
            for module, name, function in functions:
                setattr(module, name, function)
            for name in set(os.environ) - set(environment):
                del os.environ[name]
            os.environ.update(environment)
            np.set_printoptions(**printing)


@contextlib.contextmanager
def _keep_torch(torch: Any) -> Iterator[None]:
    if torch is None:
        yield
        return
    threads, printing = torch.get_num_threads(), dict(vars(torch._tensor_str.PRINT_OPTS))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_printoptions(**{name: value for name, value in printing.items() if value is not None})


@contextlib.contextmanager
def _keep_opencv(cv2: Any) -> Iterator[None]:
    threads = None if cv2 is None else cv2.getNumThreads()
    try:
        yield
    finally:
        if threads is not None:
            cv2.setNumThreads(threads)

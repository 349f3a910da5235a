"""Undo what a library changes in the whole process when it is imported."""

from __future__ import annotations

import contextlib
import importlib
import logging
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
    """Restore replaced functions, the environment, thread counts and other settings when the block ends."""
    modules: dict[str, Any] = {}
    for name in _REPLACED:
        with contextlib.suppress(ImportError):
            modules[name] = importlib.import_module(name)
    torch, cv2 = modules.get("torch"), modules.get("cv2")
    with contextlib.ExitStack() as after:
        for key, module in modules.items():
            for name in _REPLACED[key]:
                after.callback(setattr, module, name, getattr(module, name))
        if torch is not None:
            printing = {n: v for n, v in vars(torch._tensor_str.PRINT_OPTS).items() if v is not None}
            after.callback(torch.set_printoptions, **printing)
            after.callback(torch.set_num_threads, torch.get_num_threads())
        if cv2 is not None:
            after.callback(cv2.setNumThreads, cv2.getNumThreads())
        after.callback(np.set_printoptions, **np.get_printoptions())
        after.callback(_restore_environment, dict(os.environ))
        after.callback(_restore_levels, {name: logger.level for name, logger in _loggers()})
        yield


def _restore_environment(before: dict[str, str]) -> None:
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def _restore_levels(before: dict[str, int]) -> None:
    """Restore the levels of other packages' loggers, some of which Ultralytics silences."""
    for name, logger in _loggers():
        if name.partition(".")[0] != "ultralytics":
            logger.setLevel(before.get(name, logging.NOTSET))


def _loggers() -> list[tuple[str, logging.Logger]]:
    known = list(logging.root.manager.loggerDict.items())
    return [(name, logger) for name, logger in known if isinstance(logger, logging.Logger)]

"""What a library changes in the whole process when it is imported, put back as it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["keep_process"]

# Functions that Ultralytics replaces by its own. Its `PIL.Image.open` fails on every format that it leaves to
# an optional package.
_REPLACED = {
    "PIL.Image": ("open",),
    "cv2": ("imread", "imwrite", "imshow"),
    "torch": ("load", "save"),
}


@contextlib.contextmanager
def keep_process() -> Iterator[None]:
    """Restore replaced functions, the environment, thread counts and print options when the block ends."""
    import cv2
    import torch
    from PIL import Image

    modules: dict[str, Any] = {"PIL.Image": Image, "cv2": cv2, "torch": torch}
    functions = {(m, n): getattr(modules[m], n) for m, names in _REPLACED.items() for n in names}
    environment = dict(os.environ)
    threads = cv2.getNumThreads(), torch.get_num_threads()
    options = np.get_printoptions(), dict(vars(torch._tensor_str.PRINT_OPTS))
    try:
        yield
    finally:
        for (module, name), function in functions.items():
            setattr(modules[module], name, function)
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
        np.set_printoptions(**options[0])
        torch.set_printoptions(**{name: value for name, value in options[1].items() if value is not None})

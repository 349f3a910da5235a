"""OpenCV, imported on first use: an installation without it still reads easy pictures."""

from __future__ import annotations

import sys
from typing import Any

from qrcascade.errors import MissingDependencyError

__all__ = ["cv2"]

# OpenCV's packages all install into the same folder and break each other.
_ONE_CV2 = (
    "pip uninstall -y opencv-python opencv-python-headless opencv-contrib-python"
    " opencv-contrib-python-headless && pip install opencv-python"
)


class _OpenCV:
    """A stand-in for the module, which it imports on first use or raises `MissingDependencyError`."""

    _loaded: Any = None

    def __getattr__(self, name: str) -> Any:
        # This runs for every call: what was checked once is not checked again.
        if self._loaded is None or sys.modules.get("cv2") is not self._loaded:
            self._loaded = _load()
        return getattr(self._loaded, name)


cv2: Any = _OpenCV()
"""`cv2`, imported on first use."""


def _load() -> Any:
    """Import OpenCV, or raise with the command that fixes the installation."""
    try:
        import cv2 as module
    except ModuleNotFoundError as error:
        raise MissingDependencyError("OpenCV", "pip install opencv-python", str(error)) from error
    except (ImportError, AttributeError) as error:
        reason = str(error)
        remedy = "apt-get install libgl1 libglib2.0-0" if "shared object" in reason else _ONE_CV2
        raise MissingDependencyError("OpenCV", remedy, reason) from error
    if not hasattr(module, "warpPerspective"):
        raise MissingDependencyError("OpenCV", _ONE_CV2, "the installed cv2 is incomplete")
    return module

"""OpenCV, imported when it is first used: an install without it still reads easy pictures."""

from __future__ import annotations

from typing import Any

from qrcascade.errors import MissingDependencyError

__all__ = ["cv2"]

# Several packages of OpenCV install into one folder, and break each other.
_ONE_CV2 = (
    "pip uninstall -y opencv-python opencv-python-headless opencv-contrib-python"
    " opencv-contrib-python-headless && pip install opencv-python"
)


class _OpenCV:
    """Stands for the module; what it is asked for first imports it, or raises `MissingDependencyError`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_load(), name)


cv2: Any = _OpenCV()
"""`cv2` itself, but for the import."""


def _load() -> Any:
    """Import OpenCV, or say how to mend that it cannot be."""
    try:
        import cv2 as module
    except ModuleNotFoundError as error:
        raise MissingDependencyError("OpenCV", "pip install opencv-python", str(error)) from error
    except (ImportError, AttributeError) as error:
        reason = str(error)
        remedy = "apt-get install libgl1 libglib2.0-0" if "shared object" in reason else _ONE_CV2
        raise MissingDependencyError("OpenCV", remedy, reason) from error
    if not hasattr(module, "warpPerspective"):
        raise MissingDependencyError("OpenCV", _ONE_CV2, "what is installed as cv2 is not whole")
    return module

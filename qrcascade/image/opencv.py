"""OpenCV, imported on first use: an installation without it still reads easy pictures."""

from __future__ import annotations

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

    def __getattr__(self, name: str) -> Any:
        # Found there from now on, without this method.
        self.__dict__[name] = found = getattr(_load(), name)
        return found


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

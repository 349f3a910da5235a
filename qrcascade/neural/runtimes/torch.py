"""QReader in torch: one call at a time, and nothing changed in the rest of the process."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qrcascade.errors import WeightsError, in_words
from qrcascade.image.frame import Gray
from qrcascade.image.quad import Quad
from qrcascade.neural import weights
from qrcascade.neural.runtimes.outlines import fit_quadrilateral
from qrcascade.neural.staging import stage

__all__ = ["TorchDetector", "build", "keep_process", "quiet"]

# By default Ultralytics probes the network, reports usage and installs packages.
_QUIET = {"YOLO_VERBOSE": "false", "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}
# Functions that Ultralytics replaces with its own. Its `PIL.Image.open` fails on every format for which it
# wants an optional package.
_REPLACED = {
    "PIL.Image": ("open",),
    "cv2": ("imread", "imwrite", "imshow"),
    "torch": ("load", "save"),
}
# Warning filters and torch's threads belong to the whole process, so one call at a time.
_calling = threading.RLock()


def _begin() -> None:
    """Start with a new lock in a forked process, which lacks the thread that may hold the old one."""
    global _calling
    _calling = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


class TorchDetector:
    """A loaded QReader with re-encoding off. Calls are serialised across all models: see `_calling`.

    A ``device`` of None lets Ultralytics choose.
    """

    def __init__(self, reader: Any, device: str | None) -> None:
        self._reader = reader
        yolo = reader.detector.model
        predict = yolo.predict

        def on_device(**options: Any) -> Any:
            # qrdet passes `half`, which Ultralytics no longer accepts, and no device.
            options.pop("half", None)
            return predict(**{**options, "device": device})

        yolo.predict = on_device

    def detect(self, rgb: Gray, threads: int | None = None) -> list[tuple[Quad, float]]:
        """Locate symbols: see `Detector`. Torch's own number of threads is restored afterwards."""
        import torch

        with _calling, _silence(), _torch_threads(torch, threads), torch.inference_mode():
            detections = self._reader.detect(rgb, is_bgr=False)
        found = []
        for detection in detections:
            # Not qrdet's own quadrilateral: the other runtimes' fit, which is nearer to the mask.
            corners = fit_quadrilateral(np.asarray(detection["polygon_xy"], np.float32))
            if corners is not None and np.isfinite(corners).all():
                found.append((Quad.of(corners), float(detection["confidence"])))
        return found

    def decode(self, rgb: Gray, quad: Quad) -> str | None:
        """Decode the symbol in an outline with QReader's own decoder: text, or None."""
        detection = self._reader.get_detection_result_from_polygon(np.asarray(quad, dtype=np.float32))
        with _calling, _silence():
            text: str | None = self._reader.decode(image=rgb, detection_result=detection)
        return text


def build(size: str, file: Path) -> Any:
    """Return the QReader of a size with the weights in a file; it fetches and changes nothing.

    Raises `WeightsError` if the file may not be loaded, or cannot be.
    """
    with quiet():
        import qreader

    # If qrdet does not find its release note beside the weights, it fetches them again, and deletes them if
    # that fails. So it gets a temporary folder, which is removed once the model is loaded.
    with stage("qrcascade-weights-") as folder, weights.check(file, folder / f"qrdet-{size}.pt"):
        (folder / "current_release.txt").write_text(weights.RELEASE)
        try:
            with quiet():
                return qreader.QReader(model_size=size, weights_folder=str(folder), reencode_to=None)
        except Exception as error:
            mend = "if it is still being copied, wait; otherwise get it again"
            raise WeightsError(f"{file} cannot be loaded ({in_words(error)}); {mend}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Ultralytics from fetching, reporting, printing and warning; one caller at a time."""
    with _calling, keep_process(), _silence():
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        yield


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Drop the warnings of the libraries called inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _torch_threads(torch: Any, threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        # Ultralytics sets it, too, when it first predicts.
        torch.set_num_threads(before)


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

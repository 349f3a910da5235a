"""QReader models: built on first need, once for each process, weights file and device.

Nothing here is imported before a neural tier runs; torch and ultralytics come in with the first
model.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qrcascade import weights
from qrcascade.errors import MissingDependencyError
from qrcascade.frame import Gray
from qrcascade.results import Quad

__all__ = ["REMEDY", "QReaderModel", "installed", "load"]

REMEDY = "pip install 'qrcascade[qreader]'"
# Ultralytics looks for the network, reports usage and installs packages unless told not to.
_QUIET = {"YOLO_VERBOSE": "false", "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}

_models: dict[tuple[str, str, str | None], QReaderModel] = {}
_loading = threading.Lock()
# Warning filters and torch's threads belong to the whole process, so one call at a time.
_calling = threading.RLock()


def installed() -> bool:
    """Whether the packages of the extra are there; imports none of them."""
    return all(importlib.util.find_spec(name) is not None for name in ("qreader", "torch"))


class QReaderModel:
    """One loaded QReader. Calls are serialised, over all models: see `_calling`.

    Parameters
    ----------
    reader : qreader.QReader
        With re-encoding off.
    device : str, optional
        As torch names it; None lets Ultralytics choose.
    """

    def __init__(self, reader: Any, device: str | None) -> None:
        self._reader = reader
        yolo = reader.detector.model
        predict = yolo.predict

        def on_device(**options: Any) -> Any:
            # qrdet passes `half`, which Ultralytics no longer knows, and no device.
            options.pop("half", None)
            return predict(**{**options, "device": device})

        yolo.predict = on_device

    def detect(self, rgb: Gray, threads: int | None = None) -> list[tuple[Quad, float]]:
        """Locate symbols.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
            The picture.
        threads : int, optional
            Torch's threads for this call; restored afterwards.

        Returns
        -------
        list of (Quad, float)
            Outlines in its pixels, which may reach beyond it, and scores from 0 to 1.
        """
        import torch

        with _calling, _silence(), _torch_threads(torch, threads), torch.inference_mode():
            detections = self._reader.detect(rgb, is_bgr=False)
        found = []
        for detection in detections:
            corners = np.asarray(detection["quad_xy"], float)
            if corners.shape == (4, 2) and np.isfinite(corners).all():
                found.append((Quad.of(corners), float(detection["confidence"])))
        return found

    def decode(self, rgb: Gray, quad: Quad) -> str | None:
        """QReader's own decoding of one outline: text, or None."""
        detection = self._reader.get_detection_result_from_polygon(np.asarray(quad, dtype=np.float32))
        with _calling, _silence():
            text: str | None = self._reader.decode(image=rgb, detection_result=detection)
        return text


def load(size: str, folder: str | os.PathLike[str] | None = None, device: str | None = None) -> QReaderModel:
    """The model of a size, built if this process has not built it yet.

    Parameters
    ----------
    size : str
        "n", "s", "m" or "l".
    folder : path, optional
        Where the weights are; see `qrcascade.weights.folder`.
    device : str, optional
        As torch names it.

    Raises
    ------
    MissingDependencyError
        If the extra is not installed.
    WeightsError
        If the weights are not there and cannot be fetched, or may not be loaded.
    """
    if not installed():
        raise MissingDependencyError(f"QReader {size}", REMEDY)
    key = (str(weights.path(size, folder)), size, device)
    if key not in _models:
        with _loading:
            if key not in _models:
                _models[key] = QReaderModel(_build(size, weights.ensure(size, folder)), device)
    return _models[key]


def _build(size: str, file: Path) -> Any:
    with _calling, _quiet_environment(), _silence():
        import qreader

    # qrdet fetches the weights again where it does not find its release note beside them, and
    # deletes them when that fails. It gets a folder of its own, gone once the model is loaded.
    with tempfile.TemporaryDirectory(prefix="qrcascade-") as stage:
        weights.checked(file, Path(stage, f"qrdet-{size}.pt"))
        Path(stage, "current_release.txt").write_text(weights.RELEASE)
        with _calling, _quiet_environment(), _silence():
            return qreader.QReader(model_size=size, weights_folder=stage, reencode_to=None)


@contextlib.contextmanager
def _quiet_environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _QUIET}
    os.environ.update({name: value for name, value in _QUIET.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


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
        if threads is not None:
            torch.set_num_threads(before)

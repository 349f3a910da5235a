"""QReader's detectors: built on first need, once for each process, weights file, device and runtime.

Nothing here is imported before a neural tier runs; torch and ultralytics come in with the first
model that runs in torch.
"""

from __future__ import annotations

import os
import threading

from qrcascade.errors import MissingDependencyError
from qrcascade.neural import weights
from qrcascade.neural.runtimes import Detector, ExportedDetector, choose, exported, installed, remedy

__all__ = ["load"]

_models: dict[tuple[str, str, str | None, str], Detector] = {}
_loading = threading.Lock()


def _begin() -> None:
    """A forked process has none of the threads that models work with, nor the one that holds the lock."""
    global _loading
    _loading = threading.Lock()
    _models.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def load(
    size: str,
    folder: str | os.PathLike[str] | None = None,
    device: str | None = None,
    runtime: str = "auto",
) -> Detector:
    """The detector of a size, built if this process has not built it yet.

    Parameters
    ----------
    size : str
        "n", "s", "m" or "l".
    folder : path, optional
        Where the weights are; see `qrcascade.neural.weights.folder`.
    device : str, optional
        As torch names it.
    runtime : {"auto", "torch", "openvino", "onnx", "openvino-bf16"}
        See `qrcascade.neural.runtimes.choose`.

    Raises
    ------
    OptionError
        If there is no such runtime, or it does not take the device.
    MissingDependencyError
        If the runtime is not installed.
    WeightsError
        If the weights are not there and cannot be fetched, or may not be loaded, or the export is missing
        or stale.
    """
    chosen = choose(size, runtime, folder, device)
    if not installed(chosen):
        raise MissingDependencyError(f"QReader {size} in {chosen}", remedy(chosen))
    key = (str(weights.path(size, folder)), size, device, chosen)
    if key not in _models:
        with _loading:
            if key not in _models:
                _models[key] = _build(size, folder, device, chosen)
    return _models[key]


def _build(size: str, folder: str | os.PathLike[str] | None, device: str | None, runtime: str) -> Detector:
    if runtime != "torch":
        return ExportedDetector(exported(size, runtime, folder))
    from qrcascade.neural.runtimes.torch import TorchDetector, build

    return TorchDetector(build(size, weights.ensure(size, folder)), device)

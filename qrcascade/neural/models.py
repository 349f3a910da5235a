"""QReader's detectors: built on first use, once for each process, weights file, device and runtime.

Nothing here is imported before a neural tier runs; torch and ultralytics are imported with the first model
that runs in torch.
"""

from __future__ import annotations

import os
import threading

from qrcascade.errors import MissingDependencyError
from qrcascade.neural import weights
from qrcascade.neural.runtimes import Detector, choose, find_export, is_installed, remedy
from qrcascade.neural.runtimes.detector import ExportedDetector

__all__ = ["load"]

_models: dict[tuple[str, str, str | None, str], Detector] = {}
_loading = threading.Lock()


def _begin() -> None:
    """Start afresh in a forked process: it lacks the models' threads, and the one that may hold the lock."""
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
    """Return the detector of a size, building it if this process has not done so yet.

    For ``folder`` and ``runtime`` see `weights.folder` and `choose`; ``device`` is torch's.

    Raises
    ------
    OptionError
        If there is no such runtime, or it does not take a device.
    MissingDependencyError
        If the runtime is not installed.
    WeightsError
        If the weights are missing and cannot be fetched, or may not be loaded, or the export is missing or
        stale.
    """
    chosen = choose(size, runtime, folder, device)
    if not is_installed(chosen):
        raise MissingDependencyError(f"QReader {size} in {chosen}", remedy(chosen))
    key = (str(weights.path(size, folder)), size, device, chosen)
    if key not in _models:
        with _loading:
            if key not in _models:
                _models[key] = _build(size, folder, device, chosen)
    return _models[key]


def _build(size: str, folder: str | os.PathLike[str] | None, device: str | None, runtime: str) -> Detector:
    if runtime != "torch":
        return ExportedDetector(find_export(size, runtime, folder))
    from qrcascade.neural.runtimes.torch import TorchDetector, build

    return TorchDetector(build(size, weights.ensure(size, folder)), device)

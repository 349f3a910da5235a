"""The runtimes of QReader's detectors: torch, or a model exported once for OpenVINO or ONNX Runtime.

Nothing heavy is imported before a model is loaded; an exported model never imports torch.
"""

from __future__ import annotations

from qrcascade.neural.runtimes.detector import Decoder, Detector, ExportedDetector
from qrcascade.neural.runtimes.registry import (
    DECODING,
    EXPORTS,
    PACKAGES,
    RUNTIMES,
    Exported,
    choose,
    find_export,
    find_missing,
    is_installed,
    remedy,
)

__all__ = [
    "DECODING",
    "EXPORTS",
    "PACKAGES",
    "RUNTIMES",
    "Decoder",
    "Detector",
    "Exported",
    "ExportedDetector",
    "choose",
    "find_export",
    "find_missing",
    "is_installed",
    "remedy",
]

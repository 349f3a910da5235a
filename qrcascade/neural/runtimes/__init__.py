"""What a QReader detector runs in: torch itself, or what was exported once for OpenVINO or ONNX Runtime.

Nothing heavy is imported before a model is loaded, and torch never where an exported one is.
"""

from __future__ import annotations

from qrcascade.neural.runtimes.detector import Decoder, Detector, ExportedDetector
from qrcascade.neural.runtimes.registry import (
    CHOICES,
    DECODING,
    EXPORTS,
    RUNTIMES,
    Exported,
    choose,
    exported,
    installed,
    missing,
    remedy,
)

__all__ = [
    "CHOICES",
    "DECODING",
    "EXPORTS",
    "RUNTIMES",
    "Decoder",
    "Detector",
    "Exported",
    "ExportedDetector",
    "choose",
    "exported",
    "installed",
    "missing",
    "remedy",
]

"""OpenCV's two QR detectors: the contour one and the Aruco one, with one decoder behind both.

They cut payloads at a zero byte, give no bytes, and take Shift_JIS for Latin-1. What they locate
and cannot decode is a region.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qrcascade import confidence
from qrcascade.errors import MissingDependencyError
from qrcascade.frame import Gray
from qrcascade.results import Findings, QRCode, Quad, Region

__all__ = ["ArucoEngine", "OpenCVEngine", "library"]

# Measured on photographs: about a third of what they locate is no symbol.
_LOCATED_SCORE = 0.5


def library() -> Any:
    """Import OpenCV, or say how to mend that it cannot be."""
    try:
        import cv2
    except ImportError as error:
        reason = str(error)
        remedy = "apt-get install libgl1 libglib2.0-0" if ".so" in reason else "pip install opencv-python"
        raise MissingDependencyError("OpenCV", remedy, reason) from error
    return cv2


class OpenCVEngine:
    """`cv2.QRCodeDetector`."""

    name = "opencv"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Of the formats it knows only "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        return _findings(self.name, self._detector(library()), gray)

    @staticmethod
    def _detector(cv2: Any) -> Any:
        return cv2.QRCodeDetector()


class ArucoEngine(OpenCVEngine):
    """`cv2.QRCodeDetectorAruco`."""

    name = "aruco"

    @staticmethod
    def _detector(cv2: Any) -> Any:
        return cv2.QRCodeDetectorAruco()


def _findings(name: str, detector: Any, gray: Gray) -> Findings:
    found, texts, corners, _ = detector.detectAndDecodeMulti(gray)
    codes, regions = [], []
    if found and corners is not None:
        for text, points in zip(texts, np.asarray(corners, float), strict=True):
            if not np.isfinite(points).all():
                continue
            quad = Quad.of(points)
            if text:
                sure = confidence.of_engine(name, guessed=not text.isascii())
                codes.append(QRCode(text, quad, sure, engine=name))
            elif quad.convex:
                regions.append(Region(quad, _LOCATED_SCORE, name))
    return Findings(tuple(codes), tuple(regions))

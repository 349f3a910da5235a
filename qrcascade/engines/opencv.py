"""OpenCV's two QR detectors, contour-based and Aruco-based, which share a decoder.

They truncate payloads at a zero byte, return no bytes, and mistake Shift_JIS for Latin-1. What they locate
but cannot decode becomes a region.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qrcascade.engines import confidence
from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, QRCode, Region

__all__ = ["ArucoEngine", "OpenCVEngine"]

# Of 114 regions of the Aruco detector in 109 photographs (BoofCV, 800 px), 16 were not symbols.
_LOCATED_SCORE = 0.5


class OpenCVEngine:
    """`cv2.QRCodeDetector`."""

    name = "opencv"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Supports only the format "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        return _detect(self.name, self._detector(), gray)

    @staticmethod
    def _detector() -> Any:
        return cv2.QRCodeDetector()


class ArucoEngine(OpenCVEngine):
    """`cv2.QRCodeDetectorAruco`."""

    name = "aruco"

    @staticmethod
    def _detector() -> Any:
        return cv2.QRCodeDetectorAruco()


def _detect(name: str, detector: Any, gray: Gray) -> Findings:
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

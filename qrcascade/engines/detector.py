"""A detector of the project's own: a small network that says where symbols are. It reads nothing.

`docs/detector.md` is its model card: what it was trained on, and what it finds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qrcascade.engines.detections import Network, load_network
from qrcascade.engines.second_look import find
from qrcascade.image.quad import Quad
from qrcascade.image.sources import Gray
from qrcascade.results import Findings, Region

__all__ = ["DetectorEngine"]

_MODEL = Path(__file__).with_name("detector.onnx")
# Regions with a lower probability of a symbol are not reported. Chosen.
_LEAST_SCORE = 0.7
# OpenCV's networks serve one thread at a time.
_networks = threading.local()


class DetectorEngine:
    """Locates symbols with the project's network, in looks at 320 and 640 pixels and a second one at each."""

    name = "detector"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Of the formats it knows only "QRCode"."""
        return self.locate(gray) if "QRCode" in formats else Findings()

    def locate(self, gray: Gray, known: Sequence[Quad] = ()) -> Findings:
        """Locate all symbols of a picture; those that are known already are not looked at twice."""
        outlines = np.array([quad.corners for quad in known], np.float32).reshape(-1, 4, 2)
        found = find(_load(), gray, threshold=_LEAST_SCORE, known=outlines)
        regions = (
            Region(Quad.of(outline.astype(float)), float(score), self.name)
            for outline, score in zip(found.quads, found.scores, strict=True)
        )
        return Findings(regions=tuple(region for region in regions if region.quad.convex))


def _load() -> Network:
    network: Network | None = getattr(_networks, "network", None)
    if network is None:
        network = _networks.network = load_network(_MODEL)
    return network

"""Adapters for the decoding libraries: gray pixels in, `Findings` in the view's pixels out.

Each imports its library on first use. An engine's ``read`` may raise anything; the executor turns that into
an attempt with an error.
"""

from __future__ import annotations

from typing import Protocol

from qrcascade.engines.detector import DetectorEngine
from qrcascade.engines.finders import FinderEngine
from qrcascade.engines.opencv import ArucoEngine, OpenCVEngine
from qrcascade.engines.texture import TextureEngine
from qrcascade.engines.zbar import ZBarEngine
from qrcascade.engines.zxing import ZXingEngine
from qrcascade.image.frame import Gray
from qrcascade.results import Findings

__all__ = [
    "NAMES",
    "ONLY_QR",
    "ArucoEngine",
    "DetectorEngine",
    "Engine",
    "FinderEngine",
    "OpenCVEngine",
    "TextureEngine",
    "ZBarEngine",
    "ZXingEngine",
    "engine",
]


class Engine(Protocol):
    """The interface of an engine."""

    @property
    def name(self) -> str:
        """The name that appears in `QRCode.engine` and `Attempt.step`."""

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """Look for symbols.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            C-contiguous. Must not be modified.
        formats : frozenset of str
            Symbologies to report, of `qrcascade.reading.options.FORMATS`.

        Returns
        -------
        Findings
            Quads in pixels of ``gray``.
        """


_ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        ZXingEngine(),
        ZBarEngine(),
        OpenCVEngine(),
        ArucoEngine(),
        FinderEngine(),
        TextureEngine(),
        DetectorEngine(),
    )
}


NAMES = tuple(_ENGINES)
"""The names of the engines."""

ONLY_QR = frozenset(NAMES) - {ZXingEngine.name}
"""Those that look for QR codes alone."""


def engine(name: str) -> Engine:
    """Return the engine of this name, one of `NAMES`."""
    return _ENGINES[name]

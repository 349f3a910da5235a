"""A detector of the project's own: a small network that says where symbols are. It reads nothing.

`docs/detector.md` is its model card: what it was trained on, and what it finds.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from numbers import Real
from pathlib import Path

import numpy as np

from qrcascade.engines.detections import Detections, Floats, Network, load_network
from qrcascade.engines.second_look import LEAST_SCORE, find, is_alone
from qrcascade.errors import OptionError
from qrcascade.image.frame import Frame, Gray, Source
from qrcascade.image.limits import Limits
from qrcascade.image.quad import Quad
from qrcascade.image.views import to_source
from qrcascade.results import Findings, Region

__all__ = ["DetectorEngine", "detect"]

_MODEL = Path(__file__).with_name("detector.onnx")
# OpenCV's networks serve one thread at a time.
_networks = threading.local()


class DetectorEngine:
    """Locates symbols with the project's network, in a look at 640 pixels and a closer one at each symbol."""

    name = "detector"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Of the formats it knows only "QRCode"."""
        return self.locate(gray) if "QRCode" in formats else Findings()

    def locate(self, gray: Gray, known: Sequence[Quad] = ()) -> Findings:
        """Locate all symbols of a picture; those that are known already are not looked at twice."""
        # What reads them places the corners by itself, and no better from refined ones.
        found = find(_load(), gray, threshold=LEAST_SCORE, known=_stack(known), refined=False)
        return Findings(regions=_make_regions(found))

    def is_alone(self, gray: Gray, known: Sequence[Quad]) -> bool:
        """Return whether a look at half the size shows these symbols, and nothing else."""
        return is_alone(_load(), gray, _stack(known))


def detect(
    source: Source,
    *,
    threshold: float = LEAST_SCORE,
    bgr: bool = False,
    frame: int = 0,
    limits: Limits = Limits(),
) -> tuple[Region, ...]:
    """Locate the QR codes of a picture without reading them, to count, crop or blur them.

    Parameters
    ----------
    source : path, bytes, binary file, PIL.Image.Image, ndarray or Frame
        See `qrcascade.Frame.load`.
    threshold : float
        Least score, 0 to 1, of what is returned.
    bgr : bool
        Whether an array's channels are blue, green, red.
    frame : int
        Which picture of a multi-frame file, from 0.
    limits : Limits
        Larger sources are refused.

    Returns
    -------
    tuple of Region
        The best first, in pixels of the upright picture.

    Raises
    ------
    ImageError
        If the source is not a readable picture.
    OptionError
        If ``threshold`` is not between 0 and 1.
    """
    _check_threshold(threshold)
    picture = Frame.load(source, bgr=bgr, frame=frame, draft=True, limits=limits)
    view = picture.draft or picture
    regions = _make_regions(find(_load(), view.gray, threshold=threshold))
    return regions if view.is_source else tuple(r.moved(to_source(view, r.quad)) for r in regions)


def _check_threshold(threshold: object) -> None:
    if isinstance(threshold, bool) or not (isinstance(threshold, Real) and 0 <= float(threshold) <= 1):
        raise OptionError(f"threshold must be between 0 and 1, got {threshold!r}")


def _stack(quads: Sequence[Quad]) -> Floats:
    return np.array([quad.corners for quad in quads], np.float32).reshape(-1, 4, 2)


def _make_regions(found: Detections) -> tuple[Region, ...]:
    regions = (
        Region(Quad.of(outline.astype(float)), float(score), DetectorEngine.name, float(module))
        for outline, score, module in zip(*found, strict=True)
    )
    return tuple(region for region in regions if region.quad.convex)


def _load() -> Network:
    network: Network | None = getattr(_networks, "network", None)
    if network is None:
        network = _networks.network = load_network(_MODEL)
    return network

"""The neural tiers: QReader's detector locates symbols; region steps and, in torch, its decoder read them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

import numpy as np

from qrcascade.engines import confidence
from qrcascade.engines.orientation import find_top_left
from qrcascade.errors import MissingDependencyError, OptionError
from qrcascade.image.quad import Quad
from qrcascade.image.views import View, limit, rectify, to_source
from qrcascade.neural import models, runtimes, weights
from qrcascade.reading.scan import CREDIBLE, Scan
from qrcascade.reading.steps import Context, Step, Steps
from qrcascade.results import Findings, QRCode, Region
from qrcascade.strategies import tiles
from qrcascade.strategies.regions import is_credible_outline, read_region, verify_codes

__all__ = ["ENGINE", "QReaderStrategy"]

ENGINE = "qreader"
"""Engine name of the attempts that run QReader's model."""

_DECODE_SIDE = 120
_NAMES = {"n": "nano", "s": "small", "m": "medium", "l": "large"}
# From docs/benchmarks/runtimes.md: between torch and the exports, without loading the model.
_DETECT_S = {"n": 0.1, "s": 0.25, "m": 0.5, "l": 0.9}
_DECODE_S = 0.15


class QReaderStrategy:
    """One size of QReader.

    The model is loaded when the strategy first runs. It does not look at a picture in which a smaller size
    has looked and nothing is read or credibly located, unless the caller expects codes.

    In a large picture the detector may miss a small symbol. If there is a sign of one, or codes are
    expected, it looks again, tile by tile: see `qrcascade.strategies.tiles`.

    Parameters
    ----------
    size : str
        "n", "s", "m" or "l".
    weights_folder : path, optional
        Folder of ``qrdet-<size>.pt``; by default ``QRCASCADE_WEIGHTS``, else the user's cache. A missing
        file is fetched only if ``QRCASCADE_ACCEPT_LICENCE`` is set.
    max_side : int
        Longer side in pixels to which larger pictures are reduced for detection; decoding uses all pixels.
    runtime : {"auto", "torch", "openvino", "onnx"}
        What the detector runs in. The last two need an export (`qrcascade.neural.runtimes.export`), do not
        import torch, and skip QReader's own decoding of regions. "auto" takes the first of openvino and onnx
        that is installed and exported, else torch.
    device : str, optional
        Torch device, such as "cpu" or "cuda:0"; None lets Ultralytics choose. Only for torch.
    threads : int, optional
        Number of threads for detection; None leaves it to the runtime.
    required : bool
        Whether to raise now if the runtime is not installed. With False, as in the presets, that becomes an
        attempt with an error.

    Raises
    ------
    OptionError
        If there is no such size or runtime, or the runtime does not take a device.
    MissingDependencyError
        If the runtime is not installed and ``required``.
    """

    def __init__(
        self,
        size: str = "s",
        *,
        weights_folder: str | os.PathLike[str] | None = None,
        max_side: int = 2048,
        runtime: str = "auto",
        device: str | None = None,
        threads: int | None = None,
        required: bool = True,
    ) -> None:
        if size not in weights.SIZES:
            raise OptionError(f"size must be one of {', '.join(weights.SIZES)}, got {size!r}")
        chosen = runtimes.choose(size, runtime, weights_folder, device)
        if required and not runtimes.is_installed(chosen):
            raise MissingDependencyError(f"QReader {size} in {chosen}", runtimes.remedy(chosen))
        self.size = size
        self.name = _NAMES[size]
        self.weights_folder = weights_folder
        self.max_side = max_side
        self.runtime = runtime
        self.device = device
        self.threads = threads

    def __repr__(self) -> str:
        return f"QReaderStrategy({self.size!r})"

    def steps(self, scan: Scan) -> Steps:
        """Plan a detection and the reading of each region, best first; then perhaps a closer look."""
        if "QRCode" not in scan.formats or _is_hopeless(scan) or (scan.expect is None and scan.is_other):
            return
        detection = yield self.detection(limit(self.max_side))
        yield from self._read(scan, detection.regions)
        if detection.error is None and tiles.is_large(scan):
            yield from self._look_closer(scan)

    def warm(self) -> None:
        """Load the model now. Raises what `qrcascade.neural.models.load` does."""
        self._model()

    def detection(self, view: View, name: str = "") -> Step:
        """Return the step that runs the detector on a view; further views need a name."""
        work = partial(self._detect, view)
        return Step(ENGINE, name, None, "detect", work, _DETECT_S[self.size])

    def decoding(self, quad: Quad) -> Step:
        """Return the step in which QReader's own decoder reads a region; only torch has it."""
        return Step(ENGINE, "", None, "decode", partial(self._decode, quad), _DECODE_S)

    def _look_closer(self, scan: Scan) -> Steps:
        """Search a large picture for signs of a symbol, then look at tiles, while something is missing."""
        if tiles.is_missing_something(scan) and not _was_run(tiles.SEARCH, scan):
            search = yield tiles.SEARCH
            credible = [region for region in search.regions if region.score >= CREDIBLE]
            yield from self._read(scan, credible)
        if not tiles.is_missing_something(scan):
            return
        for tile in (yield from tiles.choose_likeliest(scan)):
            step = self.detection(tile, tile.name)
            if _was_run(step, scan):
                continue
            detection = yield step
            yield from self._read(scan, detection.regions)
            if detection.error is not None or not tiles.is_missing_something(scan):
                return

    def _read(self, scan: Scan, regions: Sequence[Region]) -> Steps:
        chosen = runtimes.choose(self.size, self.runtime, self.weights_folder, self.device)
        for region in sorted(regions, key=lambda r: -r.score):
            if scan.is_read(region.quad):
                continue
            yield from read_region(scan, region)
            if chosen in runtimes.DECODING and not scan.is_read(region.quad):
                attempt = yield self.decoding(region.quad)
                yield from verify_codes(scan, attempt)

    def _model(self) -> runtimes.Detector:
        return models.load(self.size, self.weights_folder, self.device, self.runtime)

    def _detect(self, view: View, context: Context) -> Findings:
        model = self._model()
        seen = view(context.frame)
        found = model.detect(seen.color, self.threads)
        located = (Region(to_source(seen, quad), score, self.name) for quad, score in found)
        return Findings(regions=tuple(r for r in located if is_credible_outline(r.quad, context.frame)))

    def _decode(self, quad: Quad, context: Context) -> Findings:
        model = self._model()
        if not isinstance(model, runtimes.Decoder):
            return Findings()
        # Unless the region is small, it tries some 60 pictures of up to 1024 pixels a side, which takes
        # seconds. It looks at the red channel and the gray one, so gray pixels are enough.
        square = rectify(context.frame, quad, _DECODE_SIDE)
        low = (square.size[0] - _DECODE_SIDE) / 2
        high = low + _DECODE_SIDE
        inner = Quad(((low, low), (high, low), (high, high), (low, high)))
        text = model.decode(np.repeat(square.gray[:, :, None], 3, axis=2), inner)
        if not text:
            return Findings()
        # It returns no corners, and a detector's outline starts at any corner.
        first = find_top_left(context.frame.gray, quad)
        turned = Quad.of(quad.corners[first:] + quad.corners[:first])
        sure = confidence.of_engine(ENGINE, guessed=not text.isascii())
        return Findings((QRCode(text, turned, sure, engine=ENGINE),))


def _is_hopeless(scan: Scan) -> bool:
    """Return whether a detector has looked, and there is still no trace of a symbol."""
    has_looked = any(
        (a.engine, a.kind, a.view, a.error) == (ENGINE, "detect", "", None) for a in scan.attempts
    )
    return has_looked and scan.expect is None and not scan.codes and not scan.credible


def _was_run(step: Step, scan: Scan) -> bool:
    """Return whether this or another tier has already run a step without an error."""
    same = (step.engine, step.kind, step.view, None)
    return any((a.engine, a.kind, a.view, a.error) == same for a in scan.attempts)

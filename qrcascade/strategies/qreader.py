"""The neural tiers: QReader's detector locates; the steps for regions read, and in torch its decoder."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence

import numpy as np

from qrcascade import confidence, models, runtimes, weights
from qrcascade.errors import MissingDependencyError, OptionError
from qrcascade.orientation import top_left
from qrcascade.quad import Quad
from qrcascade.results import Attempt, Findings, QRCode, Region
from qrcascade.scan import CREDIBLE, Scan
from qrcascade.strategies import tiles
from qrcascade.strategies.base import Runner
from qrcascade.strategies.regions import credible_outline, reread, verified
from qrcascade.views import View, limit, rectify, to_source

__all__ = ["QReaderStrategy"]

_DETECT = "qreader detect"
_DECODE = "qreader decode"
_DECODE_SIDE = 120
_NAMES = {"n": "nano", "s": "small", "m": "medium", "l": "large"}


class QReaderStrategy:
    """One size of QReader.

    The model is loaded when the strategy first runs, not before. It does not look where a smaller
    size has looked and nothing is read or credibly located, unless the caller expects codes.

    Large pictures, in which it may miss a small symbol, it looks at again, tile by tile, where there
    is a sign of one or codes are expected: see `qrcascade.strategies.tiles`.

    Parameters
    ----------
    size : str
        "n", "s", "m" or "l".
    weights_folder : path, optional
        Where ``qrdet-<size>.pt`` is; by default ``QRCASCADE_WEIGHTS``, else the user's cache. A
        file that is not there is fetched only where ``QRCASCADE_ACCEPT_LICENCE`` is set.
    max_side : int
        Larger pictures are reduced to this for detection; decoding sees all pixels.
    runtime : {"auto", "torch", "openvino", "onnx", "openvino-bf16"}
        What the detector runs in. The last three need an export (`qrcascade.runtimes.export.export`), do
        not import torch, and leave QReader's own decoding of a region out. "auto" takes the first of
        openvino and onnx that is installed and exported, else torch. "openvino-bf16" computes in 16 bits
        where the processor can, which finds slightly other outlines in half the time.
    device : str, optional
        As torch names it, "cpu" or "cuda:0"; None lets Ultralytics choose. Only for torch.
    threads : int, optional
        The runtime's threads during detection; None leaves them to it.
    required : bool
        Whether to raise here and now where the runtime is not installed. The presets say no:
        there it becomes an attempt with an error.

    Raises
    ------
    OptionError
        If the size or the runtime does not exist, or the runtime takes no device.
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
        if required and not runtimes.installed(chosen):
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

    def attempts(self, scan: Scan) -> Iterator[Attempt]:
        """Locate once and read each region that is not read yet, best first; then perhaps look closer."""
        if "QRCode" not in scan.formats or _hopeless(scan):
            return
        runner = Runner(self.name, scan)
        detection = runner.attempt(_DETECT, lambda: self.detect(scan, limit(self.max_side)))
        yield detection
        yield from self._read(scan, detection.regions, runner)
        if detection.error is None and tiles.is_large(scan):
            yield from self._look_closer(scan, runner)

    def warm(self) -> None:
        """Load the model now. Raises what `qrcascade.models.load` does."""
        self._model()

    def _look_closer(self, scan: Scan, runner: Runner) -> Iterator[Attempt]:
        """Search a large picture for signs of a symbol, then look at tiles, while something is missing."""
        if tiles.is_missing_something(scan) and not _was_run(str(tiles.SEARCH), scan):
            search = runner.run(tiles.SEARCH, scan.frame)
            if search is not None:
                yield search
                credible = [region for region in search.regions if region.score >= CREDIBLE]
                yield from self._read(scan, credible, runner)
        if not tiles.is_missing_something(scan):
            return
        for tile in tiles.likeliest(scan):
            step = f"{_DETECT} {tile.name}"
            if _was_run(step, scan):
                continue
            detection = runner.attempt(step, functools.partial(self.detect, scan, tile))
            yield detection
            yield from self._read(scan, detection.regions, runner)
            if detection.error is not None or not tiles.is_missing_something(scan):
                return

    def _read(self, scan: Scan, regions: Sequence[Region], runner: Runner) -> Iterator[Attempt]:
        for region in sorted(regions, key=lambda r: -r.score):
            if scan.is_read(region.quad):
                continue
            yield from reread(scan, region, runner)
            model = self._model()
            if isinstance(model, runtimes.Decoder) and not scan.is_read(region.quad):
                decoding = runner.attempt(_DECODE, functools.partial(self._decode, model, scan, region))
                yield from verified(scan, decoding, runner)

    def _model(self) -> runtimes.Detector:
        return models.load(self.size, self.weights_folder, self.device, self.runtime)

    def detect(self, scan: Scan, view: View) -> Findings:
        """Look once at a view of the picture; what is located is in the source picture's pixels."""
        model = self._model()
        seen = view(scan.frame)
        found = model.detect(seen.color, self.threads)
        located = (Region(to_source(seen, quad), score, self.name) for quad, score in found)
        return Findings(regions=tuple(r for r in located if credible_outline(r.quad, scan.frame)))

    def _decode(self, model: runtimes.Decoder, scan: Scan, region: Region) -> Findings:
        # It tries some 60 pictures of up to 1024 pixels a side, seconds in all, unless the region is
        # small; and it looks at the red channel and the gray, so gray pixels are enough.
        square = rectify(scan.frame, region.quad, _DECODE_SIDE)
        low = (square.size[0] - _DECODE_SIDE) / 2
        high = low + _DECODE_SIDE
        inner = Quad(((low, low), (high, low), (high, high), (low, high)))
        text = model.decode(np.repeat(square.gray[:, :, None], 3, axis=2), inner)
        if not text:
            return Findings()
        # It gives no corners, and a detector's start anywhere.
        first = top_left(scan.frame.gray, region.quad)
        corners = region.quad.corners
        quad = Quad.of(corners[first:] + corners[:first])
        sure = confidence.of_engine("qreader", guessed=not text.isascii())
        return Findings((QRCode(text, quad, sure, engine="qreader"),))


def _hopeless(scan: Scan) -> bool:
    """Whether a detector has looked, and neither it nor what came before left anything to go by."""
    return _was_run(_DETECT, scan) and scan.expect is None and not scan.codes and not scan.credible


def _was_run(step: str, scan: Scan) -> bool:
    """Whether this or another tier has run a step, and it did not break."""
    return any(attempt.step == step and attempt.error is None for attempt in scan.attempts)

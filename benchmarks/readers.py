"""Everything that is compared: our presets and the peers, each from the same decoded pixels."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import click
import zxingcpp

from benchmarks.harness import Program
from qrcascade import Cascade, ClassicalStrategy, Frame, GridStrategy, QRCode, QReaderStrategy, Quad
from qrcascade.cascade import PRESETS, Preset
from qrcascade.engines import engine
from qrcascade.image.frame import Gray
from qrcascade.neural.models import load as load_model
from qrcascade.neural.runtimes import RUNTIMES
from qrcascade.neural.runtimes.torch import TorchDetector
from qrcascade.reading.options import Expect
from qrcascade.strategies.classical import SCHEDULE

_QR = frozenset(["QRCode"])


@dataclass(frozen=True, slots=True)
class Output:
    """A code that a reader reported; ``step`` names the engine, too."""

    text: str
    quad: Quad
    data: bytes | None = None
    confidence: float | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of one picture.

    ``tries`` also holds what it read on the way, and ``errors`` what broke; ``ms`` is its own time, where it
    ran elsewhere.
    """

    outputs: Sequence[Output]
    tries: Sequence[Output] = field(default=())
    steps: Sequence[str] = field(default=())
    errors: Sequence[str] = field(default=())
    ms: float | None = None


Reader = Callable[[Gray], Reading]


def by_cascade(cascade: Cascade, expect: Expect = None) -> Reader:
    """Return a cascade as a reader."""
    return partial(_read_by_cascade, cascade, expect)


def _read_by_cascade(cascade: Cascade, expect: Expect, rgb: Gray) -> Reading:
    result = cascade.read(rgb, expect=expect)
    outputs = [_output(code) for code in result.codes]
    tries = [_output(code) for attempt in result.attempts for code in attempt.codes]
    steps = [f"{code.strategy}: {code.step}" for code in result.codes]
    return Reading(outputs, tries, steps, result.errors)


def _output(code: QRCode) -> Output:
    return Output(code.text, code.quad, code.data, code.confidence, f"{code.engine}, {code.step}")


def _read_by_engine(name: str, rgb: Gray) -> Reading:
    gray = Frame.load(rgb).gray
    try:
        return Reading([_output(code) for code in engine(name).read(gray, _QR).codes])
    except Exception:  # a peer that breaks on a picture has read nothing
        return Reading([])


def _read_by_zxing(rgb: Gray) -> Reading:
    outputs = []
    for found in bare(Frame.load(rgb).gray):
        place = found.position
        points = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        outputs.append(Output(found.text, Quad.of([(p.x, p.y) for p in points]), found.bytes))
    return Reading([output for output in outputs if output.text])


def bare(source: Any) -> list[Any]:
    """Return what zxing-cpp alone reads of pixels or of an open picture."""
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return list(zxingcpp.read_barcodes(source, formats=formats))


def _qreader(size: str) -> Reader:
    # Built as the library builds it, so that nothing is fetched; then QReader's own code alone.
    detector = load_model(size, os.environ.get("QRCASCADE_WEIGHTS"), runtime="torch")
    if not isinstance(detector, TorchDetector):
        raise TypeError(f"QReader itself runs in torch, got {detector!r}")

    def read(rgb: Gray) -> Reading:
        texts, detections = detector._reader.detect_and_decode(rgb, return_detections=True)
        pairs = zip(texts, detections, strict=True)
        return Reading([Output(text, Quad.of(found["quad_xy"])) for text, found in pairs if text])

    return read


def at_hand(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the readers that can be had: others only where the variable of their Python is set."""
    return tuple(name for name in names if name not in _PYTHONS or _PYTHONS[name] in os.environ)


_PYTHONS = {
    "wechat": "QRCASCADE_WECHAT_PYTHON",
    "arbez": "QRCASCADE_PEERS_PYTHON",
    "codarascan": "QRCASCADE_PEERS_PYTHON",
}


def _peer(name: str) -> Reader:
    """Return a reader that runs in an interpreter of its own."""
    models = os.environ.get("QRCASCADE_WECHAT_MODELS", Path(__file__).parents[2] / "shared" / "wechat")
    script = str(Path(__file__).with_name("peers.py"))
    python = os.environ.get(_PYTHONS[name], sys.executable)
    peer = Program(python, script, name, *([str(models)] if name == "wechat" else []))

    def read(rgb: Gray) -> Reading:
        answer = peer.ask(f"{rgb.shape[0]} {rgb.shape[1]}", rgb.tobytes())
        found = [Output(text, Quad.of(corners)) for text, corners in answer["codes"] if text]
        return Reading(found, ms=answer["ms"])

    return read


def _preset(name: Preset, expect: Expect = None) -> Reader:
    return by_cascade(Cascade.preset(name), expect)


def _nano(runtime: str) -> Reader:
    """Return the nano preset in one runtime."""
    return by_cascade(Cascade([ClassicalStrategy(), QReaderStrategy("n", runtime=runtime)]))


def _thorough_nano(expect: Expect = None) -> Reader:
    """Return the thorough preset with nano in the place of Small and Medium."""
    nano = QReaderStrategy("n")
    return by_cascade(Cascade([ClassicalStrategy(survey=True), GridStrategy(), nano, GridStrategy()]), expect)


def _every_engine() -> Reader:
    """Return the classical tier with OpenCV's decoders; every step looks at every picture."""
    steps = (*SCHEDULE, "opencv raw", "aruco raw")
    return by_cascade(Cascade([ClassicalStrategy(steps, quick=len(steps))]), "all")


READERS: dict[str, Callable[[], Reader]] = {
    "zxing-cpp": lambda: _read_by_zxing,
    "pyzbar": lambda: partial(_read_by_engine, "zbar"),
    "opencv": lambda: partial(_read_by_engine, "opencv"),
    "opencv-aruco": lambda: partial(_read_by_engine, "aruco"),
    **{name: partial(_peer, name) for name in _PYTHONS},
    **{f"qreader-{size}": partial(_qreader, size) for size in "nsml"},
    **{name: partial(_preset, name) for name in PRESETS},
    **{f"{name}-all": partial(_preset, name, "all") for name in PRESETS},
    **{f"nano-{runtime}": partial(_nano, runtime) for runtime in RUNTIMES},
    "every-engine": _every_engine,
    "thorough-nano": _thorough_nano,
    "thorough-nano-all": partial(_thorough_nano, "all"),
}
"""A reader's name to what builds it; ``-all`` is a preset with ``expect="all"``."""

Names = Annotated[tuple[str, ...], "--reader", click.Choice(list(READERS))]


def build(name: str) -> Reader:
    """Build a reader by its name."""
    return READERS[name]()

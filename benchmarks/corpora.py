"""Pictures with their truth, from folders that are laid out as their authors published them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import synthetic
from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray

__all__ = ["CORPORA", "Picture", "load", "root"]

CORPORA = ("boofcv", "zxing", "jsqr", "negatives", "synthetic", "beyond", "pages")
_IMAGES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what is known of it.

    Parameters
    ----------
    rgb : callable
        Gives its pixels as stored (EXIF ignored, as the truths were made): RGB, uint8, (H, W, 3).
    name : str
        As it appears in records: relative to the corpus.
    category : str
        The group whose rates are averaged.
    quads : tuple of Quad
        Outlines of its codes, where they are known.
    payload : bytes or str, optional
        What one of its codes says: bytes, or text where only that is known.
    codes : int
        How many codes it is known to hold.
    payloads : tuple of bytes
        What each of ``quads`` says, where all are known.
    path : Path, optional
        Its file.
    """

    rgb: Callable[[], Gray]
    name: str
    category: str
    quads: tuple[Quad, ...] = ()
    payload: bytes | str | None = None
    codes: int = 1
    payloads: tuple[bytes, ...] = ()
    path: Path | None = None


def _stored(path: Path) -> Callable[[], Gray]:
    def rgb() -> Gray:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
        return Frame.load(pixels).color

    return rgb


def root() -> Path:
    """``QRCASCADE_CORPORA``, else the folder beside the checkout."""
    beside = Path(__file__).parents[2] / "shared" / "corpora"
    return Path(os.environ.get("QRCASCADE_CORPORA", beside))


def load(corpus: str) -> list[Picture]:
    """The pictures of a corpus: one of `CORPORA`, or a folder of images with ``.txt`` beside them.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    readers = {
        "boofcv": _boofcv,
        "zxing": _zxing,
        "jsqr": _jsqr,
        "negatives": _negatives,
        "synthetic": _synthetic,
        "beyond": _beyond,
        "pages": _pages,
    }
    pictures = list(readers[corpus]() if corpus in readers else _folder(Path(corpus)))
    if not pictures:
        raise FileNotFoundError(f"no pictures for corpus {corpus!r}; {root()} or a folder was looked in")
    return pictures


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGES)


def _boofcv() -> Iterator[Picture]:
    folder = root() / "boofcv-dev"
    for path in _images(folder):
        quads = tuple(_outlines(path.with_suffix(".txt").read_text()))
        name = str(path.relative_to(folder))
        yield Picture(_stored(path), name, path.parent.name, quads, codes=len(quads), path=path)


def _outlines(text: str) -> Iterator[Quad]:
    """Outlines of a BoofCV label file: a code a line after ``SETS``, else a point a line."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    flat = [float(v) for line in lines if line != "SETS" for v in line.split()]
    for i in range(0, len(flat), 8):
        yield Quad.of([(flat[j], flat[j + 1]) for j in range(i, i + 8, 2)])


def _zxing() -> Iterator[Picture]:
    folder = root() / "zxing"
    for path in _images(folder):
        text, binary = path.with_suffix(".txt"), path.with_suffix(".bin")
        payload = binary.read_bytes() if binary.exists() else text.read_bytes().decode()
        name = str(path.relative_to(folder))
        yield Picture(_stored(path), name, path.parent.name, payload=payload, path=path)


def _jsqr() -> Iterator[Picture]:
    folder = root() / "jsqr-dev"
    for path in _images(folder):
        truth = json.loads(path.with_name("output.json").read_text("utf-8"))
        payload = None if truth is None else bytes(truth["binaryData"])
        yield Picture(_stored(path), path.parent.name, "jsqr", payload=payload, path=path)


def _negatives() -> Iterator[Picture]:
    folder = root() / "negatives"
    for path in _images(folder):
        yield Picture(_stored(path), str(path.relative_to(folder)), path.parent.name, codes=0)


def _synthetic() -> Iterator[Picture]:
    """Every condition and scenario with symbols: five severities, four seeds."""
    for kind in (*synthetic.CONDITIONS, *synthetic.SCENARIOS):
        for severity in (0.0, 0.25, 0.5, 0.75, 1.0):
            for seed in range(4):
                yield _drawn(kind, severity, seed)


def _beyond() -> Iterator[Picture]:
    """The conditions where they are worse than `_synthetic` has them, up to where hardly anything is read."""
    for kind in synthetic.CONDITIONS:
        most = 2.0 if kind == "shade" else 1.2
        for share in (0.25, 0.5, 0.75, 1.0):
            for seed in range(5):
                yield _drawn(kind, 1 + share * (most - 1), seed)


def _drawn(kind: str, severity: float, seed: int) -> Picture:
    """The truth needs drawing once; the pixels are drawn again when they are asked for."""
    drawn = synthetic.draw(kind, severity, seed)
    return Picture(
        lambda: synthetic.draw(kind, severity, seed).rgb,
        f"{kind}/{severity:.2f}/{seed}",
        kind,
        drawn.quads,
        codes=len(drawn.quads),
        payloads=drawn.payloads,
    )


def _pages() -> Iterator[Picture]:
    """500 made pages without a symbol."""
    for seed in range(500):
        yield Picture(lambda seed=seed: synthetic.page(seed), f"page/{seed}", "pages", codes=0)  # type: ignore[misc]


def _folder(folder: Path) -> Iterator[Picture]:
    for path in _images(folder):
        text = path.with_suffix(".txt")
        payload = text.read_bytes().decode() if text.exists() else None
        name = str(path.relative_to(folder))
        yield Picture(_stored(path), name, path.parent.name, payload=payload, path=path)

"""Pictures with their truth, from folders that are laid out as their authors published them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import synthetic
from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray

_IMAGES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and what is known of it.

    ``rgb`` gives its pixels as stored (EXIF ignored, as the truths were made): RGB, uint8, (H, W, 3). Its
    ``name`` is relative to the corpus; rates are averaged by ``category``. ``quads`` are outlines of its
    codes and ``payloads`` what each of them says, where all are known; ``payload`` is what one of them says,
    as text where bytes are not known. ``codes`` is how many it is known to hold.
    """

    rgb: Callable[[], Gray]
    name: str
    category: str
    quads: tuple[Quad, ...] = ()
    payload: bytes | str | None = None
    codes: int = 1
    payloads: tuple[bytes, ...] = ()
    path: Path | None = None

    @property
    def known(self) -> tuple[bytes | str, ...]:
        """Return what its codes say, as far as that is known."""
        return self.payloads or (() if self.payload is None else (self.payload,))


def root() -> Path:
    """Return ``QRCASCADE_CORPORA``, else the folder beside the checkout."""
    beside = Path(__file__).parents[2] / "shared" / "corpora"
    return Path(os.environ.get("QRCASCADE_CORPORA", beside))


def load(corpus: str) -> list[Picture]:
    """Return the pictures of a corpus: one of `CORPORA`, or a folder of images with ``.txt`` beside them.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    if corpus in _DRAWN:
        pictures = list(_DRAWN[corpus]())
    elif corpus in _TAKEN:
        pictures = list(_photographs(root() / _FOLDERS.get(corpus, corpus), _TAKEN[corpus]))
    else:
        pictures = list(_photographs(Path(corpus), _own))
    if not pictures:
        raise FileNotFoundError(f"no pictures for corpus {corpus!r}; {root()} or a folder was looked in")
    return pictures


# Photographs


def _photographs(folder: Path, truth: Callable[[Path], dict[str, Any]]) -> Iterator[Picture]:
    """Yield the images of a folder, named by their place in it, in categories by their own folder."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in _IMAGES):
        known = {"name": str(path.relative_to(folder)), "category": path.parent.name, **truth(path)}
        yield Picture(functools.partial(_stored, path), path=path, **known)


def _stored(path: Path) -> Gray:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    return Frame.load(pixels).color


def _boofcv(path: Path) -> dict[str, Any]:
    """Return the outlines of a label file: a code a line after ``SETS``, else a point a line."""
    lines = path.with_suffix(".txt").read_text().splitlines()
    flat = [float(v) for line in lines if line != "SETS" and line[:1] != "#" for v in line.split()]
    points = list(zip(flat[::2], flat[1::2], strict=True))
    quads = tuple(Quad.of(points[i : i + 4]) for i in range(0, len(points), 4))
    return {"quads": quads, "codes": len(quads)}


def _zxing(path: Path) -> dict[str, Any]:
    binary = path.with_suffix(".bin")
    return {"payload": binary.read_bytes()} if binary.exists() else _own(path)


def _jsqr(path: Path) -> dict[str, Any]:
    truth = json.loads(path.with_name("output.json").read_text("utf-8"))
    payload = None if truth is None else bytes(truth["binaryData"])
    return {"name": path.parent.name, "category": "jsqr", "payload": payload}


def _own(path: Path) -> dict[str, Any]:
    text = path.with_suffix(".txt")
    return {"payload": text.read_bytes().decode() if text.exists() else None}


_FOLDERS = {"boofcv": "boofcv-dev", "jsqr": "jsqr-dev"}
_TAKEN: dict[str, Callable[[Path], dict[str, Any]]] = {
    "boofcv": _boofcv,
    "zxing": _zxing,
    "jsqr": _jsqr,
    "negatives": lambda _: {"codes": 0},
}


# Drawings


def _synthetic() -> Iterator[Picture]:
    """Yield every condition and scenario with symbols: five severities, four seeds."""
    for kind in (*synthetic.CONDITIONS, *synthetic.SCENARIOS):
        for severity in (0.0, 0.25, 0.5, 0.75, 1.0):
            for seed in range(4):
                yield _drawn(kind, severity, seed)


def _beyond() -> Iterator[Picture]:
    """Make conditions worse than `_synthetic` has them, up to where hardly anything is read."""
    for kind in synthetic.CONDITIONS:
        most = 2.0 if kind == "shade" else 1.2
        for share in (0.25, 0.5, 0.75, 1.0):
            for seed in range(5):
                yield _drawn(kind, 1 + share * (most - 1), seed)


def _drawn(kind: str, severity: float, seed: int) -> Picture:
    """Draw a picture once for its truth; its pixels are drawn again when they are asked for."""
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
    """Make 500 pages without a symbol."""
    for seed in range(500):
        yield Picture(functools.partial(synthetic.page, seed), f"page/{seed}", "pages", codes=0)


_DRAWN = {"synthetic": _synthetic, "beyond": _beyond, "pages": _pages}
CORPORA = (*_TAKEN, *_DRAWN)

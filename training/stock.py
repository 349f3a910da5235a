"""What scenes are made of: photographs, pages of print, codes of other kinds. Made once, kept in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import zxingcpp
from numpy.typing import NDArray

from training.print import draw_page
from training.values import Gray, Rng

#: Where Debian's wallpaper packages put their pictures.
WALLPAPERS = tuple(Path(f"/usr/share/{name}") for name in ("backgrounds", "wallpapers", "lomiri-wallpapers"))
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_LONGEST_SIDE = 1400
_SMALLEST_SIDE = 300
#: Pictures of scikit-image that its wheel holds.
_SAMPLES = (
    "astronaut", "brick", "camera", "cat", "clock", "coffee", "coins", "colorwheel", "grass", "gravel",
    "horse", "hubble_deep_field", "immunohistochemistry", "moon", "page", "retina", "rocket", "text",
)  # fmt: skip
_OTHER_FORMATS = {
    "Aztec": (1, 200), "DataMatrix": (1, 200), "PDF417": (4, 300), "MaxiCode": (4, 60),
    "MicroPDF417": (4, 60), "Code128": (4, 30), "Code39": (3, 16), "ITF": (6, 20), "EAN13": (12, 12),
    "Codabar": (4, 16), "DataBarExpStk": (10, 16),
}  # fmt: skip
_DIGITS_ONLY = {"ITF", "EAN13"}


@dataclass(frozen=True)
class Stock:
    """Gray pictures, 8 bits."""

    photographs: tuple[NDArray[np.uint8], ...]
    pages: tuple[NDArray[np.uint8], ...]
    others: tuple[NDArray[np.uint8], ...]

    def crop_photograph(self, rng: Rng, width: int, height: int) -> Gray:
        """Cut a part of a photograph, flipped and scaled at random."""
        return _crop(rng, self.photographs, width, height, float(rng.choice([0.6, 1, 1, 1.5, 2.5])))

    def crop_page(self, rng: Rng, width: int, height: int) -> Gray:
        """Cut a part of a page of print, at about the size it was set in."""
        return _crop(rng, self.pages, width, height, float(rng.uniform(0.7, 1.8)), flip=False)

    def choose_other(self, rng: Rng) -> NDArray[np.uint8]:
        """Return a code that is not a QR code, one pixel a module."""
        return self.others[int(rng.integers(len(self.others)))]


def make_stock(pages: int = 300, others: int = 400, photographs: int | None = None) -> Stock:
    """Load the machine's pictures and draw the rest; the same on every machine with the same packages."""
    rng = np.random.default_rng(1)
    return Stock(
        tuple(_load_photographs(photographs)),
        tuple(draw_page(rng, 900, 900) for _ in range(pages)),
        tuple(_draw_other(rng) for _ in range(others)),
    )


def load_stock(folder: Path) -> Stock:
    """Load the stock kept in this folder; make it the first time."""
    if not folder.is_dir():
        stock = make_stock()
        for kind, pictures in vars(stock).items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for number, picture in enumerate(pictures):
                cv2.imwrite(str(folder / kind / f"{number:04}.png"), picture)
    return Stock(*(tuple(_read_folder(folder / kind)) for kind in ("photographs", "pages", "others")))


def _read_folder(folder: Path) -> Iterator[NDArray[np.uint8]]:
    for path in sorted(folder.glob("*.png")):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None:
            yield np.asarray(picture, np.uint8)


def _load_photographs(most: int | None) -> Iterator[NDArray[np.uint8]]:
    for name in _SAMPLES[:most]:
        sample = np.asarray(getattr(skimage.data, name)())
        sample = sample.astype(np.uint8) * (255 if sample.dtype == bool else 1)
        gray = sample if sample.ndim == 2 else cv2.cvtColor(sample[..., :3], cv2.COLOR_RGB2GRAY)
        yield np.asarray(gray, np.uint8)
    if most is not None and most <= len(_SAMPLES):
        return
    found = {path.resolve() for folder in WALLPAPERS for path in folder.rglob("*")}
    for path in sorted(path for path in found if path.suffix in _PICTURES):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None and min(picture.shape) >= _SMALLEST_SIDE:
            scale = min(1.0, _LONGEST_SIDE / max(picture.shape))
            shrunk = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            yield np.asarray(shrunk, np.uint8)


def _draw_other(rng: Rng) -> NDArray[np.uint8]:
    """Draw a code of another symbology, one pixel a module (linear codes: a few rows)."""
    while True:
        name = str(rng.choice(list(_OTHER_FORMATS)))
        shortest, longest = _OTHER_FORMATS[name]
        text = "".join(rng.choice(list("0123456789"), int(rng.integers(shortest, longest + 1))))
        if name not in _DIGITS_ONLY and name != "DataBarExpStk":
            text = text.replace("0", "A").replace("7", "K")
        if name == "ITF" and len(text) % 2:
            text += "0"
        text = f"(10){text}" if name == "DataBarExpStk" else text
        try:
            code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name))
            return np.array(code.to_image(scale=1), np.uint8)
        except (ValueError, RuntimeError):
            continue


def _crop(
    rng: Rng,
    pictures: tuple[NDArray[np.uint8], ...],
    width: int,
    height: int,
    scale: float,
    flip: bool = True,
) -> Gray:
    picture = pictures[int(rng.integers(len(pictures)))]
    high, wide = picture.shape
    scale = min(scale, high / height, wide / width)
    h, w = max(2, int(height * scale)), max(2, int(width * scale))
    y, x = int(rng.integers(high - h + 1)), int(rng.integers(wide - w + 1))
    part = picture[y : y + h, x : x + w]
    if flip and rng.random() < 0.5:
        part = part[:, ::-1]
    kind = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=kind), np.float32)

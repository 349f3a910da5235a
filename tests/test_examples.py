"""The example pictures are what `examples/make.py` draws, and are read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qrcascade import Cascade

FOLDER = Path(__file__).parents[1] / "examples"
SPEC = importlib.util.spec_from_file_location("make", FOLDER / "make.py")
assert SPEC is not None
assert SPEC.loader is not None
make = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make)

PAYLOADS = {
    "printed.png": [make.URL],
    "two-codes.jpg": [make.BILL, "https://example.com/offers"],
    "photo.jpg": [make.URL],
    "messenger.jpg": [make.URL * 2],
    "upside-down.jpg": [make.BILL],
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_example(name: str) -> None:
    assert sorted(Cascade.preset("classical").read(FOLDER / name).texts) == sorted(PAYLOADS[name])
    drawn = make.pictures()[name]().astype(float)
    with Image.open(FOLDER / name) as image:
        stored = np.asarray(image.convert("RGB"), float)
    assert stored.shape == drawn.shape
    # Fonts and JPEG encoders differ a little between versions.
    assert np.abs(stored - drawn).mean() < 12

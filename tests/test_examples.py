"""The example pictures are what `examples/make.py` draws, and are read; so with those of `docs/grid.md`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from qrcascade import Cascade, read_document
from tests import warp
from tests.rows import thinned

FOLDER = Path(__file__).parents[1] / "examples"


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"examples_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make, grid = program("make"), program("grid")

PAYLOADS = {
    "printed.png": [make.URL],
    "two-codes.jpg": [make.BILL, "https://example.com/offers"],
    "photo.jpg": [make.URL],
    "messenger.jpg": [make.SIGNED],
    "upside-down.jpg": [make.BILL],
}


@pytest.mark.parametrize("name", thinned(PAYLOADS, 2))
def test_example(name: str) -> None:
    assert sorted(Cascade.preset("classical").read(FOLDER / name).texts) == sorted(PAYLOADS[name])
    drawn = make.pictures()[name]().astype(float)
    with Image.open(FOLDER / name) as image:
        stored = np.asarray(image.convert("RGB"), float)
    assert stored.shape == drawn.shape
    # Fonts and JPEG encoders differ a little between versions.
    assert np.abs(stored - drawn).mean() < 12


def test_example_document() -> None:
    pages = read_document(FOLDER / "invoice.pdf", cascade=Cascade.preset("classical"))
    assert [page.texts for page in pages] == [(make.URL,), (make.BILL,)]


def test_the_grid_reader_reads_what_no_engine_reads() -> None:
    photo = grid.photograph()
    code = grid.read(photo).require()
    assert warp.read_by_engines(photo, code.quad) == []
    assert (code.text, code.engine) == (grid.PAYLOAD, "grid")
    wrong = (grid.soft_bits(photo, code) > 0) != grid.symbol()
    assert 0 < wrong.sum() < wrong.size / 10


@pytest.mark.slow
def test_pictures_of_the_grid_page() -> None:
    page = (grid.FOLDER.parent / "grid.md").read_text("utf-8")
    for name, drawn in grid.pictures().items():
        assert f"(images/{name})" in page
        assert (grid.FOLDER / name).stat().st_size < 60_000
        with Image.open(grid.FOLDER / name) as image:
            stored = np.asarray(image.convert("RGB"), float)
        assert stored.shape == (*drawn.size[::-1], 3)
        assert np.abs(stored - np.asarray(drawn.convert("RGB"))).mean() < 12

"""Small inputs that readers are known to fail at; their right values are from the README beside them."""

from __future__ import annotations

import numpy as np
import pytest

from qrcascade import Cascade, ClassicalStrategy, read_document
from qrcascade.report.drawing import AMBER
from tests import trouble
from tests.conftest import SHARED

CASES = SHARED / "cases"
URL = "https://example.com/i/000123"
LIGHT = Cascade.preset("light")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CASES.is_dir(), reason="no ../shared/cases beside the checkout"),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("faint-oblique/contrast-10.png", URL),
        ("faint-oblique/contrast-20.png", URL),
        ("faint-oblique/shear-30.png", URL),
        ("faint-oblique/squash-0.5.png", URL),
        ("noquiet/noquiet-0.png", URL),
        ("model1/qr-model-1.png", "QR Code Model 1 "),
        ("model1/label.png", "N023X-3431800-V034PG03X-3436010-A1125032918310706"),
    ],
)
def test_pictures(name: str, text: str) -> None:
    assert LIGHT.read(CASES / name).text == text


def test_a_schedule_of_zbar_alone() -> None:
    file = CASES / "api" / "zatca.png"
    blind = ClassicalStrategy(["finders x0.25"])
    result = Cascade([blind, ClassicalStrategy(["zbar raw"])]).read(file)
    assert result.text == LIGHT.read(file).text
    assert result.codes[0].step.startswith(("zbar", "grid"))


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("datamatrix", "Not a QR code: Data Matrix"),
        ("ean", "Not a QR code: EAN-13"),
        ("faint", "Faint"),
        ("glare", "Glare"),
        ("motion", "Blurred"),
        ("no-quiet-zone", "No quiet zone"),
    ],
)
def test_explanations(name: str, cause: str) -> None:
    said = Cascade.preset("classical").read(CASES / "explain" / f"{name}.png").explain()
    assert trouble.named(said)[:1] == [cause.split(":")[0]], said
    assert cause in said


@pytest.mark.parametrize("name", ["glare", "motion"])
def test_what_is_explained_is_drawn(name: str) -> None:
    result = LIGHT.read(CASES / "explain" / f"{name}.png")
    (region,) = result.regions
    drawn = (np.asarray(result.draw()) == AMBER).all(axis=2)
    rows, columns = np.nonzero(drawn)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == pytest.approx(region.quad.bounds, abs=10)


def test_model_1_is_called_so() -> None:
    file = CASES / "model1" / "label.png"
    assert LIGHT.read(file).codes[0].format == "QRCodeModel1"
    said = Cascade.preset("classical").read(file, formats=["QRCode"]).explain()
    assert "reads a QR Code Model 1 " in said


@pytest.mark.parametrize("expect", [None, 100, "all"])
def test_a_sheet_of_a_hundred_takes_two_looks(expect: object) -> None:
    result = LIGHT.read(CASES / "sheet" / "100-codes-3px.png", expect=expect)  # type: ignore[arg-type]
    assert len(result.codes) == 100
    assert len(result.attempts) <= 2


def test_what_is_painted_over_is_in_the_file() -> None:
    pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    folder = CASES / "overpainted"
    _, second = read_document(folder / "overpainted.pdf", cascade=LIGHT)
    assert second.text == (folder / "truth.txt").read_text().strip()


def test_blank_pages_take_two_looks() -> None:
    for path in sorted((CASES / "blank-pages").glob("*.png")):
        result = LIGHT.read(path)
        assert not result, path.name
        assert len(result.attempts) <= 2, path.name

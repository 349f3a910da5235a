"""Small inputs that readers are known to fail at; their right values are from the README beside them."""

from __future__ import annotations

import pytest

from qrcascade import Cascade, read_document
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


def test_model_1_is_called_so() -> None:
    assert LIGHT.read(CASES / "model1" / "label.png").codes[0].format == "QRCodeModel1"


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

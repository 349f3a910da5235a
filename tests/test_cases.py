"""Small inputs that readers are known to fail at; their right values are from the README beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qrcascade import Cascade, ClassicalStrategy, Part, join_parts, read_document
from qrcascade.report.drawing import AMBER
from tests import trouble
from tests.conftest import SHARED

CASES = SHARED / "cases"
URL = "https://example.com/i/000123"
# What WeChat's reader says, too.
FISCAL = (
    "http://www.fazenda.pr.gov.br/nfce/qrcode?p=41200512345678000190650010000012341000012345|2|1|1|"
    "0A1B2C3D4E5F60718293A4B5C6D7E8F901234567"
)
LIGHT = Cascade.preset("light")
MIXTURES = [*CASES.glob("hostile/chimera-*.png"), *CASES.glob("hostile/mixed-*.png")]

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
        ("noquiet/inv-margin-0.png", FISCAL),
        ("model1/qr-model-1.png", "QR Code Model 1 "),
        ("model1/label.png", "N023X-3431800-V034PG03X-3436010-A1125032918310706"),
        ("charset/kanji+byte-utf8.png", "請求書 Zürich"),
        ("charset/kanji+byte-latin1.png", "請求書 Zürich"),
        ("charset/hanzi+utf8.png", "发票 €"),
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


@pytest.mark.parametrize("name", ["P-trns-white", "transparent-holes-in-white", "white-on-transparent"])
def test_transparency(name: str) -> None:
    assert LIGHT.read(CASES / "alpha" / f"{name}.png").text == URL


def test_a_jpeg_without_its_end_marker_has_a_note() -> None:
    result = LIGHT.read(CASES / "truncated" / "no-EOI.jpg")
    assert (result.text, len(result.notes)) == ("https://example.com/inv/000123?x=Zürich", 1)


def test_a_code_that_is_half_covered_is_read_from_its_own_picture() -> None:
    (result,) = read_document(CASES / "small-in-pdf" / "covered-swiss-half.pdf", cascade=LIGHT)
    assert (result.text or "").startswith("SPC\n0200\n1\nCH4431999123000889012\nS\nMax Muster & Söhne")
    assert result.require().step.endswith("@picture")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("small-hires-swiss-6mm-eNone", "SPC\n0200\n1\nCH4431999123000889012"),
        ("small-hires-url-5mm-eNone", "https://example.com/inv/000123?x=Zürich"),
        ("vec-5.5-swiss-seam0", "SPC\n0200\n1\nCH4431999123000889012"),
    ],
)
def test_small_codes_in_documents(name: str, text: str) -> None:
    (result,) = read_document(CASES / "small-in-pdf" / f"{name}.pdf", cascade=LIGHT)
    assert (result.text or "").startswith(text)


def test_model_1_is_called_so() -> None:
    file = CASES / "model1" / "label.png"
    assert LIGHT.read(file).codes[0].format == "QRCodeModel1"
    said = Cascade.preset("classical").read(file, formats=["QRCode"]).explain()
    assert "reads a QR Code Model 1 " in said


@pytest.mark.parametrize(
    ("name", "charset", "source"),
    [
        ("ru-cp1251", "windows-1251", "payload"),
        ("ru-koi8r", "KOI8-R", "payload"),
        ("upn-v15-noeci", "ISO-8859-2", "payload"),
        ("kanji+byte-latin1", "Shift_JIS+ISO-8859-1", "inferred"),
    ],
)
def test_the_character_set_of_a_payload(name: str, charset: str, source: str) -> None:
    code = LIGHT.read(CASES / "charset" / f"{name}.png").require()
    assert (code.charset, code.charset_source) == (charset, source)
    words = {"ru-cp1251": "Газпром", "ru-koi8r": "Газпром", "upn-v15-noeci": "Plačilo računa št. 5 - žičnica"}
    assert words.get(name, "請求書") in code.text


@pytest.mark.parametrize(
    ("name", "text", "kind", "identifier"),
    [
        ("gs1-num", "010491234512345915970331", "gs1", "]Q3"),
        ("fnc1-2-alpha", "AAA1234BBB112", "industry", "]Q5"),
    ],
)
def test_what_fnc1_says(name: str, text: str, kind: str, identifier: str) -> None:
    code = LIGHT.read(CASES / "metadata" / f"{name}.png").require()
    assert (code.text, code.content_type, code.symbology_identifier) == (text, kind, identifier)


def test_a_message_in_three_parts() -> None:
    codes = LIGHT.read(CASES / "metadata" / "structured-append.png", expect=3).codes
    assert {code.part for code in codes} == {Part(index, 3, 15) for index in (1, 2, 3)}
    (message,) = join_parts(codes)
    assert message.text == "STRUCTURED APPEND TEST 0123456789 ABCDEF"
    assert message.parity_agrees


@pytest.mark.parametrize("number", [3, 25, 31, 34, 46, 60])
def test_segments_that_no_two_engines_read_differently(number: int) -> None:
    """They are empty, or break the standard: FNC1 in second position after data."""
    result = LIGHT.read(CASES / "hostile" / f"segments-{number}.png", expect=1)
    read = {code.text for attempt in result.attempts for code in attempt.codes}
    assert read <= {"37本ｱｲｳ"}
    assert all(code.confidence < 0.7 for code in result.codes)


@pytest.mark.parametrize("expect", [None, 100, "all"])
def test_a_sheet_of_a_hundred_takes_two_looks(expect: object) -> None:
    result = LIGHT.read(CASES / "sheet" / "100-codes-3px.png", expect=expect)  # type: ignore[arg-type]
    assert len(result.codes) == 100
    assert len(result.attempts) <= 2


@pytest.mark.parametrize("path", sorted(MIXTURES), ids=lambda path: path.stem)
def test_a_mixture_of_two_codes_is_doubted(path: Path) -> None:
    """Each says something that neither of its two codes says."""
    assert all(code.confidence < LIGHT.threshold for code in LIGHT.read(path).codes)


def test_what_is_painted_over_is_in_the_file() -> None:
    folder = CASES / "overpainted"
    _, second = read_document(folder / "overpainted.pdf", cascade=LIGHT)
    assert second.text == (folder / "truth.txt").read_text().strip()


def test_blank_pages_take_two_looks() -> None:
    for path in sorted((CASES / "blank-pages").glob("*.png")):
        result = LIGHT.read(path)
        assert not result, path.name
        assert len(result.attempts) <= 2, path.name

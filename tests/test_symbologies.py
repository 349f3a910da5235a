"""Symbologies other than QR Code, when they are asked for."""

from __future__ import annotations

import io
import itertools
import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from PIL import Image

import qrcascade
from qrcascade import Attempt, Cascade, OptionError, Quad, ReadOptions, Region, read_document, read_many
from qrcascade.image.frame import Frame, Gray
from qrcascade.reading.options import FORMATS
from qrcascade.reading.scan import Scan
from qrcascade.symbology.names import LINEAR, QR_FORMATS
from tests import draw, pages
from tests.barcodes import CONTENT, QUIET, barcode, on_page, turned
from tests.rows import thinned

CLASSICAL, LIGHT = Cascade.preset("classical"), Cascade.preset("light")
OTHERS = sorted(set(CONTENT) - set(QR_FORMATS))


def stacked(*symbols: Gray) -> Gray:
    """A page with symbols one below the other."""
    page = np.full((1754, 1240), 255, np.uint8)
    y = 60
    for gray in symbols:
        page[y : y + len(gray), 80 : 80 + gray.shape[1]] = gray
        y += len(gray) + 60
    return page


def asked(*names: str) -> dict[str, Any]:
    return {"formats": names}


def read_one(picture: Gray, formats: Any, **options: Any) -> tuple[str, str]:
    (code,) = LIGHT.read(picture, formats=formats, **options).codes
    return code.format, code.text


def test_every_symbology_that_zxing_reads_has_a_name() -> None:
    known = zxingcpp.BarcodeFormat
    readable = zxingcpp.barcode_formats_list(zxingcpp.BarcodeFormats(known.AllReadable))
    families = {known.EANUPC, known.OtherBarcode}
    for format_ in readable:
        if format_ not in families and format_ != known.QRCodeModel2:
            base = {known.ISBN: "EAN13"}.get(format_, format_.symbology.name)
            assert format_.name in FORMATS or base in FORMATS, format_
    assert {*CONTENT, "QRCodeModel1"} == set(FORMATS)


@pytest.mark.parametrize("name", sorted(CONTENT))
def test_each_is_read_alone_and_among_all(name: str) -> None:
    gray, text = barcode(name), CONTENT[name][1]
    assert read_one(gray, name) == (name, text)
    format_, same = read_one(gray, "all")
    assert (format_, same) == ("EAN13" if name == "UPCA" else name, text)


@pytest.mark.parametrize("name", thinned(OTHERS, 3))
def test_sizes_turns_and_light_on_dark(name: str) -> None:
    text = CONTENT[name][1]
    for picture in (
        barcode(name, 2),
        barcode(name, 6),
        np.ascontiguousarray(np.rot90(barcode(name))),
        255 - barcode(name),
    ):
        if name == "MaxiCode" and picture.shape[0] > picture.shape[1]:
            continue  # zxing-cpp reads only upright ones.
        assert read_one(picture, [name]) == (name, text)
        assert read_one(picture, [name], expect="all") == (name, text)


@pytest.mark.parametrize(
    ("name", "angle"), thinned(itertools.product(sorted({*OTHERS} - {"MaxiCode", "DXFilmEdge"}), [12, 40]), 3)
)
def test_any_tilt(name: str, angle: int) -> None:
    picture = turned(barcode(name, 4), angle)
    (code,) = LIGHT.read(picture, **asked(name)).codes
    assert (code.format, code.text) == (name, CONTENT[name][1])
    side = len(picture)
    assert math.dist(code.quad.center, (side / 2, side / 2)) < 0.12 * side, "not where the symbol is"


@pytest.mark.parametrize("name", sorted({*OTHERS} - {"Aztec", "DXFilmEdge"}))
def test_blur(name: str) -> None:
    soft = cv2.GaussianBlur(barcode(name, 4), (0, 0), 1.8)
    assert read_one(np.asarray(soft, np.uint8), [name], expect="all") == (name, CONTENT[name][1])


@pytest.mark.parametrize("name", thinned(sorted({*OTHERS} - {"DXFilmEdge"}), 5))
def test_on_a_page_of_a_pdf(name: str) -> None:
    file = io.BytesIO()
    gray = barcode(name)
    Image.fromarray(on_page(gray, at=(300, 600))).save(file, "PDF", resolution=150)
    (result,) = read_document(file.getvalue(), cascade=LIGHT, **asked("QRCode", name))
    assert [(code.format, code.text) for code in result] == [(name, CONTENT[name][1])]
    # In pixels at 200 dpi.
    left, top, wide, high = (4 / 3 * n for n in (300, 600, gray.shape[1], gray.shape[0]))
    assert Quad.of([(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]).covers(
        result[0].quad
    )


def test_fine_modules_of_a_vector_page() -> None:
    """At 200 dpi they are too fine, and nothing is located."""
    pdf = pages.new((130, 130))
    pages.invoice(pdf)
    rows = barcode("PDF417", 1)[24:-24, 24:-24] < 128
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                pdf.rect(40 + x * 0.13, 105 + y * 0.13, 0.13, 0.13, style="F")
    (result,) = read_document(pages.data(pdf), cascade=CLASSICAL, formats="PDF417")
    assert result.text == CONTENT["PDF417"][1]
    assert "@200 dpi" not in result[0].step


def test_a_qr_code_and_another_symbol_end_the_reading_at_once() -> None:
    qr = draw.symbol("the QR code")[0]
    for name in ("Code128", "PDF417", "DataMatrix"):
        result = LIGHT.read(stacked(qr, barcode(name, 2)), **asked("QRCode", name))
        assert set(result.texts) == {"the QR code", CONTENT[name][1]}
        assert [attempt.engine for attempt in result.attempts] == ["zxing", "detector"]
        assert result.ended == "settled"


def test_a_survey_that_sees_no_qr_code_does_not_end_the_search() -> None:
    """The first look cannot read a tilted PDF417 symbol, and the detector does not know such symbols."""
    page = on_page(turned(barcode("PDF417"), 20))
    result = LIGHT.read(page, formats=["QRCode", "PDF417"])
    assert result.text == CONTENT["PDF417"][1]
    assert any(attempt.kind in ("survey", "plain") for attempt in result.attempts)


@pytest.mark.parametrize(
    ("name", "identifier", "content_type"),
    [("QRCode", "]Q1", "text"), ("DataMatrix", "]d1", None), ("EAN8", "]E4", None), ("Code128", "]C0", None)],
)
def test_fnc1_is_told_of_qr_codes_alone(name: str, identifier: str, content_type: str | None) -> None:
    (code,) = CLASSICAL.read(barcode(name), **asked(name))
    assert (code.symbology_identifier, code.content_type) == (identifier, content_type)
    assert (code.charset, code.charset_source, code.part) == ("US-ASCII", "default", None)


def test_what_is_located_and_not_read_is_reported_and_explained() -> None:
    gray = barcode("PDF417", 4)
    gray[QUIET + 8 : -QUIET - 8, 200:-200] = 0
    result = CLASSICAL.read(gray, formats=["QRCode", "PDF417"])
    (region,) = result.regions
    assert (region.format, region.source) == ("PDF417", "zxing")
    assert "Located by zxing, not read: PDF417, " in result.explain()


def test_regions_of_every_symbology_are_reported_and_those_of_qr_codes_read() -> None:
    scan = Scan(Frame(np.full((50, 50), 255, np.uint8)))
    square = [(0, 0), (9, 0), (9, 9), (0, 9)]
    quads = [Quad.of(np.add(square, (x, y))) for y in (0, 30) for x in (0, 30)]
    regions = [Region(quad, score, "own") for quad, score in zip(quads, (0.5, 0.4) * 2, strict=True)]
    credible, weak, *bars = [*regions[:2], *(replace(region, format="PDF417") for region in regions[2:])]
    scan.record(Attempt("own", regions=(*bars, weak, credible)))
    assert scan.regions == (credible, weak)
    assert scan.others == tuple(bars)
    assert scan.located == (credible, bars[0])
    assert scan.credible == (credible,)


def test_engines_for_qr_codes_do_not_run_for_others() -> None:
    for picture in (on_page(barcode("Code128")), draw.symbol("nothing to them")[0]):
        result = Cascade.preset("thorough").read(picture, formats=["Code128", "EAN13"], expect="all")
        assert {attempt.engine for attempt in result.attempts} == {"zxing"}


def test_several_are_searched_for_more_within_bounds() -> None:
    names = ("Code128", "EAN13", "DataMatrix")
    result = LIGHT.read(stacked(*(barcode(name, 2) for name in names)), formats="all")
    assert {code.format for code in result} == set(names)
    assert result.ended == "settled"
    assert len(result.attempts) <= 6


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_bars_that_are_scanned_in_parts_are_one_code(name: str) -> None:
    soft = np.asarray(cv2.GaussianBlur(barcode(name, 4), (0, 0), 1.4), np.uint8)
    result = CLASSICAL.read(soft, **asked(name), expect="all")
    assert len({code.text for code in result}) == len(result)


def test_the_same_bars_twice_are_two_codes() -> None:
    label = barcode("EAN13", 2)
    twice = np.hstack([label, label])
    assert CLASSICAL.read(twice, formats="EAN13").texts == (CONTENT["EAN13"][1],) * 2


def test_bars_without_a_check_digit_are_doubted() -> None:
    (doubted,) = CLASSICAL.read(barcode("ITF", content="123456"), formats="ITF").codes
    assert doubted.confidence < CLASSICAL.threshold
    (checked,) = CLASSICAL.read(barcode("ITF"), formats="ITF").codes
    assert checked.confidence >= CLASSICAL.threshold
    assert CLASSICAL.read(barcode("ITF", content="12"), formats="ITF").codes == ()


def test_a_damaged_symbol_of_another_kind_is_a_region_that_qr_engines_leave_alone() -> None:
    gray = barcode("PDF417", 3)
    rng = np.random.default_rng(1)
    inner = gray[40:-40, 120:-120]
    inner[rng.random(inner.shape) < 0.3] = 0
    result = LIGHT.read(on_page(gray), formats=["QRCode", "PDF417"])
    assert not result
    assert [region.format for region in result.regions] == ["PDF417"]
    assert not [attempt for attempt in result.attempts if attempt.region is not None]


def test_eci_and_backslashes_of_other_symbologies() -> None:
    for name in ("DataMatrix", "PDF417", "Aztec", "Code128"):
        text = "a\\b\\000026c" if name == "Code128" else "Ω\\ж\\000026"
        assert read_one(barcode(name, content=text), name) == (name, text)
    # Full ASCII Code 39 has the identifier ]A4, Codabar with a check digit ]F4: no sign of an ECI.
    made = zxingcpp.create_barcode("a\\\\b", zxingcpp.BarcodeFormat.Code39Ext)
    gray = np.pad(np.array(made.to_image(scale=3)), 24, constant_values=255)
    assert read_one(gray, "Code39") == ("Code39", "a\\\\b")


@pytest.mark.parametrize("given", ["qrcode", "QR_CODE", "QR Code", ["qrCODE"], ("QRCode", "qrcode")])
def test_names_in_any_spelling(given: Any) -> None:
    assert ReadOptions(formats=given).formats == ("QRCode",)


def test_all_and_nonsense() -> None:
    assert set(ReadOptions(formats="all").formats) == set(FORMATS)
    assert ReadOptions(formats=["EAN-13", "data matrix", "CODE_128"]).formats == (  # type: ignore[list-item]
        "Code128",
        "DataMatrix",
        "EAN13",
    )
    assert ReadOptions(formats="QRCode, pdf417").formats == ("PDF417", "QRCode")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r'"all" or names from QRCode, .*EAN13.*, got \'EAN\''):
        ReadOptions(formats="EAN")  # type: ignore[arg-type]


def test_the_default_is_qr_alone() -> None:
    assert not LIGHT.read(barcode("Code128"))
    assert qrcascade.read(stacked(draw.symbol("q")[0], barcode("EAN13"))).texts == ("q",)


@pytest.mark.slow
def test_batches_and_worker_processes() -> None:
    picture = barcode("DataMatrix")
    with Cascade.preset("light", isolation="process") as isolated:
        assert isolated.read(picture, formats="DataMatrix").text == CONTENT["DataMatrix"][1]
    (record,) = read_many([picture], workers=1, cascade=CLASSICAL, formats="all")
    assert record.result is not None
    assert record.to_dict()["codes"][0]["format"] == "DataMatrix"

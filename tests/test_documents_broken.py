"""Documents that are cut, that claim too much, or whose pictures lie within forms."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrcascade import Cascade, DocumentError, Limits, ReadResult, read_document
from qrcascade.documents.pdf import _CUT, Pdf
from qrcascade.documents.streams import check_streams
from tests import draw, pages

CLASSICAL = Cascade.preset("classical")


def read(source: Any, **options: Any) -> list[ReadResult]:
    return list(read_document(source, cascade=CLASSICAL, **options))


def texts(results: list[ReadResult]) -> list[str | None]:
    assert {result.notes for result in results} == {(_CUT,)}
    return [result.text for result in results]


THREE = pages.invoices("one", "two", "three")


def test_a_pdf_that_lost_its_end_is_read_with_a_note(tmp_path: Path) -> None:
    assert [(result.text, result.notes) for result in read(THREE)] == [
        ("one", ()),
        ("two", ()),
        ("three", ()),
    ]
    for end in (THREE.index(b"startxref"), THREE.index(b"trailer"), THREE.index(b"xref\n"), len(THREE) - 9):
        assert texts(read(THREE[:end])) == ["one", "two", "three"]
    path = tmp_path / "cut.pdf"
    path.write_bytes(THREE[: THREE.index(b"xref\n")])
    results = read(path)
    assert texts(results) == ["one", "two", "three"]
    assert results[0].picture.gray.min() == 0
    assert results[0].to_dict()["notes"] == [_CUT]
    assert f"Note: {_CUT}." in results[0].explain()


def test_what_is_lost_is_a_page_without_its_code() -> None:
    streams = [found.start() for found in re.finditer(b"endstream", THREE)]
    assert texts(read(THREE[: streams[2] - 100]))[:2] == ["one", "two"]
    # The third page's own object.
    assert texts(read(THREE[: streams[1] + 20])) == ["one", "two", None]


def test_a_cut_pdf_without_its_catalog_has_the_pages_that_are_left() -> None:
    data = THREE[: THREE.index(b"trailer")].replace(b"/Type /Catalog", b"/Type /Nothing")
    assert data.count(b"/Type /Nothing") == 1
    assert texts(read(data)) == ["one", "two", "three"]


def compressed() -> bytes:
    """The three pages in an object stream, as most programs write them; cut before the table of objects."""
    kept: list[tuple[int, bytes]] = []
    moved: list[tuple[int, bytes]] = []
    for found in re.finditer(rb"(\d+) 0 obj\n(.*?)\nendobj\n", THREE, re.DOTALL):
        (kept if b"stream" in found[2] else moved).append((int(found[1]), found[2]))
    index, body = b"", b""
    for number, text in moved:
        index += b"%d %d " % (number, len(body))
        body += text + b"\n"
    packed = zlib.compress(index + body)
    head = b"<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>" % (
        len(moved),
        len(index),
        len(packed),
    )
    objects = [*kept, (99, head + b"\nstream\n" + packed + b"\nendstream")]
    return b"%PDF-1.5\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % each for each in objects)


def test_a_cut_pdf_whose_pages_are_in_an_object_stream() -> None:
    assert texts(read(compressed())) == ["one", "two", "three"]


def test_a_cut_pdf_that_is_encrypted_is_broken() -> None:
    pdf = pages.new()
    pdf.set_encryption("owner's", "")
    pages.invoice(pdf)
    data = pages.data(pdf)
    assert read(data)[0].errors == ()
    with pytest.raises(DocumentError, match="it is broken"):
        read(data[: data.index(b"trailer")])


def packed(text: bytes, times: int, kind: bytes = b"") -> bytes:
    names = b"/FlateDecode" * times
    for _ in range(times):
        text = deflated(text)
    return b"<<%b/Filter[%b]/Length %d>>\nstream\n%b\nendstream" % (kind, names, len(text), text)


@functools.cache
def deflated(text: bytes) -> bytes:
    return zlib.compress(text, 9)


BLANKS = bytes(70 * 2**20)


@pytest.mark.parametrize(
    ("times", "kind", "spelt"),
    [
        (2, b"", b"[/FlateDecode/FlateDecode]"),
        (2, b"", b"[/#46lateDecode/FlateDecode]"),
        (2, b"", b"[/FlateDecode 7 0 R]"),
        (3, b"/Subtype/Image", b""),
        (1, b"", b""),
    ],
    ids=["twice", "spelt out", "by reference", "a picture", "once"],
)
def test_a_stream_that_unpacks_to_gigabytes_is_refused(times: int, kind: bytes, spelt: bytes) -> None:
    stream = packed(BLANKS, times, kind)
    stream = stream.replace(b"[/FlateDecode/FlateDecode]", spelt) if spelt else stream
    with pytest.raises(DocumentError, match=r"a stream of [\d,]+ bytes unpacks to more than 67,108,864"):
        check_streams(b"%PDF-1.4\n4 0 obj\n" + stream + b"\nendobj\n")


@pytest.mark.parametrize(
    "stream",
    [
        lambda: packed(b" " * 1_000_000, 2),
        lambda: packed(b" " * 1_000_000, 1),
        lambda: packed(BLANKS, 1, b"/Subtype /Image"),
        lambda: packed(BLANKS, 2)[:200],
        lambda: packed(BLANKS, 2).replace(b"stream\n", b"stream\n\0", 1),
        lambda: b"stream\n" * 1000,
    ],
)
def test_other_streams_are_not(stream: Callable[[], bytes]) -> None:
    check_streams(b"%PDF-1.4\n4 0 obj\n" + stream() + b"\nendobj\n")


BOMB = """
import resource, sys, zlib
from qrcascade import Cascade, DocumentError, read_document
from tests import pages

stream = zlib.compressobj(9)
twice = zlib.compress(b"".join(stream.compress(b" " * 2**20) for _ in range(1500)) + stream.flush(), 9)
head = b"4 0 obj\\n<</Filter[/FlateDecode/FlateDecode]/Length %d>>\\nstream\\n" % len(twice)
bomb = head + twice + b"\\nendstream\\nendobj\\n9 0 obj\\n"
data = pages.raw().replace(b"4 0 obj\\n", bomb, 1)
resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30))
try:
    list(read_document(data, cascade=Cascade.preset("classical")))
except DocumentError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_bomb_of_a_few_kilobytes_stays_within_a_gigabyte() -> None:
    run = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "unpacks to more than" in run.stdout


def test_a_page_tree_that_contains_itself_is_refused() -> None:
    data = pages.raw().replace(b"/Kids[3 0 R ]/Count 1", b"/Kids[2 0 R 2 0 R]/Count 1000000")
    with pytest.raises(DocumentError, match=r"it claims 1,000,000 pages in \d+ bytes"):
        read(data)


def test_pictures_are_sought_among_a_number_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qrcascade.documents.pdf._MOST_OBJECTS", 100)
    data = pages.raw(b"1 1 5 5 re f\n" * 98 + b"/I Do\n" * 5)
    with Pdf(data, None, Limits()).page(1) as page:
        assert len([*page._images()]) == 2


def form(reference: int, matrix: bytes, contents: bytes) -> bytes:
    head = b"/Type/XObject/Subtype/Form/BBox[-9999 -9999 9999 9999]/Matrix[" + matrix + b"]"
    inner = b"/Resources<</XObject<</X %d 0 R>>>>" % reference
    return b"<<%b%b/Length %d>>\nstream\n%b\nendstream" % (head, inner, len(contents), contents)


def in_forms(contents: bytes, outer: bytes, inner: bytes, gray: Any) -> bytes:
    """A page that draws a form that draws a form that draws a picture."""
    height, width = gray.shape
    data = pages.raw(contents, image=(width, height, gray.tobytes()))
    forms = b"6 0 obj\n%b\nendobj\n7 0 obj\n%b\nendobj\n" % (
        form(7, b"1.2 0 0 1 5 6", outer),
        form(5, b"1 0 0 1 0.1 0.2", inner),
    )
    named = data[: data.index(b"xref\n")].replace(b"/I 5 0 R", b"/I 6 0 R") + forms
    return named + b"trailer\n<</Size 8/Root 1 0 R>>\nstartxref\n0\n%%EOF\n"


def test_a_picture_within_forms_is_at_its_place() -> None:
    """Painted over in part, turned and scaled by each form."""
    gray = draw.symbol("within two forms", 6)[0]
    contents = b"q 1.5 0 0 2 100 300 cm /I Do Q 0.4 g 180 320 75 75 re f"
    data = in_forms(contents, b"q 50 10 -10 50 20 10 cm /X Do Q", b"q 1 0 0 1 0 0 cm /X Do Q", gray)
    whole = in_forms(contents[:30], b"q 50 10 -10 50 20 10 cm /X Do Q", b"q 1 0 0 1 0 0 cm /X Do Q", gray)
    (shown,) = read(whole)
    (result,) = read_document(data, cascade=CLASSICAL)
    code = result.require()
    assert (code.text, code.step) == ("within two forms", "zxing raw @picture")
    assert code.quad.overlap(shown.require().quad) > 0.95


def test_a_scan_within_a_form_is_a_scan() -> None:
    page = np.asarray(pages.scanned("scan"))
    data = in_forms(
        b"q 595 0 0 842 0 0 cm /I Do Q", b"q 0.8333333 0 0 1 -4.25 -6.2 cm /X Do Q", b"/X Do", page
    )
    (result,) = read(data)
    assert result.require().step.endswith("@scan")


def cut_jpeg(folder: Path) -> Path:
    path = folder / "cut.jpg"
    Image.fromarray(draw.symbol("cut")[0]).save(path)
    path.write_bytes(path.read_bytes()[:-2])
    return path


def test_a_cut_jpeg_says_so(tmp_path: Path) -> None:
    path = cut_jpeg(tmp_path)
    (result,) = read(path)
    assert (result.text, len(result.notes)) == ("cut", 1)
    assert result.notes == CLASSICAL.read(path).notes


@pytest.mark.slow
def test_a_cut_jpeg_says_so_everywhere(tmp_path: Path) -> None:
    path = cut_jpeg(tmp_path)
    (result,) = read(path)
    run = subprocess.run(
        [sys.executable, "-m", "qrcascade", "read", "--preset", "classical", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, f"qrcascade: note on {str(path)!r}: {result.notes[0]}\n")
    with Cascade.preset("classical", isolation="process") as apart:
        assert apart.read(path).notes == result.notes
        (page,) = read_document(THREE[:-9], cascade=apart, pages=[1])
        assert page.notes == (_CUT,)

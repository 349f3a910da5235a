from __future__ import annotations

import concurrent.futures
import functools
import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from qrcascade import (
    Cascade,
    ClassicalStrategy,
    DocumentError,
    Frame,
    ImageError,
    Limits,
    MissingDependencyError,
    OptionError,
    QRCode,
    Quad,
    ReadResult,
    Region,
    Step,
    StubStrategy,
    read_document,
)
from tests import draw, pages
from tests.plans import give
from tests.rows import slowly

CLASSICAL = Cascade.preset("classical")


def read(source: Any, **options: Any) -> list[ReadResult]:
    return list(read_document(source, cascade=CLASSICAL, **options))


def corners(x: float, y: float, side: float) -> NDArray[np.float64]:
    """Of a symbol on paper, in millimetres, as pixels of the page's raster."""
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)]) * pages.DOTS - 0.5


def same(one: QRCode, other: QRCode) -> bool:
    """Whether both lie at one place, with the same corner first."""
    first = np.asarray(one.quad)[0] - np.asarray(other.quad)[0]
    return one.quad.overlap(other.quad) > 0.92 and float(np.abs(first).max()) < 4


@functools.cache
def three_of_five() -> bytes:
    pdf = pages.new()
    for number in range(1, 6):
        pages.invoice(pdf)
        if number == 3:
            pages.vector(pdf, "page three", 120, 200)
    return pages.data(pdf)


@pytest.mark.slow
def test_a_code_on_page_three_of_five(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(three_of_five())
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        results = read(source)
        assert [result.page for result in results] == [1, 2, 3, 4, 5]
        assert [result.texts for result in results] == [(), (), ("page three",), (), ()]
        code = results[2].require()
        assert code.page == 3
        assert {code.page for result in results for a in result.attempts for code in a.codes} == {3}
        assert code.step == "zxing raw @200 dpi"
        assert results[2].size == (1654, 2339)
        np.testing.assert_allclose(code.quad, corners(120, 200, 0.5 * pages.side("page three")), atol=2)


def test_pages_are_read_when_they_are_asked_for() -> None:
    stub = StubStrategy()
    results = read_document(three_of_five(), cascade=Cascade([stub]))
    assert stub.calls == 0
    assert next(results).page == 1
    assert stub.calls == 1
    assert [r.page for r in results] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"pages": iter(range(2, 4))}, [2, 3]),
        ({"pages": []}, []),
        ({"pages": [4, 3, 2], "max_pages": 2}, [4, 3]),
        ({"stop_early": True}, [1, 2, 3]),
        *slowly(
            ({"pages": [5, 1]}, [5, 1]),
            ({"max_pages": 2}, [1, 2]),
            ({"stop_early": True, "accept": re.compile("four")}, [1, 2, 3, 4, 5]),
        ),
    ],
)
def test_which_pages(options: dict[str, Any], numbers: list[int]) -> None:
    assert [result.page for result in read(three_of_five(), **options)] == numbers


def test_accept_and_expect_are_for_every_page() -> None:
    pdf = pages.new()
    for number in (1, 2):
        pages.invoice(pdf)
        pages.vector(pdf, f"advert {number}", 20, 200)
        pages.vector(pdf, f"fiscal {number}", 120, 200)
    first, second = read(pages.data(pdf), accept=re.compile("^fiscal"), expect=1)
    assert (first.text, second.text) == ("fiscal 1", "fiscal 2")
    assert {code.text: code.accepted for code in first.codes} == {"advert 1": False, "fiscal 1": True}
    assert [len(r.texts) for r in read(pages.data(pdf), expect=2)] == [2, 2]


PLACED: dict[str, Callable[[], bytes]] = {
    "flat": lambda: pages.scan(pages.scanned("scan")),
    "skewed": lambda: pages.scan(pages.scanned("scan", angle=3.5)),
    "black and white": lambda: pages.scan(pages.scanned("scan", angle=-2).convert("1")),
    "colour": lambda: pages.scan(pages.scanned("scan", angle=9).convert("RGB")),
    "300 dpi": lambda: pages.scan(pages.scanned("scan", size=(2480, 3508))),
    "turned page": lambda: pages.scan(pages.scanned("scan", 4)).replace(
        b"/Type /Page\n", b"/Rotate 90/Type /Page\n"
    ),
}


@pytest.mark.parametrize(
    "name", ["skewed", "turned page", *slowly("flat", "black and white", "colour", "300 dpi")]
)
def test_a_scan_is_read_from_its_own_pixels(name: str) -> None:
    (result,) = read(PLACED[name]())
    code = result.require()
    assert (code.text, code.page, code.step) == ("scan", 1, "zxing raw @scan")
    # As in the rendering of the page, which the result draws on.
    assert result.picture.size == result.size
    assert result.picture.gray.shape == result.size[::-1]
    shown = CLASSICAL.read(result.picture).require()
    assert same(code, shown)
    assert code.mirrored == shown.mirrored
    assert result.size == ((2339, 1654) if name == "turned page" else (1654, 2339))


@pytest.mark.parametrize("place", [b"0 842 595 0 0 0", *slowly(b"-595 0 0 842 595 0", b"590 8 -8 838 4 2")])
def test_a_scan_may_be_turned_and_mirrored_on_its_page(place: bytes) -> None:
    page = np.asarray(pages.scanned("scan"))
    data = pages.raw(b"q " + place + b" cm /I Do Q", image=(1240, 1754, page.tobytes()))
    (result,) = read(data)
    shown = CLASSICAL.read(result.picture).require()
    code = result.require()
    assert code.step.endswith("@scan")
    assert code.mirrored == shown.mirrored
    assert same(code, shown)


def test_a_recognised_scan_is_a_scan() -> None:
    pdf = pages.new()
    pdf.add_page()
    pdf.image(pages.scanned("scan"), 0, 0, *pages.A4)
    with pdf.local_context(text_mode="INVISIBLE"):
        pdf.text(20, 20, "what the scanner took for print")
    assert read(pages.data(pdf))[0].require().step == "zxing raw @scan"


def masked() -> bytes:
    """A scan of which the page shows only the lower half: its code is not seen."""
    image = pages.scanned("hidden").convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 1240, 877))
    return pages.scan(image)


def stamped() -> bytes:
    pdf = pages.new()
    pdf.add_page()
    pdf.image(pages.scanned("scan"), 0, 0, *pages.A4)
    pages.vector(pdf, "stamp", 150, 20)
    return pages.data(pdf)


def cropped() -> bytes:
    """A scan of which the code lies off the page."""
    wide = np.full((1754, 2480), 255, np.uint8)
    wide[:, :1240] = np.asarray(pages.scanned("off"))
    return pages.raw(b"q 1190 0 0 842 -595 0 cm /I Do Q", image=(2480, 1754, wide.tobytes()))


def test_more_or_less_than_a_scan_is_rendered() -> None:
    assert [r.codes for r in read(masked()) + read(cropped())] == [(), ()]
    (result,) = read(stamped(), expect=2)
    assert sorted(result.texts) == ["scan", "stamp"]
    assert {code.step.endswith("@200 dpi") for code in result.codes} == {True}


def small() -> bytes:
    pdf = pages.new()
    pages.invoice(pdf)
    pages.vector(pdf, "a" * 100, 120, 200, module=0.12)
    return pages.data(pdf)


@pytest.mark.slow
def test_closer_looks_where_a_number_is_not_met() -> None:
    """Modules of less than a pixel at 200 dpi."""
    assert not read(small())[0]
    (result,) = read(small(), expect=1)
    code = result.require()
    assert (code.text, code.page) == ("a" * 100, 1)
    assert code.step.endswith(("@300 dpi", "@400 dpi"))
    assert result.size == (1654, 2339)
    np.testing.assert_allclose(code.quad, corners(120, 200, 0.12 * pages.side("a" * 100)), atol=2)


@pytest.mark.parametrize(
    ("expect", "why"), [(None, "settled"), (1, "expected"), ("all", "exhausted"), *slowly((2, "exhausted"))]
)
def test_a_page_says_why_its_reading_ended(expect: Any, why: str) -> None:
    pdf = pages.new((130, 130))
    pages.invoice(pdf)
    pages.vector(pdf, "a code", 100, 100, module=0.8)
    assert [result.ended for result in read_document(pages.data(pdf), expect=expect, cascade=CLASSICAL)] == [
        why
    ]


@pytest.mark.parametrize("text", ["a" * 40, "a" * 250])
def test_modules_of_a_quarter_of_a_millimetre_are_read_at_200_dpi(text: str) -> None:
    pdf = pages.new()
    pages.invoice(pdf)
    pages.vector(pdf, text, 120, 200, module=0.25)
    (result,) = read(pages.data(pdf))
    assert result.require().step.endswith("@200 dpi")
    assert result.text == text


@pytest.mark.slow
@pytest.mark.parametrize(("length", "module"), [(520, 0.156), (660, 0.155)])
def test_a_dense_code_of_twelve_millimetres_is_read(length: int, module: float) -> None:
    """Versions 15 and 18 with 1.2 pixels a module at 200 dpi: no finder pattern is seen."""
    pdf = pages.new((130, 130))
    pages.invoice(pdf)
    pages.vector(pdf, "fiscal " * (length // 7), 100, 105, module=module)
    (result,) = read_document(pages.data(pdf), cascade=Cascade.preset("light"))
    assert result.text == "fiscal " * (length // 7)
    assert result.require().step.endswith(("@300 dpi", "@400 dpi"))


@pytest.mark.slow
def test_a_code_that_is_painted_over_is_read_from_its_own_picture() -> None:
    """A logo over a finder pattern, as an invoice had it; the picture in the file is whole."""
    text = "https://example.com/" + "painted over " * 6
    pdf = pages.new((130, 150))
    pages.invoice(pdf)
    gray, outline = draw.symbol(text, 6)
    pdf.image(Image.fromarray(gray), x=30, y=105, w=40, h=40)
    pdf.set_fill_color(120)
    pdf.rect(28, 103, 22, 20, style="F")
    (result,) = read_document(pages.data(pdf), cascade=Cascade.preset("light"))
    code = result.require()
    assert (code.text, code.step) == (text, "zxing raw @picture")
    place = (np.asarray(outline) / len(gray) * 40 + [30, 105]) / 25.4 * 200
    assert code.quad.overlap(Quad.of(place)) > 0.95


def test_a_code_too_small_for_the_raster_is_read_from_its_own_picture() -> None:
    """Icons of the same size are looked at as well, but few of them."""
    gray, _ = draw.symbol("https://example.com/five/millimetres", 8)
    pdf = pages.new()
    pages.invoice(pdf)
    for x, picture in ((20, gray), (40, np.full_like(gray, 90)), (60, gray[:, :200])):
        pdf.image(
            Image.fromarray(picture), x=x, y=240, w=5, h=5 if picture.shape[0] == picture.shape[1] else 9
        )
    (result,) = read_document(pages.data(pdf), cascade=Cascade.preset("light"))
    assert result.text == "https://example.com/five/millimetres"
    assert result.require().step == "zxing raw @picture"


class Watched:
    """Locates what it is told to on pictures as large as a page, then sees the next ones."""

    name = "watched"

    def __init__(self, *places: Quad, score: float = 0.8) -> None:
        self.places, self.score = places, score
        self.seen: list[Frame] = []

    def steps(self, scan: Any) -> Iterator[Step]:
        self.seen.append(scan.frame)
        first = len(self.seen) == 1
        yield give("look", regions=[Region(quad, self.score, "test") for quad in self.places if first])


def square(x: float, y: float, side: float) -> Quad:
    return Quad(((x, y), (x + side, y), (x + side, y + side), (x, y + side)))


def test_closer_looks_at_what_is_credible_and_unread() -> None:
    pdf = pages.new()
    pages.invoice(pdf)
    pages.vector(pdf, "closer", 120, 200)
    data = pages.data(pdf)
    place = Quad.of(corners(120, 200, 0.5 * pages.side("closer")))
    watched = Watched(place)
    (result,) = read_document(data, cascade=Cascade([watched]))
    assert [attempt.step for attempt in result.attempts] == [
        "look @200 dpi",
        "look @300 dpi",
        "look @400 dpi",
    ]
    page, near, nearer = watched.seen
    assert page.size == (1654, 2339)
    for frame, dpi in ((near, 300), (nearer, 400)):
        # The place, and as much on each side.
        assert frame.size[0] == pytest.approx(3 * place.side * dpi / 200, abs=3)
        assert CLASSICAL.read(frame).text == "closer"
    (kept,) = result.regions
    assert kept.quad == place

    large, tiny = square(200, 200, 300), square(200, 200, 40)
    for dull in (Watched(large, tiny, score=0.4), Watched()):
        list(read_document(data, cascade=Cascade([dull])))
        assert len(dull.seen) == 1
    fine = Watched(square(200, 200, 120), score=0.2)
    list(read_document(data, cascade=Cascade([fine])))
    assert len(fine.seen) == 3
    read_already = Watched(square(200, 200, 120), score=0.2)
    list(read_document(data, cascade=Cascade([ClassicalStrategy(), read_already]), expect="all"))
    assert len(read_already.seen) == 1
    many = Watched(
        *(square(50 + 100 * i, 50 + 150 * j, 60) for i, j in itertools.product(range(8), range(8)))
    )
    list(read_document(data, cascade=Cascade([many])))
    assert len(many.seen) <= 1 + 2 * 8
    over_the_edge = Watched(square(-30, -30, 60), square(1640, 2330, 60), square(5000, 5000, 60))
    (result,) = read_document(data, cascade=Cascade([over_the_edge]))
    assert result.errors == ()


class Once:
    """Reads one code where it first looks."""

    name = "once"

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.looks = 0

    def steps(self, scan: Any) -> Iterator[Step]:
        self.looks += 1
        code = QRCode("text", square(40, 40, 50), self.confidence, b"text", "zxing", self.name)
        yield give("look", [code] if self.looks == 1 else [])


def test_a_code_in_doubt_is_looked_at_again() -> None:
    for confidence, looks in ((0.3, 3), (0.9, 1)):
        once = Once(confidence)
        (result,) = read_document(three_of_five(), cascade=Cascade([once]), pages=[1])
        assert (once.looks, result.text) == (looks, "text")


def test_looks_at_one_code_are_merged() -> None:
    """Read in doubt from the whole page, surely from closer: one code, at the place on the page."""
    pdf = pages.new()
    pages.invoice(pdf)
    pages.vector(pdf, "merged", 120, 200)
    place = Quad.of(corners(120, 200, 0.5 * pages.side("merged")))

    class Doubtful:
        name = "doubtful"

        def steps(self, scan: Any) -> Iterator[Step]:
            if scan.frame.size == (1654, 2339):
                yield give("guess", [QRCode("merged", place, 0.3, None, "zbar")])

    (result,) = read_document(
        pages.data(pdf), cascade=Cascade([Doubtful(), ClassicalStrategy(["zxing x0.25", "zxing x2"])])
    )
    (code,) = result.codes
    assert code.data == b"merged"
    np.testing.assert_allclose(code.quad, place, atol=2)


def locked() -> bytes:
    pdf = pages.new()
    pdf.set_encryption("owner's", "user's")
    pages.invoice(pdf)
    pages.vector(pdf, "locked", 120, 200)
    return pages.data(pdf)


def test_passwords() -> None:
    for password in ("user's", "owner's"):
        assert read(locked(), password=password)[0].text == "locked"
    with pytest.raises(DocumentError, match=r"cannot read .* bytes: it needs a password"):
        read(locked())
    with pytest.raises(DocumentError, match="the given password does not open it") as refused:
        read(locked(), password="secret")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "0 bytes: it is empty"),
        ("no/such.pdf", "'no/such.pdf': No such file"),
        ("https://example.com/a.pdf", "paths, never URLs"),
        (".", "it is a folder"),
        (b"%PDF-1.7", "8 bytes: it is broken"),
        (three_of_five()[:90], "90 bytes: it is broken"),
        (b"hello, world", "12 bytes: cannot identify a picture"),
        (b"II*\0" + b"\xff" * 40, "44 bytes"),
        (io.StringIO("text"), "binary mode"),
        (42, "must be a path, bytes"),
        ("\0", "null"),
    ],
)
def test_bad_sources_say_what_and_why(source: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read(source)


def test_missing_pages_are_named() -> None:
    with pytest.raises(DocumentError, match="it has no page 7; it has 5"):
        read(three_of_five(), pages=[1, 7])
    with pytest.raises(DocumentError, match="it has no page 2; it has 1"):
        read(draw.symbol("one")[0], pages=[2])


@pytest.mark.parametrize(
    "options",
    [
        {"pages": [0]},
        {"pages": 3},
        {"pages": ["1"]},
        {"pages": [True]},
        {"max_pages": 0},
        {"max_pages": 1.5},
        {"expect": 0},
        {"timeout": -1},
        {"formats": "QR"},
        {"accept": 3},
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        read_document("no/such.pdf", cascade=CLASSICAL, **options)


def test_what_accept_raises_is_not_a_page_error() -> None:
    with pytest.raises(OptionError, match="accept raised ZeroDivisionError"):
        read(three_of_five(), accept=lambda text: 1 // 0)


def test_a_page_that_breaks_is_a_result_and_the_next_goes_on() -> None:
    pdf = pages.new()
    for _ in range(2):
        pages.invoice(pdf)
    pages.vector(pdf, "second", 120, 200)
    data = pages.data(pdf)
    broken = re.sub(rb"/Kids \[\d+ 0 R", b"/Kids [0 0 R", data)
    assert len(broken) == len(data)
    first, second = read(broken)
    assert (first.page, first.codes, first.size) == (1, (), (0, 0))
    assert first.errors != ()
    assert (second.page, second.text) == (2, "second")


def test_lying_sizes_stay_within_the_limits() -> None:
    """A page of ten metres a side; a picture of more pixels than are read."""
    limits = Limits(max_pixels=1_000_000)
    cascade = Cascade([StubStrategy()], limits=limits)
    for box in (b"0 0 28346 28346", b"0 0 28346 0.001", b"0 0 14400 20", b"-5 -5 1 1"):
        (result,) = read_document(pages.raw(b"", box=box), cascade=cascade)
        assert result.errors == ()
        assert 0 < result.size[0] * result.size[1] <= limits.max_pixels
        assert max(result.size) <= limits.max_side
        assert result.picture.gray.shape == result.size[::-1]
    (result,) = read_document(pages.raw(image=(60_000, 60_000, b"")), cascade=cascade)
    assert "it is 60000x60000 pixels; at most 1,000,000" in result.errors[0]
    # None of the closer looks is larger, either.
    greedy = Watched()
    list(
        read_document(pages.raw(b"", box=b"0 0 842 842"), cascade=Cascade([greedy], limits=limits), expect=1)
    )
    assert [frame.size[0] * frame.size[1] <= limits.max_pixels for frame in greedy.seen] == [True]


def test_limits_of_bytes_and_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(three_of_five())
    for source in (path, path.read_bytes()):
        with pytest.raises(DocumentError, match="more than 100 bytes"):
            list(read_document(source, cascade=Cascade([StubStrategy()], limits=Limits(max_bytes=100))))
    few = Cascade([StubStrategy()], limits=Limits(max_frames=3))
    results = read_document(path, cascade=few)
    assert [next(results).page for _ in range(3)] == [1, 2, 3]
    with pytest.raises(DocumentError, match=r"page 4 of .*: only the first 3 pages are read"):
        next(results)


def test_the_timeout_is_for_each_page() -> None:
    class Slow:
        name = "slow"

        def steps(self, scan: Any) -> Iterator[Step]:
            while True:
                yield give("look", regions=[Region(square(9, 9, 90), 0.9, "test")])

    results = list(read_document(three_of_five(), cascade=Cascade([Slow()]), timeout=0.05, max_pages=2))
    assert [r.timed_out for r in results] == [True, True]
    assert all({a.step for a in r.attempts} <= {"look @200 dpi"} for r in results)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_frames_are_pages(kind: str, tmp_path: Path) -> None:
    images = [Image.fromarray(draw.symbol(f"frame {n}")[0]) for n in (1, 2, 3)]
    blank = Image.new("L", images[0].size, 255)
    options = {"duration": 100} if kind != "TIFF" else {}
    path = tmp_path / "frames"
    path.write_bytes(pages.frames(kind, images[0], images[1], blank, images[2], **options))
    for source in (path, path.read_bytes()):
        results = read(source)
        assert [(r.page, r.text) for r in results] == [
            (1, "frame 1"),
            (2, "frame 2"),
            (3, None),
            (4, "frame 3"),
        ]
        assert [code.page for r in results for code in r.codes] == [1, 2, 4]
    assert [r.text for r in read(path, pages=[4, 1])] == ["frame 3", "frame 1"]
    # After the file is closed, and after other frames were decoded.
    for result in results:
        gray = np.asarray((*images[:2], blank, images[2])[result.page - 1]).astype(int)  # type: ignore[operator]
        assert np.abs(result.picture.gray - gray).mean() < 3
        assert np.abs(result.picture.color[:, :, 0] - gray).mean() < 3


def test_a_broken_frame_is_a_result() -> None:
    image = Image.fromarray(draw.symbol("frame")[0])
    data = pages.frames("TIFF", image, image, compression="tiff_lzw")
    # The second page's strip, all of it nonsense.
    strip = Image.open(io.BytesIO(data))
    strip.seek(1)
    offset, length = strip.tag_v2[273][0], strip.tag_v2[279][0]  # type: ignore[attr-defined]
    first, second = read(data[:offset] + b"\xff" * length + data[offset + length :])
    assert first.text == "frame"
    assert (second.page, second.codes) == (2, ())
    assert second.errors != ()


def test_one_picture_is_a_document_of_one_page(tmp_path: Path) -> None:
    gray = draw.symbol("one")[0]
    path = tmp_path / "one.jpg"
    Image.fromarray(gray).save(path)
    # What follows the picture in a phone's MPO is no page.
    mpo = pages.frames("MPO", Image.fromarray(gray), Image.new("L", (8, 8)))
    with path.open("rb") as file:
        for source in (path, path.read_bytes(), file, gray, Image.fromarray(gray), mpo):
            (result,) = read(source)
            assert (result.text, result.page, result.require().page) == ("one", 1, 1)


def test_results_keep_no_pixels_and_can_be_drawn() -> None:
    results = read(three_of_five(), pages=[3])
    (result,) = results
    assert result.picture._gray is None
    drawn = result.draw()
    assert drawn.size == result.size
    x, y = np.rint(result.require().quad.corners[0]).astype(int)
    assert drawn.getpixel((int(x), int(y))) == (0, 170, 60)


@pytest.mark.slow
def test_threads_share_pdfium() -> None:
    data = three_of_five()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [r.text for r in read(data)], range(8)))
    assert found == [[None, None, "page three", None, None]] * 8


@pytest.mark.slow
def test_pages_go_to_isolated_workers_as_well() -> None:
    with Cascade.preset("classical", isolation="process") as isolated:
        results = list(read_document(three_of_five(), cascade=isolated, pages=[2, 3]))
    assert [(r.text, r.size) for r in results] == [(None, (1654, 2339)), ("page three", (1654, 2339))]


def test_an_abandoned_document_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "abandoned.pdf"
    path.write_bytes(three_of_five())
    results = read_document(path, cascade=CLASSICAL)
    next(results)
    del results
    path.unlink()
    assert not path.exists()


HEIF_MISSING = r"HEIF is not available.*pip install 'qrcascade\[heif\]'"


def test_heif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the heif extra is not installed")
    images = [Image.fromarray(draw.symbol(f"photo {n}", scale=6)[0]).convert("RGB") for n in (1, 2)]
    made = heif.from_pillow(images[0])
    made.add_from_pillow(images[1])
    path = tmp_path / "photo.heic"
    made.save(path, quality=90)
    assert CLASSICAL.read(path).text == "photo 1"
    assert [(r.page, r.text) for r in read(path)] == [(1, "photo 1"), (2, "photo 2")]
    with pytest.raises(ImageError, match=r"cannot read .* bytes: "):
        CLASSICAL.read(path.read_bytes()[:200])
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for broken in (lambda: Frame.load(path), lambda: read(path)):
        with pytest.raises(MissingDependencyError, match=HEIF_MISSING):
            broken()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heif_stands_upright(orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the heif extra is not installed")
    exif = Image.Exif()
    exif[0x0112] = orientation
    wide = Image.new("RGB", (160, 80), "white")
    wide.paste("black", (0, 0, 80, 80))
    buffer = io.BytesIO()
    heif.from_pillow(wide).save(buffer, quality=95, exif=exif.tobytes())
    jpeg = io.BytesIO()
    wide.save(jpeg, "JPEG", exif=exif)
    same = Frame.load(jpeg.getvalue())
    frame = Frame.load(buffer.getvalue())
    assert frame.size == same.size
    assert np.abs(frame.gray.astype(int) - same.gray).mean() < 5


def test_without_pypdfium2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingDependencyError, match=r"PDF is not available.*pip install pypdfium2"):
        read(three_of_five())


def test_read_says_who_reads_a_pdf() -> None:
    with pytest.raises(
        ImageError, match=r"it is a PDF, not a picture; qrcascade\.read and read_document read"
    ):
        CLASSICAL.read(three_of_five())


MEMORY = """
import sys
from qrcascade import Cascade, read_document
from qrcascade.profile.child import memory

cascade = Cascade.preset("classical")
next(read_document(sys.argv[1], cascade=cascade))
base, _ = memory()
numbers = [result.page for result in read_document(sys.argv[1], cascade=cascade) if result]
print(len(numbers), base, memory()[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.corpus)])
def test_memory_is_flat(count: int, tmp_path: Path) -> None:
    """Of a document whose every page has a code: 150 MB over what the first page took, and no page more."""
    pdf = pages.new()
    for number in range(1, count + 1):
        pages.invoice(pdf, lines=30)
        pdf.image(Image.fromarray(draw.symbol(f"page {number}")[0]), 120, 220, 30)
    path = tmp_path / "long.pdf"
    path.write_bytes(pages.data(pdf))
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    read_pages, base, peak = run.stdout.split()
    assert int(read_pages) == count
    if "None" in (base, peak):
        pytest.skip("this system does not say what memory a process has")
    assert float(peak) - float(base) < 150

"""How an app's own tests can replace the reading: no real picture, no engine, no waiting."""

import io

import pytest
from PIL import Image

import qrcascade

PLACE = qrcascade.Quad.of([(10, 10), (90, 10), (90, 90), (10, 90)])


def total(cascade: qrcascade.Cascade, picture: bytes) -> str:
    """Return the total in a picture's code; this is the app's code under test."""
    return cascade.read(picture).require().text.partition("total=")[2]


@pytest.fixture
def blank_png() -> bytes:
    """A picture without a code: what is read in it is up to the stub."""
    file = io.BytesIO()
    Image.new("L", (80, 60), "white").save(file, "PNG")
    return file.getvalue()


def test_total(blank_png: bytes) -> None:
    """The app reads the total from the code it expects."""
    code = qrcascade.QRCode("https://example.com/verify?total=118.90", PLACE, 0.99)
    stub = qrcascade.StubStrategy([qrcascade.Attempt("stub", "made up", codes=(code,))])
    assert total(qrcascade.Cascade([stub]), blank_png) == "118.90"
    assert stub.calls == 1


def test_a_broken_reader_is_no_code(blank_png: bytes) -> None:
    """A failure in a tier is in the result, and is never raised by `read`."""
    stub = qrcascade.StubStrategy(error=RuntimeError("out of order"))
    result = qrcascade.Cascade([stub]).read(blank_png)
    assert not result
    assert result.errors == ("RuntimeError: out of order",)

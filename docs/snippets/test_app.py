"""How an app's own tests stand in for the reading: no picture, no engine, no waiting."""

import qrcascade

PLACE = qrcascade.Quad.of([(10, 10), (90, 10), (90, 90), (10, 90)])


def total(cascade: qrcascade.Cascade, picture: bytes) -> str:
    """The code of the app: what is to be tested."""
    return cascade.read(picture).require().text.partition("total=")[2]


def test_total(blank_png: bytes) -> None:
    """A code as the app expects it."""
    code = qrcascade.QRCode("https://example.com/verify?total=118.90", PLACE, 0.99)
    stub = qrcascade.StubStrategy([qrcascade.Attempt("stub", "made up", codes=(code,))])
    assert total(qrcascade.Cascade([stub]), blank_png) == "118.90"
    assert stub.calls == 1


def test_a_broken_reader_is_no_code(blank_png: bytes) -> None:
    """What breaks in a tier is told by the result, and never raised by `read`."""
    stub = qrcascade.StubStrategy(error=RuntimeError("out of order"))
    result = qrcascade.Cascade([stub]).read(blank_png)
    assert not result
    assert result.errors == ("RuntimeError: out of order",)

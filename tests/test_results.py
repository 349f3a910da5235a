from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest

from qrcascade import Attempt, NotFoundError, QRCode, Quad, ReadResult, Region

SQUARE = Quad(((0, 0), (10, 0), (10, 10), (0, 10)))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (("x", b"x"), ("x", b"x"), True),
        (("x", b"x"), ("x", b"y"), False),
        (("x", None), ("x", b"x"), True),
        (("x", None), ("y", b"y"), False),
        # zbar guessed another character set: only the ASCII part is evidence.
        (("Größe 4", "Größe 4".encode()), ("Grテカe 4", None), True),
        (("Größe 4", "Größe 4".encode()), ("Größe 5", None), False),
        (("日本", None), ("中国", "中国".encode()), False),
        (("", None), ("é", "é".encode()), False),
    ],
)
def test_same_payload(a: tuple[str, bytes | None], b: tuple[str, bytes | None], same: bool) -> None:
    first, second = (QRCode(text, SQUARE, 0.9, data) for text, data in (a, b))
    assert first.same_payload(second) is same
    assert second.same_payload(first) is same


def result(*codes: QRCode, **changes: object) -> ReadResult:
    attempts = (
        Attempt("classical", "zxing", "raw", elapsed_s=0.01, codes=codes),
        Attempt("small", "qreader", kind="detect", error="no weights"),
    )
    found = ReadResult(codes, (Region(SQUARE, 0.8, "zxing"),), attempts, (640, 480), 0.02)
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def test_a_result_with_codes() -> None:
    found = result(QRCode("a", SQUARE, 0.9), QRCode("b", Quad.of(np.asarray(SQUARE) + 20), 0.8))
    assert found
    assert found.text == "a"
    assert found.texts == ("a", "b")
    assert found.require().text == "a"
    assert [attempt.found for attempt in found.attempts] == [2, 0]


def test_a_result_without_codes_says_what_was_tried() -> None:
    found = result(timed_out=True)
    assert not found
    assert found.text is None
    assert found.texts == ()
    with pytest.raises(
        NotFoundError,
        match=r"640x480.*2 attempts \(classical, small\).*1 region .*timeout.*no weights",
    ):
        found.require()


def test_results_are_values() -> None:
    found = result(QRCode("a", SQUARE, 0.9))
    assert pickle.loads(pickle.dumps(found)) == found
    assert hash(found) == hash(result(QRCode("a", SQUARE, 0.9)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.codes[0].text = "b"  # type: ignore[misc]
    assert not hasattr(found, "__dict__")


def test_json_holds_everything_but_the_pixels() -> None:
    code = QRCode("grüße", SQUARE, 0.98765, b"\x00\xff", "zxing", "classical", "zxing raw", "2", "L", page=3)
    attempt = Attempt("classical", "zxing", "raw", elapsed_s=0.0123456, codes=(code,), error="broke")
    result = ReadResult((code,), (Region(SQUARE, 0.5, "finders"),), (attempt,), (20, 10), 1.5, page=3)
    said = json.loads(result.to_json())
    assert said == result.to_dict()
    assert "grüße" in result.to_json()
    assert (said["size"], said["page"], said["ms"], said["timed_out"]) == ([20, 10], 3, 1500, False)
    assert said["codes"][0]["data"] == "00ff"
    assert (said["codes"][0]["confidence"], said["codes"][0]["page"]) == (0.9877, 3)
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    located = {"quad": square, "score": 0.5, "source": "finders", "module": None, "format": "QRCode"}
    assert said["regions"] == [located]
    assert said["attempts"] == [
        {
            "strategy": "classical",
            "step": "zxing raw",
            "engine": "zxing",
            "view": "raw",
            "kind": "",
            "ms": 12.35,
            "found": 1,
            "error": "broke",
        }
    ]

"""What `ReadResult.draw` paints where."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from qrcascade import (
    Attempt,
    Cascade,
    Frame,
    OptionError,
    QRCode,
    Quad,
    ReadResult,
    Region,
    StubStrategy,
)
from qrcascade.report.drawing import AMBER, BLUE, GREEN

SIZE = (300, 200)
BLANK = np.full((200, 300, 3), 255, np.uint8)
CODE = Quad(((40.0, 40.0), (140.0, 40.0), (140.0, 140.0), (40.0, 140.0)))
ELSEWHERE = Quad(((180.0, 40.0), (280.0, 40.0), (280.0, 140.0), (180.0, 140.0)))
MESH = tuple(tuple((40.0 + 10 * x, 40.0 + 10 * y) for x in range(11)) for y in range(11))


def result(*codes: QRCode, scores: tuple[float, ...] = (), picture: Any = BLANK) -> ReadResult:
    regions = tuple(Region(ELSEWHERE, score, "stub") for score in scores)
    return ReadResult(codes, regions, (), SIZE, 0.1, picture=Frame.load(picture))


def painted(drawn: Image.Image, color: tuple[int, int, int]) -> NDArray[np.bool_]:
    where: NDArray[np.bool_] = (np.asarray(drawn) == color).all(axis=2)
    return where


def box(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is painted."""
    rows, columns = np.nonzero(where)
    return columns.min(), rows.min(), columns.max(), rows.max()


def test_nothing_is_painted_where_nothing_was_found() -> None:
    drawn = result().draw()
    assert (drawn.mode, drawn.size) == ("RGB", SIZE)
    assert (np.asarray(drawn) == BLANK).all()


def test_codes_are_outlined_from_their_first_corner() -> None:
    for first in range(4):
        quad = Quad.of(np.roll(np.asarray(CODE), -first, axis=0))
        where = painted(result(QRCode("a", quad, 0.9)).draw(), GREEN)
        # A dot lies round the first corner and no other.
        sizes = [where[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].sum() for x, y in quad]
        assert sizes[0] > 2 * max(sizes[1:])
        assert where[40, 45:135].all()
        assert where[45:135, 140].all()
        assert not where[50:130, 50:130].any()


def test_regions_are_outlined_without_a_mark() -> None:
    where = painted(result(scores=(0.5,)).draw(), AMBER)
    assert box(where) == pytest.approx((180, 40, 280, 140), abs=1)


def test_the_mesh_is_drawn_on_request() -> None:
    code = QRCode("a", CODE, 0.9, mesh=MESH)
    other = QRCode("b", ELSEWHERE, 0.9)
    assert not painted(result(code, other).draw(), BLUE).any()
    where = painted(result(code, other).draw(mesh=True), BLUE)
    assert where[50:140:10, 45:136].all()
    assert where[45:136, 50:140:10].all()
    assert not where[:, 180:].any()


def test_lines_grow_with_the_picture() -> None:
    """Shares of the picture that are painted stay the same."""
    shares = []
    for factor in (2, 5, 10):
        quad = Quad.of(np.asarray(CODE) * factor)
        page = np.full((200 * factor, 300 * factor), 255, np.uint8)
        shares.append(painted(result(QRCode("a", quad, 0.9), picture=page).draw(), GREEN).mean())
    assert max(shares) < 1.15 * min(shares)


def test_outlines_outside_the_picture_are_cut_off() -> None:
    quad = Quad.of(np.asarray(CODE) - 100)
    where = painted(result(QRCode("a", quad, 0.9)).draw(), GREEN)
    assert box(where)[2:] == pytest.approx((40, 40), abs=1)


@pytest.mark.parametrize("color", [False, True])
def test_a_read_picture_can_be_drawn_on(tmp_path: Path, color: bool) -> None:
    picture = np.full((200, 300, 3), (250, 200, 220), np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(picture).convert("RGB" if color else "L").save(path)
    before = path.read_bytes()
    found = Attempt("", "", codes=(QRCode("a", CODE, 0.9),))
    read = Cascade([StubStrategy([found])]).read(path)
    drawn = np.asarray(read.draw())
    assert painted(read.draw(), GREEN).any()
    assert (drawn[100, 100] == (picture[0, 0] if color else np.asarray(Image.open(path))[0, 0])).all()
    # The picture itself stays as it was.
    assert (read.picture.color[40, 90] != GREEN).any()
    assert path.read_bytes() == before


def test_pictures_are_shown_upright() -> None:
    image = Image.new("RGB", (300, 200), "white")
    exif = image.getexif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    assert Cascade([StubStrategy()]).read(image).draw().size == (200, 300)


def test_a_result_that_let_go_of_its_picture() -> None:
    whole = result(QRCode("a", CODE, 0.9))
    bare = dataclasses.replace(whole, picture=None)
    for without in (bare, pickle.loads(pickle.dumps(whole)), copy.copy(whole), copy.deepcopy(whole)):
        assert without.picture is None
        assert without == whole
        assert hash(without) == hash(whole)
        with pytest.raises(OptionError, match="picture"):
            without.draw()
    assert "Frame" not in repr(whole)

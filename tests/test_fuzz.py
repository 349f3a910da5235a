"""Odd and broken sources: nothing but the documented errors comes out, and nothing breaks inside.

What fuzzing with atheris begins with, and all that it broke, is read here again (`tests/fuzz`).
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from qrcascade import (
    Cascade,
    DocumentError,
    Frame,
    ImageError,
    OptionError,
    Quad,
    ReadResult,
    Region,
    read_document,
)
from qrcascade.reading.steps import carry_to_source
from qrcascade.results import Findings
from tests.fuzz.mutations import PDF, SEEDS, TEXT, mutated
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("fuzz") / "corpus"
CLASSICAL = Cascade.preset("classical")


@pytest.mark.parametrize(
    "file", sorted(CORPUS.glob("*/*")), ids=lambda file: f"{file.parent.name}-{file.name}"
)
def test_the_corpus(file: Path) -> None:
    TARGETS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_a_corpus(target: str) -> None:
    assert len(list((CORPUS / target).iterdir())) >= 5


@settings(max_examples=150)
@given(st.binary(min_size=5, max_size=40))
def test_maps(data: bytes) -> None:
    TARGETS["maps"](data)


def read(source: Any, **options: Any) -> ReadResult | None:
    """A result in which nothing broke, or None for an `ImageError`."""
    try:
        result = CLASSICAL.read(source, **options)
    except ImageError as error:
        message = str(error)
    else:
        assert result.errors == ()
        assert all(np.isfinite(np.asarray(code.quad)).all() for code in result.codes)
        return result
    assert message.startswith("cannot read ")
    return None


# Arrays

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(),
    hnp.complex_number_dtypes(),
    hnp.datetime64_dtypes(),
    hnp.byte_string_dtypes(),
    hnp.unicode_string_dtypes(),
    st.just(np.dtype([("r", "u1"), ("g", "u1")])),
    st.just(np.dtype(object)),
)
SIDES = st.one_of(st.integers(0, 40), st.sampled_from([3000, 40_000]))
SHAPES = st.one_of(
    st.tuples(SIDES, st.integers(0, 40)),
    st.tuples(st.integers(0, 3), SIDES),
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 5)),
    st.lists(st.integers(0, 3), max_size=5).map(tuple),
)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Of any shape and dtype, in any order, of one value, noise or stripes; not to be written to."""
    shape, dtype = draw(SHAPES), draw(DTYPES)
    array: Any = np.zeros(shape, dtype)
    if dtype.kind in "biuf" and array.size:
        filled = draw(st.sampled_from(["value", "noise", "stripes"]))
        if filled == "value":
            array[...] = draw(hnp.from_dtype(dtype))
        elif filled == "noise":
            noise = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 128, shape)
            array = noise.astype(dtype)
        elif shape:
            array[..., ::2] = 1
    if draw(st.booleans()):
        array = np.asfortranarray(array)
    if array.ndim >= 2:
        steps = draw(st.tuples(*[st.sampled_from([1, -1, 2, -3])] * 2))
        array = array[:: steps[0], :: steps[1]]
        array = array.swapaxes(0, 1) if draw(st.booleans()) else array
    array.setflags(write=False)
    return array


@pytest.mark.slow
@settings(max_examples=150)
@given(arrays(), st.booleans())
def test_arrays(array: Any, bgr: bool) -> None:
    result = read(array, bgr=bgr)
    if array.dtype.kind in "bu" and array.dtype.itemsize == 1 and array.ndim == 2 and 0 < array.size < 10**6:
        assert max(array.shape) > 32_767 or result is not None
    assert result is None or (result.size == array.shape[1::-1] and array.ndim in (2, 3))


@given(st.sampled_from(["f2", "f4", "f8"]), st.sampled_from([np.nan, np.inf, -np.inf]), st.integers(0, 99))
def test_one_number_that_is_none(dtype: str, value: float, place: int) -> None:
    array = np.full(100, 0.5, dtype)
    array[place] = value
    with pytest.raises(ImageError, match="NaN or infinity"):
        CLASSICAL.read(array.reshape(10, 10))


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 32_767), (32_767, 1), (2, 20_000), (3, 3), (7, 1), (20_000, 4)]
)
@pytest.mark.parametrize("expect", [None, 3, "all"])
def test_tiny_and_thin(shape: tuple[int, int], expect: Any) -> None:
    stripes = np.zeros(shape, np.uint8)
    stripes[::2, ::3] = 255
    assert read(stripes, expect=expect) is not None


# Other sources and options


class Broken(io.RawIOBase):
    """A file whose ``read`` raises or gives what it should not."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def read(self, size: int = -1) -> Any:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


closed = io.BytesIO(b"P5 1 1 255 a")
closed.close()
JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), st.lists, max_leaves=4)
ODD: Any = st.one_of(
    JSON,
    st.text(max_size=30),
    st.binary(max_size=60),
    st.binary(max_size=20).map(bytearray),
    st.binary(max_size=20).map(lambda data: memoryview(data)),
    st.sampled_from([closed, object(), Path(), Path("/dev/null"), int, np.uint8(3), np.zeros(()), 1j, {}]),
    st.sampled_from([OSError("gone"), ValueError("odd"), RecursionError(), None, "text", 7, b"", [b"x"]]).map(
        Broken
    ),
)


@settings(max_examples=200)
@given(ODD)
def test_odd_sources(source: Any) -> None:
    assert read(source) is None


@settings(max_examples=100)
@given(st.sampled_from(["expect", "timeout", "formats", "regions"]), JSON)
def test_odd_options(name: str, value: Any) -> None:
    with contextlib.suppress(OptionError):
        CLASSICAL.read(np.zeros((20, 20), np.uint8), **{name: value})


# Files that were damaged


def test_every_accepted_format_is_mutated() -> None:
    with pytest.raises(ImageError) as refused:
        CLASSICAL.read(b"no picture")
    listed = str(refused.value).partition("supported are ")[2].partition(", and")[0].split(", ")
    assert len(listed) > 10
    assert {Image.open(io.BytesIO(data)).format for data in SEEDS.values()} >= {*listed}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_mutated_files(name: str) -> None:
    random = np.random.default_rng([*name.encode()])
    whole = read(SEEDS[name])
    assert whole is not None
    assert whole.text == TEXT
    results = [read(mutated(SEEDS[name], random), frame=int(random.random() < 0.1)) for _ in range(60)]
    assert {result.text for result in results if result is not None} <= {TEXT, None}
    assert None in results or name in UNCHECKED


# Formats whose few header bytes are all that can be wrong: most changes give another picture.
UNCHECKED = frozenset({"bmp", "dib", "tga", "pcx", "sgi", "ppm"})


@pytest.mark.slow
def test_mutated_documents() -> None:
    random = np.random.default_rng(0)
    assert [page.text for page in read_document(PDF, cascade=CLASSICAL)] == [TEXT, TEXT]
    refused = 0
    with Cascade.preset("classical", isolation="process") as cascade:
        for _ in range(60):
            try:
                pages = list(read_document(mutated(PDF, random), cascade=cascade, timeout=20, max_pages=3))
            except DocumentError:
                refused += 1
            else:
                assert {page.text for page in pages} <= {TEXT, None}
    assert 0 < refused < 60


def test_what_a_view_has_at_infinity_is_nothing_and_no_warning() -> None:
    frame = Frame(np.zeros((9, 9), np.uint8), np.array([[1.0, 0, 0], [0, 1, 0], [0.1, 0, -0.5]]))
    quad = Quad(((5, 0), (8, 0), (8, 8), (5, 8)))
    assert carry_to_source(Findings(regions=(Region(quad, 0.5, "test"),)), frame).regions == ()


def test_fuzzing_runs_or_says_why_not(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "maps", "--seconds", "2", "--keep", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("skipped: atheris") or "number_of_executed_units" in ran.stderr

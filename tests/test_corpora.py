"""The picture corpora beside the checkout: floors of accuracy, and not one wrong payload."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import corpora as pictures
from benchmarks.readers import build
from benchmarks.scoring import Record, score, summarise
from qrcascade import Cascade

pytestmark = pytest.mark.corpus

BASELINES = Path(__file__).parent / "baselines"
FLOORS = {"boofcv": 93.0, "zxing": 98.0, "jsqr": 96.0, "synthetic": 94.0}
# What the truth of the picture got wrong: the symbol says so, and a person reads it too.
MISTAKEN = {"qrcode-2/13.png": "The 2005 USGS aerial photography of the Washington Monument is censored."}


@pytest.fixture(scope="module", autouse=True)
def at(corpora: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QRCASCADE_CORPORA", str(corpora))
        yield


@functools.cache
def records(corpus: str, reader: str) -> list[Record]:
    read = build(reader)
    return [score(reader, picture, read(picture.rgb()), 0.0) for picture in pictures.load(corpus)]


def test_zxing_text_and_bytes_are_exact_and_nothing_is_lost() -> None:
    cascade, bare = Cascade.preset("classical"), build("zxing-cpp")
    lost, wrong, read = [], [], 0
    for picture in pictures.load("zxing"):
        rgb = picture.rgb()
        result = cascade.read(rgb)
        read += bool(result)
        if not result and bare(rgb).outputs:
            lost.append(picture.name)
        truth = MISTAKEN.get(picture.name, picture.payload)
        said = {code.text if isinstance(truth, str) else code.data for code in result.codes}
        if result and truth not in said:
            wrong.append((picture.name, said))
        for code in result.codes:
            # Text and bytes tell one story: no character was dropped or replaced.
            if code.data is not None and code.data.isascii():
                assert code.text.encode() == code.data
    assert (lost, wrong) == ([], [])
    assert read >= 178


def test_jsqr_payloads_are_exact() -> None:
    found = records("jsqr", "classical")
    assert [r.picture for r in found if r.wrong] == []
    assert sum(r.read for r in found) > sum(r.read for r in records("jsqr", "zxing-cpp"))


@pytest.mark.parametrize("corpus", ["negatives", "pages"])
def test_nothing_is_read_where_nothing_is(corpus: str) -> None:
    assert [(r.picture, r.texts) for r in records(corpus, "classical") if r.texts] == []


def test_confidence_means_something() -> None:
    """On every corpus with payloads: sure is right, and nothing wrong is above the threshold."""
    found = [r for corpus in ("zxing", "jsqr", "synthetic") for r in records(corpus, "classical")]
    pairs = [pair for record in found if record.picture not in MISTAKEN for pair in record.sure]
    sure = [right for confidence, right in pairs if confidence >= 0.9]
    assert len(sure) > 500
    assert sum(sure) / len(sure) >= 0.999
    assert [confidence for confidence, right in pairs if not right and confidence >= 0.7] == []


@pytest.mark.parametrize("corpus", ["boofcv", "zxing", "jsqr", "synthetic"])
def test_no_picture_is_lost(corpus: str) -> None:
    """Against the list of what was read; ``python -m benchmarks baseline`` writes it anew."""
    before: dict[str, int] = json.loads((BASELINES / f"{corpus}.json").read_text())
    found = records(corpus, "classical")
    now = {record.picture: record.read for record in found}
    lost = {
        name: f"{now.get(name, 0)} of {count}" for name, count in before.items() if now.get(name, 0) < count
    }
    gained = {name: count for name, count in now.items() if count > before.get(name, 0)}
    assert not lost, f"lost {lost}; gained {gained}"
    summary = summarise(found)
    assert summary.macro >= FLOORS[corpus], f"gained {gained}"
    assert (summary.extra, summary.conflict) == (0, 0)


@pytest.mark.parametrize(("reader", "floor"), [("light", 98.5), ("light-all", 99.0)])
def test_what_the_detector_locates_is_read(reader: str, floor: float) -> None:
    """A code less than when this was written may be missed: the network's arithmetic is the processor's."""
    summary = summarise(records("boofcv", reader))
    assert summary.macro >= floor
    assert (summary.extra, summary.conflict) == (0, 0)


@pytest.mark.neural
def test_boofcv_nano_reads_what_classical_leaves(nano_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded part: one category, in which the detector sees codes that no classical step locates."""
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(nano_weights))
    curved = [p for p in pictures.load("boofcv") if p.category == "curved"]
    counts = {}
    for name in ("classical", "nano"):
        read = build(name)
        counts[name] = sum(score(name, p, read(p.rgb()), 0.0).read for p in curved)
    assert counts["nano"] > counts["classical"]

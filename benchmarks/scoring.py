"""From readings to figures, as the published comparisons on the BoofCV set count them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.corpora import Picture
from benchmarks.readers import Output, Reading
from qrcascade import QRCode
from qrcascade.symbology import charset

__all__ = ["Record", "Summary", "reliability", "score", "summarise"]


@dataclass(frozen=True, slots=True)
class Record:
    """One reader on one picture.

    ``sure`` has a pair (confidence, whether the payload is exactly right) for every output whose
    truth is known.
    """

    reader: str
    picture: str
    category: str
    codes: int
    read: int
    extra: int
    conflict: int
    wrong: int
    ms: float
    texts: tuple[str, ...]
    steps: tuple[str, ...]
    sure: tuple[tuple[float, bool], ...]

    def row(self) -> dict[str, object]:
        """The record as a JSON object."""
        return asdict(self)


def score(reader: str, picture: Picture, reading: Reading, ms: float) -> Record:
    """Compare a reading with the truth.

    A code is read when an output with a payload overlaps it; an output counts for one code. Where
    the outlines are unknown and the payload is known, it is read when an output says exactly that.
    """
    outputs = [output for output in reading.outputs if output.text]
    if picture.payloads:
        right = [output for output in outputs if any(_says(output, p) for p in picture.payloads)]
        read, wrong = _matches(picture, right), len(outputs) - len(right)
        extra = len(right) - read
    elif picture.quads:
        read = _matches(picture, outputs)
        extra, wrong = len(outputs) - read, 0
    elif picture.payload is not None:
        read = int(any(_says(output, picture.payload) for output in outputs))
        # A picture may hold more codes than its truth names: only a lone reading is wrong.
        extra, wrong = 0, int(not read and bool(outputs))
    else:
        read = min(len(outputs), picture.codes)
        extra, wrong = len(outputs) - read, len(outputs) if not picture.codes else 0
    return Record(
        reader,
        picture.name,
        picture.category,
        picture.codes,
        read,
        extra,
        _conflicts(reading.tries),
        wrong,
        ms,
        tuple(output.text for output in outputs),
        tuple(reading.steps),
        tuple(_sure(picture, outputs)),
    )


def _sure(picture: Picture, outputs: Sequence[Output]) -> Iterator[tuple[float, bool]]:
    """Confidences beside the truth, where it is known for every code of the picture."""
    known = picture.payloads or (() if picture.payload is None else (picture.payload,))
    if not known and picture.codes:
        return
    for output in outputs:
        right = any(_says(output, payload) for payload in known)
        # A lone payload is the truth of one code only: others in the picture are neither.
        if output.confidence is not None and (right or picture.payload is None or len(outputs) == 1):
            yield output.confidence, right


def _matches(picture: Picture, outputs: Sequence[Output]) -> int:
    """Number of codes matched, the largest overlaps first, each output once."""
    overlaps = sorted(
        (-quad.overlap(output.quad), i, j)
        for i, quad in enumerate(picture.quads)
        for j, output in enumerate(outputs)
    )
    codes: set[int] = set()
    used: set[int] = set()
    for overlap, i, j in overlaps:
        if overlap < 0 and i not in codes and j not in used:
            codes.add(i)
            used.add(j)
    return len(codes)


def _says(output: Output, payload: bytes | str) -> bool:
    if isinstance(payload, str):
        return output.text == payload
    if output.data is not None:
        return output.data == payload
    return output.text == charset.decode([(None, payload)])


def _conflicts(tries: Sequence[Output]) -> int:
    """Pairs of payloads that were read at one place and differ."""
    codes = {QRCode(t.text, t.quad, 0.0, t.data) for t in tries}
    distinct: list[QRCode] = []
    conflicts = 0
    for code in sorted(codes, key=lambda c: (c.text, c.quad.corners)):
        here = [other for other in distinct if other.quad.same_place(code.quad)]
        if not any(other.same_payload(code) for other in here):
            conflicts += bool(here)
            distinct.append(code)
    return conflicts


@dataclass(frozen=True, slots=True)
class Summary:
    """A reader's figures over a corpus: rates in per cent, times in milliseconds."""

    reader: str
    macro: float
    micro: float
    categories: dict[str, float]
    extra: int
    conflict: int
    wrong: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def summarise(records: Sequence[Record]) -> Summary:
    """Figures of one reader's records; ``macro`` is the mean of the categories' rates."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.category].append(record)
    rates = {name: _rate(group) for name, group in sorted(groups.items())}
    times = np.array([record.ms for record in records])
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    return Summary(
        records[0].reader,
        float(np.mean(list(rates.values()))),
        _rate(records),
        rates,
        sum(r.extra for r in records),
        sum(r.conflict for r in records),
        sum(r.wrong for r in records),
        float(times.mean()),
        float(p50),
        float(p95),
        float(p99),
    )


BINS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 1.01)


def reliability(records: Iterable[Record]) -> list[tuple[float, float, int, int]]:
    """Confidence against truth: (from, to, outputs, of these exactly right) for each bin."""
    pairs = [pair for record in records for pair in record.sure]
    return [
        (
            low,
            high,
            sum(low <= c < high for c, _ in pairs),
            sum(low <= c < high and right for c, right in pairs),
        )
        for low, high in itertools.pairwise(BINS)
    ]


def _rate(records: Sequence[Record]) -> float:
    """Share of the codes that were read, in per cent; 100 where there are none to read."""
    codes = sum(record.codes for record in records)
    return 100.0 * sum(record.read for record in records) / codes if codes else 100.0

"""From readings to figures, as the published comparisons on the BoofCV set count them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmarks.corpora import Picture
from benchmarks.harness import alone, each, timed
from benchmarks.readers import Output, Reading, build
from qrcascade import QRCode
from qrcascade.symbology import charset

T = TypeVar("T")


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


def read_in_turns(names: Sequence[str], pictures: Sequence[Picture], name: str = "") -> Iterator[Record]:
    """Give each picture to each reader, the same pixels to all; the first time is nobody's.

    What is measured is processor time, since some peers use every core; ours gets one.
    """
    alone()
    readers = {name: build(name) for name in names}
    warm = pictures[0].rgb()
    for read in readers.values():
        read(warm)

    def look(picture: Picture) -> Iterator[Record]:
        rgb = picture.rgb()
        for name, read in readers.items():
            reading, elapsed = timed(read, rgb, clock=time.process_time)
            yield score(name, picture, reading, elapsed if reading.ms is None else reading.ms)

    for records in each(look, pictures, name=name):
        yield from records


def score(reader: str, picture: Picture, reading: Reading, ms: float) -> Record:
    """Compare a reading with the truth.

    A code is read when an output with a payload overlaps it; an output counts for one code. Where
    the outlines are unknown and the payload is known, it is read when an output says exactly that.
    """
    outputs = [output for output in reading.outputs if output.text]
    if picture.payloads:
        right = [output for output in outputs if any(says(output, p) for p in picture.payloads)]
        read, wrong = _matches(picture, right), len(outputs) - len(right)
        extra = len(right) - read
    elif picture.quads:
        read = _matches(picture, outputs)
        extra, wrong = len(outputs) - read, 0
    elif picture.payload is not None:
        read = int(any(says(output, picture.payload) for output in outputs))
        # A picture may hold more codes than its truth names: only a lone reading is wrong.
        extra, wrong = 0, int(not read and bool(outputs))
    else:
        read = min(len(outputs), picture.codes)
        extra, wrong = len(outputs) - read, len(outputs) if not picture.codes else 0
    known = reader, picture.name, picture.category, picture.codes
    counts = read, extra, _conflicts(reading.tries), wrong
    texts = tuple(output.text for output in outputs)
    return Record(*known, *counts, ms, texts, tuple(reading.steps), tuple(_sure(picture, outputs)))


def _sure(picture: Picture, outputs: Sequence[Output]) -> Iterator[tuple[float, bool]]:
    """Return confidences beside the truth, where it is known for every code of the picture."""
    if not picture.known and picture.codes:
        return
    for output in outputs:
        right = any(says(output, payload) for payload in picture.known)
        # A lone payload is the truth of one code only: others in the picture are neither.
        if output.confidence is not None and (right or picture.payload is None or len(outputs) == 1):
            yield output.confidence, right


def _matches(picture: Picture, outputs: Sequence[Output]) -> int:
    """Return the number of codes matched, the largest overlaps first, each output once."""
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


def says(output: Output, payload: bytes | str) -> bool:
    """Return whether an output is this payload, to the byte where its bytes are known."""
    if isinstance(payload, str):
        return output.text == payload
    if output.data is not None:
        return output.data == payload
    return output.text == charset.decode([(None, payload)]).text


def _conflicts(tries: Sequence[Output]) -> int:
    """Count payloads that were read at one place and differ."""
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
    """Return the figures of one reader's records; ``macro`` is the mean of the categories' rates."""
    rates = {name: _rate(group) for name, group in sorted(grouped(records, "category").items())}
    times = [record.ms for record in records]
    counts = (sum(getattr(r, count) for r in records) for count in ("extra", "conflict", "wrong"))
    ms = map(float, (np.mean(times), *np.percentile(times, [50, 95, 99])))
    return Summary(records[0].reader, float(np.mean([*rates.values()])), _rate(records), rates, *counts, *ms)


def _rate(records: Sequence[Record]) -> float:
    """Return the share of the codes that were read, in per cent; 100 where there are none to read."""
    codes = sum(record.codes for record in records)
    return 100.0 * sum(record.read for record in records) / codes if codes else 100.0


def rates_by_name(records: Iterable[Record]) -> dict[str, dict[str, list[float]]]:
    """Return the rates of each category and reader, in per cent: one for the pictures of each name."""
    return {
        category: {
            reader: [_rate(step) for step in grouped(its, "picture").values()]
            for reader, its in grouped(those, "reader").items()
        }
        for category, those in grouped(records, "category").items()
    }


def grouped(things: Iterable[T], name: str) -> dict[str, list[T]]:
    """Return things by what they have under a name, in the order of the first of each."""
    groups: dict[str, list[T]] = {}
    for thing in things:
        groups.setdefault(getattr(thing, name), []).append(thing)
    return groups


def most(hits: int, number: int, doubt: float = 0.05) -> float:
    """Return the rate that gives so few hits, or fewer, with just this probability (Clopper and Pearson)."""

    def log_chance(k: int, rate: float) -> float:
        ways = math.lgamma(number + 1) - math.lgamma(k + 1) - math.lgamma(number - k + 1)
        return ways + k * math.log(rate) + (number - k) * math.log1p(-rate)

    if hits >= number:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        chance = math.fsum(math.exp(log_chance(k, rate)) for k in range(hits + 1))
        low, high = (rate, high) if chance > doubt else (low, rate)
    return high


def at_most(hits: int, number: int) -> str:
    """Put `most` in words."""
    return f"at most {most(hits, number):.1e}"

"""What the grid reader accepts that it should not: regions without a symbol, and damaged symbols."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np

from benchmarks import report, resumed
from benchmarks.deformed import DAMAGES, Random, blurred, damaged, finished, shot, symbol
from benchmarks.impostors import DEAR, KINDS
from qrcascade import Frame, Quad
from qrcascade.grid import codewords, evidence
from qrcascade.grid.codewords import Decoded, Partial
from qrcascade.grid.reader import GridReading, stages
from qrcascade.image.frame import Gray

__all__ = [
    "Outcome",
    "looked",
    "most",
    "outcomes",
    "region",
    "region_tasks",
    "safety",
    "true_symbol",
]

_DOCS = Path("docs/benchmarks")
_CONFIDENCES = (0.0, 0.9, 0.95, 0.99, 0.998, 1.0)


Given = tuple[Gray, Quad, tuple[bytes, ...]]
"""A picture, about where something is in it, and what may be read there."""


def region(kind: str, seed: int) -> Given:
    """A region that is no symbol, 100 to 200 pixels wide, as a camera sees it, with a rough outline."""
    random = np.random.default_rng([seed, *kind.encode()])
    made = KINDS[kind](random)
    side = max(random.uniform(100, 200), 2.2 * made.modules)
    page, quad = shot(random, made.art, made.border, side, turn=180, tilt=0.05)
    page = blurred(page, random.uniform(0, 1))
    return finished(random, page, random.uniform(0, 8)), _rough(random, quad, 0.04), made.payloads


def true_symbol(kind: str, seed: int) -> Given:
    """A damaged symbol of version 1 to 10, with an outline that is 2 % off."""
    random = np.random.default_rng([seed, *kind.encode()])
    made = symbol(random, (1, 10))
    gray, quad = damaged(random, kind, made, random.random())
    return gray, _rough(random, quad, 0.02), (made.payload,)


def _rough(random: Random, quad: Quad, share: float) -> Quad:
    return Quad.of(np.asarray(quad) + random.uniform(-share, share, (4, 2)) * quad.side)


@dataclass(frozen=True, slots=True)
class Outcome(resumed.Outcome):
    """What the grid reader made of one region.

    Parameters
    ----------
    kind, seed : str, int
        Which it was.
    result : {"right", "unread", "wrong"}
        Whether what was read is what may be read there.
    progress : {"no fit", "fitted", "in part"}
        How far it got before that: whether a grid was fitted, and whether some blocks were decoded.
    bits : float
        Evidence of what was read, else 0.
    confidence : float
        In what was read, else 0.
    readings : int
        How often soft bits were handed to the decoder.
    ms : float
        How long it took.
    """

    result: str
    progress: str
    bits: float
    confidence: float
    readings: int
    ms: float


class _Decoder:
    """The decoder, and what it was asked and gave."""

    def __init__(self) -> None:
        self.given: list[Decoded | Partial | None] = []
        self._decode = codewords.decode

    def __call__(self, *args: Any, **kwargs: Any) -> Decoded | Partial | None:
        self.given.append(self._decode(*args, **kwargs))
        return self.given[-1]

    @property
    def progress(self) -> str:
        if not self.given:
            return "no fit"
        return "in part" if any(isinstance(found, Partial) for found in self.given) else "fitted"


def looked(make: Callable[[str, int], Given], task: tuple[str, int], ways: int | None = None) -> Outcome:
    """Give one region to the grid reader, all its stages or the first so many."""
    kind, seed = task
    gray, quad, payloads = make(kind, seed)
    decoder = _Decoder()
    start = time.perf_counter()
    with mock.patch.object(codewords, "decode", decoder):
        reading = _read(Frame(gray), quad, ways)
    ms = (time.perf_counter() - start) * 1000
    result, bits, sure = "unread", 0.0, 0.0
    if reading is not None:
        result = "right" if reading.decoded.payload.data in payloads else "wrong"
        bits, sure = reading.decoded.evidence_bits, reading.decoded.confidence
    return Outcome(kind, seed, result, decoder.progress, bits, sure, len(decoder.given), ms)


def _read(frame: Frame, quad: Quad, ways: int | None) -> GridReading | None:
    readings = (stage.run() for stage in itertools.islice(stages(frame, quad), ways))
    return next((reading for reading in readings if reading is not None), None)


def region_tasks(number: int, seldom: int) -> list[tuple[str, int]]:
    """Kinds in turn, with seeds from 0; what has function patterns is dear, and comes in few rounds only."""
    rounds = itertools.count()
    tasks = ((kind, seed) for seed in rounds for kind in KINDS if kind not in DEAR or seed % seldom == 0)
    return list(itertools.islice(tasks, number))


def _symbol_tasks(number: int) -> list[tuple[str, int]]:
    """The same of damages."""
    kinds = list(DAMAGES)
    return [(kinds[i % len(kinds)], i // len(kinds)) for i in range(number)]


def outcomes(
    make: Callable[[str, int], Given],
    tasks: Sequence[tuple[str, int]],
    workers: int,
    record: Path | None = None,
) -> list[Outcome]:
    """In order, and the same whatever the number of workers; those in the record are not done again."""
    look = functools.partial(looked, make)
    return resumed.outcomes(look, Outcome, tasks, workers, record, name=make.__name__, unit="region")


# The report


def most(hits: int, number: int, doubt: float = 0.05) -> float:
    """The rate that gives so few hits, or fewer, with just this probability (Clopper and Pearson)."""

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


def _groups(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[Outcome]]]:
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        yield kind, [outcome for outcome in outcomes if outcome.kind == kind]
    yield "all", list(outcomes)


def _count(outcomes: Iterable[Outcome], **wanted: str) -> int:
    return sum(all(getattr(o, name) == value for name, value in wanted.items()) for o in outcomes)


def _said_wrong(outcomes: Sequence[Outcome]) -> str:
    wrong = [f"{o.kind} {o.seed} ({o.bits:.1f} bits)" for o in outcomes if o.result == "wrong"]
    return f"Wrong, by kind and seed: {'; '.join(wrong)}." if wrong else ""


def _regions_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Markdown of regions that are no symbol."""
    lines = [
        "| kind | regions | false | a part's | no fit | fitted | in part | decodings | mean ms |",
        "| --- |" + " ---: |" * 8,
    ]
    for kind, group in _groups(outcomes):
        results = [_count(group, result=result) for result in ("wrong", "right")]
        ways = [_count(group, progress=progress) for progress in ("no fit", "fitted", "in part")]
        means = f"{np.mean([o.readings for o in group]):.1f} | {np.mean([o.ms for o in group]):.0f}"
        lines.append(f"| {kind} | {len(group)} | {' | '.join(map(str, [*results, *ways]))} | {means} |")
    number, false = len(outcomes), _count(outcomes, result="wrong")
    bound = number * 2.0**-evidence.ACCEPTED_BITS
    text = (
        "False is a payload that nothing in the region says; a part's is that of a symbol half there. "
        f"False were {false} of {number}: with 95 % confidence at most {most(false, number):.1e} a region. "
        f"`qrcascade.grid.evidence` bounds it by {bound:.1e} in all, if all modules that carry data are "
        "random; it does not speak of those that are right in part (random block, halves)."
    )
    return ["## Regions that are no symbol", "\n".join(lines), text, _said_wrong(outcomes)]


def _symbols_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Markdown of damaged symbols."""
    lines = [
        "| damage | symbols | right | unread | wrong | median bits | mean ms |",
        "| --- |" + " ---: |" * 6,
    ]
    for kind, group in _groups(outcomes):
        counts = [len(group), *(_count(group, result=result) for result in ("right", "unread", "wrong"))]
        bits = [o.bits for o in group if o.result != "unread"]
        times = f"{np.median(bits) if bits else 0:.0f} | {np.mean([o.ms for o in group]):.0f}"
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} | {times} |")
    accepted = [o for o in outcomes if o.result != "unread"]
    wrong = _count(accepted, result="wrong")
    text = (
        f"Wrong payloads: {wrong} of {len(accepted)} that were accepted; with 95 % confidence at most "
        f"{most(wrong, len(accepted)):.1e} of them."
    )
    parts = ["## Damaged symbols", "\n".join(lines), text, _said_wrong(outcomes)]
    return [*parts, "Confidence against truth:", _reliability(accepted)]


def _reliability(accepted: Sequence[Outcome]) -> str:
    lines = ["| confidence | accepted | mean confidence | right |", "| --- | ---: | ---: | ---: |"]
    pairs = [(o.confidence, o.result == "right") for o in accepted]
    for low, high in itertools.pairwise(_CONFIDENCES):
        inside = [(c, right) for c, right in pairs if low <= c < high]
        if inside:
            mean = np.mean([c for c, _ in inside])
            lines.append(f"| {low} to {high} | {len(inside)} | {mean:.4f} | {sum(r for _, r in inside)} |")
    return "\n".join(lines)


@click.option("--regions", default=100_000, show_default=True, help="Regions that are no symbol.")
@click.option("--damaged", "symbols", default=20_000, show_default=True, help="Damaged symbols.")
@click.option("--seldom", default=40, show_default=True, help="Dear kinds come once in so many rounds.")
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what was done; a run that was cut goes on from there (with the same code, please).",
)
@click.option("--save", is_flag=True, help="Write docs/benchmarks/safety.md.")
def safety(regions: int, symbols: int, seldom: int, workers: int, record: Path | None, save: bool) -> None:
    """What the grid reader accepts in regions without a symbol, and of damaged symbols."""
    if record:
        record.mkdir(parents=True, exist_ok=True)
    parts: list[str] = []
    if symbols:
        file = record and record / "symbols.jsonl"
        parts += _symbols_table(outcomes(true_symbol, _symbol_tasks(symbols), workers, file))
    if regions:
        file = record and record / "regions.jsonl"
        parts = _regions_table(outcomes(region, region_tasks(regions, seldom), workers, file)) + parts
    text = "\n\n".join(part for part in parts if part)
    click.echo(text)
    if save:
        (_DOCS / "safety.md").write_text(report.page("safety", text), encoding="utf-8")

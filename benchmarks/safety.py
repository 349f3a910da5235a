"""What the grid reader accepts that it should not: regions without a symbol, and damaged symbols."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import numpy as np

from benchmarks import harness
from benchmarks.deformed import DAMAGES, blurred, damaged, finished, shot, symbol
from benchmarks.harness import Task, in_rounds, timed
from benchmarks.impostors import EXPENSIVE, KINDS
from benchmarks.pages import RecordFolder, Workers, by_kind, command, confidences, listed, mean
from benchmarks.scoring import at_most
from benchmarks.symbols import Random
from qrcascade import Frame, Quad
from qrcascade.grid import codewords, evidence
from qrcascade.grid.codewords import Decoded, Partial
from qrcascade.grid.reader import GridReading, Stages
from qrcascade.image.frame import Gray

_CONFIDENCES = (0.0, 0.9, 0.95, 0.99, 0.998, 1.0)

Given = tuple[Gray, Quad, tuple[bytes, ...]]
"""A picture, about where something is in it, and what may be read there."""


def region(kind: str, seed: int) -> Given:
    """Draw a region that is no symbol, 100 to 200 pixels wide, as a camera sees it, with a rough outline."""
    random = np.random.default_rng([seed, *kind.encode()])
    made = KINDS[kind](random)
    side = max(random.uniform(100, 200), 2.2 * made.modules)
    page, quad = shot(random, made.art, made.border, side, turn=180, tilt=0.05)
    page = blurred(page, random.uniform(0, 1))
    return finished(random, page, random.uniform(0, 8)), _rough(random, quad, 0.04), made.payloads


def true_symbol(kind: str, seed: int) -> Given:
    """Return a damaged symbol of version 1 to 10, with an outline that is 2 % off."""
    random = np.random.default_rng([seed, *kind.encode()])
    made = symbol(random, (1, 10))
    gray, quad = damaged(random, kind, made, random.random())
    return gray, _rough(random, quad, 0.02), (made.payload,)


def _rough(random: Random, quad: Quad, share: float) -> Quad:
    return Quad.of(np.asarray(quad) + random.uniform(-share, share, (4, 2)) * quad.side)


@dataclass(frozen=True, slots=True)
class Outcome(harness.Outcome):
    """What the grid reader made of one region.

    ``result`` says whether what was read may be read there: "right", "unread" or "wrong"; ``progress`` how
    far it got before that: "no fit" of a grid, "fitted", or "in part" where some blocks were decoded.
    ``bits`` are the evidence of what was read, and ``confidence`` is in it, else 0; ``readings`` counts how
    often soft bits were handed to the decoder.
    """

    result: str
    progress: str
    bits: float
    confidence: float
    readings: int
    ms: float


def looked(make: Callable[[str, int], Given], task: Task, ways: int | None = None) -> Outcome:
    """Give one region to the grid reader, all its stages or the first so many."""
    gray, quad, payloads = make(*task)
    given: list[Decoded | Partial | None] = []
    decode = codewords.decode

    def noting(*args: Any, **kwargs: Any) -> Decoded | Partial | None:
        given.append(decode(*args, **kwargs))
        return given[-1]

    with mock.patch.object(codewords, "decode", noting):
        reading, ms = timed(_read, Frame(gray), quad, ways)
    progress = "fitted" if given else "no fit"
    if any(isinstance(found, Partial) for found in given):
        progress = "in part"
    if reading is None:
        return Outcome(*task, "unread", progress, 0.0, 0.0, len(given), ms)
    found = reading.decoded
    result = "right" if found.payload.data in payloads else "wrong"
    return Outcome(*task, result, progress, found.evidence_bits, found.confidence, len(given), ms)


def _read(frame: Frame, quad: Quad, ways: int | None) -> GridReading | None:
    readings = (stage.run() for stage in itertools.islice(Stages(frame, quad), ways))
    return next((reading for reading in readings if reading is not None), None)


def region_tasks(number: int, seldom: int) -> list[Task]:
    """Take the kinds in turn; the expensive ones, with function patterns, in every ``seldom``-th round."""
    return in_rounds(KINDS, number, EXPENSIVE, seldom)


def outcomes(
    make: Callable[[str, int], Given], tasks: Sequence[Task], workers: int, record: Path | None = None
) -> list[Outcome]:
    """See `benchmarks.harness.outcomes`."""
    look = functools.partial(looked, make)
    return harness.outcomes(look, Outcome, tasks, workers, record, name=f"{make.__name__}s", unit="region")


# The report


def _count(**wanted: str) -> Callable[[Sequence[Outcome]], int]:
    return lambda outcomes: sum(
        all(getattr(outcome, name) == value for name, value in wanted.items()) for outcome in outcomes
    )


def _median_bits(outcomes: Sequence[Outcome]) -> float:
    return float(np.median([outcome.bits for outcome in outcomes if outcome.result != "unread"] or [0]))


_OF_REGIONS: dict[str, Callable[[Sequence[Outcome]], object]] = {
    "regions": len,
    "false": _count(result="wrong"),
    "a part's": _count(result="right"),
    **{progress: _count(progress=progress) for progress in ("no fit", "fitted", "in part")},
    "decodings {:.1f}": mean("readings"),
    "mean ms {:.0f}": mean("ms"),
}
_OF_SYMBOLS: dict[str, Callable[[Sequence[Outcome]], object]] = {
    "symbols": len,
    **{result: _count(result=result) for result in ("right", "unread", "wrong")},
    "median bits {:.0f}": _median_bits,
    "mean ms {:.0f}": mean("ms"),
}


def _said_wrong(outcomes: Sequence[Outcome]) -> str:
    wrong = (f"{o.kind} {o.seed} ({o.bits:.1f} bits)" for o in outcomes if o.result == "wrong")
    return listed("Wrong, by kind and seed", wrong)


def _on_regions(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield from ("## Regions that are not symbols", by_kind("kind", outcomes, _OF_REGIONS))
    number, false = len(outcomes), _count(result="wrong")(outcomes)
    bound = number * 2.0**-evidence.ACCEPTED_BITS
    yield (
        "False is a payload that nothing in the region says; a part's, that of a symbol that is half there. "
        f"{false} of {number} were false: with 95 % confidence {at_most(false, number)} a region. "
        f"`qrcascade.grid.evidence` bounds it by {bound:.1e} in all, if all modules that carry data are "
        "random; it says nothing about those that are partly right (random block, halves)."
    )
    yield _said_wrong(outcomes)


def _on_symbols(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield from ("## Damaged symbols", by_kind("damage", outcomes, _OF_SYMBOLS))
    accepted = [o for o in outcomes if o.result != "unread"]
    wrong = _count(result="wrong")(accepted)
    yield (
        f"Wrong payloads: {wrong} of {len(accepted)} that were accepted; with 95 % confidence "
        f"{at_most(wrong, len(accepted))} of them."
    )
    yield from (_said_wrong(outcomes), "Confidence against truth:")
    yield confidences(((o.confidence, o.result == "right") for o in accepted), _CONFIDENCES)


@command()
def safety(
    regions: Annotated[int, "Regions that are not symbols."] = 100_000,
    symbols: Annotated[int, "--damaged", "Damaged symbols."] = 20_000,
    seldom: Annotated[int, "Rounds of which the expensive kinds are in one."] = 40,
    workers: Workers = 1,
    record: RecordFolder = None,
) -> Iterator[str]:
    """Count what the grid reader accepts in regions without a symbol, and of damaged symbols."""
    if found := outcomes(region, region_tasks(regions, seldom), workers, record):
        yield from _on_regions(found)
    if found := outcomes(true_symbol, in_rounds(DAMAGES, symbols), workers, record):
        yield from _on_symbols(found)

"""What whole cascades say of pictures without a code, and of damaged codes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import harness, options
from benchmarks.blanks import blank, blank_tasks
from benchmarks.harness import Task, timed
from benchmarks.options import option, saves
from benchmarks.readers import Output, build
from benchmarks.render import by_kind, confidences, mean, publish
from benchmarks.ruins import ruin, ruin_tasks
from benchmarks.scoring import most, says
from qrcascade.image.frame import Gray

_SURE = 0.7
_NOTE = """\
A short run before found the fault that this one no longer shows: zbar takes a symbol's frame around plain
stripes or checks for a symbol with an empty payload. They are a mask alone, so all codewords are zero,
which is a valid word (kind "bare mask"). What zbar reads without a payload is nothing since then.

"Right" without a code are payloads of symbols of which a picture shows parts. "Every engine" is the
classical schedule with OpenCV's two decoders, every step at every picture. Everything is made from seeds,
so each row can be made again. Where no engine read a wrong payload on the way, the pictures say nothing of
how contradictions are settled: `tests/test_contradictions.py` does. Times are of a machine that may have
been busy with other work."""

_built = functools.cache(build)

Said = tuple[float, str, str, str]
"""Confidence; "right" or "wrong"; the engine and its step; what was read."""


@dataclass(frozen=True, slots=True)
class Seen(harness.Outcome):
    """What a reader made of one picture.

    ``doubted`` has each different payload that was read on the way and is in no code, ``together`` counts
    pairs of codes at one place, and ``errors`` are what broke.
    """

    codes: list[Said]
    doubted: list[Said]
    together: int
    errors: list[str]
    ms: float


def looked(make: Callable[[Task], tuple[Gray, tuple[bytes, ...]]], reader: str, task: Task) -> Seen:
    """Make one picture and read it."""
    gray, payloads = make(task)
    reading, ms = timed(_built(reader), gray)
    texts = [output.text for output in reading.outputs]
    doubted = {output.text: output for output in reading.tries if output.text not in texts}
    pairs = itertools.combinations(reading.outputs, 2)
    together = sum(one.quad.same_place(other.quad) for one, other in pairs)
    codes, others = (
        [_said(output, payloads) for output in those] for those in (reading.outputs, doubted.values())
    )
    return Seen(*task, codes, others, together, list(reading.errors), round(ms, 1))


def _said(output: Output, payloads: Sequence[bytes]) -> Said:
    verdict = "right" if any(says(output, payload) for payload in payloads) else "wrong"
    return round(output.confidence or 0.0, 5), verdict, output.step, output.text


# The report


def _count(verdict: str, at_least: float = 0.0) -> Callable[[Sequence[Seen]], int]:
    return lambda seen: sum(said[1] == verdict and said[0] >= at_least for one in seen for said in one.codes)


_FIGURES: dict[str, Callable[[Sequence[Seen]], object]] = {
    "pictures": len,
    "right": _count("right"),
    "wrong": _count("wrong"),
    f"wrong, {_SURE} or more": _count("wrong", _SURE),
    "nothing": lambda seen: sum(not one.codes for one in seen),
    "mean ms {:.0f}": mean("ms"),
}


def _notes(seen: Sequence[Seen]) -> Iterator[str]:
    """What went wrong one by one, and what contradicted itself."""
    doubted = [said for one in seen for said in one.doubted if said[1] == "wrong"]
    yield (
        f"Wrong payloads that were read on the way and are in no result: {len(doubted)}. "
        f"Results with two codes at one place: {sum(one.together > 0 for one in seen)}."
    )
    wrong = [
        f"{one.kind} {one.seed}: {said[3]!r:.60} at {said[0]:.3f} by {said[2]}"
        for one in seen
        for said in one.codes
        if said[1] == "wrong"
    ]
    errors = sorted({error for one in seen for error in one.errors})
    for title, cases in (("Wrong, by kind and seed", wrong), ("Attempts that broke", errors)):
        yield f"{title}: {'; '.join(cases)}." if cases else ""


def _on_blanks(seen: Sequence[Seen]) -> Iterator[str]:
    wrong = sum(any(said[1] == "wrong" for said in one.codes) for one in seen)
    yield (
        f"A payload came out of {wrong} of {len(seen)} pictures that show none: with 95 % confidence of at "
        f"most {most(wrong, len(seen)):.1e} of them."
    )


def _on_ruins(seen: Sequence[Seen]) -> Iterator[str]:
    sure = [said for one in seen for said in one.codes if said[0] >= _SURE]
    wrong = sum(said[1] == "wrong" for said in sure)
    yield (
        f"Wrong were {wrong} of {len(sure)} payloads with a confidence of {_SURE} or more: with 95 % "
        f"confidence at most {most(wrong, len(sure)):.1e} of them."
    )
    yield confidences((said[0], said[1] == "right") for one in seen for said in one.codes)


@click.command(name="safety-pictures")
@option("--blank", "blanks", default=20_000, text="Pictures without a code.")
@option("--damaged", "ruins", default=20_000, text="Pictures of damaged codes.")
@option("--light-blank", default=20_000, text="How many of the first for light.")
@option("--light-damaged", default=2_000, text="How many of the second for light.")
@options.workers
@options.record
@saves("safety-pictures")
def safety_pictures(
    blanks: int,
    ruins: int,
    light_blank: int,
    light_damaged: int,
    workers: int,
    record: Path | None,
    save: bool,
) -> None:
    """What whole cascades say of pictures without a code, and of damaged codes."""
    without, broken = list(blank_tasks(blanks)), ruin_tasks(ruins)
    parts: list[str] = []
    for make, reader, tasks in [
        (blank, "classical", without),
        (ruin, "every-engine", broken),
        (blank, "light", without[:light_blank]),
        (ruin, "light", broken[:light_damaged]),
    ]:
        name = f"{make.__name__}-{reader}"
        file = record and record / f"{name}.jsonl"
        look = functools.partial(looked, make, reader)
        seen = harness.outcomes(look, Seen, tasks, workers, file, name=name) if tasks else []
        if seen:
            title, told = ("Without a code", _on_blanks) if make is blank else ("Damaged codes", _on_ruins)
            parts += [f"## {title}: {reader.replace('-', ' ')}", by_kind("kind", seen, _FIGURES)]
            parts += [*told(seen), *_notes(seen)]
    publish("safety-pictures", parts, save=save, head=[_NOTE], title="safety of whole pictures")

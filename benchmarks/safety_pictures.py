"""What whole cascades say of pictures without a code, and of damaged codes."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks import report, resumed
from benchmarks.blanks import blank, blank_tasks
from benchmarks.resumed import Task
from benchmarks.ruins import ruin, ruin_tasks
from benchmarks.safety import most
from qrcascade import Cascade, ClassicalStrategy, QRCode, ReadResult
from qrcascade.image.frame import Gray
from qrcascade.strategies.classical import SCHEDULE
from qrcascade.symbology import charset

__all__ = ["READERS", "Seen", "looked", "safety_pictures"]

_DOCS = Path("docs/benchmarks")
_BINS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 1.01)
_SURE = 0.7
_OPENCV = ("opencv raw", "aruco raw")

_NOTE = """\
A short run before found the fault that this one no longer shows: zbar takes a symbol's frame around plain
stripes or checks for a symbol with an empty payload. They are a mask alone, so all codewords are zero,
which is a valid word (kind "bare mask"). What zbar reads without a payload is nothing since then.

"Right" without a code are payloads of symbols of which a picture shows parts. "Every engine" is the
classical schedule with OpenCV's two decoders, every step at every picture. Everything is made from seeds,
so each row can be made again. Where no engine read a wrong payload on the way, the pictures say nothing of
how contradictions are settled: `tests/test_contradictions.py` does. Times are of a machine that may have
been busy with other work."""

Reader = Callable[[Gray], ReadResult]


def _every_engine() -> Reader:
    """The classical tier with OpenCV's decoders; every step looks at every picture."""
    steps = (*SCHEDULE, *_OPENCV)
    cascade = Cascade([ClassicalStrategy(steps, quick=len(steps))])
    return lambda gray: cascade.read(gray, expect="all")


READERS: dict[str, Callable[[], Reader]] = {
    "classical": lambda: Cascade.preset("classical").read,
    "every engine": _every_engine,
    "light": lambda: Cascade.preset("light").read,
}
"""A name to what builds a reader."""
_built = functools.cache(lambda name: READERS[name]())

Said = tuple[float, str, str, str]
"""Confidence; "right" or "wrong"; the engine and its step; what was read."""


@dataclass(frozen=True, slots=True)
class Seen(resumed.Outcome):
    """What a reader made of one picture.

    Parameters
    ----------
    kind, seed : str, int
        Which it was.
    codes : list
        A `Said` for each code of the result.
    doubted : list
        The same for each different payload that was read on the way and is in no code.
    together : int
        Pairs of codes of the result at one place.
    errors : list of str
        What broke.
    ms : float
        How long it took.
    """

    codes: list[Said]
    doubted: list[Said]
    together: int
    errors: list[str]
    ms: float


def looked(make: Callable[[Task], tuple[Gray, tuple[bytes, ...]]], reader: str, task: Task) -> Seen:
    """Make one picture and read it."""
    gray, payloads = make(task)
    read = _built(reader)
    start = time.perf_counter()
    result = read(gray)
    ms = (time.perf_counter() - start) * 1000
    tried = {code.text: code for attempt in result.attempts for code in attempt.codes}
    doubted = [code for text, code in tried.items() if text not in result.texts]
    together = sum(one.quad.same_place(other.quad) for one, other in itertools.combinations(result.codes, 2))
    return Seen(
        *task,
        [_said(code, payloads) for code in result.codes],
        [_said(code, payloads) for code in doubted],
        together,
        list(result.errors),
        round(ms, 1),
    )


def _said(code: QRCode, payloads: Sequence[bytes]) -> Said:
    texts = [charset.decode([(None, payload)]) for payload in payloads]
    right = code.text in texts if code.data is None else code.data in payloads
    step = f"{code.engine}, {code.step}"
    return round(code.confidence, 5), "right" if right else "wrong", step, code.text


# The report


def _kinds(seen: Sequence[Seen]) -> dict[str, list[Seen]]:
    groups: dict[str, list[Seen]] = {}
    for one in seen:
        groups.setdefault(one.kind, []).append(one)
    return {**groups, "all": list(seen)}


def _count(seen: Iterable[Seen], verdict: str, at_least: float = 0.0) -> int:
    return sum(said[1] == verdict and said[0] >= at_least for one in seen for said in one.codes)


def _table(seen: Sequence[Seen]) -> str:
    """Markdown: a row a kind."""
    lines = [
        f"| kind | pictures | right | wrong | wrong, {_SURE} or more | nothing | mean ms |",
        "| --- |" + " ---: |" * 6,
    ]
    for kind, group in _kinds(seen).items():
        counts = [len(group), _count(group, "right"), _count(group, "wrong"), _count(group, "wrong", _SURE)]
        nothing = sum(not one.codes for one in group)
        row = " | ".join(map(str, [*counts, nothing, round(np.mean([one.ms for one in group]))]))
        lines.append(f"| {kind} | {row} |")
    return "\n".join(lines)


def _bins(seen: Sequence[Seen]) -> str:
    """Markdown: confidence against truth."""
    pairs = [(said[0], said[1] == "right") for one in seen for said in one.codes]
    lines = ["| confidence | codes | mean confidence | right | wrong |", "| --- |" + " ---: |" * 4]
    for low, high in itertools.pairwise(_BINS):
        inside = [(sure, right) for sure, right in pairs if low <= sure < high]
        if inside:
            mean, right = np.mean([sure for sure, _ in inside]), sum(right for _, right in inside)
            row = f"{len(inside)} | {mean:.4f} | {right} | {len(inside) - right}"
            lines.append(f"| {low} to {min(high, 1.0)} | {row} |")
    return "\n".join(lines)


def _notes(seen: Sequence[Seen]) -> list[str]:
    """What went wrong one by one, and what contradicted itself."""
    wrong = [
        f"{one.kind} {one.seed}: {said[3]!r:.60} at {said[0]:.3f} by {said[2]}"
        for one in seen
        for said in one.codes
        if said[1] == "wrong"
    ]
    doubted = [said for one in seen for said in one.doubted if said[1] == "wrong"]
    errors = sorted({error for one in seen for error in one.errors})
    parts = [
        f"Wrong payloads that were read on the way and are in no result: {len(doubted)}. "
        f"Results with two codes at one place: {sum(one.together > 0 for one in seen)}."
    ]
    if wrong:
        parts.append(f"Wrong, by kind and seed: {'; '.join(wrong)}.")
    if errors:
        parts.append(f"Attempts that broke: {'; '.join(errors)}.")
    return parts


def _on_blanks(reader: str, seen: Sequence[Seen]) -> list[str]:
    wrong = sum(any(said[1] == "wrong" for said in one.codes) for one in seen)
    text = (
        f"A payload came out of {wrong} of {len(seen)} pictures that show none: with 95 % confidence of at "
        f"most {most(wrong, len(seen)):.1e} of them."
    )
    return [f"## Without a code: {reader}", _table(seen), text, *_notes(seen)]


def _on_ruins(reader: str, seen: Sequence[Seen]) -> list[str]:
    sure = [said for one in seen for said in one.codes if said[0] >= _SURE]
    wrong = sum(said[1] == "wrong" for said in sure)
    text = (
        f"Wrong were {wrong} of {len(sure)} payloads with a confidence of {_SURE} or more: with 95 % "
        f"confidence at most {most(wrong, len(sure)):.1e} of them."
    )
    return [f"## Damaged codes: {reader}", _table(seen), text, _bins(seen), *_notes(seen)]


@click.option("--blank", "blanks", default=20_000, show_default=True, help="Pictures without a code.")
@click.option("--damaged", "ruins", default=20_000, show_default=True, help="Pictures of damaged codes.")
@click.option("--light-blank", default=20_000, show_default=True, help="How many of the first for light.")
@click.option("--light-damaged", default=2_000, show_default=True, help="How many of the second for light.")
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what was done; a run that was cut goes on from there (with the same code, please).",
)
@click.option("--save", is_flag=True, help="Write docs/benchmarks/safety-pictures.md.")
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
    if record:
        record.mkdir(parents=True, exist_ok=True)
    without, broken = list(blank_tasks(blanks)), ruin_tasks(ruins)
    parts: list[str] = []
    for make, reader, tasks, told in [
        (blank, "classical", without, _on_blanks),
        (ruin, "every engine", broken, _on_ruins),
        (blank, "light", without[:light_blank], _on_blanks),
        (ruin, "light", broken[:light_damaged], _on_ruins),
    ]:
        if not tasks:
            continue
        name = f"{make.__name__} {reader}"
        file = record and record / f"{name.replace(' ', '-')}.jsonl"
        look = functools.partial(looked, make, reader)
        parts += told(reader, resumed.outcomes(look, Seen, tasks, workers, file, name=name))
    click.echo("\n\n".join(parts))
    if save:
        page = report.page("safety of whole pictures", _NOTE, *parts)
        (_DOCS / "safety-pictures.md").write_text(page, encoding="utf-8")

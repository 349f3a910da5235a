"""Which steps to run, in which order: the greatest gain for each millisecond first.

Every candidate step is run on every picture that zxing-cpp does not read whole in the raw picture.
A corpus counts as much as another, and in it a category as much as another. Steps that add less than
`LEAST` points are dropped.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

from benchmarks.candidates import FIRST, GRID, REGION, SECOND, WHOLE
from benchmarks.corpora import Picture, load
from benchmarks.harness import each, timed
from benchmarks.pages import Corpora, command
from qrcascade import Frame, QRCode, Quad
from qrcascade.grid.reader import Stages
from qrcascade.image.views import limit, to_source
from qrcascade.neural import models
from qrcascade.reading.executor import perform
from qrcascade.reading.steps import Context, Step
from qrcascade.results import Findings
from qrcascade.strategies.classical import parse_step
from qrcascade.strategies.regions import WORTHWHILE, is_credible_outline, look_at_region

LEAST = 0.05
_QR = frozenset(["QRCode"])


@command()
def schedule(
    names: Corpora = ("boofcv", "zxing", "jsqr", "synthetic"),
    saved: Annotated[Path, "Where it is kept."] = Path("docs/benchmarks/schedule.json"),
    anew: Annotated[bool, "--measure/--no-measure", "Measure anew, or order what was saved."] = True,
) -> Iterator[str]:
    """Measure every candidate step, and print the greedy order."""
    if anew:
        save(measure(names, os.environ.get("QRCASCADE_WEIGHTS")), saved)
    for title, rows in zip(("whole picture", "region"), order(restore(saved)), strict=True):
        steps = (f'    "{row.step}",  # +{row.gain:.2f}, {row.ms:.1f} ms' for row in rows)
        yield "\n".join([f"{title}:", *steps])


@dataclass(slots=True)
class Measured:
    """What every step did on so many pictures.

    ``weights`` are points that each code is worth; all together are 100. ``first`` are codes that the first
    step reads, ``reads`` those that a step reads; a step on regions, in any region that any step located.
    ``ms`` are means over all pictures; of a step on regions, over the regions.
    """

    pictures: int = 0
    weights: dict[str, float] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    reads: dict[str, list[str]] = field(default_factory=dict)
    ms: dict[str, float] = field(default_factory=dict)


def measure(corpora: Iterable[str], weights: str | None = None, workers: int = 2) -> Measured:
    """Run every candidate on the pictures of these corpora, in so many processes.

    Where the folder of QReader's nano weights is given, steps on regions are tried on what it outlines, too.
    """
    jobs = [(corpus, number, weights) for corpus in corpora for number in range(len(_pictures(corpus)))]
    return _gather(list(each(_one, jobs, workers)))


_pictures = functools.cache(lambda corpus: [picture for picture in load(corpus) if picture.codes])


@dataclass(slots=True)
class _Taken:
    """What steps did on one picture of a corpus and category: the codes that they read, and milliseconds."""

    group: tuple[str, str]
    codes: list[str]
    reads: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def _one(job: tuple[str, int, str | None]) -> _Taken:
    """Run every step on one picture."""
    corpus, number, detector = job
    picture = _pictures(corpus)[number]
    frame = Frame.load(picture.rgb())
    codes = [f"{corpus}:{picture.name}:{i}" for i in range(len(picture.quads) or 1)]
    taken = _Taken((corpus, picture.category), codes)

    def look(name: str, step: Step) -> Findings:
        found, ms = run(step, frame)
        taken.ms[name].append(ms)
        taken.reads[name] += _hits(picture, codes, found.codes)
        return found

    first = look(FIRST, parse_step(FIRST))
    if len(taken.reads[FIRST]) == len(codes):
        return taken
    found_by = {FIRST: first, **{name: look(name, parse_step(name)) for name in WHOLE}}
    outlines: list[Quad] = []
    if detector is not None:
        # What QReader's nano detector outlines.
        view = limit(2048)(frame)
        seen = models.load("n", detector).detect(view.color, threads=1)
        outlines = [q for quad, _ in seen if _open(q := to_source(view, quad), frame, first.codes)]
    for found in found_by.values():
        open_ = [r.quad for r in found.regions if _open(r.quad, frame, first.codes)]
        outlines += [q for q in open_ if not any(q.overlap(o) > 0.85 for o in outlines)]
    located = [r.quad for step in (FIRST, SECOND) for r in found_by[step].regions if r.score >= WORTHWHILE]
    read_by_grid, ms = timed(_by_grid, frame, located, first.codes)
    taken.ms[GRID].append(ms)
    taken.reads[GRID] += _hits(picture, codes, read_by_grid)
    for quad, (name, way) in product(outlines[:15], REGION.items()):
        look(name, look_at_region(*way, quad))
    return taken


def _by_grid(frame: Frame, quads: list[Quad], read: Iterable[QRCode]) -> list[Quad]:
    """Return what the grid reader's first stage reads of these outlines."""
    found: list[Quad] = []
    for quad in quads:
        if _open(quad, frame, read) and not any(quad.same_place(other) for other in found):
            reading = next(Stages(frame, quad)).run()
            found += [] if reading is None else [reading.quad]
    return found


def _open(quad: Quad, frame: Frame, read: Iterable[QRCode]) -> bool:
    return is_credible_outline(quad, frame) and not any(code.quad.same_place(quad) for code in read)


def run(step: Step, frame: Frame) -> tuple[Findings, float]:
    """Return what a step finds, in the picture's pixels, and its ms; one that breaks has found nothing."""
    outcome = perform(step, Context(frame, _QR))
    return outcome.findings, outcome.elapsed_s * 1000


def _hits(picture: Picture, codes: list[str], found: Iterable[QRCode | Quad]) -> list[str]:
    """Return which of a picture's codes were read or located; without outlines, any reading is the one."""
    quads = [item.quad if isinstance(item, QRCode) else item for item in found]
    if not picture.quads:
        return codes if quads else []
    pairs = zip(codes, picture.quads, strict=True)
    return [name for name, truth in pairs if any(truth.overlap(quad) > 0.1 for quad in quads)]


def _gather(rows: list[_Taken]) -> Measured:
    codes = Counter(row.group for row in rows for _ in row.codes)
    categories = Counter(corpus for corpus, _ in codes)
    result = Measured(pictures=len(rows))
    reads: defaultdict[str, set[str]] = defaultdict(set)
    ms: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        share = 100 / len(categories) / categories[row.group[0]] / codes[row.group]
        result.weights.update(dict.fromkeys(row.codes, share))
        result.first += row.reads[FIRST]
        for step, names in row.reads.items():
            reads[step].update(names)
            ms[step] += row.ms[step]
    result.reads = {step: sorted(names) for step, names in reads.items()}
    looks = {step: len(taken) if step in REGION else len(rows) for step, taken in ms.items()}
    result.ms = {step: round(sum(taken) / looks[step], 3) for step, taken in ms.items()}
    return result


class Row(NamedTuple):
    """A step in its place: points it adds to those before it, and its milliseconds."""

    step: str
    gain: float
    ms: float


def order(measured: Measured) -> tuple[list[Row], list[Row]]:
    """Return the greedy order of steps on the whole picture, and of steps on regions.

    A step on the whole picture counts for what it reads by itself, and that the grid reader's first stage
    did not read of what the first two steps locate: which of the regions that it locates could be read
    was measured on every locator's outlines, better ones among them.
    """
    done = set(measured.first)
    reads = {step: set(names) for step, names in measured.reads.items()}
    region_steps = _greedy({step: names for step, names in reads.items() if step in REGION}, measured, done)
    first = [_row(FIRST, _worth(done, measured), measured), _row(SECOND, 0.0, measured)]
    others = {step: reads.get(step, set()) for step in WHOLE if parse_step(step).engine != "finders"}
    return [*first, *_greedy(others, measured, done | reads.get(GRID, set()))], region_steps


def _greedy(candidates: Mapping[str, set[str]], measured: Measured, done: set[str]) -> list[Row]:
    rows: list[Row] = []
    while True:
        every = {step: _worth(names - done, measured) for step, names in candidates.items()}
        gains = {step: gain for step, gain in every.items() if gain >= LEAST}
        if not gains:
            return rows
        # Ties go to the earlier name, so that the order is the same everywhere.
        step = min(gains, key=lambda s: (-gains[s] / max(measured.ms.get(s, 0.0), 0.1), s))
        rows.append(_row(step, gains[step], measured))
        done = done | candidates[step]


def _worth(names: Iterable[str], measured: Measured) -> float:
    return sum(measured.weights[name] for name in names)


def _row(step: str, gain: float, measured: Measured) -> Row:
    return Row(step, round(gain, 2), round(measured.ms.get(step, 0.0), 1))


def save(measured: Measured, path: Path) -> None:
    """Write the measurement, codes by number."""
    number = {name: i for i, name in enumerate(sorted(measured.weights))}
    plain = {
        "pictures": measured.pictures,
        "codes": {name: round(measured.weights[name], 5) for name in number},
        "first": sorted(number[name] for name in measured.first),
        "reads": {step: [number[n] for n in names] for step, names in sorted(measured.reads.items())},
        "ms": dict(sorted(measured.ms.items())),
    }
    path.write_text(json.dumps(plain, separators=(",", ":")) + "\n")


def restore(path: Path) -> Measured:
    """Read what `save` wrote."""
    plain = json.loads(path.read_text())
    names = list(plain["codes"])
    reads = {step: [names[i] for i in numbers] for step, numbers in plain["reads"].items()}
    first = [names[i] for i in plain["first"]]
    return Measured(plain["pictures"], plain["codes"], first, reads, plain["ms"])

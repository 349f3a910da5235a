"""What whole cascades say of pictures without a code, of damaged codes, and of two symbols in one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import click
import cv2
import numpy as np

from benchmarks import harness, symbols
from benchmarks.harness import Task, in_rounds, timed
from benchmarks.mixing import BLOCK_DAMAGES, MIXES, damaged, draw_mixture, mixture
from benchmarks.pages import RecordFolder, Workers, by_kind, command, confidences, listed, mean
from benchmarks.readers import READERS, Output, build
from benchmarks.ruins import Ruin, blank, blank_tasks, ruin, ruin_tasks
from benchmarks.scoring import at_most, says
from qrcascade.engines import engine
from qrcascade.engines.confidence import MIXED
from qrcascade.grid import codewords
from qrcascade.grid.codewords import Decoded

_SURE = 0.7
# Without a camera: size of the drawing that zxing-cpp sees, as a share, and noise of the soft modules.
_FLAT, _MOST_NOISE = 3 / 8, 0.4
_NOTE = """\
An earlier, shorter run found a fault that this one no longer shows: zbar takes a symbol's frame around plain
stripes or checks for a symbol with an empty payload. Such a picture is nothing but a mask: all codewords are
zero, which is a valid word (kind "bare mask"). Since then, a reading of zbar without a payload is discarded.

Without a code, "right" counts payloads of symbols that a picture shows in part. "Every engine" is the
classical schedule with OpenCV's two decoders, every step on every picture. Everything is made from seeds,
so each row can be made again. Where no engine read a wrong payload on the way, the pictures say nothing of
how contradictions are settled: `tests/test_contradictions.py` does. Times are from a machine that may have
been busy with other work."""
_MIXTURES_NOTE = """\
Two symbols of one version (3 to 20, of several blocks), level and mask, whose payloads differ in a few
characters or in many, are drawn as one. "Decoded as they are": zxing-cpp sees the drawing, and the grid's
decoder its modules with noise; the readings of both are counted. The pictures are of drawings as a camera
sees them, read by a whole cascade. No picture is a mixture codeword by codeword, although those are read
wrongly most often. Times are from a machine that may have been busy."""

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


def looked(make: Callable[[Task], Ruin], reader: str, task: Task) -> Seen:
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


def decoded(task: Task) -> Seen:
    """Return what zxing-cpp and the grid's decoder make of a mixture's drawing, without a camera between."""
    random, one, other, art = draw_mixture(task)
    flat = np.asarray(cv2.resize(art, None, fx=_FLAT, fy=_FLAT, interpolation=cv2.INTER_AREA))
    read = engine("zxing").read(np.round(flat).astype(np.uint8), frozenset(["QRCode"])).codes
    found = [("zxing", code.data, code.confidence) for code in read]
    size = len(one.modules) + 2 * symbols.QUIET
    levels = cv2.resize(art, (size, size), interpolation=cv2.INTER_AREA)
    inner = levels[symbols.QUIET : -symbols.QUIET, symbols.QUIET : -symbols.QUIET]
    soft = 1 - 2 * (inner - levels.min()) / (levels.max() - levels.min())
    noise = random.normal(0, random.uniform(0, _MOST_NOISE), soft.shape)
    by_grid = codewords.decode(soft + noise, one.version)
    if isinstance(by_grid, Decoded):
        found.append(("grid", by_grid.payload.data, by_grid.confidence))
    true = one.payload, other.payload
    said = [(round(sure, 5), "right" if data in true else "wrong", who, "") for who, data, sure in found]
    return Seen(*task, said, [], 0, [], 0.0)


# What is told of what was seen


def _count(verdict: str, least: float = 0.0, most: float = 1.0) -> Callable[[Sequence[Seen]], int]:
    return lambda seen: sum(
        said[1] == verdict and least <= said[0] <= most for one in seen for said in one.codes
    )


_SURELY_WRONG = {f"wrong, {_SURE} or more": _count("wrong", _SURE)}
_FIGURES: dict[str, Callable[[Sequence[Seen]], object]] = {
    "pictures": len,
    "right": _count("right"),
    "wrong": _count("wrong"),
    **_SURELY_WRONG,
    "nothing": lambda seen: sum(not one.codes for one in seen),
    "mean ms {:.0f}": mean("ms"),
}
_FIGURES_OF_MIXTURES: dict[str, Callable[[Sequence[Seen]], object]] = {
    "pictures": len,
    "nothing": _FIGURES["nothing"],
    f"right, {_SURE} or more": _count("right", _SURE),
    "right, doubted": _count("right", most=MIXED),
    "wrong": _count("wrong"),
    **_SURELY_WRONG,
    "mean ms {:.0f}": mean("ms"),
}


def _wrong(seen: Sequence[Seen]) -> Iterator[tuple[Seen, Said]]:
    return ((one, said) for one in seen for said in one.codes if said[1] == "wrong")


def _place(said: Said) -> str:
    return f"{said[0]:.3f} by {said[2]}"


def _contradictions(seen: Sequence[Seen]) -> Iterator[str]:
    """Yield what went wrong one by one, and what contradicted itself."""
    doubted = [said for one in seen for said in one.doubted if said[1] == "wrong"]
    yield (
        f"Wrong payloads that were read on the way and are in no result: {len(doubted)}. "
        f"Results with two codes at one place: {sum(one.together > 0 for one in seen)}."
    )
    wrong = (f"{one.kind} {one.seed}: {said[3]!r:.60} at {_place(said)}" for one, said in _wrong(seen))
    yield listed("Wrong, by kind and seed", wrong)
    yield listed("Attempts that broke", sorted({error for one in seen for error in one.errors}))


def _on_blanks(seen: Sequence[Seen]) -> Iterator[str]:
    wrong = sum(any(said[1] == "wrong" for said in one.codes) for one in seen)
    yield (
        f"{wrong} of {len(seen)} pictures that show no payload gave one: with 95 % confidence "
        f"{at_most(wrong, len(seen))} of such pictures do."
    )
    yield from _contradictions(seen)


def _on_ruins(seen: Sequence[Seen]) -> Iterator[str]:
    sure = [said for one in seen for said in one.codes if said[0] >= _SURE]
    wrong = sum(said[1] == "wrong" for said in sure)
    yield (
        f"{wrong} of {len(sure)} payloads with a confidence of {_SURE} or more were wrong: with 95 % "
        f"confidence {at_most(wrong, len(sure))} of them are."
    )
    yield confidences((said[0], said[1] == "right") for one in seen for said in one.codes)
    yield from _contradictions(seen)


def _surely_wrong(seen: Sequence[Seen]) -> str:
    cases = (f"{one.kind} {one.seed} at {_place(said)}" for one, said in _wrong(seen) if said[0] >= _SURE)
    return listed(f"Wrong with {_SURE} or more, by kind and seed", cases)


def _on_mixtures(seen: Sequence[Seen]) -> Iterator[str]:
    wrong = _count("wrong", _SURE)(seen)
    yield (
        "Right is what one of the two says; doubted is what was found to be a mixture. "
        f"{wrong} of {len(seen)} mixtures were read wrongly with a confidence of {_SURE} or more: with 95 % "
        f"confidence {at_most(wrong, len(seen))} of them are."
    )
    yield _surely_wrong(seen)


def _on_damaged(seen: Sequence[Seen]) -> Iterator[str]:
    sure, doubted = _count("right", _SURE)(seen), _count("right", most=MIXED)(seen)
    yield (
        f"{doubted} of {sure + doubted} right readings were taken for mixtures: with 95 % confidence "
        f"{at_most(doubted, sure + doubted)} of them are."
    )
    yield _surely_wrong(seen)


@command(title="safety of whole pictures")
def safety_pictures(
    blanks: Annotated[int, "--blank", "Pictures without a code."] = 20_000,
    ruins: Annotated[int, "--damaged", "Pictures of damaged codes."] = 20_000,
    light_blank: Annotated[int, "How many of the first for light."] = 20_000,
    light_damaged: Annotated[int, "How many of the second for light."] = 2_000,
    workers: Workers = 1,
    record: RecordFolder = None,
) -> Iterator[str]:
    """Count what whole cascades say of pictures without a code, and of damaged codes."""
    yield _NOTE
    without, broken = list(blank_tasks(blanks)), ruin_tasks(ruins)
    for make, title, reader, tasks, said in [
        (blank, "Without a code", "classical", without, _on_blanks),
        (ruin, "Damaged codes", "every-engine", broken, _on_ruins),
        (blank, "Without a code", "light", without[:light_blank], _on_blanks),
        (ruin, "Damaged codes", "light", broken[:light_damaged], _on_ruins),
    ]:
        look, name = functools.partial(looked, make, reader), f"{make.__name__}-{reader}"
        if seen := harness.outcomes(look, Seen, tasks, workers, record, name=name):
            yield f"## {title}: {reader.replace('-', ' ')}"
            yield from (by_kind("kind", seen, _FIGURES), *said(seen))


@command(title="mixtures of two symbols")
def mixtures(
    drawings: Annotated[int, "--decoded", "Mixtures that the decoders are given."] = 20_000,
    mixed: Annotated[int, "Pictures of mixtures."] = 5_000,
    ruined: Annotated[int, "--damaged", "Pictures of damaged symbols of several blocks."] = 5_000,
    reader: Annotated[str, "What reads them.", click.Choice(list(READERS))] = "classical",
    workers: Workers = 1,
    record: RecordFolder = None,
) -> Iterator[str]:
    """Count what decoders and cascades say of two symbols mixed in one picture, and of damaged ones."""
    yield _MIXTURES_NOTE
    of_mixtures, of_damaged = (functools.partial(looked, make, reader) for make in (mixture, damaged))
    for title, name, kinds, look, number, said in (
        ("Mixtures, decoded as they are", "decoded", MIXES, decoded, drawings, _on_mixtures),
        ("Pictures of mixtures", "mixed", MIXES, of_mixtures, mixed, _on_mixtures),
        ("Damaged symbols", "damaged", BLOCK_DAMAGES, of_damaged, ruined, _on_damaged),
    ):
        if seen := harness.outcomes(look, Seen, in_rounds(kinds, number), workers, record, name=name):
            yield from (f"## {title}", by_kind("kind", seen, _FIGURES_OF_MIXTURES), *said(seen))

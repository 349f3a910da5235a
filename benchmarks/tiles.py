"""Small codes in large pictures: what the detector's one look locates, what tiles add, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np

from benchmarks import corpora, synthetic
from benchmarks.harness import each
from benchmarks.pages import command, table
from benchmarks.symbols import Drawn
from qrcascade import Attempt, Cascade, Frame, QReaderStrategy, ReadOptions, Scan
from qrcascade.reading.executor import LocalExecutor, run_plan
from qrcascade.reading.steps import Steps
from qrcascade.strategies import tiles

_SIZES = {2: (1632, 1224), 4: (2304, 1728), 8: (3840, 2160), 12: (4000, 3000)}
_SIDE = 180
_LOCATED = 0.5
_LEGEND = """\
"One look" is the tier up to where it looks closer, taken from the same reading, so its times are those of
the same run; "all tiles" is a detection on each; "QReader n" is the tier alone, in whose time the search for
finder patterns, the tiles and the reading of what they locate are included. Located means an outline that
overlaps the truth by more than a half. [When tiles are looked at](../architecture.md#large-pictures)."""


@command("tiles")
def small_codes(
    pictures: Annotated[int, "Of each kind and size."] = 10,
    scenario: Annotated[int, "Seeds of the 8 MP scenario, at five severities."] = 8,
) -> Iterator[str]:
    """Try a code 180 pixels wide in pages of 2 to 12 MP, pages without one, and the 8 MP scenario."""
    yield _LEGEND
    for tier in ("hybrid", "nano"):  # loads the models
        Cascade.preset(tier).read(np.full((200, 200), 255, np.uint8), expect=1)
    yield from _codes(pictures)
    yield from _empty(pictures)
    yield from _scenario(scenario)


def _codes(count: int) -> Iterator[str]:
    """Try pages with a code, as printed and with a finder pattern painted over."""
    alone, preset = Cascade([QReaderStrategy("n")]), Cascade.preset("nano")

    def look(task: tuple[tuple[int, int], int, bool]) -> tuple[list[bool], list[float]]:
        size, seed, spoilt = task
        page = synthetic.small_code(size, _SIDE, seed, blur=0.8 + 0.25 * (seed % 5), spoilt=spoilt)
        runs = alone.read(page.rgb).attempts
        asked = alone.read(page.rgb, expect=1).attempts
        first = _first_look(runs)
        located = [_located(a, page) for a in (first, _all_tiles(Frame.load(page.rgb)), runs, asked)]
        read = [_read(a, page) for a in (first, runs, asked, preset.read(page.rgb).attempts)]
        return [*located, *read], [_ms(first), _ms(runs), _ms(asked), _tiles(runs), _tiles(asked)]

    yield f"## A code of {_SIDE} pixels"
    for title, spoilt in (("As printed", False), ("With one finder pattern painted over", True)):
        rates, costs = [], []
        for mp, size in _SIZES.items():
            tasks = [(size, seed, spoilt) for seed in range(count)]
            found, taken = zip(*each(look, tasks, name=f"{title}, {mp} MP"), strict=True)
            rates.append([mp, *100 * np.mean(found, axis=0)])
            first, whole, asked, *looked = np.mean(taken, axis=0)
            costs.append([mp, first, whole, whole / first, asked, asked / first, *looked])
        yield f"{title}, in per cent of {count} pages:"
        ways = ["located: one look", "all tiles", "QReader n", "expect=1"]
        ways += ["read: one look", "QReader n", "expect=1", "nano preset"]
        yield table(["MP", *(f"{way} {{:.0f}}" for way in ways)], rates, ())
        ms = ["ms: one look {:.0f}", "QReader n {:.0f}", "ratio {:.2f}", "expect=1 {:.0f}", "ratio {:.2f}"]
        yield table(["MP", *ms, "tiles {:.1f}", "tiles, expect=1 {:.1f}"], costs, ())


def _empty(count: int) -> Iterator[str]:
    """Count how often tiles are looked at where there is no code, and what that costs."""
    alone, preset = Cascade([QReaderStrategy("n")]), Cascade.preset("nano")

    def look(task: tuple[tuple[int, int], int]) -> list[float]:
        size, seed = task
        page = synthetic.large_page(size, seed, filled=seed % 2 == 1)
        runs, more = alone.read(page).attempts, preset.read(page).attempts
        return [_ms(_first_look(runs)), _ms(runs), _tiles(runs) > 0, _tiles(runs), _tiles(more)]

    rows = []
    for mp, size in _SIZES.items():
        tasks = [(size, seed) for seed in range(count)]
        first, whole, pages, looked, nano = np.mean([*each(look, tasks, name=f"empty, {mp} MP")], axis=0)
        rows.append([mp, first, whole, whole / first, round(pages * count), looked, nano])
    yield "## Pages without a code"
    yield f"{count} pages of print, half of them with halftones, bars and texture:"
    ms = ["ms: one look {:.0f}", "QReader n {:.0f}", "ratio {:.2f}"]
    yield table(["MP", *ms, "pages with tiles", "tiles a page {:.1f}", "nano preset {:.1f}"], rows, ())
    sizes = [max(picture.rgb().shape[:2]) for picture in corpora.load("negatives")]
    large = sum(tiles.is_large(Scan(Frame(np.zeros((1, side), np.uint8)))) for side in sizes)
    yield f"Of the {len(sizes)} pictures of the negatives corpus {large} are large enough for tiles."


def _scenario(seeds: int) -> Iterator[str]:
    """Yield what the presets read of the synthetic corpus's 8 MP scenario."""
    cascades = {name: Cascade.preset(name) for name in ("classical", "nano", "hybrid")}
    cascades["QReader n alone"] = Cascade([QReaderStrategy("n")])
    cascades["QReader s, then m"] = Cascade([QReaderStrategy("s"), QReaderStrategy("m")])

    def look(kind: tuple[float, int]) -> list[bool]:
        drawn = synthetic.draw("distant", *kind)
        return [_read(cascade.read(drawn.rgb).attempts, drawn) for cascade in cascades.values()]

    kinds = [(severity, seed) for severity in (0.0, 0.25, 0.5, 0.75, 1.0) for seed in range(seeds)]
    counts = np.sum([*each(look, kinds, name="scenario")], axis=0)
    yield "## The 8 MP scenario"
    rows = ([name, count, len(kinds)] for name, count in zip(cascades, counts, strict=True))
    yield table(["reader", "read", "of"], rows)


def _first_look(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """Return what the tier did before it looked closer: the same as it would have done without tiles."""
    search = tiles.SEARCH.engine, tiles.SEARCH.view
    closer = (i for i, a in enumerate(attempts) if (a.engine, a.view) == search or _is_tile(a))
    return attempts[: next(closer, len(attempts))]


def _all_tiles(frame: Frame) -> list[Attempt]:
    """Return one detection on every tile."""
    scan = Scan(frame, ReadOptions(expect=1))
    return list(run_plan("nano", _tile_steps(scan), scan, LocalExecutor(frame, scan.formats)))


def _tile_steps(scan: Scan) -> Steps:
    strategy = QReaderStrategy("n")
    for tile in (yield from tiles.choose_likeliest(scan)):
        yield strategy.detection(tile, tile.name)


def _is_tile(attempt: Attempt) -> bool:
    return attempt.kind == "detect" and bool(attempt.view)


def _located(attempts: Sequence[Attempt], drawn: Drawn) -> bool:
    places = [region.quad for attempt in attempts for region in attempt.regions]
    return any(quad.overlap(drawn.quads[0]) > _LOCATED for quad in places)


def _read(attempts: Sequence[Attempt], drawn: Drawn) -> bool:
    texts = [code.text for attempt in attempts for code in attempt.codes]
    return drawn.payloads[0].decode("utf-8", "replace") in texts


def _ms(attempts: Sequence[Attempt]) -> float:
    return 1000 * sum(attempt.elapsed_s for attempt in attempts)


def _tiles(attempts: Sequence[Attempt]) -> int:
    return sum(map(_is_tile, attempts))

"""Small codes in large pictures: what the detector's one look locates, what tiles add, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from benchmarks import corpora, report, synthetic
from benchmarks.synthetic import Drawn
from qrcascade import Attempt, Cascade, Frame, QReaderStrategy, Quad, ReadOptions, Scan
from qrcascade.reading.executor import LocalExecutor, run_plan
from qrcascade.reading.steps import Steps
from qrcascade.strategies import tiles

__all__ = ["small_codes"]

_PAGE = Path("docs/benchmarks/tiles.md")
_SIZES = {2: (1632, 1224), 4: (2304, 1728), 8: (3840, 2160), 12: (4000, 3000)}
_SIDE = 180
_LOCATED = 0.5
_LEGEND = """\
"One look" is the tier up to where it looks closer, taken from the same reading, so its times are those of
the same run; "all tiles" is a detection on each; "QReader n" is the tier alone, in whose time the search for
finder patterns, the tiles and the reading of what they locate are included. Located means an outline that
overlaps the truth by more than a half. [When tiles are looked at](../architecture.md#large-pictures).
"""


@click.option("--pictures", default=10, show_default=True, help="Of each kind and size.")
@click.option(
    "--scenario", default=8, show_default=True, help="Seeds of the 8 MP scenario, at five severities."
)
@click.option("--save/--no-save", default=False, show_default=True, help=f"Write {_PAGE}.")
@click.option("--note", help="A line for the saved page: say here where weights are stand-ins.")
def small_codes(pictures: int, scenario: int, save: bool, note: str | None) -> None:
    """A code 180 pixels wide in pages of 2, 4, 8 and 12 MP, pages without one, and the 8 MP scenario."""
    Cascade.preset("hybrid").read(np.full((200, 200), 255, np.uint8), expect=1)  # loads the models
    Cascade.preset("nano").read(np.full((200, 200), 255, np.uint8), expect=1)
    parts = [
        f"## A code of {_SIDE} pixels",
        *_codes(pictures),
        "",
        "## Pages without a code",
        *_empty(pictures),
        "## The 8 MP scenario",
        *_scenario(scenario),
    ]
    click.echo("\n".join(parts))
    if save:
        notes = [note] if note else []
        page = report.page("tiles", *notes, _LEGEND.rstrip(), "\n".join(parts).rstrip())
        _PAGE.write_text(page, encoding="utf-8")


def _codes(count: int) -> Iterator[str]:
    """The tables of pages with a code, as printed and with a finder pattern painted over."""
    alone, preset = Cascade([QReaderStrategy("n")]), Cascade.preset("nano")
    for title, spoilt in (("As printed", False), ("With one finder pattern painted over", True)):
        yield from ("", f"{title}, in per cent of {count} pages:", "")
        yield _head(
            "MP",
            "located: one look",
            "all tiles",
            "QReader n",
            "expect=1",
            "read: one look",
            "QReader n",
            "expect=1",
            "nano preset",
        )
        costs = []
        for mp, size in _SIZES.items():
            rows, ms = [], []
            for seed in tqdm(range(count), desc=f"{title}, {mp} MP"):
                drawn = _page(size, seed, spoilt)
                frame = Frame.load(drawn.rgb)
                runs = alone.read(drawn.rgb).attempts
                asked = alone.read(drawn.rgb, expect=1).attempts
                first = _first_look(runs)
                rows.append(
                    (
                        *(_located(a, drawn) for a in (first, _all_tiles(frame), runs, asked)),
                        *(_read(a, drawn) for a in (first, runs, asked)),
                        _read(preset.read(drawn.rgb).attempts, drawn),
                    )
                )
                ms.append([_ms(first), _ms(runs), _ms(asked), _tiles(runs), _tiles(asked)])
            cells = " | ".join(f"{100 * rate:.0f}" for rate in np.mean(rows, axis=0))
            yield f"| {mp} | {cells} |"
            costs.append((mp, np.mean(ms, axis=0)))
        yield from (
            "",
            "| MP | ms: one look | QReader n | ratio | expect=1 | ratio | tiles | tiles, expect=1 |",
        )
        yield "| ---: |" + " ---: |" * 7
        for mp, (first_ms, whole, expected, looked, more) in costs:
            yield (
                f"| {mp} | {first_ms:.0f} | {whole:.0f} | {whole / first_ms:.2f} | {expected:.0f} | "
                f"{expected / first_ms:.2f} | {looked:.1f} | {more:.1f} |"
            )


def _empty(count: int) -> Iterator[str]:
    """How often tiles are looked at where there is no code, and what that costs."""
    alone, preset = Cascade([QReaderStrategy("n")]), Cascade.preset("nano")
    yield from ("", f"{count} pages of print, half of them with halftones, bars and texture:", "")
    yield _head("MP", "ms: one look", "QReader n", "ratio", "pages with tiles", "tiles a page", "nano preset")
    for mp, size in _SIZES.items():
        rows = []
        for seed in tqdm(range(count), desc=f"empty, {mp} MP"):
            rgb = synthetic.large_page(size, seed, filled=seed % 2 == 1)
            runs, more = alone.read(rgb).attempts, preset.read(rgb).attempts
            rows.append([_ms(_first_look(runs)), _ms(runs), _tiles(runs) > 0, _tiles(runs), _tiles(more)])
        first, whole, pages, looked, nano = np.mean(rows, axis=0)
        yield (
            f"| {mp} | {first:.0f} | {whole:.0f} | {whole / first:.2f} | {round(pages * count)} | "
            f"{looked:.1f} | {nano:.1f} |"
        )
    sizes = [max(picture.rgb().shape[:2]) for picture in corpora.load("negatives")]
    large = sum(tiles.is_large(Scan(Frame(np.zeros((1, side), np.uint8)))) for side in sizes)
    yield from (
        "",
        f"Of the {len(sizes)} pictures of the negatives corpus {large} are large enough for tiles.",
        "",
    )


def _scenario(seeds: int) -> Iterator[str]:
    """What the presets read of the synthetic corpus's 8 MP scenario."""
    cascades = {name: Cascade.preset(name) for name in ("classical", "nano", "hybrid")}
    cascades["QReader n alone"] = Cascade([QReaderStrategy("n")])
    cascades["QReader s, then m"] = Cascade([QReaderStrategy("s"), QReaderStrategy("m")])
    counts = dict.fromkeys(cascades, 0)
    kinds = [(severity, seed) for severity in (0.0, 0.25, 0.5, 0.75, 1.0) for seed in range(seeds)]
    for severity, seed in tqdm(kinds, desc="scenario"):
        drawn = synthetic.draw("distant", severity, seed)
        for name, cascade in cascades.items():
            counts[name] += _read(cascade.read(drawn.rgb).attempts, drawn)
    yield from ("", "| reader | read | of |", "| --- | ---: | ---: |")
    yield from (f"| {name} | {count} | {len(kinds)} |" for name, count in counts.items())


def _head(*titles: str) -> str:
    return f"| {' | '.join(titles)} |\n|{' ---: |' * len(titles)}"


def _page(size: tuple[int, int], seed: int, spoilt: bool) -> Drawn:
    return synthetic.small_code(size, _SIDE, seed, blur=0.8 + 0.25 * (seed % 5), spoilt=spoilt)


def _first_look(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """What the tier did before it looked closer: the same as it would have done without tiles."""
    search = tiles.SEARCH.engine, tiles.SEARCH.view
    closer = (i for i, a in enumerate(attempts) if (a.engine, a.view) == search or _is_tile(a))
    return attempts[: next(closer, len(attempts))]


def _all_tiles(frame: Frame) -> list[Attempt]:
    """One detection on every tile."""
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
    return any(_is_there(quad, drawn) for quad in places)


def _is_there(quad: Quad, drawn: Drawn) -> bool:
    return quad.overlap(drawn.quads[0]) > _LOCATED


def _read(attempts: Sequence[Attempt], drawn: Drawn) -> bool:
    texts = [code.text for attempt in attempts for code in attempt.codes]
    return drawn.payloads[0].decode("utf-8", "replace") in texts


def _ms(attempts: Sequence[Attempt]) -> float:
    return 1000 * sum(attempt.elapsed_s for attempt in attempts)


def _tiles(attempts: Sequence[Attempt]) -> int:
    return sum(map(_is_tile, attempts))

"""Read rates: of readers on a corpus, and on made pictures of which each kind gets worse step by step."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated

import click
import numpy as np

from benchmarks import corpora
from benchmarks.conditions import CONDITIONS, picture
from benchmarks.corpora import Picture
from benchmarks.kinds import KINDS
from benchmarks.pages import Corpora, Every, command, confidences, plotted, saved, table
from benchmarks.readers import Names, at_hand
from benchmarks.scoring import Record, rates_by_name, read_in_turns, summarise
from qrcascade.image.frame import Gray
from qrcascade.profile.child import memory

Records = Mapping[str, Sequence[Record]]


@command()
def run(
    corpus: Annotated[str, f"One of {', '.join(corpora.CORPORA)}, or a folder."],
    readers: Names,
    every: Every = 1,
    out: Annotated[Path, "Folder of the records."] = Path("benchmarks/out"),
) -> Iterator[str]:
    """Run readers on one corpus, interleaved picture by picture: a record each, then a table."""
    records: dict[str, list[Record]] = {name: [] for name in readers}
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{Path(corpus).name}.jsonl").open("w", encoding="utf-8") as file:
        for record in read_in_turns(readers, corpora.load(corpus)[::every], corpus):
            records[record.reader].append(record)
            file.write(json.dumps(dataclasses.asdict(record), ensure_ascii=False) + "\n")
    yield from _tables(records)
    if page := saved():
        yield from (f"![{name}]({name}.png)" for name in _plots(page, records))


def _tables(records: Records) -> Iterator[str]:
    """Yield a row a reader, a row a category, and confidence against truth."""
    summaries = [summarise(rows) for rows in records.values()]
    columns = ["reader", "macro {:.1f}", "micro {:.1f}", "extra", "conflict", "wrong"]
    columns += ["mean CPU ms {:.1f}", "P50 {:.1f}", "P95 {:.1f}", "P99 {:.1f}", "x first {:.2f}"]
    figures = []
    for s in summaries:
        counts, times = (s.extra, s.conflict, s.wrong), (s.mean_ms, s.p50_ms, s.p95_ms, s.p99_ms)
        figures.append([s.reader, s.macro, s.micro, *counts, *times, s.mean_ms / summaries[0].mean_ms])
    yield table(columns, figures)
    yield f"Peak resident memory of the whole run: {memory()[1] or 0:.0f} MB."
    columns = ["category", *(f"{s.reader} {{:.1f}}" for s in summaries)]
    rates = ([name, *(s.categories[name] for s in summaries)] for name in summaries[0].categories)
    yield table(columns, rates)
    for name, rows in records.items():
        if said := confidences(pair for record in rows for pair in record.sure):
            yield from (f"Confidence of {name} against truth:", said)


def _plots(page: str, records: Records) -> list[str]:
    """Draw recall against time, categories by reader, and which step read what; gives the files' names."""
    summaries = [summarise(rows) for rows in records.values()]
    with plotted(f"{page}-time", (7, 4.5)) as (_, axes):
        for s in summaries:
            axes.scatter(s.mean_ms, s.macro)
            axes.annotate(s.reader, (s.mean_ms, s.macro), xytext=(5, 4), textcoords="offset points")
        axes.set(xscale="log", xlabel="mean CPU ms of a picture", ylabel="macro read rate, %", title=page)
        axes.grid(alpha=0.3)
    names = list(summaries[0].categories)
    with plotted(f"{page}-categories", (2.5 + len(summaries), 1 + 0.35 * len(names))) as (_, axes):
        rates = np.array([[s.categories[name] for s in summaries] for name in names])
        axes.imshow(rates, vmin=0, vmax=100, cmap="RdYlGn", aspect="auto")
        for (row, column), rate in np.ndenumerate(rates):
            axes.text(column, row, f"{rate:.0f}", ha="center", va="center", fontsize=8)
        axes.set_xticks(range(len(summaries)), [s.reader for s in summaries], rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_title(f"{page}: read rate, %")
    made = [f"{page}-time", f"{page}-categories"]
    return [*made, f"{page}-steps"] if _plot_steps(f"{page}-steps", records) else made


def _plot_steps(page: str, records: Records) -> bool:
    """Draw the steps of the reader with the most different ones; return whether there are any."""
    steps = {name: Counter(s for r in rows for s in r.steps) for name, rows in records.items()}
    richest = max(steps, key=lambda name: len(steps[name]))
    if steps[richest]:
        names, numbers = zip(*reversed(steps[richest].most_common(25)), strict=True)
        with plotted(page, (7, 1 + 0.28 * len(names))) as (_, axes):
            axes.bar_label(axes.barh(names, numbers), fontsize=8)
            axes.set(xscale="log", xlabel="codes", title=f"which step of {richest} read what")
    return bool(steps[richest])


@command()
def baseline(
    names: Corpora = ("boofcv", "zxing", "jsqr", "synthetic"), out: Path = Path("tests/baselines")
) -> Iterator[str]:
    """Write what `classical` reads of each picture, for the regression test."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        records = read_in_turns(["classical"], corpora.load(name), name)
        counts = dict(sorted((record.picture, record.read) for record in records))
        (out / f"{name}.json").write_text(json.dumps(counts, indent=0) + "\n")
        yield f"{name}: {sum(counts.values())} codes."


# Made pictures

_LEVELS = 9
_OF_CURVES = ("light", "classical", "zxing-cpp", "pyzbar", "opencv", "wechat")
_OF_KINDS = ("light", "zxing-cpp", "pyzbar", "opencv", "wechat")

Make = Callable[[str, float, int], tuple[Gray, bytes]]
"""What draws a picture, and says its payload, of a kind, a step and a seed."""
Rates = dict[str, dict[str, list[float]]]
"""Kind and reader to the share read at each step, in per cent."""


def _measure(names: Sequence[str], steps: dict[str, Sequence[float]], seeds: int, make: Make) -> Rates:
    """Try every reader on every picture; ``steps`` has those of each kind, ``make`` draws one."""
    pictures = []
    for kind, amounts in steps.items():
        for amount, seed in product(amounts, range(seeds)):
            draw = partial(make, kind, amount, seed)
            pictures.append(Picture(lambda draw=draw: draw()[0], f"{amount:g}", kind, payload=draw()[1]))  # type: ignore[misc]
    return rates_by_name(read_in_turns(names, pictures))


def _shown(kind: str, unit: str, amounts: Sequence[str], rates: dict[str, list[float]]) -> tuple[str, str]:
    """Return a heading, and a table with a row per reader and a column per amount."""
    columns = [unit, *(f"{amount} {{:.0f}}" for amount in (*amounts, "mean"))]
    return f"## {kind}", table(columns, ([name, *row, np.mean(row)] for name, row in rates.items()))


@command()
def curves(
    names: Annotated[Names, f"Default: {', '.join(_OF_CURVES)}; wechat where it is at hand."] = (),
    seeds: Annotated[int, "Pictures of each condition and severity."] = 6,
) -> Iterator[str]:
    """Read rate against severity on made pictures, all readers on the same ones."""
    names = names or at_hand(_OF_CURVES)
    left_out = " WeChat's reader was left out: it was not at hand, or not asked for."
    yield (
        f"Share of {seeds} pictures read, in per cent, at each of {_LEVELS} severities. One symbol each, "
        "versions 2 to 10, 4 to 6 pixels a module, slight perspective and noise. A picture counts if the "
        f"exact payload is among what was read.{'' if 'wechat' in names else left_out}"
    )
    severities = np.linspace(0, 1, _LEVELS).tolist()
    rates = _measure(names, dict.fromkeys(CONDITIONS, severities), seeds, picture)
    if saved():
        _plot(rates, severities)
        yield "![curves](curves.png)"
    for kind, by_reader in rates.items():
        condition = CONDITIONS[kind]
        amounts = [f"{condition.amount(severity):.2g}" for severity in severities]
        yield from _shown(kind, condition.unit, amounts, by_reader)


def _plot(rates: Rates, severities: Sequence[float]) -> None:
    """Draw a panel for each condition, with a line for each reader."""
    columns = 3
    rows = -(-len(rates) // columns)
    with plotted("curves", (4.2 * columns, 3.2 * rows), rows, columns, sharey=True) as (figure, axes):
        panels = list(axes.flat)
        for panel, (kind, by_reader) in zip(panels, rates.items(), strict=False):
            condition = CONDITIONS[kind]
            for name, row in by_reader.items():
                panel.plot([*map(condition.amount, severities)], row, marker=".", label=name)
            panel.set(title=kind, xlabel=condition.unit, ylim=(-4, 104))
            panel.grid(alpha=0.3)
        for panel in panels[len(rates) :]:
            panel.axis("off")
        figure.supylabel("pictures read, %")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="lower right")


@command(title="Kinds of fault")
def kinds(
    names: Annotated[Names, f"Default: {', '.join(_OF_KINDS)}; wechat where it is at hand."] = (),
    chosen: Annotated[tuple[str, ...], "--kind", click.Choice(list(KINDS))] = tuple(KINDS),
    seeds: Annotated[int, "Pictures of each kind and severity."] = 4,
) -> Iterator[str]:
    """Read rate by kind of fault and severity, and where a peer reads more than the first reader."""
    names = names or at_hand(_OF_KINDS)
    rates = measure_kinds(names, chosen, seeds)
    yield f"Share of {seeds} pictures whose exact payload is read, in per cent."
    behind = [line for row in rates.items() for line in _behind(*row)]
    yield "\n".join(behind) or f"No peer reads more than {names[0]} in any of them."
    for kind, by_reader in rates.items():
        amounts = [f"{amount:g}" for amount in KINDS[kind].amounts]
        yield from _shown(kind, KINDS[kind].unit, amounts, by_reader)


def measure_kinds(names: Sequence[str], chosen: Sequence[str], seeds: int) -> Rates:
    """Measure the share that each reader reads of kinds of fault."""
    steps = {kind: KINDS[kind].amounts for kind in chosen}
    return _measure(names, steps, seeds, lambda kind, amount, seed: KINDS[kind].draw(seed, amount))


def _behind(kind: str, by_reader: dict[str, list[float]]) -> Iterator[str]:
    """Yield a line for each amount at which a peer reads more than the first reader."""
    first, *peers = by_reader
    for i, amount in enumerate(KINDS[kind].amounts):
        own = by_reader[first][i]
        better = [f"{peer} {by_reader[peer][i]:.0f}" for peer in peers if by_reader[peer][i] > own]
        if better:
            yield f"- {kind}, {amount:g}: {first} {own:.0f}, {', '.join(better)}"

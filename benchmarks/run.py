"""Readers on a corpus, picture by picture in turns: ``python -m benchmarks run`` and ``baseline``."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from benchmarks import corpora
from benchmarks.commands import Corpora, Every, command
from benchmarks.readers import Names
from benchmarks.render import confidences, plotted, saved, table
from benchmarks.scoring import Record, read_in_turns, summarise
from qrcascade.profile.child import memory

Records = Mapping[str, Sequence[Record]]


@command()
def run(
    corpus: Annotated[str, f"One of {', '.join(corpora.CORPORA)}, or a folder."],
    readers: Names,
    every: Every = 1,
    out: Annotated[Path, "Folder of the records."] = Path("benchmarks/out"),
) -> Iterator[str]:
    """Readers on one corpus, interleaved picture by picture: a record each, then a table."""
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
    """A row a reader, a row a category, and confidence against truth."""
    summaries = [summarise(rows) for rows in records.values()]
    columns = ["reader", "macro {:.1f}", "micro {:.1f}", "extra", "conflict", "wrong"]
    columns += ["mean ms {:.1f}", "P50 {:.1f}", "P95 {:.1f}", "P99 {:.1f}", "x first {:.2f}"]
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
        axes.set(xscale="log", xlabel="mean ms a picture", ylabel="macro read rate, %", title=page)
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
    """The reader with the most different steps; nothing where no reader tells its steps."""
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

"""``python -m benchmarks run``: readers on a corpus; ``startup``: what an easy picture costs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click
from tqdm import tqdm

from benchmarks import corpora, schedule, startup
from benchmarks.readers import READERS, build
from benchmarks.scoring import Record, Summary, score, summarise


@click.group()
def main() -> None:
    """Measure qrcascade and its peers."""


@main.command()
@click.option("--corpus", required=True, help=f"One of {', '.join(corpora.CORPORA)}, or a folder.")
@click.option("--reader", "readers", multiple=True, required=True, type=click.Choice(list(READERS)))
@click.option("--every", default=1, show_default=True, help="Take every Nth picture.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("benchmarks/out"), show_default=True)
def run(corpus: str, readers: tuple[str, ...], every: int, out: Path) -> None:
    """Readers on one corpus, interleaved picture by picture: a record each, then a table."""
    pictures = corpora.load(corpus)[::every]
    built = {name: build(name) for name in readers}
    warm = pictures[0].rgb()
    for read in built.values():
        read(warm)
    out.mkdir(parents=True, exist_ok=True)
    records: dict[str, list[Record]] = {name: [] for name in readers}
    with (out / f"{Path(corpus).name}.jsonl").open("w", encoding="utf-8") as file:
        for picture in tqdm(pictures, unit="picture"):
            rgb = picture.rgb()
            for name, read in built.items():
                start = time.perf_counter()
                reading = read(rgb)
                record = score(name, picture, reading, (time.perf_counter() - start) * 1000)
                records[name].append(record)
                file.write(json.dumps(record.row(), ensure_ascii=False) + "\n")
    summaries = [summarise(rows) for rows in records.values()]
    click.echo(_table(summaries))


def _table(summaries: list[Summary]) -> str:
    """A Markdown table; the ratio is to the first reader."""
    base = summaries[0].mean_ms
    lines = [
        "| reader | macro | micro | extra | conflict | wrong | mean ms | P50 | P95 | P99 | x first |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for s in summaries:
        times = f"{s.mean_ms:.0f} | {s.p50_ms:.0f} | {s.p95_ms:.0f} | {s.p99_ms:.0f}"
        counts = f"{s.extra} | {s.conflict} | {s.wrong}"
        ratio = f"{s.mean_ms / base:.2f}"
        lines.append(f"| {s.reader} | {s.macro:.1f} | {s.micro:.1f} | {counts} | {times} | {ratio} |")
    lines += ["", "| category | " + " | ".join(s.reader for s in summaries) + " |"]
    lines.append("| --- |" + " ---: |" * len(summaries))
    for category in summaries[0].categories:
        rates = " | ".join(f"{s.categories[category]:.1f}" for s in summaries)
        lines.append(f"| {category} | {rates} |")
    return "\n".join(lines)


@main.command(name="schedule")
@click.option(
    "--corpus", "names", multiple=True, default=("boofcv", "zxing", "jsqr", "synthetic"), show_default=True
)
@click.option(
    "--saved",
    type=click.Path(path_type=Path),
    default=Path("docs/benchmarks/schedule.json"),
    show_default=True,
)
@click.option("--measure/--no-measure", default=True, help="Measure anew, or order what was saved.")
def schedule_(names: tuple[str, ...], saved: Path, measure: bool) -> None:
    """Measure every candidate step, and print the greedy order."""
    if measure:
        schedule.save(schedule.measure(names, os.environ.get("QRCASCADE_WEIGHTS")), saved)
    whole, region = schedule.order(schedule.restore(saved))
    for title, rows in (("whole picture", whole), ("region", region)):
        click.echo(f"{title}:")
        for row in rows:
            click.echo(f'    "{row.step}",  # +{row.gain:.2f}, {row.ms:.1f} ms')


main.command(name="startup")(startup.startup)

if __name__ == "__main__":
    main()

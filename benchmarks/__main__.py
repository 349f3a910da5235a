"""``python -m benchmarks run``: readers on a corpus; ``easy``: what an easy picture costs."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import click
from tqdm import tqdm

from benchmarks import (
    batch,
    claims,
    cluster,
    compare,
    concurrency,
    corpora,
    curves,
    easy,
    isolation,
    load,
    report,
    runtimes,
    safety,
    safety_pictures,
    scaling,
    schedule,
    startup,
    tiles,
)
from benchmarks.readers import READERS, build
from benchmarks.scoring import Record, score

_DOCS = Path("docs/benchmarks")


@click.group()
def main() -> None:
    """Measure qrcascade and its peers."""


@main.command()
@click.option("--corpus", required=True, help=f"One of {', '.join(corpora.CORPORA)}, or a folder.")
@click.option("--reader", "readers", multiple=True, required=True, type=click.Choice(list(READERS)))
@click.option("--every", default=1, show_default=True, help="Take every Nth picture.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("benchmarks/out"), show_default=True)
@click.option("--save", metavar="NAME", help="Write tables and pictures into docs/benchmarks, as NAME.md.")
@click.option("--note", help="A line for the saved page: say here where weights are stand-ins.")
def run(
    corpus: str, readers: tuple[str, ...], every: int, out: Path, save: str | None, note: str | None
) -> None:
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
                elapsed = (time.perf_counter() - start) * 1000
                record = score(name, picture, reading, elapsed if reading.ms is None else reading.ms)
                records[name].append(record)
                file.write(json.dumps(record.row(), ensure_ascii=False) + "\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    text = report.table(records, peak)
    click.echo(text)
    if save:
        links = [f"![{path.stem}]({path.name})" for path in report.pictures(save, records, _DOCS)]
        page = report.page(save, *([note] if note else []), text, *links)
        (_DOCS / f"{save}.md").write_text(page, encoding="utf-8")


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


@main.command()
@click.option(
    "--corpus", "names", multiple=True, default=("boofcv", "zxing", "jsqr", "synthetic"), show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("tests/baselines"), show_default=True)
def baseline(names: tuple[str, ...], out: Path) -> None:
    """Write what `classical` reads of each picture, for the regression test."""
    read = build("classical")
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        counts = {}
        for picture in tqdm(corpora.load(name), unit="picture", desc=name):
            counts[picture.name] = score("classical", picture, read(picture.rgb()), 0.0).read
        (out / f"{name}.json").write_text(json.dumps(dict(sorted(counts.items())), indent=0) + "\n")


main.command(name="startup")(startup.startup)
main.command(name="easy")(easy.easy)
main.command(name="safety")(safety.safety)
main.command(name="safety-pictures")(safety_pictures.safety_pictures)
main.command(name="concurrency")(concurrency.concurrency)
main.command(name="runtimes")(runtimes.runtimes)
main.command(name="curves")(curves.curves)
main.command(name="claims")(claims.claims)
main.add_command(compare.compare)
main.add_command(isolation.isolation)
main.command(name="load")(load.load)
main.command(name="scaling")(scaling.scaling)
main.command(name="cluster")(cluster.cluster)
main.command(name="tiles")(tiles.small_codes)
for _command in (batch.batch, batch.growth, batch.pages):
    main.add_command(_command)

if __name__ == "__main__":
    main()

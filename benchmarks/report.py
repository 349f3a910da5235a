"""Tables and pictures of a run."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.scoring import Record, Summary, reliability, summarise
from qrcascade.profile import measure

__all__ = ["machine", "page", "pictures", "table"]

_PACKAGES = ("qrcascade", "zxing-cpp", "pyzbar", "opencv-python", "numpy", "Pillow", "qreader", "torch")


def machine() -> str:
    """Versions, processor and date, for the head of a report."""
    found = ", ".join(f"{package} {version}" for package, version in measure.versions(_PACKAGES))
    return f"{date.today()}, {measure.machine()}: {found}"


def page(title: str, *parts: str) -> str:
    """A page of Markdown: a heading, the command that is running, the machine, and the parts."""
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    return "\n\n".join([f"# {title}", f"`{command}`", machine(), *parts]) + "\n"


def table(records: Mapping[str, Sequence[Record]], memory_mb: float) -> str:
    """Markdown: a row a reader, a row a category, and confidence against truth."""
    summaries = [summarise(rows) for rows in records.values()]
    base = summaries[0].mean_ms
    lines = [
        "| reader | macro | micro | extra | conflict | wrong | mean ms | P50 | P95 | P99 | x first |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for s in summaries:
        times = f"{s.mean_ms:.1f} | {s.p50_ms:.1f} | {s.p95_ms:.1f} | {s.p99_ms:.1f}"
        counts = f"{s.extra} | {s.conflict} | {s.wrong}"
        ratio = f"{s.mean_ms / base:.2f}"
        lines.append(f"| {s.reader} | {s.macro:.1f} | {s.micro:.1f} | {counts} | {times} | {ratio} |")
    lines += ["", f"Peak resident memory of the whole run: {memory_mb:.0f} MB.", ""]
    lines += ["| category | " + " | ".join(s.reader for s in summaries) + " |"]
    lines.append("| --- |" + " ---: |" * len(summaries))
    for category in summaries[0].categories:
        rates = " | ".join(f"{s.categories[category]:.1f}" for s in summaries)
        lines.append(f"| {category} | {rates} |")
    for name, rows in records.items():
        bins = [b for b in reliability(rows) if b[2]]
        if bins:
            lines += [
                "",
                f"Confidence of {name} against truth:",
                "",
                "| confidence | codes | exactly right |",
            ]
            lines += ["| --- | ---: | ---: |"]
            lines += [
                f"| {low:.2f} to {min(high, 1.0):.2f} | {n} | {right} |" for low, high, n, right in bins
            ]
    return "\n".join(lines)


def pictures(corpus: str, records: Mapping[str, Sequence[Record]], folder: Path) -> list[Path]:
    """Draw recall against time, categories by reader, and which step read what; gives the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    summaries = [summarise(rows) for rows in records.values()]
    made = [_recall_against_time(corpus, summaries, folder / f"{corpus}-time.png")]
    made.append(_heat_map(corpus, summaries, folder / f"{corpus}-categories.png"))
    steps = {name: Counter(s for r in rows for s in r.steps) for name, rows in records.items()}
    richest = max(steps, key=lambda name: len(steps[name]))
    if steps[richest]:
        made.append(_steps(richest, steps[richest], folder / f"{corpus}-steps.png"))
    return made


def _recall_against_time(corpus: str, summaries: Sequence[Summary], path: Path) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for s in summaries:
        axes.scatter(s.mean_ms, s.macro)
        axes.annotate(s.reader, (s.mean_ms, s.macro), xytext=(5, 4), textcoords="offset points")
    axes.set(xscale="log", xlabel="mean ms a picture", ylabel="macro read rate, %", title=corpus)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _heat_map(corpus: str, summaries: Sequence[Summary], path: Path) -> Path:
    from matplotlib import pyplot

    names = list(summaries[0].categories)
    rates = np.array([[s.categories[name] for s in summaries] for name in names])
    figure, axes = pyplot.subplots(
        figsize=(2.5 + len(summaries), 1 + 0.35 * len(names)), layout="constrained"
    )
    axes.imshow(rates, vmin=0, vmax=100, cmap="RdYlGn", aspect="auto")
    for (row, column), rate in np.ndenumerate(rates):
        axes.text(column, row, f"{rate:.0f}", ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(summaries)), [s.reader for s in summaries], rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_title(f"{corpus}: read rate, %")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _steps(reader: str, counts: Counter[str], path: Path) -> Path:
    from matplotlib import pyplot

    names, numbers = zip(*reversed(counts.most_common(25)), strict=True)
    figure, axes = pyplot.subplots(figsize=(7, 1 + 0.28 * len(names)), layout="constrained")
    axes.bar_label(axes.barh(names, numbers), fontsize=8)
    axes.set(xscale="log", xlabel="codes", title=f"which step of {reader} read what")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path

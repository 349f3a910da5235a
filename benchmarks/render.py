"""Figures as Markdown: tables, and pages under docs/benchmarks that say how they were made."""

from __future__ import annotations

import contextlib
import itertools
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from benchmarks.scoring import grouped
from qrcascade.profile import measure

T = TypeVar("T")

DOCS = Path("docs/benchmarks")
BINS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 1.01)
_PACKAGES = ("qrcascade", "zxing-cpp", "pyzbar", "opencv-python", "numpy", "Pillow", "qreader", "torch")


def table(columns: Sequence[str], rows: Iterable[Iterable[object]], words: Collection[int] = (0,)) -> str:
    """Markdown, with a row for each of ``rows``.

    After a column's title may stand how its figures are written: "mean ms {:.1f}". Text is left as it is.
    Columns are set to the right, except those that are ``words``.
    """
    titles, formats = zip(*(column.rstrip("}").partition(" {:")[::2] for column in columns), strict=True)
    lines = [titles, ["---" if column in words else "---:" for column in range(len(titles))]]
    for row in rows:
        pairs = zip(row, formats, strict=True)
        lines.append([cell if isinstance(cell, str) else format(cell, how) for cell, how in pairs])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def by_kind(title: str, outcomes: Sequence[T], figures: Mapping[str, Callable[[Sequence[T]], object]]) -> str:
    """A table with a row for each kind and one for all; a column is a figure of its outcomes."""
    groups: dict[str, Sequence[T]] = {**grouped(outcomes, "kind"), "all": outcomes}
    rows = ([kind, *(figure(group) for figure in figures.values())] for kind, group in groups.items())
    return table([title, *figures], rows)


def mean(name: str) -> Callable[[Sequence[object]], float]:
    """The mean of what outcomes have under a name."""
    return lambda outcomes: float(np.mean([getattr(outcome, name) for outcome in outcomes]))


def confidences(pairs: Iterable[tuple[float, bool]], edges: Sequence[float] = BINS) -> str:
    """A table of confidence against truth; empty without a pair of (confidence, whether it is right)."""
    pairs, rows = list(pairs), []
    for low, high in itertools.pairwise(edges):
        inside = [(sure, right) for sure, right in pairs if low <= sure < high]
        if inside:
            number, right = len(inside), sum(right for _, right in inside)
            mean = np.mean([sure for sure, _ in inside])
            rows.append([f"{low} to {min(high, 1.0)}", number, mean, right, number - right])
    return table(["confidence", "codes", "mean confidence {:.4f}", "right", "wrong"], rows) if rows else ""


def publish(
    name: str, parts: Iterable[str], *, save: bool, head: Iterable[str | None] = (), title: str = ""
) -> None:
    """Print the parts: paragraphs and tables, of which empty ones are left out.

    If they are to be saved, write the page NAME.md: its title, the command that is running, the machine,
    ``head``, which is for the page alone, and the parts.
    """
    parts = [part for part in parts if part]
    click.echo("\n\n".join(parts))
    if save:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        versions = ", ".join(f"{package} {version}" for package, version in measure.versions(_PACKAGES))
        machine = f"{date.today()}, {measure.machine()}: {versions}"
        whole = [f"# {title or name}", f"`{command}`", machine, *filter(None, head), *parts]
        (DOCS / f"{name}.md").write_text("\n\n".join(whole) + "\n", encoding="utf-8")


@contextlib.contextmanager
def plotted(name: str, size: tuple[float, float], *grid: int, **options: Any) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes, to be drawn on; then saved as NAME.png beside the pages."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(*grid, figsize=size, layout="constrained", **options)
    yield figure, axes
    figure.savefig(DOCS / f"{name}.png", dpi=110)
    pyplot.close(figure)

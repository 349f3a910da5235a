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


def listed(title: str, cases: Iterable[str]) -> str:
    """A sentence with all cases; empty without any."""
    cases = list(cases)
    return f"{title}: {'; '.join(cases)}." if cases else ""


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


def publish(name: str, parts: Iterable[str], *, save: bool, title: str = "") -> None:
    """Print paragraphs and tables as they come, of which empty ones are left out.

    If they are to be saved, write the page NAME.md: its title, the command that is running, the machine,
    and the parts.
    """
    whole: list[str] = []
    for part in filter(None, parts):
        click.echo("\n" + part if whole else part)
        whole.append(part)
    if save:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        versions = ", ".join(f"{package} {version}" for package, version in measure.versions(_PACKAGES))
        machine = f"{date.today()}, {measure.machine()}: {versions}"
        text = "\n\n".join([f"# {title or name}", f"`{command}`", machine, *whole])
        (DOCS / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")


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


def saved() -> str | None:
    """The name of the page that the running command is to save."""
    name: str | None = click.get_current_context().params["save"]
    return name

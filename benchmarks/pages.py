"""Commands and their pages: arguments of a function are its options, and what it yields is its page."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import click
import numpy as np

from benchmarks.scoring import grouped
from qrcascade.profile import measure

F = TypeVar("F", bound=Callable[..., Iterable[str]])
T = TypeVar("T")

DOCS = Path("docs/benchmarks")
BINS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 1.01)
_PACKAGES = ("qrcascade", "zxing-cpp", "pyzbar", "opencv-python", "numpy", "Pillow", "qreader", "torch")
# What several commands take.
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
Corpora = Annotated[tuple[str, ...], "--corpus"]
Every = Annotated[int, "Take every Nth picture."]
Workers = Annotated[int, "Processes."]
RecordFolder = Annotated[
    Path | None,
    "Folder of what was done; a run that was interrupted goes on from there, if the code is the same.",
]


@click.group()
def main() -> None:
    """Measure qrcascade and its peers."""


def command(name: str = "", title: str = "") -> Callable[[F], F]:
    """Make a command of a function that yields paragraphs and tables, which can be saved as a page.

    What it takes by position alone are arguments, all else options. In ``Annotated``, what begins with "--"
    is how the option is spelt, with "$" a variable that stands for it, and other text explains it; a type of
    click's goes before the argument's own.
    """

    def make(function: F) -> F:
        page = name or function.__name__.replace("_", "-")
        # Strings are evaluated: annotations are strings in the modules of commands.
        taken = inspect.signature(function, eval_str=True).parameters.values()

        def run(save: str | None, note: str | None, **given: Any) -> None:
            own = [given.pop(one.name) for one in taken if one.kind is one.POSITIONAL_ONLY]
            parts = itertools.chain([note or ""], function(*own, **given))
            publish(save or page, parts, save=save is not None, title=title)

        written, said = (
            "Write docs/benchmarks/NAME.md.",
            "A line for the page: say where weights are stand-ins.",
        )
        save = click.Option(["--save"], is_flag=False, flag_value=page, metavar="[NAME]", help=written)
        params = [*map(_parameter, taken), save, click.Option(["--note"], help=said)]
        main.add_command(click.Command(page, params=params, callback=run, help=function.__doc__))
        return function

    return make


def _parameter(given: inspect.Parameter) -> click.Parameter:
    """Return what click calls an argument of a function."""
    hint, required = given.annotation, given.default is given.empty
    kind, *said = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if NoneType in get_args(kind):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    several = get_origin(kind) is tuple
    kind = get_args(kind)[0] if several else kind
    more: dict[str, Any] = {"required": True} if required else {"default": given.default}
    own = click.Choice(get_args(kind)) if get_origin(kind) is Literal else kind
    more["type"] = next((one for one in said if isinstance(one, click.ParamType)), own)
    if given.kind is given.POSITIONAL_ONLY:
        return click.Argument([given.name], **more)
    texts = [text for text in said if isinstance(text, str)]
    names = [text for text in texts if text.startswith("--")] or [f"--{given.name.replace('_', '-')}"]
    more["envvar"] = next((text[1:] for text in texts if text.startswith("$")), None)
    more["help"] = " ".join(text for text in texts if text[0] not in "-$")
    more |= {"multiple": several, "is_flag": kind is bool}
    return click.Option([*names, given.name], show_default=True, show_envvar=True, **more)


def table(columns: Sequence[str], rows: Iterable[Iterable[object]], words: Collection[int] = (0,)) -> str:
    """Return Markdown, with a row for each of ``rows``.

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
    """Return a table with a row for each kind and one for all; a column is a figure of its outcomes."""
    groups: dict[str, Sequence[T]] = {**grouped(outcomes, "kind"), "all": outcomes}
    rows = ([kind, *(figure(group) for figure in figures.values())] for kind, group in groups.items())
    return table([title, *figures], rows)


def mean(name: str) -> Callable[[Sequence[object]], float]:
    """Return the mean of what outcomes have under a name."""
    return lambda outcomes: float(np.mean([getattr(outcome, name) for outcome in outcomes]))


def listed(title: str, cases: Iterable[str]) -> str:
    """Return a sentence with all cases; empty without any."""
    cases = list(cases)
    return f"{title}: {'; '.join(cases)}." if cases else ""


def confidences(pairs: Iterable[tuple[float, bool]], edges: Sequence[float] = BINS) -> str:
    """Tabulate confidence against truth; empty without a pair of (confidence, whether it is right)."""
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
    """Yield a figure and its axes, to be drawn on; then saved as NAME.png beside the pages."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(*grid, figsize=size, layout="constrained", **options)
    yield figure, axes
    figure.savefig(DOCS / f"{name}.png", dpi=110)
    pyplot.close(figure)


def saved() -> str | None:
    """Return the name of the page that the running command is to save."""
    name: str | None = click.get_current_context().params["save"]
    return name

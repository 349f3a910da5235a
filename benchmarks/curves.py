"""Read rates of all readers on the same made pictures, of which each kind gets worse step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Annotated

import click
import numpy as np

from benchmarks.commands import command
from benchmarks.conditions import CONDITIONS, picture
from benchmarks.corpora import Picture
from benchmarks.kinds import KINDS
from benchmarks.readers import Names, at_hand
from benchmarks.render import plotted, saved, table
from benchmarks.scoring import rates_by_name, read_in_turns
from qrcascade.image.frame import Gray

_LEVELS = 9
_OF_CURVES = ("light", "classical", "zxing-cpp", "pyzbar", "opencv", "wechat")
_OF_KINDS = ("light", "zxing-cpp", "pyzbar", "opencv", "wechat")

Make = Callable[[str, float, int], tuple[Gray, bytes]]
"""What draws a picture, and says its payload, of a kind, a step and a seed."""
Rates = dict[str, dict[str, list[float]]]
"""Kind and reader to the share read at each step, in per cent."""


def _measure(
    names: Sequence[str],
    steps: dict[str, Sequence[float]],
    seeds: int,
    make: Make,
) -> Rates:
    """Every reader on every picture; ``steps`` has those of each kind, ``make`` a picture and its payload."""
    pictures = []
    for kind, amounts in steps.items():
        for amount, seed in product(amounts, range(seeds)):
            draw = partial(make, kind, amount, seed)
            pictures.append(Picture(lambda draw=draw: draw()[0], f"{amount:g}", kind, payload=draw()[1]))  # type: ignore[misc]
    return rates_by_name(read_in_turns(names, pictures))


def _tables(kind: str, unit: str, amounts: Sequence[str], rates: dict[str, list[float]]) -> tuple[str, str]:
    """A heading, and a row a reader with a column an amount."""
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
        "versions 2 to 10, 4 to 6 pixels a module, slight perspective and noise. A picture counts where the "
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
        yield from _tables(kind, condition.unit, amounts, by_reader)


def _plot(rates: Rates, severities: Sequence[float]) -> None:
    """A panel a condition, a line a reader."""
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
        yield from _tables(kind, KINDS[kind].unit, amounts, by_reader)


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

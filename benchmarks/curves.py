"""Read rate against severity, on made pictures: curved and creased paper, blur, paint and glare."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
from tqdm import tqdm

from benchmarks import report
from benchmarks.deformed import (
    Bend,
    Page,
    Points,
    Random,
    Symbol,
    blurred,
    covered,
    drawn,
    finished,
    shot,
    symbol,
)
from benchmarks.readers import READERS, Reading, build
from qrcascade import Quad
from qrcascade.image.frame import Gray
from qrcascade.symbology import charset

__all__ = ["CONDITIONS", "Condition", "curves"]

_FOLDS = 3
_LEVELS = 9
_DEFAULT = ("light", "classical", "zxing-cpp", "pyzbar", "opencv", "wechat")
_DOCS = Path("docs/benchmarks")

Rates = dict[str, dict[str, list[float]]]
"""Condition and reader to the share read at each severity, in per cent."""


def _cylinder(random: Random, curvature: float) -> Bend:
    """Wrapped round a cylinder whose axis passes behind the middle, upright or turned."""
    angle = random.choice([0.0, random.uniform(-np.pi / 2, np.pi / 2)])
    across, along = np.cos(angle), np.sin(angle)

    def bend(x: Points, y: Points) -> tuple[Points, Points]:
        seen, height = across * x + along * y, across * y - along * x
        flat = np.arcsin(np.clip(seen * curvature, -1, 1)) / curvature
        return across * flat - along * height, along * flat + across * height

    return bend


def _crumple(random: Random, most: float) -> Bend:
    """Folded along random lines, so that no point is off by more than this from the plane that fits best."""
    angles = random.uniform(0, 2 * np.pi, _FOLDS)
    offsets = random.uniform(-0.35, 0.35, _FOLDS)
    pushes = random.normal(0, 1, (_FOLDS, 2))

    def folded(x: Points, y: Points) -> Points:
        away = np.abs(x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles) - offsets)
        return np.asarray(away @ pushes)

    def flat(x: Points, y: Points) -> Points:
        return np.stack([x, y, np.ones_like(x)], axis=-1)

    u, v = (a.ravel() for a in np.meshgrid(*[np.linspace(-0.5, 0.5, 41)] * 2))
    plane = np.linalg.lstsq(flat(u, v), folded(u, v), rcond=None)[0]
    scale = most / np.hypot(*(folded(u, v) - flat(u, v) @ plane).T).max()

    def bend(x: Points, y: Points) -> tuple[Points, Points]:
        dx, dy = np.moveaxis(scale * (folded(x, y) - flat(x, y) @ plane), -1, 0)
        return x + dx, y + dy

    return bend


def _moved(random: Random, page: Page, length: float) -> Page:
    """Moved along a random line of so many pixels while the shutter was open."""
    angle = random.uniform(0, np.pi)
    way = np.linspace(-length / 2, length / 2, 501)
    half = int(length / 2) + 1
    edges = np.arange(-half, half + 2) - 0.5
    kernel = np.histogram2d(way * np.sin(angle), way * np.cos(angle), bins=[edges, edges])[0]
    return np.asarray(cv2.filter2D(page, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def _spot(random: Random, page: Page, quad: Quad, radius: float) -> Page:
    """A light so bright over the symbol that it saturates within ``radius`` pixels."""
    x, y = np.array(quad.center) + random.uniform(-0.25, 0.25, 2) * quad.side
    rows, columns = np.mgrid[: page.shape[0], : page.shape[1]]
    away = np.hypot(columns - x, rows - y) / max(radius, 1e-3)
    # 255 levels at the radius, and a halo that is gone at twice as much.
    light: Page = (page + 255 * np.exp(2 - 2 * np.minimum(away, 20) ** 2)).astype(np.float32)
    return light


def _picture(
    random: Random,
    made: Symbol,
    *,
    art: Page | None = None,
    bend: Bend | None = None,
    after: Callable[[Page, Quad, float], Page] | None = None,
) -> tuple[Gray, bytes]:
    """4 to 6 pixels a module; ``after`` is given the picture, the outline and the pixels a module."""
    module = random.uniform(4, 6)
    plain, border = drawn(made.modules)
    page, quad = shot(random, plain if art is None else art, border, module * len(made.modules), bend=bend)
    if after is not None:
        page = after(page, quad, module)
    return finished(random, page, 3.0), made.payload


def _on_cylinder(random: Random, curvature: float) -> tuple[Gray, bytes]:
    return _picture(random, symbol(random), bend=_cylinder(random, curvature))


def _crumpled(random: Random, modules: float) -> tuple[Gray, bytes]:
    made = symbol(random)
    return _picture(random, made, bend=_crumple(random, modules / len(made.modules)))


def _out_of_focus(random: Random, modules: float) -> tuple[Gray, bytes]:
    return _picture(random, symbol(random), after=lambda page, _, module: blurred(page, modules * module))


def _in_motion(random: Random, modules: float) -> tuple[Gray, bytes]:
    def move(page: Page, _: Quad, module: float) -> Page:
        return _moved(random, page, modules * module)

    return _picture(random, symbol(random), after=move)


def _painted(level: str, random: Random, share: float) -> tuple[Gray, bytes]:
    made = symbol(random, level=level)
    return _picture(random, made, art=covered(random, made, share))


def _glaring(random: Random, radius: float) -> tuple[Gray, bytes]:
    def shine(page: Page, quad: Quad, _: float) -> Page:
        return _spot(random, page, quad, radius * quad.side)

    return _picture(random, symbol(random), after=shine)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is made worse, from severity 0 to 1.

    Parameters
    ----------
    unit : str
        What the amount is.
    least, most : float
        The amount at severity 0 and 1; between them it grows evenly.
    make : callable
        From randomness and an amount to a picture and its payload.
    """

    unit: str
    least: float
    most: float
    make: Callable[[Random, float], tuple[Gray, bytes]]

    def amount(self, severity: float) -> float:
        """The amount at a severity."""
        return self.least + severity * (self.most - self.least)

    def __call__(self, random: Random, severity: float) -> tuple[Gray, bytes]:
        """A picture and its payload."""
        return self.make(random, self.amount(severity))


CONDITIONS: dict[str, Condition] = {
    "cylinder": Condition("side of the symbol / radius of the cylinder", 1 / 3, 2.0, _on_cylinder),
    "crumple": Condition("modules off the best plane, at most", 0.0, 2.0, _crumpled),
    "blur": Condition("sigma, modules", 0.0, 1.4, _out_of_focus),
    "motion": Condition("length, modules", 0.0, 2.5, _in_motion),
    "covered H": Condition("share covered, level H", 0.0, 0.3, functools.partial(_painted, "H")),
    "covered L": Condition("share covered, level L", 0.0, 0.08, functools.partial(_painted, "L")),
    "glare": Condition("radius of the white spot / side", 0.0, 0.35, _glaring),
}


@click.option(
    "--reader",
    "names",
    multiple=True,
    type=click.Choice(list(READERS)),
    help=f"Default: {', '.join(_DEFAULT)}; wechat where QRCASCADE_WECHAT_PYTHON is set.",
)
@click.option("--seeds", default=6, show_default=True, help="Pictures of each condition and severity.")
@click.option("--save", is_flag=True, help="Write docs/benchmarks/curves.md and curves.png.")
def curves(names: tuple[str, ...], seeds: int, save: bool) -> None:
    """Read rate against severity on made pictures, all readers on the same ones."""
    names = names or tuple(n for n in _DEFAULT if n != "wechat" or "QRCASCADE_WECHAT_PYTHON" in os.environ)
    rates = measured(names, seeds)
    text = "\n\n".join(_table(condition, rates[condition]) for condition in rates)
    click.echo(text)
    if save:
        picture = f"![curves]({_plot(rates, _DOCS / 'curves.png').name})"
        page = report.page("curves", _note(names, seeds), picture, text)
        (_DOCS / "curves.md").write_text(page, encoding="utf-8")


def measured(names: Sequence[str], seeds: int) -> Rates:
    """Every reader on every picture."""
    readers = {name: build(name) for name in names}
    rates: Rates = {condition: {name: [] for name in names} for condition in CONDITIONS}
    steps = [(condition, severity) for condition in CONDITIONS for severity in np.linspace(0, 1, _LEVELS)]
    for condition, severity in tqdm(steps, unit="step"):
        made = [picture(condition, float(severity), seed) for seed in range(seeds)]
        for name, read in readers.items():
            right = sum(says(read(gray), payload) for gray, payload in made)
            rates[condition][name].append(100 * right / seeds)
    return rates


def picture(condition: str, severity: float, seed: int) -> tuple[Gray, bytes]:
    """The picture of a condition and severity with a seed: the same symbol and view at every severity."""
    return CONDITIONS[condition](np.random.default_rng([seed, *condition.encode()]), severity)


def says(reading: Reading, payload: bytes) -> bool:
    """Whether the exact payload is among what was read."""
    text = charset.decode([(None, payload)])
    return any(o.text == text if o.data is None else o.data == payload for o in reading.outputs)


def _note(names: Sequence[str], seeds: int) -> str:
    left_out = (
        "" if "wechat" in names else " WeChat's reader was left out: it was not at hand, or not asked for."
    )
    return (
        f"Share of {seeds} pictures read, in per cent, at each of {_LEVELS} severities. One symbol each, "
        "versions 2 to 10, 4 to 6 pixels a module, slight perspective and noise. A picture counts where the "
        f"exact payload is among what was read.{left_out}"
    )


def _amounts(condition: str) -> list[float]:
    return [CONDITIONS[condition].amount(severity) for severity in np.linspace(0, 1, _LEVELS).tolist()]


def _table(condition: str, rates: Mapping[str, Sequence[float]]) -> str:
    """Markdown: a row a reader, a column an amount."""
    columns = " | ".join(f"{amount:.2g}" for amount in _amounts(condition))
    lines = [f"## {condition}", "", f"| {CONDITIONS[condition].unit} | {columns} | mean |"]
    lines.append("| --- |" + " ---: |" * (_LEVELS + 1))
    for name, row in rates.items():
        cells = " | ".join(f"{rate:.0f}" for rate in [*row, float(np.mean(row))])
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _plot(rates: Rates, path: Path) -> Path:
    """A panel a condition, a line a reader."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    columns = 3
    rows = -(-len(rates) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(4.2 * columns, 3.2 * rows), sharey=True, layout="constrained"
    )
    panels = list(axes.flat)
    for panel, (condition, by_reader) in zip(panels, rates.items(), strict=False):
        for name, row in by_reader.items():
            panel.plot(_amounts(condition), row, marker=".", label=name)
        panel.set(title=condition, xlabel=CONDITIONS[condition].unit, ylim=(-4, 104))
        panel.grid(alpha=0.3)
    for panel in panels[len(rates) :]:
        panel.axis("off")
    figure.supylabel("pictures read, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower right")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path

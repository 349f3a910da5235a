"""Kinds of fault that people report, each at several severities: the same made pictures for every reader."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import symbols
from benchmarks.canvas import CELL, Page, Random
from benchmarks.corpora import Picture
from benchmarks.options import option, saves
from benchmarks.readers import READERS, at_hand
from benchmarks.render import publish, table
from benchmarks.scoring import rates_by_name, read_in_turns
from qrcascade.image.frame import Gray

_DEFAULT = ("light", "zxing-cpp", "pyzbar", "opencv", "wechat")
# Side of the picture in pixels, samples to a pixel.
_SIZE, _OVERSAMPLE = 720, 4
_RED = (214.0, 30.0, 30.0)


@dataclass
class Sheet:
    """A picture with one symbol near its middle; a kind of fault changes it, and then it is drawn.

    Lengths are in modules, levels of gray 0 to 255. ``spoil`` changes the print, at `CELL` pixels a module;
    ``after`` the finished picture.
    """

    random: Random
    module: float = 5.0
    ink: float = 0.0
    paper: float = 255.0
    ground: float = 255.0
    quiet: int = symbols.QUIET
    shape: NDArray[np.float64] = field(default_factory=lambda: np.eye(2))
    spoil: Callable[[Page], Any] | None = None
    after: Callable[[Page], Page] | None = None
    payload: bytes = b""

    def __post_init__(self) -> None:
        self.payload = f"https://example.com/i/{self.random.integers(10**6):06d}".encode()
        level = "LMQH"[int(self.random.integers(4))]
        self.modules = symbols.dark(self.payload, error=level, mode="byte", boost_error=False)

    def draw(self) -> Gray:
        """Draw it: gray, or RGB where ``after`` made it so."""
        levels = np.where(np.pad(self.modules, self.quiet), self.ink, self.paper)
        art = np.kron(levels, np.ones((CELL, CELL))).astype(np.float32)
        if self.spoil:
            self.spoil(art)
        size = _SIZE * _OVERSAMPLE
        matrix = np.zeros((2, 3))
        matrix[:, :2] = _OVERSAMPLE * self.module / CELL * self.shape
        middle = size / 2 + self.random.uniform(0, _OVERSAMPLE, 2)
        matrix[:, 2] = middle - matrix[:, :2] @ np.full(2, len(art) / 2)
        page = np.full((size, size), self.ground, np.float32)
        cv2.warpAffine(art, matrix, (size, size), page, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        page = np.asarray(cv2.resize(page, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA))
        if self.after:
            page = self.after(page)
        return np.clip(np.round(page), 0, 255).astype(np.uint8)


def _turn(degrees: float) -> NDArray[np.float64]:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def _fade(sheet: Sheet, contrast: float, light: float = 255.0, print_: bool = False) -> None:
    """Print in a gray that differs from the paper's by this many levels, perhaps beside black print."""
    sheet.ink, sheet.paper, sheet.ground = light - contrast, light, light
    if print_:
        sheet.after = _write


def _write(page: Page) -> Page:
    printed = page.astype(np.uint8)
    for y in (22, 50, 680, 708):
        cv2.putText(printed, "INVOICE 2024-0117 TOTAL", (12, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2)
    return printed.astype(np.float32)


def _squash(sheet: Sheet, share: float, degrees: float) -> None:
    """Turn it, then make it lower by a share."""
    sheet.shape = np.diag([1.0, share]) @ _turn(degrees)


def _shear(sheet: Sheet, degrees: float) -> None:
    sheet.module, sheet.shape = 4.0, np.array([[1.0, np.tan(np.radians(degrees))], [0.0, 1.0]])


def _crop(sheet: Sheet, ground: float, invert: bool) -> None:
    """Leave no quiet zone, on a ground of this level."""
    sheet.quiet, sheet.ground = 0, ground
    if invert:
        sheet.ink, sheet.paper = 255.0, 0.0


def _invert(sheet: Sheet, module: float) -> None:
    sheet.module, sheet.ink, sheet.paper, sheet.ground = module, 255.0, 0.0, 0.0


def _stroke(sheet: Sheet, width: float, ink: Any, frame: bool = False) -> None:
    """Draw a line across two finder patterns, or a frame across all three."""

    def after(page: Page) -> Page:
        rgb = np.repeat(page[:, :, None], 3, axis=2)
        reach = sheet.module * (len(sheet.modules) / 2 - 3.5)
        low, high = (round(_SIZE / 2 + sign * reach) for sign in (-1, 1))
        thick = max(1, round(width * sheet.module))
        if frame:
            cv2.rectangle(rgb, (low, low), (high, high), ink, thick)
        else:
            cv2.line(rgb, (low - 40, low - slope), (high + 40, low + slope), ink, thick)
        return rgb

    slope = int(sheet.random.integers(-8, 9))
    sheet.after = after


def _stamp(sheet: Sheet, radius: float, ink: Any) -> None:
    """Cover one finder pattern by a disc."""
    corner = sheet.random.integers(3)

    def after(page: Page) -> Page:
        rgb = np.repeat(page[:, :, None], 3, axis=2)
        reach = sheet.module * (len(sheet.modules) / 2 - 3.5)
        x, y = ((-1, -1), (1, -1), (-1, 1))[corner]
        at = (round(_SIZE / 2 + x * reach), round(_SIZE / 2 + y * reach))
        cv2.circle(rgb, at, round(radius * sheet.module), ink, -1)
        return rgb

    sheet.after = after


def _colour(sheet: Sheet, difference: float, ink: Any, paper: Any) -> None:
    """Print in two colours whose luminances (ITU-R BT.601) differ by this much."""
    weights = np.array([0.299, 0.587, 0.114])
    dark, light = (np.array(colour, float) for colour in (ink, paper))
    light = light + (weights @ dark + difference - weights @ light)

    def after(page: Page) -> Page:
        share = page[:, :, None] / 255
        return np.asarray(dark + share * (light - dark), np.float32)

    sheet.after = after


def _shrink(sheet: Sheet, module: float) -> None:
    sheet.module = module


def _rotate(sheet: Sheet, degrees: float) -> None:
    sheet.module, sheet.shape = 3.0, _turn(degrees)


def _compress(sheet: Sheet, quality: float) -> None:
    sheet.module = 3.0
    sheet.after = lambda page: symbols.compressed(page.astype(np.uint8), round(quality)).astype(np.float32)


def _noise(sheet: Sheet, sigma: float) -> None:
    noise = sheet.random.normal(0, sigma, (_SIZE, _SIZE)).astype(np.float32)
    sheet.ink, sheet.paper, sheet.ground = 60.0, 200.0, 200.0
    sheet.after = lambda page: page + noise


def _grain(sheet: Sheet, sigma: float) -> None:
    """Add noise to the print alone."""
    sheet.ink, sheet.paper = 60.0, 200.0
    sheet.spoil = lambda art: np.add(
        art, sheet.random.normal(0, 3 * sigma, art.shape), out=art, casting="unsafe"
    )


def _speckle(sheet: Sheet, share: float) -> None:
    """Set a share of the pixels to black or white."""
    chance, level = sheet.random.random((_SIZE, _SIZE)), 255.0 * sheet.random.integers(0, 2, (_SIZE, _SIZE))
    sheet.after = lambda page: np.where(chance < share, level, page).astype(np.float32)


def _spread(sheet: Sheet, modules: float) -> None:
    """Let the ink spread by this much on every side, or shrink where it is negative."""
    width = round(2 * abs(modules) * CELL) + 1
    kernel = np.ones((width, width), np.uint8)
    change = cv2.erode if modules > 0 else cv2.dilate

    def spoil(art: Page) -> None:
        art[:] = change(art, kernel)

    sheet.spoil = spoil


def _dot(sheet: Sheet, diameter: float) -> None:
    """Print dots in the place of dark modules; finder patterns stay whole."""
    y, x = np.mgrid[:CELL, :CELL] - (CELL - 1) / 2
    dot = np.hypot(x, y) > diameter * CELL / 2
    count = len(sheet.modules)
    away = np.arange(count)
    low, high = away < 7, away >= count - 7
    whole = np.pad((low[:, None] & (low | high)) | (high[:, None] & low), sheet.quiet)
    gaps = np.tile(dot, (len(whole), len(whole))) & ~np.kron(whole, np.ones((CELL, CELL), bool))

    def spoil(art: Page) -> None:
        art[gaps] = sheet.paper

    sheet.spoil = spoil


def _lose_lines(sheet: Sheet, share: float) -> None:
    """Leave columns white, as a thermal head with dead elements does: so many of the print's columns."""

    def spoil(art: Page) -> None:
        art[:, sheet.random.random(art.shape[1]) < share] = sheet.paper

    sheet.spoil = spoil


def _tear(sheet: Sheet, shift: float) -> None:
    """Shift one half sideways, as a scanner that slips does."""

    def spoil(art: Page) -> None:
        half = len(art) // 2 + int(sheet.random.integers(-2, 3)) * CELL
        art[half:] = np.roll(art[half:], round(shift * CELL), axis=1)

    sheet.spoil = spoil


def _shadow(sheet: Sheet, share: float) -> None:
    """Cast a shadow with a hard edge across the middle that leaves this share of the light."""
    angle = sheet.random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:_SIZE, :_SIZE] - _SIZE / 2
    dim = np.where(np.cos(angle) * x + np.sin(angle) * y > 0, share, 1.0).astype(np.float32)
    sheet.ink, sheet.paper, sheet.ground = 40.0, 230.0, 230.0
    sheet.after = lambda page: page * dim


def _dither(sheet: Sheet, contrast: float) -> None:
    """Print by an ordered dither in black and white (Bayer's matrix of 4 x 4), at one dot a pixel."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8
    screen = np.tile(bayer, (_SIZE // 4, _SIZE // 4))
    sheet.ink, sheet.paper, sheet.ground = (128 + sign * contrast / 2 for sign in (-1, 1, 1))
    sheet.after = lambda page: np.where(page > screen, 255.0, 0.0).astype(np.float32)


def _pixelate(sheet: Sheet, module: float) -> None:
    """Enlarge a picture with modules of so many pixels threefold, without smoothing."""
    sheet.module = module

    def after(page: Page) -> Page:
        edge = round(_SIZE / 2 - module * (len(sheet.modules) / 2 + 6))
        part = page[edge:-edge, edge:-edge]
        return np.kron(part, np.ones((3, 3), np.float32))

    sheet.after = after


def _accompany(sheet: Sheet, amount: float, spoil: Callable[[Sheet, float], None]) -> None:
    """Put a clear, large symbol beside the one that counts."""
    spoil(sheet, amount)
    art = symbols.drawing(symbols.dark("https://example.com/first"), 6)

    def after(page: Page) -> Page:
        page[: len(art), : len(art)] = art
        return page

    sheet.after = after


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: the unit of its amounts, from mild to severe, and what makes a sheet so."""

    unit: str
    amounts: Sequence[float]
    spoil: Callable[[Sheet, float], None]

    def draw(self, seed: int, amount: float) -> tuple[Gray, bytes]:
        """Draw a picture, and return it with its payload; a seed has the same symbol at every amount."""
        sheet = Sheet(np.random.default_rng([seed, *self.unit.encode()]))
        self.spoil(sheet, amount)
        return sheet.draw(), sheet.payload


_CONTRASTS = (40, 22, 14, 10, 8, 6, 4)
_SHARES = (0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35)
_GROUNDS = (192, 128, 64, 32, 15, 0)
_WIDTHS = (0.5, 1, 1.5, 2, 2.5, 3)
_LUMINANCES = (60, 40, 25, 15, 8, 0)
_MAGENTA, _GREEN, _BLUE, _ORANGE = (200, 40, 200), (40, 160, 40), (60, 60, 230), (235, 130, 20)

KINDS: dict[str, Kind] = {
    "faint on white": Kind("gray levels", _CONTRASTS, _fade),
    "faint on gray": Kind("gray levels", _CONTRASTS, partial(_fade, light=128.0)),
    "faint beside print": Kind("gray levels", _CONTRASTS, partial(_fade, print_=True)),
    "turned 30°, squashed": Kind("height / width", _SHARES, partial(_squash, degrees=30.0)),
    "turned 45°, squashed": Kind("height / width", _SHARES, partial(_squash, degrees=45.0)),
    "sheared": Kind("degrees", (15, 27, 35, 42, 47, 52), _shear),
    "no quiet zone": Kind("level around it", _GROUNDS, partial(_crop, invert=False)),
    "inverted, no quiet zone": Kind("level around it", (64, 128, 192, 240, 255), partial(_crop, invert=True)),
    "inverted": Kind("pixels a module", (4, 3, 2, 1.75, 1.5, 1.25), _invert),
    "red line": Kind("modules", _WIDTHS, partial(_stroke, ink=_RED)),
    "black line": Kind("modules", _WIDTHS, partial(_stroke, ink=(0, 0, 0))),
    "red frame": Kind("modules", _WIDTHS, partial(_stroke, ink=_RED, frame=True)),
    "blue stamp": Kind("radius, modules", (1, 2, 3, 4, 5), partial(_stamp, ink=(40, 60, 200))),
    "black stamp": Kind("radius, modules", (1, 2, 3, 4, 5), partial(_stamp, ink=(0, 0, 0))),
    "white stamp": Kind("radius, modules", (1, 2, 3, 4, 5), partial(_stamp, ink=(255, 255, 255))),
    "magenta on green": Kind("luminance", _LUMINANCES, partial(_colour, ink=_MAGENTA, paper=_GREEN)),
    "blue on orange": Kind("luminance", _LUMINANCES, partial(_colour, ink=_BLUE, paper=_ORANGE)),
    "small": Kind("pixels a module", (3, 2, 1.75, 1.5, 1.25, 1.1, 1), _shrink),
    "turned": Kind("degrees, 3 pixels a module", (5, 10, 20, 30, 45), _rotate),
    "JPEG": Kind("quality, 3 pixels a module", (50, 30, 20, 10, 5, 2), _compress),
    "noise": Kind("gray levels", (20, 40, 60, 90, 120, 150), _noise),
    "speckle": Kind("share of pixels", (0.02, 0.05, 0.1, 0.2, 0.3, 0.4), _speckle),
    "ink spread": Kind("modules a side", (0.1, 0.2, 0.25, 0.3, 0.35, 0.4), _spread),
    "ink lost": Kind("modules a side", (-0.1, -0.2, -0.25, -0.3, -0.35, -0.4), _spread),
    "dots": Kind("diameter, modules", (0.8, 0.6, 0.5, 0.4, 0.3, 0.25), _dot),
    "dead columns": Kind("share of columns", (0.1, 0.2, 0.35, 0.5, 0.6, 0.7), _lose_lines),
    "slipped": Kind("modules", (0.5, 1, 1.5, 2, 3, 4), _tear),
    "hard shadow": Kind("light left", (0.5, 0.3, 0.2, 0.15, 0.1, 0.05), _shadow),
    "dithered": Kind("gray levels", (255, 200, 150, 100, 70, 50), _dither),
    "second, small": Kind(
        "pixels a module beside", (3, 2, 1.75, 1.5, 1.25), partial(_accompany, spoil=_shrink)
    ),
    "second, faint": Kind("gray levels beside", _CONTRASTS, partial(_accompany, spoil=_fade)),
    "second, noisy": Kind("gray levels of noise", (20, 40, 60, 80, 100), partial(_accompany, spoil=_grain)),
    "enlarged": Kind("pixels a module before", (2, 1.75, 1.5, 1.25, 1.1, 1), _pixelate),
}


@click.command()
@click.option(
    "--reader", "names", multiple=True, type=click.Choice(list(READERS)), help="Default: all of them."
)
@click.option("--kind", "kinds_", multiple=True, type=click.Choice(list(KINDS)), help="Default: all of them.")
@option("--seeds", default=4, text="Pictures of each kind and severity.")
@saves("kinds")
def kinds(names: tuple[str, ...], kinds_: tuple[str, ...], seeds: int, save: bool) -> None:
    """Read rate by kind of fault and severity, and where a peer reads more than the first reader."""
    names = names or at_hand(_DEFAULT)
    parts: list[str] = []
    behind: list[str] = []
    rates = measure(names, kinds_ or tuple(KINDS), seeds)
    for kind, by_reader in rates.items():
        amounts = KINDS[kind].amounts
        columns = [KINDS[kind].unit, *(f"{amount:g} {{:.0f}}" for amount in amounts), "mean {:.0f}"]
        rows = ([name, *row, np.mean(row)] for name, row in by_reader.items())
        parts += [f"## {kind}", table(columns, rows)]
        behind += _behind(kind, by_reader)
    note = f"Share of {seeds} pictures whose exact payload is read, in per cent."
    listed = "\n".join(behind) or f"No peer reads more than {names[0]} in any of them."
    publish("kinds", [note, listed, *parts], save=save, title="Kinds of fault")


def measure(names: Sequence[str], chosen: Sequence[str], seeds: int) -> dict[str, dict[str, list[float]]]:
    """Measure the share that each reader reads: of kind and reader, one for each amount, in per cent."""
    return rates_by_name(read_in_turns(names, list(_pictures(chosen, seeds)), "kinds"))


def _pictures(chosen: Sequence[str], seeds: int) -> Iterator[Picture]:
    for kind in chosen:
        for amount, seed in itertools.product(KINDS[kind].amounts, range(seeds)):
            draw = partial(KINDS[kind].draw, seed, amount)
            yield Picture(lambda draw=draw: draw()[0], f"{amount:g}", kind, payload=draw()[1])  # type: ignore[misc]


def _behind(kind: str, by_reader: dict[str, list[float]]) -> Iterator[str]:
    """Yield a line for each amount at which a peer reads more than the first reader."""
    first, *peers = by_reader
    for i, amount in enumerate(KINDS[kind].amounts):
        better = [
            f"{peer} {by_reader[peer][i]:.0f}" for peer in peers if by_reader[peer][i] > by_reader[first][i]
        ]
        if better:
            yield f"- {kind}, {amount:g}: {first} {by_reader[first][i]:.0f}, {', '.join(better)}"

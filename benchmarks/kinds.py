"""Kinds of fault that people report: what each changes of a sheet, and its amounts from mild to severe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import symbols
from benchmarks.deformed import find_finders
from benchmarks.sheets import SIZE, Changes, Kind, Sheet
from benchmarks.symbols import CELL, Page


def _turn(degrees: float) -> NDArray[np.float64]:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def _levels(ink: float, paper: float) -> Changes:
    return {"ink": ink, "paper": paper, "ground": paper}


def _fade(_: Sheet, contrast: float, light: float = 255.0) -> Changes:
    """Print in a gray that differs from the paper's by this many levels."""
    return _levels(light - contrast, light)


def _write(page: Page) -> Page:
    printed = page.astype(np.uint8)
    for y in (22, 50, 680, 708):
        cv2.putText(printed, "INVOICE 2024-0117 TOTAL", (12, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2)
    return printed.astype(np.float32)


def _squash(degrees: float, _: Sheet, share: float) -> Changes:
    """Turn it, then make it lower by a share."""
    return {"shape": np.diag([1.0, share]) @ _turn(degrees)}


def _shear(_: Sheet, degrees: float) -> Changes:
    return {"module": 4.0, "shape": np.array([[1.0, np.tan(np.radians(degrees))], [0.0, 1.0]])}


def _in_colour(paint: Callable[[Page], object]) -> Changes:
    """Paint on the finished picture."""

    def after(page: Page) -> Page:
        rgb = np.repeat(page[:, :, None], 3, axis=2)
        paint(rgb)
        return rgb

    return {"after": after}


def _stroke(ink: Any, frame: bool, sheet: Sheet, width: float) -> Changes:
    """Draw a line across two finder patterns, or a frame across all three."""
    slope = int(sheet.random.integers(-8, 9))
    low, high = (round(SIZE / 2 + sign * sheet.reach) for sign in (-1, 1))
    thick = max(1, round(width * sheet.module))
    if frame:
        return _in_colour(lambda rgb: cv2.rectangle(rgb, (low, low), (high, high), ink, thick))
    ends = (low - 40, low - slope), (high + 40, low + slope)
    return _in_colour(lambda rgb: cv2.line(rgb, *ends, ink, thick))


def _stamp(ink: Any, sheet: Sheet, radius: float) -> Changes:
    """Cover one finder pattern by a disc."""
    x, y = ((-1, -1), (1, -1), (-1, 1))[sheet.random.integers(3)]
    at = (round(SIZE / 2 + x * sheet.reach), round(SIZE / 2 + y * sheet.reach))
    return _in_colour(lambda rgb: cv2.circle(rgb, at, round(radius * sheet.module), ink, -1))


def _label(ink: Any, sheet: Sheet, side: float) -> Changes:
    """Cover the middle by a square."""
    low, high = (round(SIZE / 2 + sign * side * sheet.module / 2) for sign in (-1, 1))
    return _in_colour(lambda rgb: cv2.rectangle(rgb, (low, low), (high, high), ink, -1))


def _colour(ink: Any, paper: Any, _: Sheet, difference: float) -> Changes:
    """Print in two colours whose luminances (ITU-R BT.601) differ by this much."""
    weights = np.array([0.299, 0.587, 0.114])
    dark, light = (np.array(colour, float) for colour in (ink, paper))
    light = light + (weights @ dark + difference - weights @ light)
    return {"after": lambda page: np.asarray(dark + page[:, :, None] / 255 * (light - dark), np.float32)}


def _compress(_: Sheet, quality: float) -> Changes:
    def after(page: Page) -> Page:
        return symbols.compressed(page.astype(np.uint8), round(quality)).astype(np.float32)

    return {"module": 3.0, "after": after}


def _noise(sheet: Sheet, sigma: float) -> Changes:
    noise = sheet.random.normal(0, sigma, (SIZE, SIZE)).astype(np.float32)
    return {**_levels(60.0, 200.0), "after": lambda page: page + noise}


def _grain(sheet: Sheet, sigma: float) -> Changes:
    """Add noise to the print alone."""

    def spoil(art: Page) -> None:
        art += sheet.random.normal(0, 3 * sigma, art.shape)

    return {"ink": 60.0, "paper": 200.0, "spoil": spoil}


def _speckle(sheet: Sheet, share: float) -> Changes:
    """Set a share of the pixels to black or white."""
    chance, level = sheet.random.random((SIZE, SIZE)), 255.0 * sheet.random.integers(0, 2, (SIZE, SIZE))
    return {"after": lambda page: np.where(chance < share, level, page).astype(np.float32)}


def _spread(_: Sheet, modules: float) -> Changes:
    """Let the ink spread by this much on every side, or shrink where it is negative."""
    width = round(2 * abs(modules) * CELL) + 1
    change = cv2.erode if modules > 0 else cv2.dilate

    def spoil(art: Page) -> None:
        art[:] = change(art, np.ones((width, width), np.uint8))

    return {"spoil": spoil}


def _dot(sheet: Sheet, diameter: float) -> Changes:
    """Print dots in the place of dark modules; finder patterns stay whole."""
    y, x = np.mgrid[:CELL, :CELL] - (CELL - 1) / 2
    dot = np.hypot(x, y) > diameter * CELL / 2
    whole = np.pad(find_finders(len(sheet.modules), 7), sheet.quiet)
    gaps = np.tile(dot, whole.shape) & ~np.kron(whole, np.ones((CELL, CELL), bool))
    return {"spoil": lambda art: np.copyto(art, sheet.paper, where=gaps)}


def _lose_lines(sheet: Sheet, share: float) -> Changes:
    """Leave this share of the print's columns white, as a thermal head with dead elements does."""
    return {"spoil": lambda art: np.copyto(art, sheet.paper, where=sheet.random.random(art.shape[1]) < share)}


def _tear(sheet: Sheet, shift: float) -> Changes:
    """Shift one half sideways, as a scanner that slips does."""

    def spoil(art: Page) -> None:
        half = len(art) // 2 + int(sheet.random.integers(-2, 3)) * CELL
        art[half:] = np.roll(art[half:], round(shift * CELL), axis=1)

    return {"spoil": spoil}


def _shadow(sheet: Sheet, share: float) -> Changes:
    """Cast a shadow with a hard edge across the middle that leaves this share of the light."""
    angle = sheet.random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    dim = np.where(np.cos(angle) * x + np.sin(angle) * y > 0, share, 1.0).astype(np.float32)
    return {**_levels(40.0, 230.0), "after": lambda page: page * dim}


def _dither(_: Sheet, contrast: float) -> Changes:
    """Print by an ordered dither in black and white (Bayer's matrix of 4 x 4), at one dot a pixel."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16 + 8
    screen = np.tile(bayer, (SIZE // 4, SIZE // 4))
    levels = _levels(128 - contrast / 2, 128 + contrast / 2)
    return {**levels, "after": lambda page: np.where(page > screen, 255.0, 0.0).astype(np.float32)}


def _pixelate(sheet: Sheet, module: float) -> Changes:
    """Enlarge a picture threefold, without smoothing, from modules this many pixels wide."""
    edge = round(SIZE / 2 - module * (len(sheet.modules) / 2 + 6))
    threefold = np.ones((3, 3), np.float32)
    return {"module": module, "after": lambda page: np.kron(page[edge:-edge, edge:-edge], threefold)}


def _accompany(how: Callable[[Sheet, float], Changes], sheet: Sheet, amount: float) -> Changes:
    """Put a clear, large symbol beside the one that counts."""
    art = symbols.drawing(symbols.dark("https://example.com/first"), 6)

    def after(page: Page) -> Page:
        page[: len(art), : len(art)] = art
        return page

    return {**how(sheet, amount), "after": after}


def _one(name: str, **others: Any) -> Callable[[Sheet, float], Changes]:
    """Return what gives the amount to one field, and fixed values to others."""
    return lambda _, amount: {name: amount, **others}


def _inverted(_: Sheet, module: float) -> Changes:
    return {"module": module, **_levels(255.0, 0.0)}


_CONTRASTS = (40, 22, 14, 10, 8, 6, 4)
_SHARES = (0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35)
_WIDTHS = (0.5, 1, 1.5, 2, 2.5, 3)
_RADII = (1, 2, 3, 4, 5)
_SIDES = (5, 7, 9, 11, 12, 13, 14, 15)
_LUMINANCES = (60, 40, 25, 15, 8, 0)
_SIZES = (2, 1.75, 1.5, 1.25)
_RED, _BLUE_INK, _BLACK, _WHITE = (214.0, 30.0, 30.0), (40, 60, 200), (0, 0, 0), (255, 255, 255)
_MAGENTA, _GREEN, _BLUE, _ORANGE = (200, 40, 200), (40, 160, 40), (60, 60, 230), (235, 130, 20)
_WHITE_QUIET = _one("ground", quiet=0)
_BLACK_QUIET = _one("ground", quiet=0, ink=255.0, paper=0.0)

KINDS: dict[str, Kind] = {
    "faint on white": Kind("gray levels", _CONTRASTS, _fade),
    "faint on gray": Kind("gray levels", _CONTRASTS, partial(_fade, light=128.0)),
    "faint beside print": Kind(
        "gray levels", _CONTRASTS, lambda sheet, levels: {**_fade(sheet, levels), "after": _write}
    ),
    "turned 30°, squashed": Kind("height / width", _SHARES, partial(_squash, 30.0)),
    "turned 45°, squashed": Kind("height / width", _SHARES, partial(_squash, 45.0)),
    "sheared": Kind("degrees", (15, 27, 35, 42, 47, 52), _shear),
    "no quiet zone": Kind("level around it", (192, 128, 64, 32, 15, 0), _WHITE_QUIET),
    "inverted, no quiet zone": Kind("level around it", (64, 128, 192, 240, 255), _BLACK_QUIET),
    "inverted": Kind("pixels a module", (4, 3, *_SIZES), _inverted),
    "red line": Kind("modules", _WIDTHS, partial(_stroke, _RED, False)),
    "black line": Kind("modules", _WIDTHS, partial(_stroke, _BLACK, False)),
    "red frame": Kind("modules", _WIDTHS, partial(_stroke, _RED, True)),
    "blue stamp": Kind("radius, modules", _RADII, partial(_stamp, _BLUE_INK)),
    "black stamp": Kind("radius, modules", _RADII, partial(_stamp, _BLACK)),
    "white stamp": Kind("radius, modules", _RADII, partial(_stamp, _WHITE)),
    "white label": Kind("modules", _SIDES, partial(_label, _WHITE)),
    "black label": Kind("modules", _SIDES, partial(_label, _BLACK)),
    "red label": Kind("modules", _SIDES, partial(_label, _RED)),
    "magenta on green": Kind("luminance", _LUMINANCES, partial(_colour, _MAGENTA, _GREEN)),
    "blue on orange": Kind("luminance", _LUMINANCES, partial(_colour, _BLUE, _ORANGE)),
    "small": Kind("pixels a module", (3, *_SIZES, 1.1, 1), _one("module")),
    "turned": Kind(
        "degrees, 3 pixels a module",
        (5, 10, 20, 30, 45),
        lambda _, degrees: {"module": 3.0, "shape": _turn(degrees)},
    ),
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
    "second, small": Kind("pixels a module beside", (3, *_SIZES), partial(_accompany, _one("module"))),
    "second, faint": Kind("gray levels beside", _CONTRASTS, partial(_accompany, _fade)),
    "second, noisy": Kind("gray levels of noise", (20, 40, 60, 80, 100), partial(_accompany, _grain)),
    "enlarged": Kind("pixels a module before", (*_SIZES, 1.1, 1), _pixelate),
}

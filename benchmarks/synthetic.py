"""Pictures made from a seed: the conditions that invoice apps meet, in graded severity.

Every picture is a function of (condition, severity, seed): the same on every machine with the same
versions of numpy, OpenCV and segno. Severity runs from 0 (easy) to 1 (at the edge of what a
sharp picture of that size can hold).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from benchmarks.symbols import CELL, ZONE, Canvas, Drawn, Page, Random
from qrcascade.image.frame import Gray


def payload(random: Random, length: int = 0) -> bytes:
    """Return a payload as invoices carry them; at least ``length`` bytes where that is given."""
    token = base64.urlsafe_b64encode(random.bytes(max(18, length))).decode()
    total = f"{random.integers(1, 9999)}.{random.integers(0, 100):02}"
    number = int(random.integers(10_000, 99_999))
    kinds = [
        f"https://example.com/verify?invoice={number}&total={total}&token={token}",
        base64.b64encode(json.dumps({"id": number, "total": total, "sig": token}).encode()).decode(),
        base64.b64encode(_tlv(["Müller & Söhne", "310122393500003", "2026-11-22", total, token])).decode(),
        "\r\n".join(
            ["SPC", "0200", "1", "CH5800791123000889012", "S", "Grüße AG", f"{number}", total, "CHF", token]
        ),
        f"BCD\n002\n1\nSCT\n\nJörg Äpfel\nDE02120300000000202051\nEUR{total}\n\n\n{token}",
        f"{number}|2026-11-22|{total}|EUR|{token}",
    ]
    return kinds[int(random.integers(len(kinds)))].encode()


def _tlv(values: list[str]) -> bytes:
    """Encode tag, length, value, as fiscal receipts do."""
    fields = (value.encode() for value in values)
    return b"".join(bytes([tag, len(field)]) + field for tag, field in enumerate(fields, 1))


def _middle(canvas: Canvas, side: float) -> tuple[float, float]:
    """Return a place where a symbol of this side fits."""
    height, width = canvas.page.shape
    margin = side * 0.9
    x, y = (canvas.random.uniform(min(margin, n / 2), max(n - margin, n / 2)) for n in (width, height))
    return float(x), float(y)


def _page(random: Random, width: int, height: int, side: float, **options: Any) -> Canvas:
    canvas = Canvas(random, width, height)
    canvas.text(max(0.5, width / 1600))
    place = _middle(canvas, side)
    canvas.symbol(payload(random), side, place, turn=random.uniform(-8, 8), **options)
    return canvas


def _small(random: Random, severity: float) -> Drawn:
    version = int(random.integers(10, 21))
    module = 4 - 2.4 * severity
    side = min(199.0, module * (17 + 4 * version))
    width, height = [(1200, 1600), (2448, 3264), (3000, 4000)][int(random.integers(3))]
    canvas = Canvas(random, width, height)
    canvas.text(1.0)
    # Versions whose symbol would not fit 199 pixels at this module size give way to smaller ones.
    version = max(10, min(version, int((side / module - 17) // 4)))
    canvas.symbol(payload(random, 60), module * (17 + 4 * version), _middle(canvas, 250), version=version)
    return canvas.finish(blur=0.2 + 0.4 * severity, noise=2, quality=round(90 - 30 * severity))


def _covered(random: Random, severity: float) -> Drawn:
    def cover(art: Page) -> None:
        width = len(art) - 2 * ZONE
        side = np.sqrt(0.04 + 0.24 * severity) * width
        # Finder patterns stay: what covers them leaves nothing to find.
        x, y = random.uniform(0.35, 0.95) * width, random.uniform(0.35, 0.95) * width
        left, top = int(ZONE + min(x, width - side)), int(ZONE + min(y, width - side))
        art[top : top + int(side), left : left + int(side)] = random.choice([20, 120, 245])

    return _page(random, 900, 1200, 300, level="H", change=cover, tilt=0.03).finish(blur=0.6)


def _several(random: Random, severity: float) -> Drawn:
    canvas = Canvas(random, 1500, 2000)
    canvas.text(1.0)
    side = 240 - 140 * severity
    for row in range(2):
        for column in range(2 + round(severity)):
            place = (300 + 450 * column, 500 + 900 * row)
            canvas.symbol(payload(random), side, place, turn=random.uniform(0, 360), tilt=0.04)
    return canvas.finish(blur=0.7, shade=0.3 + 0.4 * severity)


def _damaged(random: Random, severity: float) -> Drawn:
    def scratch(art: Page) -> None:
        for _ in range(1 + round(6 * severity)):
            start, stop = (tuple(int(v) for v in random.integers(0, len(art), 2)) for _ in range(2))
            cv2.line(art, start, stop, float(random.choice([30, 240])), 4 + round(5 * severity))

    return _page(random, 900, 1200, 300, level="Q", change=scratch, tilt=0.03).finish(blur=0.7, noise=4)


def _receipt(random: Random, severity: float) -> Drawn:
    """Draw thermal print re-compressed by a messenger: 720x1280, a version 15 symbol of 175 pixels."""
    canvas = Canvas(random, 720, 1280)
    canvas.text(0.7)
    data, place = payload(random, 150), _middle(canvas, 175)
    canvas.symbol(data, 175, place, version=15, turn=random.uniform(-3, 3), level="L")
    return canvas.finish(blur=0.3 + 0.5 * severity, shade=0.4, noise=2, quality=round(75 - 20 * severity))


def _unreadable(random: Random, severity: float) -> Drawn:
    """Return a symbol blurred beyond repair: the right answer is nothing."""
    canvas = _page(random, 1536, 2048, 160 - 60 * severity)
    return replace(canvas.finish(blur=6 + 4 * severity, noise=6, quality=70), quads=(), payloads=())


Kinds = dict[str, Callable[[Random, float], Drawn]]
CONDITIONS: Kinds = {
    "sharp": lambda r, s: _page(r, 1200, 1600, 500 - 400 * s, tilt=0.1 * s).finish(quality=95),
    "blur": lambda r, s: _page(r, 900, 1200, 260, tilt=0.04).finish(blur=1.0 + 3.5 * s, noise=3),
    "small": _small,
    "shade": lambda r, s: _page(r, 900, 1200, 280, tilt=0.05).finish(
        blur=1.2, shade=0.5 + 0.48 * s, noise=3 + 5 * s
    ),
    "covered": _covered,
    "several": _several,
    "damaged": _damaged,
}
SCENARIOS: Kinds = {
    "receipt": _receipt,
    "invoice": lambda r, s: _page(r, 1240, 1754, 400, tilt=0.01 * s).finish(noise=1, quality=92),
    "phone": lambda r, s: _page(r, 1536, 2048, 250, tilt=0.06).finish(
        blur=1.2 + 2.0 * s, shade=0.5 + 0.4 * s, noise=4, quality=75
    ),
    "distant": lambda r, s: _page(r, 3840, 2160, 180, tilt=0.03).finish(
        blur=0.8 + 1.0 * s, shade=0.4, noise=4, quality=75
    ),
    "unreadable": _unreadable,
}


def _fill(canvas: Canvas, size: tuple[int, int], most: tuple[int, int]) -> None:
    """Draw something other than a symbol at (x, y) below ``most``: modules, bars, a halftone, a texture."""
    random, (width, height) = canvas.random, size
    x, y = (int(random.integers(0, limit)) for limit in most)
    cell = int(random.integers(2, 12))
    rows, columns = -(-height // cell), -(-width // cell)
    kind = random.integers(4)
    if kind == 0:
        dark = np.kron(random.integers(0, 2, (rows, columns)), np.ones((cell, cell)))[:height, :width]
    elif kind == 1:
        bars = np.repeat(random.integers(0, 2, columns), cell)[:width]
        dark = np.broadcast_to(bars, (height, width)).astype(float)
    elif kind == 2:
        dark = (np.indices((height, width)).sum(axis=0) // cell % 2).astype(float)
    else:
        dark = np.asarray(cv2.GaussianBlur(random.random((height, width)), (0, 0), cell / 2))
    box = canvas.page[y : y + height, x : x + width]
    box[:] = (dark * 220 + 20)[: box.shape[0], : box.shape[1]]


def page(seed: int) -> Gray:
    """Return a page without a symbol, RGB: print, ruled boxes, halftones, bar patterns, texture and noise."""
    random = np.random.default_rng([seed, 0])
    canvas = Canvas(random, int(random.integers(500, 1400)), int(random.integers(500, 1800)))
    canvas.text(random.uniform(0.4, 1.2))
    height, width = canvas.page.shape
    for _ in range(int(random.integers(0, 6))):
        w, h = (int(random.integers(30, 300)) for _ in range(2))
        _fill(canvas, (w, h), (width - 30, height - 30))
    return canvas.finish(
        blur=random.uniform(0, 2), shade=random.uniform(0, 0.7), noise=random.uniform(0, 12)
    ).rgb


def large_page(size: tuple[int, int], seed: int, *, filled: bool) -> Gray:
    """Draw a page of (width, height) without a symbol, RGB: print, and if ``filled`` what `page` has too."""
    width, height = size
    random = np.random.default_rng([seed, width, height, filled])
    canvas = Canvas(random, width, height)
    canvas.text(max(0.5, width / 1600))
    for _ in range(5 if filled else 0):
        w, h = (int(random.integers(60, 500)) for _ in range(2))
        _fill(canvas, (w, h), (width - w, height - h))
    return canvas.finish(blur=random.uniform(0, 2), shade=0.4, noise=4, quality=75).rgb


def small_code(size: tuple[int, int], side: float, seed: int, *, blur: float, spoilt: bool) -> Drawn:
    """Draw a symbol ``side`` pixels wide on a page of (width, height); ``spoilt`` covers a finder pattern."""
    random = np.random.default_rng([seed, *size, round(blur * 1000), spoilt])

    def paint(art: Page) -> None:
        low, high, width = ZONE, len(art) - ZONE - 7 * CELL, 7 * CELL
        y, x = ((low, low), (low, high), (high, low))[int(random.integers(3))]
        art[y : y + width, x : x + width] = random.choice([25, 120, 245])

    canvas = _page(random, *size, side, tilt=0.03, level="Q", change=paint if spoilt else None)
    return canvas.finish(blur=blur, shade=0.4, noise=4, quality=75)


def draw(condition: str, severity: float, seed: int) -> Drawn:
    """Make one picture of a condition or scenario; another seed gives another of the same kind.

    Severity is 0 to 1, and up to 1.2 (shade: 2) for what is worse than the grades.
    """
    random = np.random.default_rng([seed, round(severity * 1000), *condition.encode()])
    return (CONDITIONS | SCENARIOS)[condition](random, severity)

"""Pictures made from a seed: the conditions that invoice apps meet, in graded severity.

Every picture is a function of (condition, severity, seed): the same on every machine with the same
versions of numpy, OpenCV and segno. Symbols are drawn at three times the final size, warped, and
averaged down, as a camera's pixels do. Severity runs from 0 (easy) to 1 (at the edge of what a
sharp picture of that size can hold).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

from qrcascade import Quad
from qrcascade.image.frame import Gray

__all__ = ["CONDITIONS", "SCENARIOS", "Drawn", "draw", "large_page", "page", "small_code"]

Random = np.random.Generator
Page = NDArray[np.float32]

_OVERSAMPLE = 3
_WORDS = [
    "TOTAL",
    "VAT",
    "INVOICE",
    "ITEM",
    "CASH",
    "DATE",
    "ORDER",
    "TABLE",
    "CARD",
    "CHANGE",
    "THANK",
    "YOU",
]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A made picture and its truth.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The picture.
    quads : tuple of Quad
        Outlines of its symbols.
    payloads : tuple of bytes
        What they say, in the same order.
    """

    rgb: Gray
    quads: tuple[Quad, ...]
    payloads: tuple[bytes, ...]


def payload(random: Random, length: int = 0) -> bytes:
    """A payload as invoices carry them; at least ``length`` bytes where that is given."""
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
    """Tag, length, value: as fiscal receipts have it."""
    fields = (value.encode() for value in values)
    return b"".join(bytes([tag, len(field)]) + field for tag, field in enumerate(fields, 1))


class _Canvas:
    """A page that symbols are placed on."""

    def __init__(self, random: Random, width: int, height: int) -> None:
        self.random = random
        self.page = np.full((height, width), random.uniform(225, 250), np.float32)
        self.quads: list[Quad] = []
        self.payloads: list[bytes] = []

    def text(self, scale: float) -> None:
        """Fill the page with lines of print."""
        height, width = self.page.shape
        line = int(38 * scale)
        printed = self.page.astype(np.uint8)
        for y in range(line, height - line, line):
            words = " ".join(self.random.choice(_WORDS, int(self.random.integers(1, 6))))
            x = int(self.random.integers(10, max(11, width // 4)))
            thick = max(1, round(scale * 1.5))
            cv2.putText(printed, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 50, thick, cv2.LINE_AA)
        self.page = printed.astype(np.float32)

    def symbol(
        self,
        data: bytes,
        side: float,
        center: tuple[float, float],
        *,
        version: int | None = None,
        level: str = "M",
        turn: float = 0.0,
        tilt: float = 0.0,
        change: Callable[[Page], None] | None = None,
    ) -> None:
        """Place a symbol ``side`` pixels wide; ``change`` may spoil its modules (drawn at 8 px)."""
        code = segno.make(data, version=version, error=level, micro=False, boost_error=False)
        dark = np.array([[bool(v) for v in row] for row in code.matrix])
        art = np.where(np.kron(np.pad(dark, 4), np.ones((8, 8))) > 0, 25, 245).astype(np.float32)
        if change is not None:
            change(art)
        modules = len(dark)
        half = side / 2
        corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
        corners *= 1 + tilt * self.random.uniform(-1, 1, (4, 1))
        angle = np.radians(turn)
        spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = corners @ spin.T + center
        low, high = 4 * 8 - 0.5, (4 + modules) * 8 - 0.5
        source = np.array([[low, low], [high, low], [high, high], [low, high]], np.float32)
        self._paint(art, source, corners)
        self.quads.append(Quad.of(corners))
        self.payloads.append(data)

    def _paint(self, art: Page, source: NDArray[np.float32], corners: NDArray[np.float64]) -> None:
        """Warp onto the page at a multiple of its resolution, and average down."""
        reach = np.ptp(corners, axis=0).max() * 0.3 + 4
        left, top = np.maximum(0, np.floor(corners.min(axis=0) - reach)).astype(int)
        limit = np.array(self.page.shape[::-1])
        right, bottom = np.minimum(limit, np.ceil(corners.max(axis=0) + reach)).astype(int)
        k = _OVERSAMPLE
        target = ((corners - (left, top) + 0.5) * k - 0.5).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(source, target)
        size = (int(right - left) * k, int(bottom - top) * k)
        area = np.ascontiguousarray(self.page[top:bottom, left:right])
        big = cv2.resize(area, size, interpolation=cv2.INTER_NEAREST)
        cv2.warpPerspective(art, matrix, size, big, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT)
        self.page[top:bottom, left:right] = cv2.resize(big, area.shape[::-1], interpolation=cv2.INTER_AREA)

    def finish(
        self, *, blur: float = 0.0, shade: float = 0.0, noise: float = 2.0, quality: int = 85
    ) -> Drawn:
        """Blur (sigma in pixels), uneven light (0 to 1), noise (levels) and JPEG."""
        page: Page = self.page
        height, width = page.shape
        if blur > 0:
            page = np.asarray(cv2.GaussianBlur(page, (0, 0), blur), np.float32)
        if shade > 0:
            x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
            angle = self.random.uniform(0, 2 * np.pi)
            ramp = (np.cos(angle) * x + np.sin(angle) * y) / 1.4
            spot = np.exp(
                -((x - self.random.uniform(-0.5, 0.5)) ** 2 + (y - self.random.uniform(-0.5, 0.5)) ** 2) * 4
            )
            page = page * (1 - shade * (0.5 + 0.45 * ramp) - 0.3 * shade * spot).astype(np.float32)
        page = page + self.random.normal(0, noise, page.shape).astype(np.float32)
        gray = np.clip(page, 0, 255).astype(np.uint8)
        coded = cv2.imencode(
            ".jpg", cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
        )[1]
        rgb = cv2.cvtColor(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
        return Drawn(rgb.astype(np.uint8), tuple(self.quads), tuple(self.payloads))


def _middle(canvas: _Canvas, side: float) -> tuple[float, float]:
    """A place where a symbol of this side fits."""
    height, width = canvas.page.shape
    margin = side * 0.9
    x, y = (canvas.random.uniform(min(margin, n / 2), max(n - margin, n / 2)) for n in (width, height))
    return float(x), float(y)


def _page(random: Random, width: int, height: int, side: float, **options: object) -> _Canvas:
    canvas = _Canvas(random, width, height)
    canvas.text(max(0.5, width / 1600))
    place = _middle(canvas, side)
    canvas.symbol(payload(random), side, place, turn=random.uniform(-8, 8), **options)  # type: ignore[arg-type]
    return canvas


def _sharp(random: Random, severity: float) -> Drawn:
    return _page(random, 1200, 1600, 500 - 400 * severity, tilt=0.1 * severity).finish(quality=95)


def _blur(random: Random, severity: float) -> Drawn:
    return _page(random, 900, 1200, 260, tilt=0.04).finish(blur=1.0 + 3.5 * severity, noise=3)


def _small(random: Random, severity: float) -> Drawn:
    version = int(random.integers(10, 21))
    module = 4 - 2.4 * severity
    side = min(199.0, module * (17 + 4 * version))
    width, height = [(1200, 1600), (2448, 3264), (3000, 4000)][int(random.integers(3))]
    canvas = _Canvas(random, width, height)
    canvas.text(1.0)
    # Versions whose symbol would not fit 199 pixels at this module size give way to smaller ones.
    version = max(10, min(version, int((side / module - 17) // 4)))
    canvas.symbol(payload(random, 60), module * (17 + 4 * version), _middle(canvas, 250), version=version)
    return canvas.finish(blur=0.2 + 0.4 * severity, noise=2, quality=round(90 - 30 * severity))


def _shade(random: Random, severity: float) -> Drawn:
    return _page(random, 900, 1200, 280, tilt=0.05).finish(
        blur=1.2, shade=0.5 + 0.48 * severity, noise=3 + 5 * severity
    )


def _covered(random: Random, severity: float) -> Drawn:
    def cover(art: Page) -> None:
        width = art.shape[0] - 64
        w = h = np.sqrt(0.04 + 0.24 * severity) * width
        # Finder patterns stay: what covers them leaves nothing to find.
        x, y = random.uniform(0.35, 0.95) * width, random.uniform(0.35, 0.95) * width
        left, top = int(32 + min(x, width - w)), int(32 + min(y, width - h))
        art[top : top + int(h), left : left + int(w)] = random.choice([20, 120, 245])

    return _page(random, 900, 1200, 300, level="H", change=cover, tilt=0.03).finish(blur=0.6)


def _several(random: Random, severity: float) -> Drawn:
    canvas = _Canvas(random, 1500, 2000)
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
    """Thermal print re-compressed by a messenger: 720x1280, a version 15 symbol of 175 pixels."""
    canvas = _Canvas(random, 720, 1280)
    canvas.text(0.7)
    canvas.symbol(
        payload(random, 150), 175, _middle(canvas, 175), version=15, turn=random.uniform(-3, 3), level="L"
    )
    return canvas.finish(blur=0.3 + 0.5 * severity, shade=0.4, noise=2, quality=round(75 - 20 * severity))


def _invoice(random: Random, severity: float) -> Drawn:
    return _page(random, 1240, 1754, 400, tilt=0.01 * severity).finish(noise=1, quality=92)


def _phone(random: Random, severity: float) -> Drawn:
    canvas = _page(random, 1536, 2048, 250, tilt=0.06)
    return canvas.finish(blur=1.2 + 2.0 * severity, shade=0.5 + 0.4 * severity, noise=4, quality=75)


def _distant(random: Random, severity: float) -> Drawn:
    canvas = _page(random, 3840, 2160, 180, tilt=0.03)
    return canvas.finish(blur=0.8 + 1.0 * severity, shade=0.4, noise=4, quality=75)


def _unreadable(random: Random, severity: float) -> Drawn:
    """A symbol blurred beyond repair: the right answer is nothing."""
    canvas = _page(random, 1536, 2048, 160 - 60 * severity)
    drawn = canvas.finish(blur=6 + 4 * severity, noise=6, quality=70)
    return Drawn(drawn.rgb, (), ())


CONDITIONS: dict[str, Callable[[Random, float], Drawn]] = {
    "sharp": _sharp,
    "blur": _blur,
    "small": _small,
    "shade": _shade,
    "covered": _covered,
    "several": _several,
    "damaged": _damaged,
}
SCENARIOS: dict[str, Callable[[Random, float], Drawn]] = {
    "receipt": _receipt,
    "invoice": _invoice,
    "phone": _phone,
    "distant": _distant,
    "unreadable": _unreadable,
}


def _fill(random: Random, height: int, width: int) -> Page:
    """Something that is not a symbol: modules, bars, a halftone or a texture."""
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
    return (dark * 220 + 20).astype(np.float32)


def page(seed: int) -> Gray:
    """A page without a symbol, RGB: print, ruled boxes, halftones, bar patterns, texture and noise."""
    random = np.random.default_rng([seed, 0])
    canvas = _Canvas(random, int(random.integers(500, 1400)), int(random.integers(500, 1800)))
    canvas.text(random.uniform(0.4, 1.2))
    height, width = canvas.page.shape
    for _ in range(int(random.integers(0, 6))):
        w, h = (int(random.integers(30, 300)) for _ in range(2))
        x, y = int(random.integers(0, width - 30)), int(random.integers(0, height - 30))
        box = canvas.page[y : y + h, x : x + w]
        box[:] = _fill(random, h, w)[: box.shape[0], : box.shape[1]]
    return canvas.finish(
        blur=random.uniform(0, 2), shade=random.uniform(0, 0.7), noise=random.uniform(0, 12)
    ).rgb


def large_page(size: tuple[int, int], seed: int, *, filled: bool) -> Gray:
    """A page of (width, height) without a symbol, RGB: print, and if ``filled`` what `page` has besides."""
    width, height = size
    random = np.random.default_rng([seed, width, height, filled])
    canvas = _Canvas(random, width, height)
    canvas.text(max(0.5, width / 1600))
    for _ in range(5 if filled else 0):
        w, h = (int(random.integers(60, 500)) for _ in range(2))
        x, y = int(random.integers(0, width - w)), int(random.integers(0, height - h))
        canvas.page[y : y + h, x : x + w] = _fill(random, h, w)
    return canvas.finish(blur=random.uniform(0, 2), shade=0.4, noise=4, quality=75).rgb


def small_code(size: tuple[int, int], side: float, seed: int, *, blur: float, spoilt: bool) -> Drawn:
    """A symbol ``side`` pixels wide on a page of (width, height); ``spoilt``: a finder pattern is covered."""
    random = np.random.default_rng([seed, *size, round(blur * 1000), spoilt])

    def paint(art: Page) -> None:
        low, high, width = 4 * 8, len(art) - 11 * 8, 7 * 8
        y, x = ((low, low), (low, high), (high, low))[int(random.integers(3))]
        art[y : y + width, x : x + width] = random.choice([25, 120, 245])

    canvas = _page(random, *size, side, tilt=0.03, level="Q", change=paint if spoilt else None)
    return canvas.finish(blur=blur, shade=0.4, noise=4, quality=75)


def draw(condition: str, severity: float, seed: int) -> Drawn:
    """Make one picture.

    Parameters
    ----------
    condition : str
        A key of `CONDITIONS` or `SCENARIOS`.
    severity : float
        0 to 1; up to 1.2 (shade: 2) for what is worse than the grades.
    seed : int
        Another one gives another picture of the same kind.
    """
    kinds = {**CONDITIONS, **SCENARIOS}
    random = np.random.default_rng([seed, round(severity * 1000), *condition.encode()])
    return kinds[condition](random, severity)

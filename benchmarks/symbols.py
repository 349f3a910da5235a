"""Sharp drawings of symbols, which every other picture begins with; and a page that they are printed on.

On a page they are drawn at three times the final size, warped, and averaged down, as a camera's pixels do.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image

from qrcascade import Quad
from qrcascade.image.frame import Gray

QUIET = 4


def dark(payload: str | bytes, **options: Any) -> NDArray[np.bool_]:
    """Return where a symbol's modules are dark; options are segno's."""
    options.setdefault("micro", False)
    return np.array(segno.make(payload, **options).matrix, bool)


def drawing(modules: NDArray[np.bool_], cell: int, ink: int = 0, paper: int = 255) -> Gray:
    """Draw modules as squares of so many pixels, with a quiet zone."""
    levels = np.where(np.pad(modules, QUIET), ink, paper).astype(np.uint8)
    return np.kron(levels, np.ones((cell, cell), np.uint8))


def clear_page(text: str, size: tuple[int, int], cell: int, at: tuple[int, int], paper: int = 255) -> Gray:
    """Return a gray page of (width, height) with one sharp symbol, whose quiet zone begins at (x, y)."""
    page = np.full(size[::-1], paper, np.uint8)
    art = drawing(dark(text), cell)
    page[at[1] : at[1] + len(art), at[0] : at[0] + len(art)] = art
    return page


def compressed(gray: Gray, quality: int) -> Gray:
    """Return what JPEG leaves of gray pixels."""
    coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def in_file(pixels: Gray | Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """Return the bytes of a file of these pixels."""
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


Random = np.random.Generator
Page = NDArray[np.float32]

# Samples to a pixel of the page; pixels of a drawing to a module, and of its quiet zone.
_OVERSAMPLE, CELL = 3, 8
ZONE = QUIET * CELL
_WORDS = ["TOTAL", "VAT", "INVOICE", "ITEM", "CASH", "DATE"]
_WORDS += ["ORDER", "TABLE", "CARD", "CHANGE", "THANK", "YOU"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A made picture (RGB, uint8), the outlines of its symbols, and what they say, in the same order."""

    rgb: Gray
    quads: tuple[Quad, ...]
    payloads: tuple[bytes, ...]


class Canvas:
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
        modules = dark(data, version=version, error=level, boost_error=False)
        art = drawing(modules, CELL, ink=25, paper=245).astype(np.float32)
        if change is not None:
            change(art)
        half = side / 2
        corners = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
        corners *= 1 + tilt * self.random.uniform(-1, 1, (4, 1))
        angle = np.radians(turn)
        spin = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = corners @ spin.T + center
        low, high = ZONE - 0.5, len(art) - ZONE - 0.5
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
        color = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
        coded = cv2.imencode(".jpg", color, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        rgb = cv2.cvtColor(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
        return Drawn(rgb.astype(np.uint8), tuple(self.quads), tuple(self.payloads))

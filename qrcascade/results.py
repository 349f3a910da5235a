"""What a reading gives back: frozen, slotted, comparable; the standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qrcascade.errors import NotFoundError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Attempt", "Findings", "QRCode", "Quad", "ReadResult", "Region"]

Point = tuple[float, float]

# Intersection over union. Engines place one symbol's corners differently, by up to a few modules;
# a symbol inside another one's light middle is a third of its side.
SAME_PLACE = 0.25
# Regions that score less are not drawn; as in `qrcascade.scan`.
_CREDIBLE = 0.5


@dataclass(frozen=True, slots=True)
class Quad:
    """Four corners of a symbol.

    Parameters
    ----------
    corners : tuple of 4 (x, y) floats
        Pixels of the upright picture, x to the right and y down, clockwise on the screen.
        For a symbol that was read, the first is the symbol's own top-left; for a region
        that was only located, the first corner means nothing.
    """

    corners: tuple[Point, Point, Point, Point]

    @classmethod
    def of(cls, points: Sequence[Sequence[float]] | NDArray[Any]) -> Quad:
        """Make a clockwise quad of 4 points, keeping the first one first.

        Raises
        ------
        ValueError
            If there are not exactly four finite points.
        """
        corners = tuple((float(x), float(y)) for x, y in points)
        if len(corners) != 4 or not all(math.isfinite(v) for c in corners for v in c):
            raise ValueError(f"a quad has 4 finite (x, y) points, got {corners}")
        a, b, c, d = corners
        return cls((a, b, c, d)) if _signed_area(corners) >= 0 else cls((a, d, c, b))

    def __iter__(self) -> Iterator[Point]:
        return iter(self.corners)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.float64]:
        """The corners as a new float array of shape (4, 2)."""
        import numpy

        if copy is False:
            raise ValueError("a Quad holds no array, so it cannot give one without a copy")
        return numpy.array(self.corners, dtype=float if dtype is None else dtype)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return abs(_signed_area(self.corners))

    @property
    def center(self) -> Point:
        """Mean of the corners."""
        return (sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4)

    @property
    def side(self) -> float:
        """Length of the mean side, in pixels."""
        a, b, c, d = self.corners
        return (math.dist(a, b) + math.dist(b, c) + math.dist(c, d) + math.dist(d, a)) / 4

    @property
    def convex(self) -> bool:
        """Whether all four corners turn the same way, as a flat symbol's do."""
        c = self.corners
        return all(_turn(c[i - 2], c[i - 1], c[i]) > 0 for i in range(4))

    def overlap(self, other: Quad) -> float:
        """Intersection over union: 0 (apart) to 1 (the same outline).

        Exact for convex quads (Sutherland-Hodgman clipping).
        """
        if self._apart(other):
            return 0.0
        polygon: list[Point] = list(self.corners)
        for i in range(4):
            polygon = _clip(polygon, other.corners[i - 1], other.corners[i])
        shared = abs(_signed_area(polygon))
        union = self.area + other.area - shared
        return min(1.0, shared / union) if union > 0 else 0.0

    def _apart(self, other: Quad) -> bool:
        """Whether the bounding boxes do not touch: quick to say of most quads of a picture."""
        (ax, ay), (bx, by) = (list(zip(*quad.corners, strict=True)) for quad in (self, other))
        return max(ax) < min(bx) or max(bx) < min(ax) or max(ay) < min(by) or max(by) < min(ay)

    def same_place(self, other: Quad) -> bool:
        """Whether both are likely to outline one symbol: `overlap` of at least a quarter."""
        return self == other or self.overlap(other) >= SAME_PLACE

    def covers(self, other: Quad) -> bool:
        """Whether the other one is smaller and has its centre in this one, as a symbol's parts have."""
        c = self.corners
        inside = all(_turn(c[i - 1], c[i], other.center) >= 0 for i in range(4))
        return inside and other.area < self.area


def _signed_area(points: Sequence[Point]) -> float:
    """Shoelace formula; positive is clockwise on a screen (y down)."""
    twice = 0.0
    for i, (x, y) in enumerate(points):
        before_x, before_y = points[i - 1]
        twice += before_x * y - before_y * x
    return twice / 2


def _turn(a: Point, b: Point, p: Point) -> float:
    """Positive where ``p`` lies to the right of the way from ``a`` to ``b`` on the screen."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _clip(polygon: list[Point], a: Point, b: Point) -> list[Point]:
    """The part of a polygon on the inner side of one edge of a clockwise quad."""
    kept: list[Point] = []
    for i, p in enumerate(polygon):
        q = polygon[i - 1]
        side_p, side_q = _turn(a, b, p), _turn(a, b, q)
        if (side_p >= 0) != (side_q >= 0):
            t = side_q / (side_q - side_p)
            kept.append((q[0] + t * (p[0] - q[0]), q[1] + t * (p[1] - q[1])))
        if side_p >= 0:
            kept.append(p)
    return kept


@dataclass(frozen=True, slots=True)
class QRCode:
    """One symbol that was read.

    Parameters
    ----------
    text : str
        The payload as text; `qrcascade.charset` has the rule. Never depends on the machine.
    quad : Quad
        Where it stands, in pixels of the upright picture, from the symbol's own top-left.
    confidence : float
        Probability, 0 to 1, that the payload is exactly right (`qrcascade.confidence`).
    data : bytes, optional
        The payload's exact bytes, or None where the engine cannot give them.
    engine, strategy, step : str
        Who read it, and on which view.
    version : str, optional
        "1" to "40"; "M1" to "M4" for Micro QR, "R7x43" and so on for rMQR.
    ec_level : str, optional
        Error correction level: "L", "M", "Q" or "H".
    mirrored : bool, optional
        Whether the picture shows the symbol as in a mirror; None where the engine cannot tell.
    format : str
        "QRCode", "MicroQRCode" or "RMQRCode".
    evidence_bits : float, optional
        What speaks against chance, in bits, where the module grid was read: the payload is false with a
        probability of at most about 2 to the minus this. `qrcascade.grid.evidence` derives it.
    mesh : tuple of rows of points, optional
        Where the module grid was fitted: corners (x, y) of the modules in the symbol's own rows and
        columns, N + 1 rows of N + 1 points. Not compared.
    """

    text: str
    quad: Quad
    confidence: float
    data: bytes | None = None
    engine: str = ""
    strategy: str = ""
    step: str = ""
    version: str | None = None
    ec_level: str | None = None
    mirrored: bool | None = None
    format: str = "QRCode"
    evidence_bits: float | None = None
    mesh: tuple[tuple[Point, ...], ...] | None = field(default=None, repr=False, compare=False)

    def same_payload(self, other: QRCode) -> bool:
        """Whether both readings are of one payload.

        Bytes decide where both have them. Otherwise the texts do, less what is not ASCII:
        engines without the bytes guess the character set.
        """
        if self.data is not None and other.data is not None:
            return self.data == other.data
        if self.text == other.text:
            return True
        guessed = any(code.data is None and not code.text.isascii() for code in (self, other))
        return guessed and _ascii(self.text) == _ascii(other.text) != ""


def _ascii(text: str) -> str:
    return "".join(c for c in text if c.isascii())


@dataclass(frozen=True, slots=True)
class Region:
    """A place where a symbol was located.

    Parameters
    ----------
    quad : Quad
        Where, in pixels of the upright picture.
    score : float
        The locator's own belief, 0 to 1, that a symbol is there. It says nothing of a payload.
    source : str
        Who located it.
    """

    quad: Quad
    score: float
    source: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one engine saw on one view: codes that it read, regions that it only located."""

    codes: tuple[QRCode, ...] = ()
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One engine on one view.

    Parameters
    ----------
    strategy, step : str
        Whose it was, and what was run: engine and view.
    elapsed_s : float
        Seconds of wall time.
    codes : tuple of QRCode
        Symbols that were read, in pixels of the upright picture.
    regions : tuple of Region
        Symbols that were located and not read, in the same pixels.
    error : str, optional
        What broke. None means that the engine ran, whether or not it found anything.
    region : Quad, optional
        The located region that was looked at; None for the whole picture.
    """

    strategy: str
    step: str
    elapsed_s: float = 0.0
    codes: tuple[QRCode, ...] = ()
    regions: tuple[Region, ...] = ()
    error: str | None = None
    region: Quad | None = None

    @property
    def found(self) -> int:
        """Number of symbols that this attempt read."""
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Everything that one reading of one picture gave. True where a code was read.

    Parameters
    ----------
    codes : tuple of QRCode
        Every symbol once, the most confident first.
    regions : tuple of Region
        What was located and not read, the most credible first.
    attempts : tuple of Attempt
        Every engine run, in order.
    size : (int, int)
        Width and height of the upright picture.
    elapsed_s : float
        Seconds from the source to the result.
    timed_out : bool
        Whether the timeout ended the reading.
    picture : Frame, optional
        What was read, for `draw`. It keeps the pixels alive as long as the result;
        ``dataclasses.replace(result, picture=None)`` lets go of them. Not compared, and left out
        of copies and pickles.
    """

    codes: tuple[QRCode, ...]
    regions: tuple[Region, ...]
    attempts: tuple[Attempt, ...]
    size: tuple[int, int]
    elapsed_s: float
    timed_out: bool = False
    picture: Any = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        kept = (self.codes, self.regions, self.attempts, self.size, self.elapsed_s, self.timed_out)
        return ReadResult, kept

    def __bool__(self) -> bool:
        return bool(self.codes)

    @property
    def text(self) -> str | None:
        """The payload read with the most confidence, or None."""
        return self.codes[0].text if self.codes else None

    @property
    def texts(self) -> tuple[str, ...]:
        """All payloads, the most confident first."""
        return tuple(code.text for code in self.codes)

    @property
    def errors(self) -> tuple[str, ...]:
        """What broke, each message once, in order."""
        return tuple(dict.fromkeys(a.error for a in self.attempts if a.error))

    def require(self) -> QRCode:
        """The most confident code.

        Raises
        ------
        NotFoundError
            If none was read; the message says what was tried, located and broken.
        """
        if self.codes:
            return self.codes[0]
        tried = ", ".join(dict.fromkeys(a.strategy for a in self.attempts)) or "nothing"
        message = (
            f"no QR code was read in this {self.size[0]}x{self.size[1]} picture: "
            f"{len(self.attempts)} attempts ({tried}), {len(self.regions)} regions located"
        )
        if self.timed_out:
            message += ", stopped by the timeout"
        raise NotFoundError("; ".join([message, *self.errors]))

    def draw(self, mesh: bool = False) -> Image:
        """The picture with what was found: read codes in green, credible regions left unread in amber.

        Parameters
        ----------
        mesh : bool
            Draw the fitted module mesh of the codes that have one, in blue.

        Returns
        -------
        PIL.Image.Image
            Upright, RGB; a dot marks each code's own top-left corner. Lines grow with the picture.

        Raises
        ------
        OptionError
            If this result has no picture.
        """
        if self.picture is None:
            raise OptionError("there is no picture to draw on: copies and pickles of a result go without it")
        from qrcascade import drawing

        unread = [(r.quad.corners, drawing.AMBER, False) for r in self.regions if r.score >= _CREDIBLE]
        read = [(code.quad.corners, drawing.GREEN, True) for code in self.codes]
        meshes = [code.mesh for code in self.codes if mesh and code.mesh is not None]
        return drawing.overlaid(self.picture.color, outlines=[*unread, *read], meshes=meshes)

"""A locator of our own: three finder patterns that fit together make a region. It reads nothing.

A finder pattern (ISO/IEC 18004, 6.3.3) is a dark 3x3 core in a light ring in a dark ring. Such rings around
the blobs of a local threshold survive rotation, perspective, shade and low contrast. Three patterns of the
same size at a right angle, with timing patterns between them, are a symbol. Two with a timing pattern may be
a symbol whose third pattern is covered; a single one is only a sign of a symbol.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.frame import Gray
from qrcascade.image.opencv import cv2
from qrcascade.image.quad import Quad
from qrcascade.results import Findings, Region

__all__ = ["FinderEngine", "Located", "search"]

Vector = NDArray[np.float64]

# Window of the local mean in pixels, for each of the repeatedly halved pictures.
_WINDOW = 25
_SHARE = 0.94
_MIN_CORE = 3
_RAYS = 24
_SAMPLES = 37
# No ray leaves the picture by more than this.
_FRINGE = _WINDOW
_GOOD_RAYS = 0.7
_MAX_PATTERNS = 240
# Blobs to look at together: a lattice has tens of thousands, with a kilobyte for each.
_CHUNK = 2000
# Scores of regions with fewer than three patterns: neither is credible.
_PAIR, _LONE = 0.3, 0.1


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A finder pattern: its centre, the width of its 7 modules, and the angle of a side in radians."""

    center: Vector
    width: float
    angle: float

    @property
    def outline(self) -> Quad:
        """Its own square."""
        turns = self.angle + np.pi / 4 + np.arange(4) * np.pi / 2
        reach = self.width / np.sqrt(2)
        return Quad.of(self.center + reach * np.stack([np.cos(turns), np.sin(turns)], axis=1))


# Score, indices of the patterns, outline, modules per side.
_Fit = tuple[float, tuple[int, ...], Quad, int]


@dataclass(frozen=True, slots=True)
class Located:
    """A place located by its finder patterns.

    Parameters
    ----------
    quad : Quad
        The symbol's outline in pixels of the picture; for a lone pattern, its own square.
    score : float
        As `qrcascade.results.Region.score`.
    patterns : int
        Number of finder patterns found: 1, 2 or 3.
    module : float
        Pixels per module.
    """

    quad: Quad
    score: float
    patterns: int
    module: float


class FinderEngine:
    """Locates symbols by their finder patterns."""

    name = "finders"

    def read(self, gray: Gray, formats: frozenset[str]) -> Findings:
        """See `qrcascade.engines.Engine.read`. Supports only the format "QRCode"."""
        if "QRCode" not in formats:
            return Findings()
        return Findings(regions=tuple(Region(at.quad, at.score, self.name) for at in search(gray)))


def search(gray: Gray) -> list[Located]:
    """Find symbols by three or two finder patterns, the best first, then the remaining single patterns."""
    patterns: list[_Pattern] = []
    level, scale = gray, 1
    while min(level.shape) >= 8 * _MIN_CORE and len(patterns) < _MAX_PATTERNS:
        patterns += _drop_known(_find_patterns(level, scale), patterns)
        level, scale = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 2 * scale
    return _combine(gray, patterns[:_MAX_PATTERNS])


def _drop_known(found: list[_Pattern], known: list[_Pattern]) -> list[_Pattern]:
    """Return the patterns that are not at a known place."""
    if not known:
        return found
    centers = np.array([p.center for p in known])
    widths = np.array([p.width for p in known])
    return [p for p in found if (np.hypot(*(centers - p.center).T) > 0.3 * widths).all()]


def _find_patterns(gray: Gray, scale: int) -> list[_Pattern]:
    """Find dark cores inside a light and a dark ring, in a picture reduced by ``scale``."""
    mean = cv2.blur(gray, (_WINDOW, _WINDOW))
    # A share of the local mean, not a number of levels: modules are faint in dark photos.
    dark = cv2.compare(gray, cv2.addWeighted(mean, _SHARE, mean, 0, -1), cv2.CMP_LT)
    _, _, stats, centers = cv2.connectedComponentsWithStats(dark, connectivity=8, ltype=cv2.CV_32S)
    width, height, area = stats[1:, 2], stats[1:, 3], stats[1:, 4]
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    # A rotated square fills at least half of its bounding box.
    likely = (shorter >= _MIN_CORE) & (longer <= 1.6 * shorter) & (area >= 0.45 * width * height)
    # Larger cores look hollow with this window: a smaller picture will show them.
    likely &= longer <= _WINDOW / 2
    found = _keep_ringed(dark, centers[1:][likely], longer[likely])
    return [_Pattern((p.center + 0.5) * scale - 0.5, p.width * scale, p.angle) for p in found]


def _keep_ringed(dark: Gray, centers: Vector, sizes: NDArray[np.int32]) -> list[_Pattern]:
    """Return the dark blobs that have a light ring and a dark ring in nearly all directions."""
    # Everything beyond the picture counts as light.
    fringed = np.pad(dark > 0, _FRINGE)
    found: list[_Pattern] = []
    for start in range(0, len(centers), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        found += _keep_ringed_of(fringed, centers[chunk], sizes[chunk])
        if len(found) >= 2 * _MAX_PATTERNS:
            # More than are used, even if half of them are known.
            break
    return found


def _keep_ringed_of(fringed: NDArray[np.bool_], centers: Vector, sizes: NDArray[np.int32]) -> list[_Pattern]:
    # Four directions first: most blobs are print.
    _, good = _find_crossings(fringed, centers, sizes, _make_angles(4))
    likely = good.mean(axis=1) >= 0.5
    centers, sizes = centers[likely], sizes[likely]
    angles = _make_angles(_RAYS)
    radii, good = _find_crossings(fringed, centers, sizes, angles)
    enough = good.mean(axis=1) >= _GOOD_RAYS
    return [_fit_pattern(centers[i], radii[:, i, good[i]], angles[good[i]]) for i in np.flatnonzero(enough)]


def _make_angles(rays: int) -> Vector:
    return np.linspace(0.0, 2 * np.pi, rays, endpoint=False, dtype=np.float64)


def _find_crossings(
    fringed: NDArray[np.bool_], centers: Vector, sizes: NDArray[np.int32], angles: Vector
) -> tuple[Vector, NDArray[np.bool_]]:
    """Find where rays from the centres of blobs leave the core, the light ring and the dark ring.

    Rays cross concentric squares at the ratios 3 : 5 : 7 in every direction, however these are rotated.

    Returns
    -------
    radii : ndarray, shape (3, blobs, rays)
        Pixels from the centre; NaN where there is no crossing.
    good : ndarray of bool, shape (blobs, rays)
        Whether the ratios are close enough.
    """
    # A core's half diagonal is at most 0.71 of its bounding box; the rings end 7/3 as far out.
    reach = np.linspace(0.1, 1.9, _SAMPLES, dtype=np.float32)
    far = sizes[:, None, None].astype(np.float32) * reach
    start_x, start_y = centers.astype(np.float32).T[:, :, None, None] + np.float32(_FRINGE + 0.5)
    x = (start_x + far * np.cos(angles, dtype=np.float32)[:, None]).astype(np.int32)
    y = (start_y + far * np.sin(angles, dtype=np.float32)[:, None]).astype(np.int32)
    ink = fringed.ravel().take(y * np.int32(fringed.shape[1]) + x)
    # Steps to the first light, from there to the first dark, and from there to light again.
    ends = []
    start = np.zeros(ink.shape[:2], np.intp)
    for wanted in (False, True, False):
        match = (ink == wanted) & (np.arange(_SAMPLES) >= start[..., None])
        start = np.where(match.any(axis=2), match.argmax(axis=2), _SAMPLES)
        ends.append(start)
    radii: Vector = np.append(reach, np.nan)[np.stack(ends)] * sizes[:, None]
    with np.errstate(invalid="ignore"):
        good: NDArray[np.bool_] = (np.abs(radii[1] / radii[0] - 5 / 3) < 0.5) & (
            np.abs(radii[2] / radii[0] - 7 / 3) < 0.7
        )
    return radii, good


def _fit_pattern(center: Vector, radii: Vector, angles: Vector) -> _Pattern:
    """Estimate size and rotation from where the rays leave the light ring and the dark one."""
    # The mean distance from a square's centre to its edge is 1.122 half sides. A threshold moves the two
    # edges in opposite directions.
    width = 7 * float((radii[1] + radii[2]).mean()) / (1.122 * (2.5 + 3.5))
    # The distance is longest on the diagonals.
    edge = radii[1] + radii[2]
    diagonal = np.angle(np.sum((edge - edge.mean()) * np.exp(4j * angles))) / 4
    return _Pattern(center, width, float(diagonal + np.pi / 4))


def _combine(gray: Gray, patterns: list[_Pattern]) -> list[Located]:
    """Combine patterns to triples, then pairs, the best first, each in one region; then add what is left."""
    used: set[int] = set()
    located = []
    for find in (_find_triples, _find_pairs):
        fits = [fit for i in range(len(patterns)) if i not in used for fit in find(gray, patterns, i)]
        for score, members, quad, size in sorted(fits, key=lambda fit: -fit[0]):
            if used.isdisjoint(members):
                used.update(members)
                located.append(Located(quad, score, len(members), quad.side / size))
    lone = (pattern for i, pattern in enumerate(patterns) if i not in used)
    return located + [Located(pattern.outline, _LONE, 1, pattern.width / 7) for pattern in lone]


def _find_neighbours(patterns: list[_Pattern], i: int) -> list[tuple[int, Vector]]:
    """Find patterns that may be at the other end of a side: number and way; nearest first."""
    corner = patterns[i]
    widths, angles = np.array([(pattern.width, pattern.angle) for pattern in patterns]).T
    ways = np.array([pattern.center for pattern in patterns]) - corner.center
    distances, mean, ratio = np.hypot(*ways.T), (corner.width + widths) / 2, corner.width / widths
    # 14 to 170 modules between centres; the way runs along a side of both patterns.
    near = (ratio > 0.6) & (ratio < 1.67) & (distances > 1.6 * mean) & (distances < 27 * mean)
    near[i] = False
    directions = np.arctan2(ways[:, 1], ways[:, 0])
    for angle in (corner.angle, angles):
        skews = np.abs((directions - angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
        near &= skews < np.radians(25)
    chosen = np.flatnonzero(near)
    return [(int(j), ways[j]) for j in chosen[np.argsort(distances[chosen], kind="stable")][:8]]


def _find_triples(gray: Gray, patterns: list[_Pattern], i: int) -> list[_Fit]:
    """Find symbols whose top-left finder pattern is the i-th."""
    found: list[_Fit] = []
    for (j, right), (k, down) in itertools.permutations(_find_neighbours(patterns, i), 2):
        turn = right[0] * down[1] - right[1] * down[0]
        ratio = np.hypot(*right) / np.hypot(*down)
        if turn <= 0.8 * np.hypot(*right) * np.hypot(*down) or not 0.6 < ratio < 1.67:
            continue
        corner, far, low = patterns[i].center, patterns[j].center, patterns[k].center
        width = (patterns[i].width + patterns[j].width + patterns[k].width) / 3
        timing, count = _count_modules(gray, corner, far - corner, low - corner, width)
        if timing >= 0.35:
            found.append((0.5 + timing / 2, (i, j, k), _make_outline(corner, far, low, count), count + 7))
    return found


def _find_pairs(gray: Gray, patterns: list[_Pattern], i: int) -> list[_Fit]:
    """Find symbols that have the i-th pattern and another one at the ends of a side."""
    found: list[_Fit] = []
    for j, way in _find_neighbours(patterns, i):
        corner, other = patterns[i].center, patterns[j].center
        width = (patterns[i].width + patterns[j].width) / 2
        # Where the third pattern would be if the symbol is square, on the timing pattern's side.
        across = np.array([-way[1], way[0]])
        timing, count = _count_modules(gray, corner, way, across, width, sides=1)
        if timing >= 0.5:
            outline = _make_outline(corner, other, corner + across, count)
            found.append((_PAIR * timing, (i, j), outline, count + 7))
    return found


def _count_modules(
    gray: Gray, corner: Vector, right: Vector, down: Vector, width: float, sides: int = 2
) -> tuple[float, int]:
    """Return how well timing patterns fit along one or both sides, and the modules between the centres."""
    modules = 7 * (np.hypot(*right) + np.hypot(*down)) / 2 / width
    best: tuple[float, int] = (0.0, 0)
    guess = round((modules - 14) / 4) * 4 + 14
    # The module size is only a coarse estimate: try versions nearby, more of them for large symbols.
    reach = 4 * max(1, round(modules / 30))
    for count in range(max(14, guess - reach), min(170, guess + reach) + 1, 4):
        u, v = right / count, down / count
        timing = min(_measure_timing(gray, corner, *way, count) for way in [(u, v), (v, u)][:sides])
        best = max(best, (timing, count))
    return best


def _make_outline(corner: Vector, right: Vector, down: Vector, count: int) -> Quad:
    """Return the symbol's outline from three finder patterns' centres, ``count`` modules apart."""
    u, v = (right - corner) / count, (down - corner) / count
    far = right + down - corner
    shifts = ((corner, -u - v), (right, u - v), (far, u + v), (down, v - u))
    return Quad.of(np.array([center + 3.5 * shift for center, shift in shifts]))


def _measure_timing(gray: Gray, center: Vector, along: Vector, across: Vector, count: int) -> float:
    """Measure how well the modules between two finder patterns alternate: correlation, -1 to 1."""
    steps = np.arange(5, count - 4)
    points = center + 3 * across + steps[:, None] * along
    height, width = gray.shape
    x, y = np.rint(points).astype(int).T
    if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
        return 0.0
    levels = gray[y, x].astype(float)
    # Subtract the neighbours' mean, so that shade along the way does not count.
    change = levels[1:-1] - (levels[:-2] + levels[2:]) / 2
    sign = np.where(steps[1:-1] % 2 == 0, 1.0, -1.0)
    total = np.abs(change).sum()
    return float(change @ sign / total) if total > 0 else 0.0

"""What happens between the print and the file: light, cover, blur, screens, noise, compression."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.values import Gray, Labels, Quads, Rng, chance, log_uniform, sides

_BLUR_LIMIT = 2.6  # modules of standard deviation; beyond it nobody can say that it is a QR code
_COVER_LIMIT = 0.55
_FAINTEST = 2.0  # standard deviation of the levels within an outline


def damage(rng: Rng, picture: Gray, labels: Labels) -> tuple[NDArray[np.uint8], Labels]:
    """Do all of it, each at its own rate; a symbol that is hidden altogether no longer counts."""
    modules = sides(labels.quads) / np.maximum(labels.counts, 1)
    if chance(rng, 0.14):
        picture, labels = cover(rng, picture, labels)
    if chance(rng, 0.45):
        picture = shade(rng, picture)
    if chance(rng, 0.3):
        picture, labels = dazzle(rng, picture, labels)
    picture, spread = blur(rng, picture, modules)
    picture = expose(rng, picture)
    picture = _add_noise(rng, picture)
    quantized = np.clip(picture, 0, 255).astype(np.uint8)
    if chance(rng, 0.5):
        quantized = compress(quantized, int(rng.integers(8, 96)))
    seen = (modules * _BLUR_LIMIT >= spread) & (measure_contrast(quantized, labels.quads) >= _FAINTEST)
    return quantized, labels.only(seen)


def cover(rng: Rng, picture: Gray, labels: Labels) -> tuple[Gray, Labels]:
    """Draw strokes, blots and patches over a symbol or anywhere."""
    high, wide = picture.shape
    hidden = np.zeros((high, wide), np.uint8)
    centre, side = _aim(rng, labels, wide, high)
    for _ in range(int(rng.integers(1, 5))):
        start, end = (centre + rng.normal(size=(2, 2)) * side * 0.4).astype(int).tolist()
        if chance(rng, 0.6):
            cv2.line(hidden, start, end, 255, max(1, int(side * rng.uniform(0.01, 0.15))))
        else:
            axes = max(1, int(side * rng.uniform(0.03, 0.25))), max(1, int(side * rng.uniform(0.03, 0.25)))
            cv2.ellipse(hidden, start, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    if chance(rng, 0.5):
        hidden = np.asarray(cv2.blur(hidden, (3, 3)), np.uint8)
    share = hidden.astype(np.float32) / 255
    picture = np.asarray(picture + (float(rng.uniform(0, 255)) - picture) * share, np.float32)
    return picture, labels.only(measure_share(hidden > 127, labels.quads) < _COVER_LIMIT)


def _aim(rng: Rng, labels: Labels, wide: int, high: int) -> tuple[NDArray[np.float64], float]:
    """Return a symbol's centre and side, or a place anywhere."""
    if len(labels.quads) and chance(rng, 0.8):
        quad = labels.quads[int(rng.integers(len(labels.quads)))]
        return quad.mean(0).astype(np.float64), float(sides(quad))
    return rng.uniform(0, 1, 2) * [wide, high], float(rng.uniform(20, 150))


def measure_share(mask: NDArray[np.bool_], quads: Quads) -> NDArray[np.float64]:
    """Return the share of each outline that a mask fills."""
    return np.asarray(_sample(mask, quads, 7).mean(1), np.float64)


def measure_contrast(picture: NDArray[np.uint8], quads: Quads) -> NDArray[np.float64]:
    """Return the standard deviation of the levels within each outline."""
    return np.asarray(_sample(picture, quads, 16).std(1), np.float64)


def _sample(picture: NDArray[Any], quads: Quads, steps: int) -> NDArray[Any]:
    """Return the picture at a grid of places within each outline: (n, steps * steps)."""
    at = (np.arange(steps) + 0.5) / steps
    v, u = (grid.ravel()[:, None] for grid in np.meshgrid(at, at, indexing="ij"))
    weights = np.concatenate([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], 1)
    places = np.rint(np.einsum("sk,nkd->nsd", weights, quads)).astype(int)
    inside = np.clip(places, 0, np.array(picture.shape)[::-1] - 1)
    return np.asarray(picture[inside[..., 1], inside[..., 0]])


def shade(rng: Rng, picture: Gray) -> Gray:
    """Light the picture unevenly, or cast a shadow with an edge."""
    high, wide = picture.shape
    if chance(rng, 0.65):
        knots = int(rng.choice([2, 3, 4]))
        coarse = rng.uniform(rng.uniform(0.25, 0.9), 1.15, (knots, knots)).astype(np.float32)
        light = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
        return np.asarray(picture * light, np.float32)
    field = np.ones((high // 2, wide // 2), np.float32)
    corners = (rng.uniform(-0.2, 1.2, (4, 2)) * [wide // 2, high // 2]).astype(np.int32)
    cv2.fillConvexPoly(field, np.asarray(cv2.convexHull(corners)), float(rng.uniform(0.2, 0.8)))
    field = np.asarray(cv2.GaussianBlur(field, (0, 0), log_uniform(rng, 0.4, 12)), np.float32)
    return np.asarray(picture * cv2.resize(field, (wide, high)), np.float32)


def dazzle(rng: Rng, picture: Gray, labels: Labels) -> tuple[Gray, Labels]:
    """Add bright spots, bands of glare and veils; saturated where they are strong."""
    high, wide = picture.shape
    light = np.zeros((high // 2, wide // 2), np.float32)
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        centre, side = _aim(rng, labels, wide, high)
        place = ((centre + rng.normal(size=2) * side * 0.3) / 2).astype(int).tolist()
        radius = side / 2 * log_uniform(rng, 0.05, 0.9)
        axes = max(1, int(radius)), max(1, int(radius * rng.uniform(0.2, 1)))
        spot = np.zeros_like(light)
        cv2.ellipse(spot, place, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
        edge = float(rng.choice([rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.8)]))
        softness = max(0.4, min(40.0, radius * edge))
        light += np.asarray(cv2.GaussianBlur(spot, (0, 0), softness)) * float(rng.uniform(60, 420))
    added = np.asarray(cv2.resize(light, (wide, high), interpolation=cv2.INTER_LINEAR), np.float32)
    labels = labels.only(measure_share(added > 200, labels.quads) < 0.8)
    if chance(rng, 0.3):
        return picture + added, labels
    veil = np.clip(added / 255, 0, 1)
    return np.asarray(picture + (255 - picture) * veil, np.float32), labels


def blur(rng: Rng, picture: Gray, modules: NDArray[np.float64]) -> tuple[Gray, float]:
    """Blur by defocus or motion, or not at all; return the blur's standard deviation in pixels too."""
    module = float(np.median(modules)) if len(modules) else log_uniform(rng, 1, 6)
    kind = rng.choice(["sharp", "defocus", "motion", "upscaled"], p=[0.38, 0.36, 0.16, 0.1])
    spread = min(12.0, max(0.3, module * log_uniform(rng, 0.12, 1.9)))
    if kind == "defocus":
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), spread), np.float32), spread
    if kind == "motion":
        return np.asarray(cv2.filter2D(picture, -1, _line_kernel(rng, spread)), np.float32), spread
    if kind == "upscaled":
        high, wide = picture.shape
        scale = 1 / max(1.0, min(4.0, spread * 1.5))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if chance(rng, 0.5):
            small = compress(np.clip(small, 0, 255).astype(np.uint8), int(rng.integers(15, 90)))
        back = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        return np.asarray(cv2.resize(small, (wide, high), interpolation=back), np.float32), spread
    return picture, 0.0


def _line_kernel(rng: Rng, spread: float) -> Gray:
    """Draw a straight path of the camera whose standard deviation is `spread` pixels."""
    reach = max(1, round(spread * np.sqrt(3)))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    turn = float(rng.uniform(0, np.pi))
    step = np.array([np.cos(turn), np.sin(turn)]) * reach
    start, end = np.rint(reach - step).astype(int).tolist(), np.rint(reach + step).astype(int).tolist()
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def expose(rng: Rng, picture: Gray) -> Gray:
    """Change brightness and contrast; sometimes to much too dark or too bright."""
    gain, offset = float(rng.choice([1.0, rng.uniform(0.6, 1.4)])), 0.0
    if chance(rng, 0.18):
        gain = float(rng.choice([log_uniform(rng, 0.04, 0.5), rng.uniform(1.4, 2.6)]))
    elif chance(rng, 0.1):
        gain, offset = float(rng.uniform(0.2, 0.6)), float(rng.uniform(60, 160))
    return np.asarray(picture * gain + offset + rng.uniform(-12, 12), np.float32)


_NOISE = np.random.default_rng(2).normal(size=(1100, 1100)).astype(np.float32)


def _add_noise(rng: Rng, picture: Gray) -> Gray:
    """Add the sensor's noise: a part of one large field, since drawing it anew takes longest of all."""
    strength = float(rng.choice([0.0, rng.uniform(0, 4), rng.uniform(0, 18)], p=[0.3, 0.45, 0.25]))
    y, x = rng.integers(0, np.array(_NOISE.shape) - picture.shape)
    return picture + _NOISE[y : y + picture.shape[0], x : x + picture.shape[1]] * np.float32(strength)


def compress(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return what JPEG leaves of a picture."""
    packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def show_on_screen(rng: Rng, levels: Gray) -> Gray:
    """Lay a monitor's raster over a flat sheet: it beats with the camera's when it is shrunk."""
    high, wide = levels.shape
    period = float(rng.uniform(1.6, 5))
    y, x = np.arange(high, dtype=np.float32)[:, None], np.arange(wide, dtype=np.float32)[None]
    depth = float(rng.uniform(0.05, 0.35))
    raster = (1 + np.sin(x * 2 * np.pi / period)) * (1 + 0.5 * np.sin(y * 2 * np.pi / period))
    black = float(rng.uniform(0, 70))
    return np.asarray(black + (levels * (255 - black) / 255) * (1 - depth * raster / 3), np.float32)


def are_inside(quads: Quads, wide: int, high: int, share: float) -> NDArray[np.bool_]:
    """Return which outlines show at least this share of their area in a picture of this size."""
    frame = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32) - 0.5
    within = ((quads >= 0) & (quads <= [wide - 1, high - 1])).all((1, 2))
    shown = np.array(within)
    for number in np.flatnonzero(~within):
        hull = cv2.convexHull(quads[number])
        shown[number] = cv2.intersectConvexConvex(hull, frame)[0] >= share * max(cv2.contourArea(hull), 1e-6)
    return np.asarray(shown)

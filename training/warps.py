"""Put flat sheets into a picture: turned, oblique, curled; and bend the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.values import Gray, Labels, Quads, Rng, Sheet, chance, log_uniform

_STEEPEST = 73.0
_SHEARED, _LEAST_SHEAR, _MOST_SHEAR = 0.07, 20.0, 56.0  # how often; degrees
_FULLEST_PICTURE = 0.98


def curl(rng: Rng, sheet: Sheet) -> Sheet:
    """Wrap a sheet around a cylinder that stands upright or lies."""
    if chance(rng, 0.5):
        turned = Sheet(sheet.levels.T.copy(), sheet.cover.T.copy(), _transpose(sheet.labels))
        curled = curl_upright(turned, float(rng.uniform(0.3, 1.3)), float(rng.uniform(-0.25, 0.25)))
        return Sheet(curled.levels.T.copy(), curled.cover.T.copy(), _transpose(curled.labels))
    return curl_upright(sheet, float(rng.uniform(0.3, 1.3)), float(rng.uniform(-0.25, 0.25)))


def _transpose(labels: Labels) -> Labels:
    return labels.moved(labels.quads[..., ::-1])


def curl_upright(sheet: Sheet, angle: float, bow: float) -> Sheet:
    """Compress the sheet to its left and right as a cylinder does, seen `angle` (radians) around."""
    high, wide = sheet.levels.shape
    half_x = (wide - 1) / 2
    lift = bow * half_x
    tall = high + int(abs(lift) * (1 - np.cos(angle))) + 1
    y, x = np.mgrid[:tall, :wide].astype(np.float32)
    around = np.arcsin(np.clip((x - half_x) / half_x * np.sin(angle), -1, 1))
    drop = lift * (1 - np.cos(around)) - min(0.0, lift) * (1 - np.cos(angle))
    map_x, map_y = (around / angle * half_x + half_x).astype(np.float32), (y - drop).astype(np.float32)
    levels = cv2.remap(sheet.levels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.remap(sheet.cover, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    turn = (sheet.labels.quads[..., 0] - half_x) / half_x * angle
    to_x = np.sin(turn) / np.sin(angle) * half_x + half_x
    to_y = sheet.labels.quads[..., 1] + lift * (1 - np.cos(turn)) - min(0.0, lift) * (1 - np.cos(angle))
    return Sheet(np.asarray(levels), np.asarray(cover), sheet.labels.moved(np.stack([to_x, to_y], -1)))


def choose_view(rng: Rng, width: int, height: int, size: float) -> Quads:
    """Return where a camera sees the corners of a sheet, about the origin; it is `size` pixels across."""
    spin = rng.choice([0.0, rng.normal(0, 8), rng.uniform(-180, 180)], p=[0.3, 0.35, 0.35])
    tilt = rng.choice([0.0, abs(rng.normal(0, 20)), rng.uniform(30, _STEEPEST)], p=[0.27, 0.33, 0.4])
    across = np.radians(rng.uniform(0, 360))
    distance = log_uniform(rng, 1.2, 6)
    half = np.array([width, height]) / max(width, height)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    if chance(rng, _SHEARED):
        slope = np.tan(np.radians(rng.uniform(_LEAST_SHEAR, _MOST_SHEAR))) * rng.choice([-1, 1])
        shear = np.array([[1, 0], [slope, 1]])
        corners = corners @ (shear if chance(rng, 0.5) else shear.T)
    corners = corners @ _turn(np.radians(spin)).T @ _turn(across)
    lean = np.radians(min(abs(tilt), _STEEPEST))
    flat, depth = corners * [np.cos(lean), 1.0], corners[:, 0] * np.sin(lean)
    seen = flat / (1 + depth[:, None] / distance / 1.5) @ _turn(across).T
    extent = seen.max(0) - seen.min(0)
    return np.asarray((seen - (seen.max(0) + seen.min(0)) / 2) * (size / extent.max()), np.float32)


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def paste(canvas: Gray, sheet: Sheet, target: Quads) -> Labels:
    """Draw a sheet into the picture so that its corners lie at `target`; gives its symbols there."""
    high, wide = sheet.levels.shape
    frame_high, frame_wide = canvas.shape
    low = np.clip(np.floor(target.min(0)) - 1, 0, [frame_wide, frame_high]).astype(int)
    top = np.clip(np.ceil(target.max(0)) + 2, 0, [frame_wide, frame_high]).astype(int)
    corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32) - 0.5
    view = np.asarray(cv2.getPerspectiveTransform(corners, target.astype(np.float32)), np.float64)
    if (top - low).min() > 1:
        _blend(canvas[low[1] : top[1], low[0] : top[0]], sheet, view, low)
    quads = sheet.labels.quads
    if not len(quads):
        return sheet.labels
    moved = cv2.perspectiveTransform(quads.reshape(-1, 1, 2).astype(np.float32), view)
    return sheet.labels.moved(np.asarray(moved, np.float32))


def _blend(below: Gray, sheet: Sheet, view: NDArray[np.float64], low: NDArray[np.int_]) -> None:
    """Warp finer than the picture, then average, so that shrunken modules do not alias."""
    high, wide = below.shape
    finer = 2 if sheet.levels.size > 1.3 * below.size else 1
    scaled = np.array([[finer, 0, (finer - 1) / 2], [0, finer, (finer - 1) / 2], [0, 0, 1]])
    moved = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    matrix, size = scaled @ moved @ view, (wide * finer, high * finer)
    levels = cv2.warpPerspective(sheet.levels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(sheet.cover, matrix, size)
    if finer > 1:
        levels = cv2.resize(levels, (wide, high), interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, (wide, high), interpolation=cv2.INTER_AREA)
    below += (levels - below) * cover


def crumple(rng: Rng, picture: Gray, labels: Labels) -> tuple[Gray, Labels]:
    """Bend the whole picture smoothly, or crease it along lines; the outlines follow."""
    high, wide = picture.shape
    if chance(rng, 0.6):
        knots = int(rng.choice([3, 4, 6, 9]))
        reach = float(rng.uniform(0.01, 0.1)) * wide / knots
        coarse = rng.uniform(-reach, reach, (2, knots, knots))
        shifts = [_enlarge(part, wide, high) for part in coarse]
    else:
        shifts, picture = _crease(rng, picture)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    bent = cv2.remap(picture, x + shifts[0], y + shifts[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    places = labels.quads.copy()
    for _ in range(3):
        columns = np.clip(np.rint(places[..., 0]), 0, wide - 1).astype(int)
        rows = np.clip(np.rint(places[..., 1]), 0, high - 1).astype(int)
        places = labels.quads - np.stack([shift[rows, columns] for shift in shifts], -1)
    return np.asarray(bent), labels.moved(places)


def _enlarge(knots: NDArray[np.float64], wide: int, high: int) -> Gray:
    return np.asarray(cv2.resize(knots, (wide, high), interpolation=cv2.INTER_CUBIC), np.float32)


def _crease(rng: Rng, picture: Gray) -> tuple[list[Gray], Gray]:
    """Fold the picture: draw it in towards lines, and darken one side of them."""
    high, wide = picture.shape
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    shifts = [np.zeros_like(x), np.zeros_like(x)]
    for _ in range(int(rng.integers(1, 4))):
        turn = float(rng.uniform(0, np.pi))
        normal = np.cos(turn), np.sin(turn)
        away = (x - rng.uniform(0, wide)) * normal[0] + (y - rng.uniform(0, high)) * normal[1]
        reach, depth = float(rng.uniform(8, 60)), float(rng.uniform(1, 6))
        pull = np.sign(away) * np.exp(-np.abs(away) / reach) * depth
        shifts = [shift + pull * part for shift, part in zip(shifts, normal, strict=True)]
        shade = float(rng.uniform(0, 0.35))
        picture = picture * (1 - shade * np.exp(-np.abs(away) / reach) * (away > 0))
    return [np.asarray(shift, np.float32) for shift in shifts], np.asarray(picture, np.float32)

"""Run the exported network by `cv2.dnn` and make detections of its output; numpy and OpenCV only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

STRIDE, MULTIPLE = 8, 64
_MIDDLE, _SPREAD = 128.0, 64.0
#: Two detections are of one symbol when a centre lies within this share of the other's outline.
_ONE_SYMBOL = 0.7
#: Cells vote together on corners when their centres and sizes differ by at most these shares of the side.
_NEAR, _ALIKE = 0.25, 0.35
#: Votes on corners count while the cell is near its corner and they are near where the corner was, in sides.
_CLOSE, _WIDTHS = 0.3, (0.3, 0.2, 0.12, 0.12)
_LEAST_VOTES, _ENOUGH_VOTES, _TURNED, _MOST_GROWN = 0.05, 1.0, 1.1, 2.0

Floats = NDArray[np.float32]
#: From (1, 1, rows, columns) to (1, 13, rows / 8, columns / 8).
Network = Callable[[Floats], Floats]


class Detections(NamedTuple):
    """Outlines (n, 4, 2) in pixels, clockwise; scores 0 to 1, best first; module sizes in pixels."""

    quads: Floats
    scores: Floats
    modules: Floats


def load_network(path: Path) -> Network:
    """The network as a function, run by `cv2.dnn`."""
    network = read_network(path)

    def run(pictures: Floats) -> Floats:
        network.setInput(pictures)
        return np.asarray(network.forward(), np.float32)

    return run


def read_network(path: Path) -> cv2.dnn.Net:
    """OpenCV 5's older engine is the faster one here."""
    if hasattr(cv2.dnn, "ENGINE_CLASSIC"):
        return cv2.dnn.readNetFromONNX(str(path), cv2.dnn.ENGINE_CLASSIC)
    return cv2.dnn.readNetFromONNX(str(path))


def detect(
    network: Network, picture: NDArray[np.uint8], look: int = 640, threshold: float = 0.3
) -> Detections:
    """Find the symbols of a gray picture, seen with its longer side at most `look` pixels."""
    scale = min(1.0, look / max(picture.shape))
    if scale < 1:
        shrunk = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.asarray(shrunk, np.uint8)
    found = decode(network(prepare(picture))[0], threshold)
    quads = (found.quads + 0.5) / scale - 0.5
    return Detections(quads.astype(np.float32), found.scores, found.modules / np.float32(scale))


def look_at_scales(
    network: Network, picture: NDArray[np.uint8], looks: Sequence[int], threshold: float = 0.3
) -> Detections:
    """Find the symbols at several sizes of the picture and put what was found together."""
    found = [detect(network, picture, look, threshold) for look in looks]
    joined = Detections(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    return suppress(joined, vote=False)


def prepare(picture: NDArray[np.uint8]) -> Floats:
    """Normalized levels, padded with middle gray on the right and below to what the network takes."""
    high, wide = picture.shape
    rows, columns = (max(MULTIPLE, -(-length // MULTIPLE) * MULTIPLE) for length in (high, wide))
    padded = np.zeros((1, 1, rows, columns), np.float32)
    padded[0, 0, :high, :wide] = (picture.astype(np.float32) - _MIDDLE) / _SPREAD
    return padded


def decode(output: Floats, threshold: float) -> Detections:
    """Make detections of (13, rows, columns): cells over the threshold, one symbol each, corners by vote."""
    logit = np.log(threshold / (1 - threshold))
    rows, columns = np.nonzero(output[0] > logit)
    values = output[:, rows, columns].T
    scale = STRIDE * np.exp(np.clip(values[:, 9], -5, 5))
    quads = values[:, 1:9].reshape(-1, 4, 2) * scale[:, None, None] + place_cells(rows, columns)[:, None]
    scores = 1 / (1 + np.exp(-values[:, 0]))
    modules = np.exp(np.clip(values[:, 10], -5, 5))
    found = suppress(Detections(*(np.asarray(part, np.float32) for part in (quads, scores, modules))))
    refined = np.array([refine(quad, output) for quad in found.quads], np.float32)
    return found._replace(quads=refined.reshape(-1, 4, 2))


def place_cells(rows: NDArray[np.int_], columns: NDArray[np.int_]) -> Floats:
    """Centres of cells, in pixels."""
    return np.stack([columns, rows], -1).astype(np.float32) * STRIDE + np.float32((STRIDE - 1) / 2)


def refine(quad: Floats, output: Floats) -> Floats:
    """Take each corner from the cells that are near it: every cell names the corner nearest to itself.

    The outline may be wrong by an eighth of a turn, where the order of corners jumps; so that is tried too.
    """
    middle = quad.mean(0)
    turned = middle + (quad + np.roll(quad, -1, 0) - 2 * middle) / np.float32(np.sqrt(2))
    better, support = gather(quad, output)
    other, more = gather(turned, output)
    if more > support * _TURNED:
        better = other
    grown = _measure_areas(better[None])[0] / max(_measure_areas(quad[None])[0], 1.0)
    sane = cv2.isContourConvex(better) and 1 / _MOST_GROWN < grown < _MOST_GROWN
    return better if sane else quad


def gather(quad: Floats, output: Floats) -> tuple[Floats, float]:
    """Move each corner to the votes around it; also gives how much weight lies near the four."""
    side = float(np.sqrt(max(_measure_areas(quad[None])[0], 1.0)))
    ends = np.rint(np.array([quad.min(0), quad.max(0)]) / STRIDE)
    low, high = np.clip(ends, 0, np.array(output.shape[2:0:-1]) - 1).astype(int)
    rows, columns = np.mgrid[low[1] : high[1] + 1, low[0] : high[0] + 1].reshape(2, -1)
    cells = place_cells(rows, columns)
    inside = contains(quad, cells)
    values = output[:, rows[inside], columns[inside]].T
    offsets = values[:, 11:13] * STRIDE * np.exp(np.clip(values[:, 9:10], -5, 5))
    votes, weights = cells[inside] + offsets, np.exp(-((offsets / max(side * _CLOSE, STRIDE)) ** 2).sum(1))
    corners, support = quad, 0.0
    for width in _WIDTHS if len(votes) else ():
        away = np.linalg.norm(votes[:, None] - corners, axis=2) / side
        near = weights[:, None] * np.exp(-((away / width) ** 2)) * (away == away.min(1, keepdims=True))
        mass = near.sum(0)
        moved = (near.T @ votes) / np.maximum(mass, 1e-6)[:, None]
        corners = np.where(mass[:, None] > _LEAST_VOTES, moved, corners).astype(np.float32)
        support = float(np.minimum(mass, _ENOUGH_VOTES).sum())
    return corners, support


def suppress(found: Detections, vote: bool = True) -> Detections:
    """Keep the best of the detections of each symbol; the others may vote on its corners."""
    order = np.argsort(-found.scores, kind="stable")
    quads, scores, modules = found.quads[order], found.scores[order], found.modules[order]
    centres = quads.mean(1)
    sizes = np.sqrt(np.maximum(_measure_areas(quads), 1e-3))
    reaches = np.ptp(quads, axis=1).max(1)
    left = np.ones(len(quads), bool)
    kept = []
    for number in range(len(quads)):
        if not left[number]:
            continue
        away = np.abs(centres - centres[number]).max(1)
        near = np.flatnonzero(left & (away < np.maximum(reaches, reaches[number])))
        same = contains(quads[number], centres[near], _ONE_SYMBOL) | contains(
            quads[near], centres[number], _ONE_SYMBOL
        )
        members = near[same | (near == number)]
        left[members] = False
        if vote:
            quads[number] = _vote(quads[members], scores[members], sizes[members])
        kept.append(number)
    return Detections(quads[kept], scores[kept], modules[kept])


def _measure_areas(quads: Floats) -> Floats:
    first, second = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    return np.asarray(np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2, np.float32)


def contains(quads: Floats, points: Floats, share: float = 1.0) -> NDArray[np.bool_]:
    """Which points lie in the outline, or in which outlines the point lies, shrunk about their centres."""
    middle = quads.mean(-2, keepdims=True)
    shrunk = middle + (quads - middle) * np.float32(share)
    edges = np.roll(shrunk, -1, -2) - shrunk
    to = points[..., None, :] - shrunk
    across = edges[..., 0] * to[..., 1] - edges[..., 1] * to[..., 0]
    return np.asarray((across >= 0).all(-1) | (across <= 0).all(-1))


def _vote(quads: Floats, scores: Floats, sizes: Floats) -> Floats:
    """Mean of the outlines like the first one, each turned to the first one's order of corners."""
    centres = quads.mean(1)
    near = np.linalg.norm(centres - centres[0], axis=1) < _NEAR * sizes[0]
    alike = near & (np.abs(np.log(sizes / sizes[0])) < _ALIKE)
    quads, weights = quads[alike], scores[alike] ** 2
    turns = np.stack([np.roll(quads, turn, 1) for turn in range(4)], 1)
    best = np.abs(turns - quads[0]).sum((2, 3)).argmin(1)
    turned = turns[np.arange(len(quads)), best]
    return np.asarray((turned * weights[:, None, None]).sum(0) / weights.sum(), np.float32)

"""Run the exported network with `cv2.dnn` and turn its output into detections; numpy and OpenCV only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qrcascade.image.opencv import cv2

STRIDE, MULTIPLE = 8, 64
_MIDDLE, _SPREAD = 128.0, 64.0
#: Two detections are of one symbol when a centre lies within this share of the other's outline.
_ONE_SYMBOL = 0.7
#: Cells vote together on corners when their centres and sizes differ by at most these shares of the side.
_NEAR, _ALIKE = 0.25, 0.35
#: The sides that the network gives, as a share of the true ones: the median of 227 symbols in drawn scenes.
_SHRUNK = 0.98
_LEAST_AREA = 1e-3  # square pixels, so that none is divided by
#: What the first look scores less is unlikely. It is not kept beyond this many: a texture may give thousands,
#: and few are looked at again. Chosen.
UNLIKELY, _MOST = 0.6, 100
#: A margin is plain if its levels differ by no more than this, and this many pixels of it are looked at.
#: Chosen: a code with a contrast of 4 still shows.
_PLAIN, _CONTEXT = 2, 32
#: Shapes for which a network is kept, 5 to 20 MB each: whole pictures, halves of them, symbols, glances.
_SHAPES = 4

_FOLLOWING = np.array([1, 2, 3, 0])
_TURNS = (np.arange(4) - np.arange(4)[:, None]) % 4  # the four orders of an outline's corners

Floats = NDArray[np.float32]
#: From (1, 1, rows, columns) to (1, 11, rows / 8, columns / 8).
Network = Callable[[Floats], Floats]


class Detections(NamedTuple):
    """Outlines (n, 4, 2) in pixels, clockwise; scores 0 to 1, best first; module sizes in pixels."""

    quads: Floats
    scores: Floats
    modules: Floats


def load_network(path: Path) -> Network:
    """Return the network as a function, run by `cv2.dnn`.

    To prepare a network for another shape takes OpenCV longer than a look at a small symbol does, so a few
    networks wait, each prepared for a shape that was last seen.
    """
    waiting = OrderedDict[tuple[int, ...], Any]()

    def run(pictures: Floats) -> Floats:
        network = waiting.pop(pictures.shape, None)
        if network is None:
            network = waiting.popitem(last=False)[1] if len(waiting) == _SHAPES else read_network(path)
        waiting[pictures.shape] = network
        network.setInput(pictures)
        return np.asarray(network.forward(), np.float32)

    return run


def read_network(path: Path) -> Any:
    """Load the network, with OpenCV 5's older engine, which is faster here."""
    if hasattr(cv2.dnn, "ENGINE_CLASSIC"):
        return cv2.dnn.readNetFromONNX(str(path), cv2.dnn.ENGINE_CLASSIC)
    return cv2.dnn.readNetFromONNX(str(path))


def shrink(picture: NDArray[np.uint8], look: int) -> tuple[NDArray[np.uint8], float]:
    """Return the picture with its longer side at most `look` pixels, and the scale."""
    picture, done = halve(picture, max(picture.shape) / look)
    scale = min(1.0, look / max(picture.shape))
    if scale == 1:
        return picture, done
    size = [max(1, round(length * scale)) for length in picture.shape[::-1]]
    # By less than half, means of areas show no more, and take OpenCV four times as long.
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR_EXACT)), done * scale


def halve(picture: NDArray[np.uint8], factor: float) -> tuple[NDArray[np.uint8], float]:
    """Return the picture made smaller by a power of two, by this factor at most, and the scale."""
    done = 1.0
    while factor * done >= 2 and min(picture.shape) > 1:
        rows, columns = (length // 2 for length in picture.shape)
        whole = picture[: 2 * rows, : 2 * columns]
        picture, done = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), done / 2
    return picture, done


def detect(network: Network, small: NDArray[np.uint8], scale: float, threshold: float) -> Detections:
    """Find the symbols of a gray picture that was shrunk to this scale; outlines are in its own pixels."""
    part, corner = trim(small)
    found = grow(decode(network(prepare(part))[0], threshold))
    quads = (found.quads + corner + 0.5) / scale - 0.5
    return Detections(quads.astype(np.float32), found.scores, found.modules / np.float32(scale))


def trim(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Floats]:
    """Return the picture without its plain margins, and the x and y of its new first pixel."""
    shown = cv2.absdiff(picture, np.full_like(picture, picture[0, 0])) > _PLAIN
    rows, columns = (_span(np.flatnonzero(shown.any(axis)), shown.shape[1 - axis]) for axis in (1, 0))
    return picture[rows, columns], np.array([columns.start, rows.start], np.float32)


def _span(shown: NDArray[np.intp], length: int) -> slice:
    """Return the rows or columns to look at: all that show anything, and what else the network takes."""
    if not len(shown):
        return slice(0, min(length, MULTIPLE))
    first, last = max(0, int(shown[0]) - _CONTEXT), int(shown[-1]) + _CONTEXT + 1
    size = -(-(last - first) // MULTIPLE) * MULTIPLE
    start = max(0, min(first, length - size)) // STRIDE * STRIDE
    return slice(start, min(length, start + size))


def match(quads: Floats, others: Floats) -> NDArray[np.bool_]:
    """Return which outlines are nearly the same as any of the others."""
    centres, sizes = quads.mean(1)[:, None], measure_sizes(quads)[:, None]
    return np.asarray(_are_alike(centres, sizes, others.mean(1), measure_sizes(others)).any(1))


def share_a_place(quads: Floats, others: Floats) -> NDArray[np.bool_]:
    """Return which outlines hold the centre of any of the others, or have theirs within one of them."""
    edges, centres = quads[:, _FOLLOWING] - quads, quads.mean(1)
    shared = [
        _hold(quads, edges, other.mean(0)) | _hold(other, turned - other, centres)
        for other, turned in zip(others, others[:, _FOLLOWING], strict=True)
    ]
    return np.asarray(np.any(shared, axis=0))


def _are_alike(centres: Floats, sizes: Floats, others: Floats, other_sizes: Floats) -> NDArray[np.bool_]:
    """Return which outlines have nearly the same centre and size; the shapes are broadcast."""
    away = np.linalg.norm(others - centres, axis=-1) / sizes
    return np.asarray((away < _NEAR) & (np.abs(np.log(other_sizes / sizes)) < _ALIKE))


def prepare(picture: NDArray[np.uint8]) -> Floats:
    """Normalize gray levels; pad with middle gray on the right and below to what the network takes."""
    high, wide = picture.shape
    rows, columns = (max(MULTIPLE, -(-length // MULTIPLE) * MULTIPLE) for length in (high, wide))
    padded = np.zeros((1, 1, rows, columns), np.float32)
    padded[0, 0, :high, :wide] = (picture.astype(np.float32) - _MIDDLE) / _SPREAD
    return padded


def decode(output: Floats, threshold: float) -> Detections:
    """Turn (11, rows, columns) into detections: cells over the threshold, one a symbol, corners by vote."""
    return suppress(list_cells(output, threshold))


def list_cells(output: Floats, threshold: float) -> Detections:
    """Return what each cell of (11, rows, columns) says whose score is over the threshold, the best first."""
    logit = np.log(threshold / (1 - threshold))
    rows, columns = np.nonzero(output[0] > logit)
    values = output[:, rows, columns].T
    best = np.argsort(-values[:, 0], kind="stable")
    values, rows, columns = values[best], rows[best], columns[best]
    centres = np.stack([columns, rows], -1) * STRIDE + (STRIDE - 1) / 2
    scale = STRIDE * np.exp(np.clip(values[:, 9], -5, 5))
    quads = centres[:, None] + values[:, 1:9].reshape(-1, 4, 2) * scale[:, None, None]
    scores = (1 / (1 + np.exp(-values[:, 0]))).astype(np.float32)
    modules = np.exp(np.clip(values[:, 10], -5, 5)).astype(np.float32)
    return Detections(quads.astype(np.float32), scores, modules)


def turn_alike(quads: Floats, quad: Floats) -> Floats:
    """Return outlines (n, 4, 2), each with its corners in the order that is nearest to that of another."""
    turns = quads[:, _TURNS]
    best = np.abs(turns - quad).sum((2, 3)).argmin(1)
    return np.asarray(turns[np.arange(len(quads)), best], np.float32)


def grow(found: Detections) -> Detections:
    """Enlarge outlines about their centres by what the trained network makes them too small."""
    middles = found.quads.mean(1, keepdims=True)
    return found._replace(quads=middles + (found.quads - middles) / np.float32(_SHRUNK))


def suppress(found: Detections, vote: bool = True) -> Detections:
    """Keep the best of the detections of each symbol; the others may vote on its corners."""
    order = np.argsort(-found.scores, kind="stable")
    quads, scores, modules = found.quads[order], found.scores[order], found.modules[order]
    centres = quads.mean(1)
    sizes = measure_sizes(quads)
    reaches = np.ptp(quads, axis=1).max(1)
    cores = centres[:, None] + (quads - centres[:, None]) * np.float32(_ONE_SYMBOL)
    edges = cores[:, _FOLLOWING] - cores
    left = np.ones(len(quads), bool)
    kept: list[int] = []
    for number in range(len(quads)):
        if not left[number]:
            continue
        if len(kept) >= _MOST and scores[number] < UNLIKELY:
            break
        away = np.abs(centres - centres[number]).max(1)
        near = np.flatnonzero(left & (away < np.maximum(reaches, reaches[number])))
        in_this = _hold(cores[number], edges[number], centres[near])
        in_others = _hold(cores[near], edges[near], centres[number])
        members = near[in_this | in_others | (near == number)]
        left[members] = False
        if vote and len(members) > 1:
            quads[number] = _vote(quads[members], scores[members], sizes[members])
        kept.append(number)
    return Detections(quads[kept], scores[kept], modules[kept])


def measure_sizes(quads: Floats) -> Floats:
    """Return the sides of squares of the same areas, in pixels."""
    first, second = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    areas = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    return np.asarray(np.sqrt(np.maximum(areas, _LEAST_AREA)), np.float32)


def _hold(corners: Floats, edges: Floats, points: Floats) -> NDArray[np.bool_]:
    """Return which outlines hold which points: shapes (4, 2) or (n, 4, 2), and (n, 2) or (2,)."""
    to = points[..., None, :] - corners
    across = edges[..., 0] * to[..., 1] - edges[..., 1] * to[..., 0]
    return np.asarray((across >= 0).all(-1) | (across <= 0).all(-1))


def _vote(quads: Floats, scores: Floats, sizes: Floats) -> Floats:
    """Average the outlines like the first one, each turned to the first one's order of corners."""
    centres = quads.mean(1)
    alike = _are_alike(centres[0], sizes[0], centres, sizes)
    quads, weights = quads[alike], scores[alike] ** 2
    turned = turn_alike(quads, quads[0])
    return np.asarray((turned * weights[:, None, None]).sum(0) / weights.sum(), np.float32)

"""Look at each found symbol again, upright and at one size: for its corners, and for a second opinion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qrcascade.engines.detections import (
    UNLIKELY,
    Detections,
    Floats,
    Network,
    detect,
    grow,
    halve,
    list_cells,
    match,
    measure_sizes,
    prepare,
    share_a_place,
    shrink,
    suppress,
    turn_alike,
)
from qrcascade.image.opencv import cv2

#: Longer side of the first look, sides of the second look and of the symbol in it, in pixels.
LOOK, UPRIGHT_LOOK, SYMBOL = 640, 192, 112
#: Side of a glance at what is unlikely, with the symbol in proportion: it takes half the time.
_GLANCE = 128
_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
_FAINTEST, WORTH_A_LOOK, _LIKELY = 0.1, 0.2, 0.5
#: By default, regions with a lower probability of a symbol are not reported. Chosen.
LEAST_SCORE = 0.8
#: The probability's logit: weights of both looks' logits and of how far the corners moved, and a constant.
#: Fitted by `python -m training calibrate`.
_FIRST, _CLOSER, _AWAY, _CONSTANT = 1.17, 1.24, -0.96, 0.15
#: Where scores, and how far corners moved, are cut off before that. Chosen.
_SURE, FARTHEST = 0.999, 0.5
#: Most symbols looked at again, some 2 ms a look; most of the others for which these do not speak; most whose
#: outlines are refined; and after how many unlikely ones in a row the looks end. Chosen: of 1,041 symbols in
#: the development sets none is lost.
MOST_LOOKS, _MOST_DOUBTED, _MOST_REFINED, _VAIN_LOOKS = 24, 12, 12, 8
#: In a look of half the size, the least score of symbols that are known to be there, and of anything else
#: that a look of the whole size may find to be one. Chosen: see docs/detector.md.
_KNOWN, _ELSEWHERE = 0.4, 0.3
_NONE = np.empty((0, 4, 2), np.float32)
#: How far from where it is expected the symbol's centre may lie, and how much larger or smaller it may be.
_ASTRAY, _LARGER = 0.35, 1.8
#: Mean distance of corners, in sides, beyond which the outline is also tried turned by an eighth.
_DOUBTFUL = 0.1
#: As long as the corners move by more than this, in sides, the outline is looked at again, twice at most.
_MOVED, _MORE_LOOKS = 0.07, 2
#: What is unlikely, and what the closer look scores lower, is not looked at again. Chosen: of 1,041 symbols
#: in the development sets none is lost by it.
_UNLIKELY_CLOSER = 0.3
#: What is less probable than this after a glance gets no other look. Chosen: of the symbols that are located
#: in the development sets none is lost by it.
_IMPROBABLE = 0.2


def find(
    network: Network,
    picture: NDArray[np.uint8],
    look: int = LOOK,
    threshold: float = 0.5,
    closer: bool = True,
    known: Floats = _NONE,
    refined: bool = True,
) -> Detections:
    """Find the symbols of a gray picture in a look with this longer side, and a ``closer`` one at each.

    Outlines (n, 4, 2) that are ``known`` already are not looked at again. To have the others ``refined``
    takes three more looks each.
    """
    small, scale = shrink(picture, look)
    found = detect(network, small, scale, WORTH_A_LOOK)
    if closer:
        found = suppress(look_closer(network, picture, found, known, refined), vote=False)
    # What is read is there.
    found.scores[match(found.quads, known)] = 1
    return Detections(*(part[found.scores >= threshold] for part in found))


def is_alone(network: Network, picture: NDArray[np.uint8], known: Floats) -> bool:
    """Return whether a look of half the size shows the known symbols (n, 4, 2), and nothing else.

    It takes a quarter of the time, and may miss symbols smaller than a 20th of the picture's longer side.
    """
    if not len(known) or max(picture.shape) < LOOK:
        return False
    small, scale = shrink(picture, LOOK // 2)
    found = detect(network, small, scale, _ELSEWHERE)
    clear = found.quads[found.scores >= _KNOWN]
    return bool(match(known, clear).all() and share_a_place(found.quads, known).all())


def look_closer(
    network: Network,
    picture: NDArray[np.uint8],
    found: Detections,
    known: Floats = _NONE,
    refined: bool = True,
) -> Detections:
    """Return outlines and probabilities after a second look at the best; 0 where that sees nothing."""
    seen = Detections(*(part.copy() for part in found))
    unknown = np.flatnonzero(~match(found.quads, known))
    looks = _look_at(network, picture, found, unknown[:MOST_LOOKS], seen)
    others = unknown[len(looks) :]
    if len(others):
        typical = sorted(looks, key=lambda closer: closer.score)[len(looks) // 2]
        # Of hundreds, a sheet's symbols or a texture's patches, the first speak for all: a closer look would
        # see the others as these were seen, but no more surely than the first look does.
        for number in others:
            score = float(found.scores[number])
            seen.scores[number] = judge(score, typical._replace(score=min(score, typical.score)))
        if len(looks) == MOST_LOOKS:
            doubted = others[seen.scores[others] < LEAST_SCORE]
            _look_at(network, picture, found, doubted[:_MOST_DOUBTED], seen)
    best = np.argsort(-seen.scores, kind="stable")
    seen = Detections(*(part[best] for part in seen))
    likely = np.flatnonzero((seen.scores >= LEAST_SCORE) & ~match(seen.quads, known))
    for number in likely[:_MOST_REFINED] if refined else ():
        seen.quads[number] = refine(network, picture, seen.quads[number])
    return seen


def _look_at(
    network: Network,
    picture: NDArray[np.uint8],
    found: Detections,
    numbers: NDArray[np.intp],
    seen: Detections,
) -> list[Closer]:
    """Look at some detections of the first look, until it seems vain; note in ``seen`` what is there."""
    looks: list[Closer] = []
    vain = 0
    for number in numbers:
        first = float(found.scores[number])
        closer = settle(network, picture, found.quads[number], first)
        looks.append(closer)
        if closer.score > 0:
            seen.quads[number], seen.modules[number] = closer.quad, closer.module
        seen.scores[number] = judge(first, closer)
        vain = 0 if seen.scores[number] >= _LIKELY else vain + 1
        if vain == _VAIN_LOOKS:
            break
    return looks


class Closer(NamedTuple):
    """An outline (4, 2), its score, the module width, and how far the corners moved, in sides."""

    quad: Floats
    score: float
    module: float
    away: float


def judge(first: float, closer: Closer) -> float:
    """Return the probability of a symbol after both looks; 0 if the closer one saw none."""
    if closer.score == 0:
        return 0.0
    logit = _CONSTANT + _FIRST * to_logit(first) + _CLOSER * to_logit(closer.score)
    return float(1 / (1 + np.exp(-logit - _AWAY * min(closer.away, FARTHEST))))


def to_logit(score: float) -> float:
    """Return the logit of a score, which is cut off where it would be endless."""
    safe = min(max(score, 1 - _SURE), _SURE)
    return float(np.log(safe / (1 - safe)))


def settle(network: Network, picture: NDArray[np.uint8], quad: Floats, first: float = 1.0) -> Closer:
    """Look at a symbol upright, and again as long as its outline moves by much, unless both scores are low.

    What the first look scores low gets a glance first, and no more if it is still improbable.

    Four corners have no first one. Where a turning symbol's first corner becomes another, around an eighth
    of a turn, the network gives a mixture of both, so an outline may be wrong by that eighth.
    """
    if first < UNLIKELY:
        glance = look_upright(network, picture, quad, _GLANCE)
        if judge(first, glance) < _IMPROBABLE:
            return glance
    closer = look_upright(network, picture, quad)
    if closer.away > _DOUBTFUL:
        turned = look_upright(network, picture, turn_by_eighth(quad))
        closer = min(closer, turned, key=lambda look: look.away)
    if closer.score < _UNLIKELY_CLOSER and first < UNLIKELY:
        return closer
    for _ in range(_MORE_LOOKS):
        if closer.score == 0 or closer.away <= _MOVED:
            break
        again = look_upright(network, picture, closer.quad)
        if again.away >= closer.away and again.score <= closer.score:
            break
        closer = again
    return closer


def refine(network: Network, picture: NDArray[np.uint8], quad: Floats) -> Floats:
    """Return the mean outline of the views in which another corner comes first."""
    quads = [quad]
    for turn in range(1, 4):
        closer = look_upright(network, picture, np.roll(np.mean(quads, 0), turn, 0))
        if closer.score > 0:
            quads.append(turn_alike(closer.quad[None], quad)[0])
    return np.asarray(np.mean(quads, 0), np.float32)


def look_upright(
    network: Network, picture: NDArray[np.uint8], quad: Floats, side: int = UPRIGHT_LOOK
) -> Closer:
    """Look at the picture where `quad` is a square in the middle of a look with this side."""
    seen, view = straighten(picture, quad, side)
    square = place_upright(side)
    cells = list_cells(network(prepare(seen))[0], _FAINTEST)
    length = float(np.ptp(square))
    astray = np.linalg.norm(cells.quads.mean(1) - square.mean(0), axis=1) > _ASTRAY * length
    larger = measure_sizes(cells.quads) / length
    same = ~astray & (larger > 1 / _LARGER) & (larger < _LARGER)
    if not same.any():
        return Closer(quad, 0.0, np.nan, np.inf)
    found = grow(suppress(Detections(*(part[same] for part in cells))))
    outline = found.quads[0]
    away = min(float(np.linalg.norm(np.roll(outline, turn, 0) - square, axis=1).mean()) for turn in range(4))
    back = cv2.perspectiveTransform(outline[None].astype(np.float64), np.linalg.inv(view))[0]
    back = np.asarray(back, np.float32)
    scale = np.sqrt(cv2.contourArea(back) / cv2.contourArea(outline))
    return Closer(back, float(found.scores[0]), float(scale * found.modules[0]), away / length)


def place_upright(side: int) -> Floats:
    """Return the outline (4, 2) that an upright symbol has in a look with this side."""
    length = side * SYMBOL / UPRIGHT_LOOK
    return np.asarray(_SQUARE * length + (side - length) / 2 - 0.5, np.float32)


def straighten(
    picture: NDArray[np.uint8], quad: Floats, side: int = UPRIGHT_LOOK
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the view in which `quad` is an upright square, and the homography from the picture to it."""
    reach = np.ptp(quad, axis=0).max() * (UPRIGHT_LOOK / SYMBOL - 1) / 2
    low = np.clip(np.floor(quad.min(0) - reach), 0, None).astype(int)
    right, bottom = np.ceil(quad.max(0) + reach).astype(int)
    part = picture[low[1] : max(bottom, low[1] + 2), low[0] : max(right, low[0] + 2)]
    if min(part.shape) < 2:
        part, low = picture, np.zeros(2, int)
    square = place_upright(side)
    part, scale = halve(part, float(np.ptp(quad, axis=0).max()) / float(np.ptp(square)))
    left, top = scale * (0.5 - low) - 0.5
    shift = np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]])
    inside = cv2.perspectiveTransform(quad[None].astype(np.float64), shift)[0]
    view = np.asarray(cv2.getPerspectiveTransform(inside.astype(np.float32), square))
    seen = cv2.warpPerspective(part, view, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8), view @ shift


def turn_by_eighth(quad: Floats) -> Floats:
    """Return the outline turned by an eighth: its corners lie beyond the middles of this one's edges."""
    middle = quad.mean(0)
    edges = (quad + np.roll(quad, -1, 0)) / 2 - middle
    return np.asarray(middle + edges * np.sqrt(2), np.float32)

"""How wrong an answer is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.network import STRIDE

_FOCUS = 2.0  # how much less an easy cell matters
_TIGHT = 0.03  # of the side: corner errors below it count by their square
_WEIGHTS = {"corners": 8.0, "side": 0.3, "module": 0.3}
_LEAST_SHARE = 0.02  # of a cell's weight that each corner has in the choice of an order
_LARGEST_LOGARITHM = 5.0


class Loss(NamedTuple):
    """Of the score, the corners (mean distance in sides, for the log) and all together."""

    score: Tensor
    corners: Tensor
    total: Tensor


def measure_loss(output: Tensor, target: list[Tensor]) -> Loss:
    """Compare the network's output with a batch of `Target` as tensors."""
    score, weight, share, corners, worth, side, module = target
    pictures = len(score)
    logit = output[:, 0]
    chance = torch.sigmoid(logit)
    missed = torch.where(score > 0, 1 - chance, chance) ** _FOCUS
    entropy = functional.binary_cross_entropy_with_logits(logit, score, reduction="none")
    cells = torch.where(score > 0, share, weight)
    score_loss = (entropy * missed * cells).sum() / pictures
    known = worth.sum(1) > 0
    if not known.any():
        return Loss(score_loss.detach(), torch.zeros(()), score_loss)
    values, wanted, weights = (part.permute(0, 2, 3, 1)[known] for part in (output, corners, worth))
    length, size = side[known], values[:, 9]
    scale = STRIDE * torch.exp(size.clamp(-_LARGEST_LOGARITHM, _LARGEST_LOGARITHM))
    given = values[:, 1:9].view(-1, 4, 2) * scale[:, None, None]
    error, weights = _compare_corners(given, wanted.view(-1, 4, 2), weights / weights.sum())
    error = error / length[:, None, None]
    huber = functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=_TIGHT) / _TIGHT
    corner_loss = (huber.mean(2) * weights).sum()
    cell = weights.sum(1)
    side_loss = ((size - torch.log(length / STRIDE)).abs() * cell).sum()
    module_loss = ((values[:, 10] - torch.log(module[known])).abs() * cell).sum()
    others = _WEIGHTS["side"] * side_loss + _WEIGHTS["module"] * module_loss
    distance = (error.detach().norm(dim=2) * weights).sum()
    return Loss(score_loss.detach(), distance, score_loss + _WEIGHTS["corners"] * corner_loss + others)


def _compare_corners(given: Tensor, wanted: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Differences and their weights by the best cyclic order: nobody can tell a blurred symbol's top."""
    orders = torch.stack([given - wanted.roll(turn, 1) for turn in range(4)], 1)
    weighed = torch.stack([weights.roll(turn, 1) for turn in range(4)], 1)
    costs = orders.detach().abs().sum(3) * (weighed + _LEAST_SHARE * weighed.sum(2, keepdim=True))
    best, every = costs.sum(2).argmin(1), torch.arange(len(given))
    return orders[every, best], weighed[every, best]

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
_LARGEST_LOGARITHM = 5.0


class Loss(NamedTuple):
    """Of the score, the corners (mean distance in sides, for the log) and all together."""

    score: Tensor
    corners: Tensor
    total: Tensor


def measure_loss(output: Tensor, target: list[Tensor]) -> Loss:
    """Compare the network's output with a batch of `Target` as tensors."""
    score, weight, share, corners, side, module = target
    pictures = len(score)
    logit = output[:, 0]
    chance = torch.sigmoid(logit)
    missed = torch.where(score > 0, 1 - chance, chance) ** _FOCUS
    entropy = functional.binary_cross_entropy_with_logits(logit, score, reduction="none")
    cells = torch.where(score > 0, share, weight)
    score_loss = (entropy * missed * cells).sum() / pictures
    found = score > 0
    if not found.any():
        return Loss(score_loss, torch.zeros(()), score_loss)
    values = output.permute(0, 2, 3, 1)[found]
    wanted = corners.permute(0, 2, 3, 1)[found].view(-1, 4, 2)
    length, worth = side[found], share[found] / share[found].sum()
    scale = STRIDE * torch.exp(values[:, 9].clamp(-_LARGEST_LOGARITHM, _LARGEST_LOGARITHM))
    given = values[:, 1:9].view(-1, 4, 2) * scale[:, None, None]
    error = _compare_corners(given, wanted) / length[:, None, None]
    huber = functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=_TIGHT) / _TIGHT
    corner_loss = (huber.mean((1, 2)) * worth).sum()
    side_loss = ((values[:, 9] - torch.log(length / STRIDE)).abs() * worth).sum()
    module_loss = ((values[:, 10] - torch.log(module[found])).abs() * worth).sum()
    others = _WEIGHTS["side"] * side_loss + _WEIGHTS["module"] * module_loss
    distance = (error.detach().norm(dim=2).mean(1) * worth).sum()
    return Loss(score_loss.detach(), distance, score_loss + _WEIGHTS["corners"] * corner_loss + others)


def _compare_corners(given: Tensor, wanted: Tensor) -> Tensor:
    """Return the differences in the best of the four cyclic orders: a blurred symbol has no known top."""
    orders = torch.stack([given - wanted.roll(turn, 1) for turn in range(4)], 1)
    best = orders.detach().abs().mean((2, 3)).argmin(1)
    return orders[torch.arange(len(given)), best]

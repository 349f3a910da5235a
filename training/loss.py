"""How wrong an answer is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.network import STRIDE

_FOCUS = 2.0  # how much less an easy cell matters
_TIGHT = 0.03  # of the side: corner errors below it count by their square
_WEIGHTS = {"corners": 5.0, "nearest": 5.0, "side": 0.5, "module": 0.3}
_LARGEST_LOGARITHM = 5.0


class Loss(NamedTuple):
    """Of the score, the nearest corners (mean distance in sides, for the log) and all together."""

    score: Tensor
    corners: Tensor
    total: Tensor


def measure_loss(output: Tensor, target: list[Tensor]) -> Loss:
    """Compare the network's output with a batch of `Target` as tensors."""
    score, weight, share, corners, nearest, worth, side, module = target
    pictures = len(score)
    logit = output[:, 0]
    chance = torch.sigmoid(logit)
    missed = torch.where(score > 0, 1 - chance, chance) ** _FOCUS
    entropy = functional.binary_cross_entropy_with_logits(logit, score, reduction="none")
    cells = torch.where(score > 0, share, weight)
    score_loss = (entropy * missed * cells).sum() / pictures
    known = (share + worth) > 0
    if not known.any():
        return Loss(score_loss.detach(), torch.zeros(()), score_loss)
    values, wanted, near = (part.permute(0, 2, 3, 1)[known] for part in (output, corners, nearest))
    at_core, at_corner, length = share[known], worth[known], side[known]
    at_core, at_corner = at_core / at_core.sum(), at_corner / at_corner.sum().clamp(min=1e-6)
    scale = STRIDE * torch.exp(values[:, 9].clamp(-_LARGEST_LOGARITHM, _LARGEST_LOGARITHM))
    given = values[:, 1:9].view(-1, 4, 2) * scale[:, None, None]
    error = _compare_corners(given, wanted.view(-1, 4, 2)) / length[:, None, None]
    near_error = values[:, 11:13] - near / length[:, None]
    side_error = values[:, 9] - torch.log(length / STRIDE)
    module_error = values[:, 10] - torch.log(module[known])
    total = (
        score_loss
        + _WEIGHTS["corners"] * (_huber(error).mean((1, 2)) * at_core).sum()
        + _WEIGHTS["nearest"] * (_huber(near_error).mean(1) * at_corner).sum()
        + _WEIGHTS["side"] * (side_error.abs() * (at_core + at_corner)).sum()
        + _WEIGHTS["module"] * (module_error.abs() * (at_core + at_corner)).sum()
    )
    return Loss(score_loss.detach(), (near_error.detach().norm(dim=1) * at_corner).sum(), total)


def _huber(error: Tensor) -> Tensor:
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=_TIGHT) / _TIGHT


def _compare_corners(given: Tensor, wanted: Tensor) -> Tensor:
    """Differences by the best of the four cyclic orders: nobody can tell a blurred symbol's top."""
    orders = torch.stack([given - wanted.roll(turn, 1) for turn in range(4)], 1)
    best = orders.detach().abs().mean((2, 3)).argmin(1)
    return orders[torch.arange(len(given)), best]

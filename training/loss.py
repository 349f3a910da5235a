"""How wrong an answer is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.network import STRIDE

_FOCUS = 2.0  # how much less an easy cell matters
_TIGHT = 0.03  # of the side: corner errors below it count by their square
_WEIGHTS = {"corners": 8.0, "side": 4.0, "module": 0.3}
_LEAST_SLOPE = 0.3


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
    length, size, weights = side[known], values[:, 9], weights / weights.sum()
    error = _measure_corners(values, wanted.view(-1, 4, 2) / length[:, None, None])
    huber = functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=_TIGHT) / _TIGHT
    corner_loss = (huber.mean(2) * weights).sum()
    cell = weights.sum(1)
    side_loss = ((size - torch.log(length / STRIDE)).abs() * cell).sum()
    module_loss = ((values[:, 10] - torch.log(module[known])).abs() * cell).sum()
    others = _WEIGHTS["side"] * side_loss + _WEIGHTS["module"] * module_loss
    distance = (error.detach().norm(dim=2) * weights).sum()
    return Loss(score_loss.detach(), distance, score_loss + _WEIGHTS["corners"] * corner_loss + others)


def _measure_corners(values: Tensor, wanted: Tensor) -> Tensor:
    """How far each corner (n, 4, 2), in sides from the cell, is from the nearest root, to the first order.

    The corners are roots of a polynomial, as complex numbers. Its coefficients know no order of corners,
    so nothing jumps where a turning square's first corner becomes another.
    """
    corners = torch.view_as_complex(wanted.contiguous())
    centre, square, linear, constant = torch.complex(values[:, 1:9:2], values[:, 2:9:2]).T[:, :, None]
    from_centre = corners - centre
    value = from_centre * (from_centre * (from_centre**2 + square) + linear) + constant
    between = corners[:, :, None] - corners[:, None]
    slope = torch.where(torch.eye(4, dtype=torch.bool), torch.ones(()), between).prod(2)
    slope = slope * (slope.abs().clamp(min=_LEAST_SLOPE) / slope.abs().clamp(min=1e-6))
    return torch.view_as_real(value / slope)

"""Train: from the last state on, for some minutes; the state is kept every few."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from training.feed import feed
from training.loss import measure_loss
from training.network import Detector, normalize
from training.weights import read_weights

_WEIGHT_DECAY, _WARM_UP = 1e-3, 300
_MEMORY = 0.9995  # of the averaged weights, a step
_LONGEST_STEP = 5.0
_REPORT_STEPS, _SAVE_STEPS = 200, 500


@dataclass
class Progress:
    """Running means since the last report."""

    began: float = field(default_factory=time.monotonic)
    pictures: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    steps: int = 0

    def describe(self, step: int, rate: float) -> str:
        """Return one line for the log."""
        score, corners, total = (part / max(1, self.steps) for part in self.sums)
        pace = self.pictures / (time.monotonic() - self.began)
        return (
            f"{time.strftime('%H:%M')} step {step} rate {rate:.5f} score {score:.3f} "
            f"corners {100 * corners:.2f} % total {total:.3f}, {pace:.0f} examples/s"
        )


class Trainer:
    """The network, its average, the optimizer and the number of batches seen."""

    def __init__(self, folder: Path, start: Path | None = None) -> None:
        self.path = folder / "state.pt"
        self.stock = folder / "stock"
        self.network = Detector().to(memory_format=torch.channels_last)
        if start is not None:
            self.network.load_state_dict(read_weights(start))
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=_WEIGHT_DECAY)
        self.step = 0
        if self.path.is_file():
            self._load()

    def _load(self) -> None:
        state = torch.load(self.path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

    def save(self) -> None:
        """Keep everything from which training goes on; the old state is there until the new one is whole."""
        state = {
            "network": self.network.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step,
        }  # fmt: skip
        partial = self.path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.path)

    def learn(
        self, pictures: Tensor, target: list[Tensor], rate: float, bfloat16: bool = False
    ) -> list[float]:
        """Take one step; return the losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        inputs = normalize(pictures).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            output = self.network(inputs)
        loss = measure_loss(output.float(), target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_STEP)
        self.optimizer.step()
        self.step += 1
        self._update_average()
        return [float(part.detach()) for part in loss]

    def _update_average(self) -> None:
        memory = min(_MEMORY, self.step / (self.step + 20))
        for name, value in self.network.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].mul_(memory).add_(value, alpha=1 - memory)
            else:
                self.average[name].copy_(value)


def train(
    folder: Path, minutes: float, rate: float, decay: bool, bfloat16: bool, start: Path | None = None
) -> None:
    """Go on for some minutes at one learning rate, or with one that falls to nothing by their end."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trainer, progress, began = Trainer(folder, start), Progress(), time.monotonic()
    for pictures, target in feed(trainer.stock, trainer.step):
        spent = (time.monotonic() - began) / 60 / minutes
        warmth = min(1.0, (trainer.step + 1) / _WARM_UP)
        now = rate * warmth * (max(0.01, 1 - spent) if decay else 1.0)
        losses = trainer.learn(pictures, target, now, bfloat16)
        progress.pictures += len(pictures)
        progress.steps += 1
        progress.sums = [total + loss for total, loss in zip(progress.sums, losses, strict=True)]
        if trainer.step % _REPORT_STEPS == 0:
            print(progress.describe(trainer.step, now), flush=True)
            progress = Progress()
        if trainer.step % _SAVE_STEPS == 0 or spent >= 1:
            trainer.save()
        if spent >= 1:
            return

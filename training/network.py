"""The network: gray in; at every eighth pixel a score, four corners, the side and the module size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Pixels from one cell to the next.
STRIDE = 8
#: Rows and columns of the picture are multiples of this.
MULTIPLE = 64
#: Score; x and y of four corners; logarithms of the side in cells and of the module in pixels.
CHANNELS = 11
_MIDDLE, _SPREAD = 128.0, 64.0


def normalize(pictures: Tensor) -> Tensor:
    """Map levels from 0 to 255 to about -2 to 2."""
    return (pictures.float() - _MIDDLE) / _SPREAD


def _convolve(inputs: int, outputs: int, size: int = 3, step: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, step, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):  # type: ignore[misc]
    """A 3 x 3 convolution beside a shortcut; where `narrow`, 1 x 1 to half the channels first."""

    def __init__(self, channels: int, narrow: bool = False) -> None:
        super().__init__()
        half = channels // 2
        self.steps = (
            nn.Sequential(_convolve(channels, half, 1), _convolve(half, channels))
            if narrow
            else _convolve(channels, channels)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Add what the convolutions find."""
        return maps + self.steps(maps)


def _stage(inputs: int, outputs: int, blocks: int, narrow: bool = False) -> nn.Sequential:
    """Return layers that halve rows and columns, then some blocks."""
    return nn.Sequential(_convolve(inputs, outputs, 3, 2), *(Block(outputs, narrow) for _ in range(blocks)))


class Detector(nn.Module):  # type: ignore[misc]
    """Five halvings to stride 64 and back to stride 8. Few channels where there are many pixels."""

    def __init__(self, channels: tuple[int, ...] = (12, 16, 32, 64, 96, 64), head: int = 40) -> None:
        super().__init__()
        at2, at4, at8, at16, at32, at64 = channels
        self.to4 = nn.Sequential(_convolve(1, at2, 3, 2), _stage(at2, at4, 1))
        self.to8, self.to16 = _stage(at4, at8, 2), _stage(at8, at16, 2)
        self.to32, self.to64 = _stage(at16, at32, 2, narrow=True), _stage(at32, at64, 2, narrow=True)
        self.from64, self.from32 = _convolve(at64, head, 1), _convolve(at32, head, 1)
        self.from16, self.from8 = _convolve(at16, head, 1), _convolve(at8, head, 1)
        self.join32, self.join16 = Block(head), Block(head)
        self.join8 = nn.Sequential(Block(head), Block(head))
        self.output = nn.Conv2d(head, CHANNELS, 1)
        start = torch.tensor([-5.0, -0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5, 1.5, 1.0])
        with torch.no_grad():
            self.output.weight.mul_(0.3)
            if self.output.bias is not None:
                self.output.bias.copy_(start)

    def forward(self, pictures: Tensor) -> Tensor:
        """Map (n, 1, rows, columns), normalized, to (n, 11, rows / 8, columns / 8)."""
        at8 = self.to8(self.to4(pictures))
        at16 = self.to16(at8)
        at32 = self.to32(at16)
        seen = self.from64(self.to64(at32))
        seen = self.join32(self.from32(at32) + _enlarge(seen))
        seen = self.join16(self.from16(at16) + _enlarge(seen))
        seen = self.join8(self.from8(at8) + _enlarge(seen))
        with torch.autocast("cpu", enabled=False):
            return torch.as_tensor(self.output(seen.float()))


def _enlarge(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0, mode="nearest")

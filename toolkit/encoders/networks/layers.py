"""Layers of the convolutional networks: convolution, batch norm, ReLU, with or without a skip.

SE4Lip's Table 2 lists convolutions only; that each is followed by batch norm and ReLU, and that a residual
row adds its input before the ReLU, is how Wav2Lip's network is built, whose rows the table repeats
(decisions: docs/training.md).
"""

import torch
from torch import Tensor, nn


class ConvRow(nn.Module):
    """Convolution with bias, batch norm, ReLU: one row of such a table. rectified=False leaves the ReLU out.

    >>> ConvRow(3, 8, 3, stride=(1, 2), padding=1)(torch.zeros(2, 3, 10, 10)).shape
    torch.Size([2, 8, 10, 5])
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        stride: int | tuple[int, int] = 1,
        padding: int = 0,
        rectified: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, padding)
        self.norm = nn.BatchNorm2d(channels)
        self.rectified = rectified

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return torch.relu(x) if self.rectified else x


class ResidualRow(nn.Module):
    """Convolution 3×3 and batch norm, plus the input, then ReLU.

    >>> ResidualRow(4)(torch.zeros(2, 4, 6, 6)).shape
    torch.Size([2, 4, 6, 6])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)) + x)


def parameter_count(module: nn.Module) -> int:
    """How many numbers training changes.

    >>> parameter_count(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())

"""The lip network of SE4Lip's Table 2: five frames of a mouth to 512 numbers."""

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.layers import ConvRow, ResidualRow
from speechlip.errors import no_such
from speechlip.format import LIP_ROWS, LIP_ROWS_SHOWN

DIM = 512
INPUTS = ("mouth", "literal")
LITERAL_WARNING = (
    "lip input 'literal' gives the network all 96 rows, of which its last layers never look at rows 72–95 "
    "and hardly at 48–71 (95 % of the influence lies in rows 0–47): about twice the time for less of the "
    f"mouth; 'mouth' gives it rows {LIP_ROWS_SHOWN}"
)


class LipEncoder(nn.Module):
    """SE4Lip's Table 2, 9 932 544 parameters: (B, 5, 96, 96, 3) uint8 RGB crops → (B, 512).

    input: ``mouth`` reads rows 24–71 of a crop (48×96), ``literal`` all 96 (see ``LITERAL_WARNING``). Five
    frames × RGB are stacked as 15 channels in the order t0 R G B, t1 R G B …, in 0 … 1. The ReLU after the
    last row is left to the training objective (``pair.SpeechLipPair``). Raises OptionError for another input.

    >>> LipEncoder().eval()(torch.zeros(2, 5, 96, 96, 3, dtype=torch.uint8)).shape
    torch.Size([2, 512])
    """

    def __init__(self, input: str = "mouth") -> None:
        super().__init__()
        self.rows = rows_read(input)
        self.layers = nn.Sequential(
            ConvRow(15, 32, 7, padding=3),
            ConvRow(32, 64, 5, stride=(1, 2), padding=1),
            ResidualRow(64),
            ResidualRow(64),
            ConvRow(64, 128, 3, stride=2, padding=1),
            ResidualRow(128),
            ResidualRow(128),
            ConvRow(128, 256, 3, stride=2, padding=1),
            ResidualRow(256),
            ConvRow(256, 512, 3, stride=2, padding=1),
            ResidualRow(512),
            ConvRow(512, 512, 3, stride=2, padding=1),
            ConvRow(512, 512, 3, stride=(4, 1)),
            ConvRow(512, DIM, 1, rectified=False),
        )

    def forward(self, lips: Tensor) -> Tensor:
        return self.layers(stacked(lips, self.rows)).flatten(1)


def rows_read(input: str) -> slice:
    """The rows of a crop that a lip network reads. Raises OptionError for another input.

    >>> rows_read("mouth")
    slice(24, 72, None)
    """
    if input not in INPUTS:
        raise no_such("lip input", input, INPUTS)
    return slice(*LIP_ROWS) if input == "mouth" else slice(None)


def stacked(lips: Tensor, rows: slice) -> Tensor:
    """(B, 5, 96, 96, 3) uint8 → (B, 15, H, 96) float32 in 0 … 1, the given rows of each frame.

    In channels-last order, which convolutions read fastest.
    """
    pixels = lips[:, :, rows].permute(0, 1, 4, 2, 3).flatten(1, 2)
    return pixels.to(torch.float32, memory_format=torch.channels_last) / 255

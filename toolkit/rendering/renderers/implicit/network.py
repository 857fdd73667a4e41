"""The implicit lip model: (point of the crop, what is heard) → colour.

Source: Speech2Lip (Wu et al. 2023) and its release (src/face_simple/models/tf_nerf.py, MLP "v2").
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.rendering.features import CONTEXT_FRAMES

OCTAVES = 10
POINT_CODE, TIME_CODE = 2 + 4 * OCTAVES, 2 * OCTAVES
"""Numbers of the code of a point, 42, and of a time, 20."""
HEARD = 64
"""Numbers that AudioNet gives."""
SKIP_AFTER = 5
"""Layers before the second sum of the inputs."""
SLOPE = 0.02


@dataclass(frozen=True)
class Size:
    """Width and number of the linear layers.

    parameters: of the network with the time input, without AudioNet.
    """

    width: int
    layers: int
    parameters: int


SIZES = {"lite": Size(128, 6, 148_867), "faithful": Size(256, 8, 658_691)}


def octaves(values: Tensor) -> Tensor:
    """sin and cos at 10 octaves, as NeRF's code has them: (…, K) → (…, 20 K).

    >>> octaves(torch.tensor([0.0])).tolist() == [0.0] * 10 + [1.0] * 10
    True
    """
    scaled = (values[..., None] * 2.0 ** torch.arange(OCTAVES, device=values.device)).flatten(-2)
    return torch.cat([scaled.sin(), scaled.cos()], dim=-1)


def point_code(points: Tensor) -> Tensor:
    """Points of the crop, 0 to 1: (…, 2) → (…, 42), themselves and their octaves."""
    return torch.cat([points, octaves(points)], dim=-1)


class AudioNet(nn.Module):
    """Features of five frames → 64 numbers: (B, 5, D) → (B, 64), the same network for every encoder.

    Of the release's D = 29 it has 32 800 parameters.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        channels = (dim, 32, 32, HEARD, HEARD)
        self.steps = nn.ModuleList(
            nn.Conv1d(one, other, 3, stride=2, padding=1) for one, other in pairwise(channels)
        )
        self.ends = nn.ModuleList([nn.Linear(HEARD, HEARD), nn.Linear(HEARD, HEARD)])
        for layer in (*self.steps, *self.ends):  # torch's own start would let 1/100 of a difference through
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        """(B, 5, D) → (B, 64)."""
        values = features.transpose(1, 2)
        for step in self.steps:
            values = functional.leaky_relu(step(values), SLOPE)
        values = values.squeeze(2)
        return self.ends[1](functional.leaky_relu(self.ends[0](values), SLOPE))


class InputSum(nn.Module):
    """Codes of P points, what is heard in F frames, their times → (F, P, W): a linear map each, added."""

    def __init__(self, width: int, time: bool) -> None:
        super().__init__()
        self.point, self.heard = nn.Linear(POINT_CODE, width), nn.Linear(HEARD, width)
        self.time = nn.Linear(TIME_CODE, width) if time else None

    def forward(self, points: Tensor, heard: Tensor, times: Tensor) -> Tensor:
        """(F, P, 42) or (P, 42), (F, 64), (F,) → (F, P, W)."""
        of_frame = self.heard(heard)
        if self.time is not None:
            of_frame = of_frame + self.time(octaves(times[:, None]))
        return self.point(points) + of_frame[:, None]


class LipNetwork(nn.Module):
    """Colours of points: linear layers with ReLU, a second sum of the inputs after the fifth.

    size: of ``SIZES``.
    dim: numbers of a frame's features.
    time: it is told the time of a frame.
    """

    def __init__(self, size: str, dim: int, time: bool = False) -> None:
        super().__init__()
        width, layers = SIZES[size].width, SIZES[size].layers
        self.audio = AudioNet(dim)
        self.first, self.second = InputSum(width, time), InputSum(width, time)
        self.layers = nn.ModuleList(
            nn.Linear(2 * width if number == SKIP_AFTER else width, width) for number in range(layers)
        )
        self.colour = nn.Linear(width, 3)

    def forward(self, codes: Tensor, features: Tensor, times: Tensor) -> Tensor:
        """(F, P, 3) float32, black 0 and white 1, not clamped.

        codes: of points, (F, P, 42), or (P, 42) the same in every frame.
        features: (F, 5, D), of each frame and its neighbours.
        times: (F,), 0 to 1 over the training part.
        """
        heard = self.audio(features)
        values = self.first(codes, heard, times)
        for number, layer in enumerate(self.layers):
            if number == SKIP_AFTER:
                values = torch.cat([values, self.second(codes, heard, times)], dim=-1)
            values = torch.relu(layer(values))
        with torch.autocast(values.device.type, enabled=False):  # 8 bits are too few for a colour
            return self.colour(values.float())


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns.

    >>> parameters(AudioNet(29))
    32800
    """
    return sum(math.prod(each.shape) for each in network.parameters())


def context_of(features: Tensor, frames: Tensor) -> Tensor:
    """Features of frames and their neighbours, the ends repeated: (N, D), (F,) → (F, 5, D)."""
    reach = torch.arange(CONTEXT_FRAMES, device=frames.device) - CONTEXT_FRAMES // 2
    return features[(frames[:, None] + reach).clamp(0, len(features) - 1)]

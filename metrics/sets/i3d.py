"""The I3D network of FVD: windows of 16 frames → 400 logits, with weights of the user's own.

Goal: the features of VideoGPT's FVD, as ``common_metrics_on_video_quality`` computes its method ``videogpt``.
Conventions: windows of 16 images (H, W, 3) uint8 RGB of any size, scaled bilinearly without a low-pass until
the shorter side has 224 px, cut to the central 224 × 224, to −1…1. Names of layers are those of
``pytorch-i3d``. Every layer pads with zeros as TensorFlow's SAME does: the output has ⌈size / stride⌉ values,
and of an odd number of zeros the last one lies behind. Normalisation has ε = 1e-5 as VideoGPT's copy, where
``pytorch-i3d`` itself has 1e-3.
Source: Carreira and Zisserman 2017; Unterthiner et al. 2018; Yan et al. 2021 (VideoGPT). Functions: load_i3d,
random_i3d, i3d_features.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.files.weights import fill, read_tensors

N_FEATURES = 400
WINDOW = 16
"""Frames."""
SIDE_PX = 224
WANTED = "FVD's I3D wants the state_dict of VideoGPT, i3d_pretrained_400.pt"
Size = tuple[int, int, int]
"""Time, height, width."""
MIXED = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}
"""Block → channels that come in, then those of b0, b1a, b1b, b2a, b2b, b3b."""
POOLS: dict[str, tuple[Size, Size]] = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}
"""Layer → kernel and stride of the pooling behind it."""


def pad_same(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Zeros round (B, C, T, H, W), with which a layer returns ⌈size / stride⌉ values a side.

    >>> x = torch.arange(1.0, 5.0).reshape(1, 1, 1, 1, 4)
    >>> pad_same(x, (1, 1, 3), (1, 1, 2)).flatten().tolist()
    [1.0, 2.0, 3.0, 4.0, 0.0]
    """
    zeros: list[int] = []
    for size, wide, step in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):
        missing = max(wide - (size % step or step), 0)
        zeros += [missing // 2, missing - missing // 2]
    return functional.pad(x, zeros)


def pool_same(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Greatest value of each kernel; padding counts as 0."""
    return functional.max_pool3d(pad_same(x, kernel, stride), kernel, stride)


class Unit(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(self, channels: int, wanted: int, side: int = 1, step: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (side, side, side), (step, step, step)
        self.conv3d = nn.Conv3d(channels, wanted, self.kernel, self.stride, bias=False)
        self.bn = nn.BatchNorm3d(wanted, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv3d(pad_same(x, self.kernel, self.stride))))


class Mixed(nn.Module):
    """Four branches side by side, joined along channels.

    channels: a row of ``MIXED``.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        before, b0, b1a, b1b, b2a, b2b, b3b = channels
        self.b0 = Unit(before, b0)
        self.b1a, self.b1b = Unit(before, b1a), Unit(b1a, b1b, 3)
        self.b2a, self.b2b = Unit(before, b2a), Unit(b2a, b2b, 3)
        self.b3b = Unit(before, b3b)

    def forward(self, x: Tensor) -> Tensor:
        pooled = pool_same(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], 1)


class Logits(nn.Module):
    """Weights of one number per class of Kinetics-400."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(1024, N_FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class I3D(nn.Module):
    """(B, 3, 16, H, W) in −1…1 → (B, 400).

    The last block of a window of 224 × 224 px has 2 × 7 × 7 values a channel, the size of the published
    network's pooling: here their mean is taken whatever the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        for block, channels in MIXED.items():
            self.add_module(f"Mixed_{block}", Mixed(channels))
        self.logits = Logits()

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in self.named_children():
            if name == "logits":
                x = x.mean((2, 3, 4), keepdim=True)
            x = layer(x)
            if name in POOLS:
                x = pool_same(x, *POOLS[name])
        return x.flatten(1)


def load_i3d(weights: Path | str) -> I3D:
    """The network with the weights of VideoGPT (``i3d_pretrained_400.pt``).

    Only tensors are read. Raises ModelError for another file, such as a TorchScript program.
    """
    network = I3D()
    fill(network, read_tensors(weights, WANTED), weights, WANTED)
    return network.eval()


def random_i3d(seed: int = 0) -> I3D:
    """The network untrained, for tests: its numbers mean nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return I3D().eval()


def i3d_features(network: nn.Module, images: Sequence[np.ndarray]) -> np.ndarray:
    """(N, 400) float64 of N windows on end: 16 N images, (H, W, 3) uint8 RGB each, of any sizes."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        shown = [as_shown(torch.from_numpy(np.ascontiguousarray(image)).to(device)) for image in images]
        windows = torch.stack(shown).unflatten(0, (-1, WINDOW)).transpose(1, 2)
        features: np.ndarray = network(windows).double().cpu().numpy()
    return features


def as_shown(image: Tensor) -> Tensor:
    """What the network is shown of an image: (H, W, 3) uint8 → (3, 224, 224) in −1…1."""
    values = image.permute(2, 0, 1)[None].float() / 255
    height, width = values.shape[2:]
    scale = SIDE_PX / min(height, width)  # with its floats, as published: ⌈·⌉ below may add 1 px
    sides = (SIDE_PX, ceil(width * scale)) if height < width else (ceil(height * scale), SIDE_PX)
    scaled = functional.interpolate(values, sides, mode="bilinear", align_corners=False)[0]
    top, left = ((side - SIDE_PX) // 2 for side in sides)
    return 2 * scaled[:, top : top + SIDE_PX, left : left + SIDE_PX] - 1

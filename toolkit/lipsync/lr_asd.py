"""LR-ASD, which sees and hears whether a face is talking: its network, and probabilities frame by frame.

Conventions: faces are grey, 112 × 112 px, 25 a second; audio is 13 MFCCs, 100 a second, four for each frame.
Names of layers are those of the published weights.

Source: Liao et al., LR-ASD (IJCV 2025), MIT; its repository's ``model/`` and ``loss.py``. A talking mouth is
found by it, a mouth in sync is not (docs/decisions/sync-by-landmarks.md).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speechlip.files.weights import fill, read_tensors

MEAN, DEVIATION = 0.4161, 0.1688
"""Of grey levels from 0 to 1, in AVA-ActiveSpeaker."""


KINDS: dict[int, tuple[Any, Any]] = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}
"""Layers by the number of dimensions."""


def block(dimensions: int, channels: tuple[int, int], first: str, second: str, halve: bool) -> nn.Module:
    """Convolutions of 5 and 3 along ``first`` axes, then along ``second``, each with normalisation and ReLU.

    dimensions: 2, of MFCCs over time, or 3, of images over time.
    first, second: ``s``, space, ``t``, time, or ``m``, MFCCs: the letter in the layers' names.
    halve: whether the first one takes every other pixel.
    """
    layers, (inside, outside) = nn.Module(), channels
    for axes, steps in ((first, (inside, outside // 2, outside)), (second, (outside,) * 3)):
        for number, size in ((1, 5), (2, 3)):
            shape = _shape(dimensions, axes, size)
            kind, norm = KINDS[dimensions]
            convolution = kind(
                steps[number - 1],
                steps[number],
                shape,
                stride=(1, 2, 2) if halve and axes == "s" and number == 1 else 1,
                padding=tuple(side // 2 for side in shape),
                bias=False,
            )
            layers.add_module(f"{axes}_{number}", convolution)
            layers.add_module(f"{axes}_norm_{number}", norm(steps[number], eps=0.001, momentum=0.01))
    return layers


def _shape(dimensions: int, axes: str, size: int) -> tuple[int, ...]:
    """Of a kernel: images are (time, height, width), audio (MFCC, time)."""
    if dimensions == 3:
        return (1, size, size) if axes == "s" else (size, 1, 1)
    return (size, 1) if axes == "m" else (1, size)


def through(layers: nn.Module, x: Tensor) -> Tensor:
    """A block's layers one after another."""
    axes = [name.removesuffix("_1") for name in layers._modules if len(name) == 3 and name.endswith("_1")]
    for name in (f"{axis}_{number}" for axis in axes for number in (1, 2)):
        norm = name.replace("_", "_norm_")
        x = torch.relu(layers.get_submodule(norm)(layers.get_submodule(name)(x)))
    return x


class Branch(nn.Module):
    """Three blocks of 32, 64 and 128 channels, pooled twice: (B, 1, …) → (B, T, 128)."""

    def __init__(self, images: bool) -> None:
        super().__init__()
        self.images, n = images, 3 if images else 2
        kinds = ("s", "t") if images else ("m", "t")
        self.block1 = block(n, (1, 32), *kinds, images)
        self.block2 = block(n, (32, 64), *kinds, False)
        self.block3 = block(n, (64, 128), *kinds, False)

    def forward(self, x: Tensor) -> Tensor:
        for layers in (self.block1, self.block2):
            x = self.pooled(through(layers, x))
        x = through(self.block3, x)
        return (x.amax(dim=(3, 4)) if self.images else x.mean(dim=2)).transpose(1, 2)

    def pooled(self, x: Tensor) -> Tensor:
        if self.images:
            return nn.functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        return nn.functional.max_pool2d(x, (1, 3), (1, 2), (0, 1))


class Fusion(nn.Module):
    """Two features side by side, each channel weighted by all: (B, T, C / 2) twice → (B, T, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv1d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm1d(channels, eps=0.001, momentum=0.01)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        both = torch.cat([a, b], dim=2).transpose(1, 2)
        return (both * torch.sigmoid(self.bn(self.attention(both)))).transpose(1, 2)


class Detector(nn.Module):
    """A GRU over time, another one back: (B, T, C) → (B, T, C / 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru_forward = nn.GRU(channels, channels // 4, batch_first=True)
        self.gru_backward = nn.GRU(channels, channels // 4, batch_first=True)
        self.attention = Fusion(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        forth, back = self.gru_forward(x)[0], self.gru_backward(x.flip(1))[0].flip(1)
        fused: Tensor = self.attention(forth, back)
        return fused


class LrAsd(nn.Module):
    """Faces and MFCCs → logits (B, T, 2), of silence and of talk.

    faces: (B, T, 112, 112) grey levels, 0 to 255.
    mfccs: (B, 4 T, 13).
    """

    def __init__(self) -> None:
        super().__init__()
        self.visualEncoder, self.audioEncoder = Branch(images=True), Branch(images=False)
        self.fusion, self.detector = Fusion(256), Detector(256)
        self.FC = nn.Linear(128, 2)

    def forward(self, faces: Tensor, mfccs: Tensor) -> Tensor:
        seen = self.visualEncoder((faces[:, None] / 255 - MEAN) / DEVIATION)
        heard = self.audioEncoder(mfccs.transpose(1, 2)[:, None])
        logits: Tensor = self.FC(self.detector(self.fusion(heard, seen)))
        return logits


def load_lr_asd(weights: Path) -> LrAsd:
    """The network with published weights, ready to judge. Raises ModelError for another file."""
    network, wanted = LrAsd(), "wanted are the weights that LR-ASD publishes"
    stored = read_tensors(weights, wanted)
    kept = {
        name.removeprefix(prefix): value
        for prefix in ("model.", "lossAV.")  # the third, lossV., is of training alone
        for name, value in stored.items()
        if name.startswith(prefix)
    }
    fill(network, kept, weights, wanted)
    return network.eval()


def talking(network: LrAsd, faces: np.ndarray, mfccs: np.ndarray) -> np.ndarray:
    """How likely a face talks in each frame, 0 to 1: (T, 112, 112) uint8 and (4 T, 13) → (T,) float32."""
    with torch.inference_mode():
        rows = (torch.tensor(each, dtype=torch.float32)[None] for each in (faces, mfccs))
        likely: np.ndarray = network(*rows)[0].softmax(dim=-1)[:, 1].numpy()
    return likely

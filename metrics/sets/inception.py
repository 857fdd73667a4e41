"""The Inception network of FID: images → 2048 features, with weights of the user's own.

Goal: the features that ``pytorch-fid`` computes, from its file, so that numbers compare with printed ones.
Conventions: images (H, W, 3) uint8 RGB of any size; each is scaled to 299 × 299 by bilinear interpolation
without a low-pass, to −1…1. Names of layers are torchvision's. Where TensorFlow's network of 2015 differs
from it: averages leave the padding out, and the last block takes the greatest of 3 × 3 px, not their mean.
Source: Szegedy et al. 2016; Heusel et al. 2017. Functions: load_inception, random_inception,
inception_features.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.files.weights import fill, read_tensors

N_FEATURES = 2048
SIDE_PX = 299
WANTED = "FID's Inception wants the state_dict of pytorch-fid, pt_inception-2015-12-05-6726825d.pth"
SPLIT = "split"
"""In place of a kernel: 1 × 3 and 3 × 1 side by side."""
Kernel = int | tuple[int, int] | str
Branches = Mapping[str, Sequence[tuple[int, Kernel]]]
WIDE, HIGH = (1, 7), (7, 1)


class Convolution(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(
        self, channels: int, wanted: int, kernel: int | tuple[int, int], stride: int = 1, pad: bool = True
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if pad else (0, 0)
        self.conv = nn.Conv2d(channels, wanted, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(wanted, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches of convolutions side by side, and a pooled one, joined along channels.

    branches: name → (channels, kernel) of each of its convolutions.
    pooled: channels of the pooled branch; 0: as many as come in, and height and width are halved.
    largest: whether it takes the greatest value where others take the mean.
    """

    def __init__(self, channels: int, branches: Branches, pooled: int = 0, largest: bool = False) -> None:
        super().__init__()
        self.steps, self.halve, self.largest = [], not pooled, largest
        for name, convolutions in branches.items():
            before = channels
            steps: list[tuple[str, ...]] = []
            for number, (wanted, kernel) in enumerate(convolutions, 1):
                own = name if len(convolutions) == 1 else f"{name}_{number}"
                last = self.halve and number == len(convolutions)
                if isinstance(kernel, str):
                    self.add_module(f"{own}a", Convolution(before, wanted, (1, 3)))
                    self.add_module(f"{own}b", Convolution(before, wanted, (3, 1)))
                    steps.append((f"{own}a", f"{own}b"))
                else:
                    self.add_module(own, Convolution(before, wanted, kernel, 1 + last, not last))
                    steps.append((own,))
                before = wanted
            self.steps.append(steps)
        if pooled:
            self.branch_pool = Convolution(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self._through(steps, x) for steps in self.steps), self._pooled(x)], 1)

    def _through(self, steps: Sequence[Sequence[str]], x: Tensor) -> Tensor:
        for names in steps:
            x = torch.cat([self.get_submodule(name)(x) for name in names], 1)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self.halve:
            return functional.max_pool2d(x, 3, 2)
        if self.largest:
            pooled = functional.max_pool2d(x, 3, 1, 1)
        else:
            pooled = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return self.branch_pool(pooled)


def _block_35(channels: int, pooled: int) -> Mixed:
    """Of 35 × 35 px, where an image has 299 × 299."""
    branches: Branches = {
        "branch1x1": [(64, 1)],
        "branch5x5": [(48, 1), (64, 5)],
        "branch3x3dbl": [(64, 1), (96, 3), (96, 3)],
    }
    return Mixed(channels, branches, pooled)


def _block_17(inner: int) -> Mixed:
    """Of 17 × 17 px, where an image has 299 × 299."""
    branches: Branches = {
        "branch1x1": [(192, 1)],
        "branch7x7": [(inner, 1), (inner, WIDE), (192, HIGH)],
        "branch7x7dbl": [(inner, 1), (inner, HIGH), (inner, WIDE), (inner, HIGH), (192, WIDE)],
    }
    return Mixed(768, branches, 192)


def _block_8(channels: int, largest: bool) -> Mixed:
    """Of 8 × 8 px, where an image has 299 × 299."""
    branches: Branches = {
        "branch1x1": [(320, 1)],
        "branch3x3": [(384, 1), (384, SPLIT)],
        "branch3x3dbl": [(448, 1), (384, 3), (384, SPLIT)],
    }
    return Mixed(channels, branches, 192, largest)


class Inception(nn.Module):
    """(B, 3, H, W) in −1…1 → (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2, pad=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, pad=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            _block_35(192, 32),
            _block_35(256, 64),
            _block_35(288, 64),
        )
        self.Mixed_6a = Mixed(288, {"branch3x3": [(384, 3)], "branch3x3dbl": [(64, 1), (96, 3), (96, 3)]})
        self.Mixed_6b, self.Mixed_6c = _block_17(128), _block_17(160)
        self.Mixed_6d, self.Mixed_6e = _block_17(160), _block_17(192)
        seven: Sequence[tuple[int, Kernel]] = [(192, 1), (192, WIDE), (192, HIGH), (192, 3)]
        self.Mixed_7a = Mixed(768, {"branch3x3": [(192, 1), (320, 3)], "branch7x7x3": seven})
        self.Mixed_7b, self.Mixed_7c = _block_8(1280, False), _block_8(2048, True)

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in self.named_children():
            x = layer(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = functional.max_pool2d(x, 3, 2)
        return x.mean((2, 3))


def load_inception(weights: Path | str) -> Inception:
    """The network with the weights of ``pytorch-fid`` (``pt_inception-2015-12-05-6726825d.pth``).

    Only tensors are read. Raises ModelError for another file, such as a TorchScript program.
    """
    network = Inception()
    stored = read_tensors(weights, WANTED)
    kept = {name: each for name, each in stored.items() if not name.startswith("fc.")}
    fill(network, kept, weights, WANTED)
    return network.eval()


def random_inception(seed: int = 0) -> Inception:
    """The network untrained, for tests: its numbers mean nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Inception().eval()


def inception_features(network: nn.Module, images: Sequence[np.ndarray]) -> np.ndarray:
    """(N, 2048) float64 of N images, (H, W, 3) uint8 RGB each, of any sizes."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        scaled = [as_shown(torch.from_numpy(np.ascontiguousarray(image)).to(device)) for image in images]
        features: np.ndarray = network(torch.cat(scaled)).double().cpu().numpy()
    return features


def as_shown(image: Tensor) -> Tensor:
    """What the network is shown of an image: (H, W, 3) uint8 → (1, 3, 299, 299) in −1…1."""
    values = image.permute(2, 0, 1)[None].float() / 255
    side = (SIDE_PX, SIDE_PX)
    return 2 * functional.interpolate(values, side, mode="bilinear", align_corners=False) - 1

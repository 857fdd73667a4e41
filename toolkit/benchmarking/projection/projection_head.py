"""The projection head that every encoder gets, and the lip encoder it is trained with: alike for all."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speechlip.benchmarking.projection.feature_cache import FeatureCache
from speechlip.benchmarking.projection.layer_mix import LayerMix
from speechlip.encoders.networks.lips import DIM, LipEncoder
from speechlip.shards.pairs.rules import WINDOW

WIDTH = 128
IN_WORDS = (
    f"each of the {WINDOW} frames to {WIDTH} numbers by one linear layer, ReLU, all {WINDOW} to {DIM} by "
    "another, batch norm"
)


class ProjectionHead(nn.Module):
    """Frozen features of a window to the common space: (B, 5, D) → (B, 512).

    128 D + 128 weights for the frames, 640 · 512 + 512 for the window, 1024 of batch norm.

    >>> head = ProjectionHead(768)
    >>> head.eval()(torch.zeros(2, 5, 768)).shape, sum(weights.numel() for weights in head.parameters())
    (torch.Size([2, 512]), 427648)
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.frame = nn.Linear(dim, WIDTH)
        self.window = nn.Linear(WINDOW * WIDTH, DIM)
        self.norm = nn.BatchNorm1d(DIM)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.window(torch.relu(self.frame(features)).flatten(1)))


class HeadedPair(nn.Module):
    """A new lip encoder and a new head.

    The same seed gives every encoder the same lip encoder to begin with, whatever its width. dim: of a video
    frame, mixed where there is a mix of layers.
    """

    def __init__(self, dim: int, seed: int, mix: LayerMix | None = None) -> None:
        super().__init__()
        self.mix = mix
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.lips = LipEncoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.head = ProjectionHead(dim)

    def forward(self, lips: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.lips(lips), self.head(self.mixed(features))

    def mixed(self, features: Tensor) -> Tensor:
        """(…, k L D) → (…, k D) where layers are mixed, else as they are."""
        return features if self.mix is None else self.mix(features)


def speech_of(batch: Mapping[str, Any], cache: FeatureCache) -> Tensor:
    """The features of a batch's speech windows: (B, 5, D) float32."""
    return windows_of(cache, [keys[1] for keys in batch["keys"]], batch["speech_start"].tolist())


def windows_of(cache: FeatureCache, keys: Sequence[str], starts: Sequence[int]) -> Tensor:
    return torch.from_numpy(
        np.stack([cache.frames(key, start, WINDOW) for key, start in zip(keys, starts, strict=True)])
    )

"""A learned mix of an encoder's layers: softmax weights, as SUPERB has them (Yang et al. 2021)."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from speechlip.benchmarking.projection.feature_cache import FeatureCache

RATE_TIMES = 40.0
"""The weights learn at so many times the head's rate: each is one number, and would hardly move otherwise."""


class LayerMix(nn.Module):
    """Features of all layers, side by side, to one of their width: (…, k L D) → (…, k D).

    k: features a video frame. It begins with equal weights. The features that it gets have mean 0 and
    deviation 1 in every dimension, so that no layer counts for more because its numbers are large.
    """

    def __init__(self, layers: int, per_frame: int) -> None:
        super().__init__()
        self.layers, self.per_frame = layers, per_frame
        self.logits = nn.Parameter(torch.zeros(layers))

    def forward(self, features: Tensor) -> Tensor:
        return mixed(features, torch.softmax(self.logits, 0), self.per_frame)

    def weights(self) -> tuple[float, ...]:
        """Of layer 0 … L − 1; their sum is 1."""
        return tuple(torch.softmax(self.logits.detach().double(), 0).tolist())


def mixed(features: Tensor, weights: Tensor, per_frame: int) -> Tensor:
    """
    >>> mixed(torch.tensor([[1.0, 2.0, 10.0, 20.0]]), torch.tensor([0.5, 0.5]), per_frame=1)
    tensor([[ 5.5000, 11.0000]])
    """
    layers = features.unflatten(-1, (per_frame, len(weights), -1))
    return torch.einsum("...kld,l->...kd", layers, weights).flatten(-2)


def mix_of(cache: FeatureCache) -> LayerMix | None:
    """A new mix for features of several layers; None for those of one."""
    return LayerMix(cache.stack, cache.per_frame) if cache.stack > 1 else None


class MixedClip:
    """The mixed features of a clip, computed for a frame when it is read."""

    def __init__(self, cache: FeatureCache, key: str, weights: Tensor) -> None:
        self.cache, self.key, self.mix = cache, key, weights

    def __getitem__(self, frame: int) -> np.ndarray:
        """(k D,) float32."""
        scaled = torch.from_numpy(self.cache.frames(self.key, frame, 1)[0])
        return mixed(scaled, self.mix, self.cache.per_frame).numpy()


def mixed_clips(cache: FeatureCache, weights: Sequence[float]) -> Callable[[str], MixedClip]:
    """Key of a clip → its mixed features; weights: of the layers."""
    one = torch.tensor(weights, dtype=torch.float32)
    return lambda key: MixedClip(cache, key, one)

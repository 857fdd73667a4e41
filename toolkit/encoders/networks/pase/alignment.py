"""Cross-attention: what segments of phones read of audio or lips, and frames of one of the other."""

import math

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.lips import DIM

BESIDE = 2
"""Frames beside a segment that its query may look at: lips begin before the phone is heard."""
LONGEST_FRAMES = 10_000.0


class CrossAttention(nn.Module):
    """Queries (B, S, 512) over T frames → (B, S, 512): weighted sums of values, and of nothing else.

    There is **no way from a query to the output** but the weights: with one, both sides of a segment would
    carry its phone, and be told from other segments without a look at audio or lips. For the same reason keys
    of segments are the places of frames alone (docs/decisions/pase-keys.md).
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(DIM, DIM) for _ in range(4))

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """keys, values: (B, T, 512). seen: (B, S, T) bool, which frames a query may look at; one that may
        look at none looks at all, and counts nowhere.
        """
        seen = seen | ~seen.any(2, keepdim=True)
        query, key, value = (
            layer(rows).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, rows in ((self.query, queries), (self.key, keys), (self.value, values))
        )
        weights = (query @ key.transpose(2, 3)).float() / math.sqrt(query.shape[3])
        weights = weights.masked_fill(~seen[:, None], -torch.inf).softmax(3)
        return self.out((weights.to(value.dtype) @ value).transpose(1, 2).flatten(2))

    def project(self, rows: Tensor) -> Tensor:
        """(…, 512) → (…, 512): what a query reads that looks at these rows alone."""
        return self.out(self.value(rows))


def mean_of_frames(frames: Tensor, seen: Tensor) -> Tensor:
    """(B, T, 512), (B, S, T) bool → (B, S, 512): the mean of the frames of each segment, 0 where it has none.

    >>> frames = torch.tensor([[[1.0], [3.0], [8.0]]])
    >>> mean_of_frames(frames, torch.tensor([[[True, True, False], [False, False, False]]]))[0, :, 0].tolist()
    [2.0, 0.0]
    """
    weights = seen.to(frames.dtype)
    return (weights @ frames) / weights.sum(2, keepdim=True).clamp(min=1)


def frames_within(first: Tensor, stop: Tensor, n_frames: Tensor, length: int, beside: int = 0) -> Tensor:
    """Which frames segments touch: first, stop (B, S), n_frames (B,) → (B, S, length) bool.

    beside: how many more on either side. Frames beyond an excerpt's own are never among them.

    >>> first, stop, n_frames = torch.tensor([[1, 2]]), torch.tensor([[2, 3]]), torch.tensor([3])
    >>> frames_within(first, stop, n_frames, 4, beside=1)[0].int().tolist()
    [[1, 1, 1, 0], [0, 1, 1, 0]]
    """
    frame = torch.arange(length, device=first.device)
    near = (frame >= first[:, :, None] - beside) & (frame < stop[:, :, None] + beside)
    return near & (frame < n_frames[:, None, None])


def sinusoid(time: Tensor, dim: int = DIM) -> Tensor:
    """Times in frames (…) → (…, dim): sines, then cosines, at wavelengths from 2 π to 10 000 · 2 π frames.

    >>> sinusoid(torch.tensor([0.0]), 4).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    rates = LONGEST_FRAMES ** (-torch.arange(dim // 2, device=time.device) * 2 / dim)
    angles = time[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)

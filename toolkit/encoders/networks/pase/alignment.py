"""Attention: what segments of phones read of audio or lips, and what frames of one read of the other."""

import math

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.lips import DIM
from speechlip.shards.pairs.rules import WINDOW

REACH = WINDOW // 2
"""Frames before and after the middle frame of a segment that are read: five in all, as in a window."""
LONGEST_FRAMES = 10_000.0


class CrossAttention(nn.Module):
    """Queries (B, S, 512) over T frames → (B, S, 512): weighted sums of values."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(DIM, DIM) for _ in range(4))

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """keys, values: (B, T, 512). seen: (B, S, T) bool, which frames a query may look at, one at least."""
        query, key, value = (
            layer(rows).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, rows in ((self.query, queries), (self.key, keys), (self.value, values))
        )
        weights = (query @ key.transpose(2, 3)).float() / math.sqrt(query.shape[3])
        weights = weights.masked_fill(~seen[:, None], -torch.inf).softmax(3)
        return self.out((weights.to(value.dtype) @ value).transpose(1, 2).flatten(2))


class SegmentAttention(nn.Module):
    """How each phone would look at a segment: which of the frames around its middle it would read.

    A phone chooses by place alone, how far a frame is from the middle: it knows nothing of what is heard or
    seen there, of when that is, or of how long the segment lasts. All begin with a bell of one frame's
    deviation around the middle. And **every segment is read in the way of every phone**, so that what was
    read does not tell whose way it was (docs/decisions/pase-keys.md).
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(DIM, DIM) for _ in range(3))

    def forward(self, anchors: Tensor, values: Tensor) -> Tensor:
        """anchors: (P, 512), one a phone. values: (N, 5, 512), ``value`` of the frames around the middles of
        N segments → (P, N, 512).
        """
        heads = values.unflatten(2, (self.heads, -1))
        return torch.einsum("phk,nkhd->pnhd", self.weights(anchors), heads).flatten(2)

    def weights(self, anchors: Tensor) -> Tensor:
        """(P, 512) → (P, heads, 5): how much of each frame, sums of 1."""
        distance = torch.arange(-REACH, REACH + 1.0, device=anchors.device)
        query, key = (
            layer(rows).unflatten(1, (self.heads, -1))
            for layer, rows in ((self.query, anchors), (self.key, sinusoid(distance)))
        )
        logits = torch.einsum("phd,khd->phk", query, key) / math.sqrt(query.shape[2])
        return (logits - distance.square() / 2).softmax(2)


def frames_around(frames: Tensor, centre: Tensor, n_frames: Tensor) -> Tensor:
    """The frames around the middles of segments: (B, T, D), (B, S), (B,) → (B, S, 5, D).

    Before an excerpt's first frame and after its last, these are repeated.

    >>> frames = torch.arange(5.0)[None, :, None]
    >>> frames_around(frames, torch.tensor([[1.5, 3.2]]), torch.tensor([4]))[0, :, :, 0].tolist()
    [[0.0, 0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 3.0, 3.0]]
    """
    around = centre.floor().long()[:, :, None] + torch.arange(-REACH, REACH + 1, device=centre.device)
    places = around.clamp(min=0).minimum(n_frames[:, None, None] - 1)
    return frames[torch.arange(len(frames), device=centre.device)[:, None, None], places]


def mean_of_frames(frames: Tensor, seen: Tensor) -> Tensor:
    """(B, T, 512), (B, S, T) bool → (B, S, 512): the mean of the frames of each segment, 0 where it has none.

    >>> frames = torch.tensor([[[1.0], [3.0], [8.0]]])
    >>> mean_of_frames(frames, torch.tensor([[[True, True, False], [False, False, False]]]))[0, :, 0].tolist()
    [2.0, 0.0]
    """
    weights = seen.to(frames.dtype)
    return (weights @ frames) / weights.sum(2, keepdim=True).clamp(min=1)


def frames_within(first: Tensor, stop: Tensor, n_frames: Tensor, length: int) -> Tensor:
    """Which frames segments touch: first, stop (B, S), n_frames (B,) → (B, S, length) bool.

    Frames beyond an excerpt's own are never among them.

    >>> first, stop, n_frames = torch.tensor([[1, 2]]), torch.tensor([[2, 4]]), torch.tensor([3])
    >>> frames_within(first, stop, n_frames, 4)[0].int().tolist()
    [[0, 1, 0, 0], [0, 0, 1, 0]]
    """
    frame = torch.arange(length, device=first.device)
    near = (frame >= first[:, :, None]) & (frame < stop[:, :, None])
    return near & (frame < n_frames[:, None, None])


def sinusoid(time: Tensor, dim: int = DIM) -> Tensor:
    """Times in frames (…) → (…, dim): sines, then cosines, at wavelengths from 2 π to 10 000 · 2 π frames.

    >>> sinusoid(torch.tensor([0.0]), 4).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    rates = LONGEST_FRAMES ** (-torch.arange(dim // 2, device=time.device) * 2 / dim)
    angles = time[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)

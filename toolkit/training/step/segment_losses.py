"""Losses over segments of phones: which audio belongs to which lips, and which viseme a segment is.

All count only what is there: padded segments and frames change nothing, and several processes compute what
one would with all their excerpts.
"""

import torch
from torch import Tensor
from torch.nn import functional

from speechlip.training.processes.ranks import gathered

MASKS = ("none", "phoneme", "viseme")
"""Which segments are no negatives of each other."""
TEMPERATURE = 0.07
LEAST = 1e-9


def segment_nce(audio: Tensor, lips: Tensor, phone: Tensor, classes: Tensor) -> Tensor:
    """Symmetric InfoNCE over segments: audio, lips (P, N, D), phone, classes (N,) → scalar.

    audio, lips: what each of P phones reads of each of N segments, rows of length 1. Each segment's audio is
    to be told from the lips of all segments of other classes, and its lips from their audio, **all of them
    read as its own phone reads**; logits are cosines / 0.07. 0 where there are no segments.

    >>> rows, phone = torch.eye(2).expand(5, 2, 2), torch.tensor([4, 1])
    >>> round(segment_nce(rows, rows, phone, torch.tensor([0, 1])).item(), 6)  # ln(1 + exp(−1 / 0.07))
    1e-06
    >>> segment_nce(rows, rows.flip(1), phone, torch.tensor([4, 4])).item()  # no negative is left
    0.0
    """
    itself = torch.eye(len(phone), dtype=torch.bool, device=phone.device)
    others = (classes[:, None] == classes) & ~itself
    losses = [
        functional.cross_entropy(
            (cosines_as_read(one, other, phone) / TEMPERATURE).masked_fill(others, -torch.inf),
            torch.arange(len(phone), device=phone.device),
            reduction="sum",
        )
        for one, other in ((audio, lips), (lips, audio))
    ]
    return (losses[0] + losses[1]) / (2 * max(1, len(phone)))


def cosines_as_read(one: Tensor, other: Tensor, phone: Tensor) -> Tensor:
    """Cosines of one side of each segment with the other side of all, both read as the segment's phone reads:
    rows of length 1 (P, N, D) twice, (N,) → (N, N).
    """
    cosines = one.new_empty(len(phone), len(phone))
    for number in phone.unique():
        own = phone == number
        cosines[own] = one[number, own] @ other[number].T
    return cosines


def viseme_losses(rows: Tensor, anchors: Tensor, viseme_of: Tensor, viseme: Tensor) -> Tensor:
    """Cross entropy of each segment's viseme, whose probability is the sum of its phones'.

    A phone's logit is the cosine, / 0.07, of its anchor and of what it reads itself, so that the phones are
    hypotheses that look for themselves. rows (P, N, D), of length 1, anchors (P, D), viseme_of (P,), viseme
    (N,) → (N,).
    """
    anchors = functional.normalize(anchors, dim=1)
    logits = torch.einsum("pnd,pd->np", rows, anchors) / TEMPERATURE
    own = viseme_of == viseme[:, None]
    return logits.logsumexp(1) - logits.masked_fill(~own, -torch.inf).logsumexp(1)


def mean_of(values: Tensor, kept: Tensor) -> Tensor:
    """The mean of the kept values, over all processes; 0 where none is kept.

    The gradient is right where those of several processes are averaged. Values that are not kept may be
    anything.

    >>> mean_of(torch.tensor([1.0, 3.0, float("nan")]), torch.tensor([True, True, False])).item()
    2.0
    """
    own = torch.where(kept, values, 0).sum()
    return own / gathered(kept.sum().float()[None]).mean().clamp(min=LEAST)


def classes_of(mask: str, phone: Tensor, viseme: Tensor) -> Tensor:
    """A class for each segment; segments of one class are no negatives of each other.

    >>> phone, viseme = torch.tensor([5, 5, 7]), torch.tensor([1, 1, 1])
    >>> [classes_of(mask, phone, viseme).tolist() for mask in MASKS]
    [[0, 1, 2], [5, 5, 7], [1, 1, 1]]
    """
    if mask == "none":
        return torch.arange(len(phone), device=phone.device)
    return phone if mask == "phoneme" else viseme

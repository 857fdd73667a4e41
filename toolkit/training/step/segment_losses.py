"""Losses over segments of phones: which audio belongs to which lips, and which viseme a segment is.

All count only what is there: padded segments and frames change nothing, and several processes compute what
one would with all their excerpts.
"""

import torch
from torch import Tensor
from torch.nn import functional

from speechlip.training.processes.ranks import gathered
from speechlip.training.step.losses import IGNORED_CLASS

MASKS = ("none", "phoneme", "viseme")
"""Which segments are no negatives of each other."""
TEMPERATURE = 0.07
LEAST = 1e-9


def segment_nce(audio: Tensor, lips: Tensor, kept: Tensor, classes: Tensor) -> Tensor:
    """Symmetric InfoNCE over segments: audio, lips (N, D), kept (N,) bool, classes (N,) → scalar.

    Each kept segment's audio is to be told from the lips of all kept segments of other classes, and its lips
    from their audio; logits are cosines / 0.07. 0 where nothing is kept.

    >>> rows, kept = torch.eye(3), torch.tensor([True, True, False])
    >>> round(segment_nce(rows, rows, kept, torch.tensor([0, 1, 2])).item(), 6)  # ln(1 + exp(−1 / 0.07))
    1e-06
    >>> segment_nce(rows, rows.flip(0), kept, torch.tensor([4, 4, 2])).item()  # no negative is left
    0.0
    """
    audio, lips = functional.normalize(audio.float(), dim=1), functional.normalize(lips.float(), dim=1)
    itself = torch.eye(len(kept), dtype=torch.bool, device=kept.device)
    candidates = ((classes[:, None] != classes) & kept) | itself
    logits = (audio @ lips.T / TEMPERATURE).masked_fill(~candidates, -torch.inf)
    back = (lips @ audio.T / TEMPERATURE).masked_fill(~candidates, -torch.inf)
    own = torch.arange(len(kept), device=kept.device).where(kept, IGNORED_CLASS)
    return (class_loss(logits, own) + class_loss(back, own)) / 2


def class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy of the rows whose target is not ``IGNORED_CLASS``; 0 where there are none."""
    total = functional.cross_entropy(logits, target, reduction="sum", ignore_index=IGNORED_CLASS)
    return total / (target != IGNORED_CLASS).sum().clamp(min=1)


def viseme_losses(rows: Tensor, table: Tensor, viseme: Tensor) -> Tensor:
    """Cross entropy of each row's viseme, logits being cosines to the rows of the table / 0.07.

    rows (N, D), table (22, D), viseme (N,) → (N,).
    """
    logits = functional.normalize(rows.float(), dim=1) @ functional.normalize(table.float(), dim=1).T
    return functional.cross_entropy(logits / TEMPERATURE, viseme, reduction="none")


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

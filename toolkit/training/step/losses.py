"""What pulls matching lips and speech together and pushes others apart.

``relu``, ``clamp``, ``half``, ``s2l`` and ``logit`` read the cosine of each pair and its label (1: match).
``nce`` compares each match with everything else in the batch. Formulas, with c the cosine and y the label:

=========  ==========================================================================  =================
name       loss of a pair                                                              plateau
=========  ==========================================================================  =================
relu       −y ln c − (1 − y) ln(1 − c), both embeddings rectified, c in [ε, 1 − ε]     ln 2
clamp      the same on embeddings as they are, so that nothing is learned below ε      ln 2
half       −y ln p − (1 − y) ln(1 − p), p = (1 + c) / 2                                ln 2
s2l        y (1 − c) + (1 − y) max(0, c)                                               1/2
logit      −y ln σ(s c + b) − (1 − y) ln σ(−s c − b), s and b learned                  ln 2
nce        cross entropy of the match among the batch, logits s c, both ways, s        ln(candidates)
           learned
=========  ==========================================================================  =================

The plateau is the loss of networks that tell nothing apart.

``relu`` is eq. 6 of SE4Lip, made defined everywhere as Wav2Lip does; ``s2l`` is eq. 6 of Speech2Lip; the
others are ours.
"""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.errors import no_such
from speechlip.shards.pairs.rules import PairRules
from speechlip.training.processes.ranks import gathered

EPSILON = 1e-6
LOSSES = ("relu", "clamp", "half", "s2l", "logit", "nce")
LEARNED_START = {"logit": 10.0, "nce": 1 / 0.07}
"""The scale s at the start; that of ``nce`` is CLIP's."""
MAX_SCALE = 100.0
IGNORED_CLASS = -100
"""``cross_entropy`` leaves out rows of this class; cutting them out would make a GPU wait for their number.

"""


def cross_entropy_of_cosine(cosine: Tensor, label: Tensor) -> Tensor:
    """Losses ``relu`` and ``clamp``: (B,), (B,) → scalar, the cosine taken for the probability of a match.

    >>> cosine, label = torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0])
    >>> round(cross_entropy_of_cosine(cosine, label).item(), 4)  # (ln 2 + ln 4/3) / 2
    0.4904
    """
    probability = cosine.clamp(
        EPSILON, 1 - EPSILON
    )  # what is no number stays so, where torch's own cross entropy would raise
    return -torch.where(label == 1, probability, 1 - probability).log().mean()


def half(cosine: Tensor, label: Tensor) -> Tensor:
    """Cross entropy with p = (1 + cosine) / 2: (B,), (B,) → scalar.

    >>> round(half(torch.tensor([0.0]), torch.tensor([1.0])).item(), 4)
    0.6931
    """
    return cross_entropy_of_cosine((1 + cosine) / 2, label)


def s2l(cosine: Tensor, label: Tensor) -> Tensor:
    """Speech2Lip's eq. 6: (B,), (B,) → scalar.

    >>> cosine, label = torch.tensor([0.75, 0.5, -0.5]), torch.tensor([1.0, 0.0, 0.0])
    >>> round(s2l(cosine, label).item(), 4)  # (1/4 + 1/2 + 0) / 3
    0.25
    """
    return torch.where(label == 1, 1 - cosine, cosine.clamp(min=0)).mean()


def logit(cosine: Tensor, label: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Cross entropy with a learned scale and bias: (B,), (B,), scalars → scalar.

    >>> cosine, label = torch.tensor([0.1]), torch.tensor([1.0])
    >>> round(logit(cosine, label, torch.tensor(10.0), torch.tensor(-1.0)).item(), 4)  # σ(0) = 1/2
    0.6931
    """
    return functional.binary_cross_entropy_with_logits(scale * cosine + bias, label)


def nce(cosines: Tensor, label: Tensor, apart: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE: cosines (B, B), label (B,), apart (B, B) bool, scale → scalar.

    cosines[i, j]: of lips i and speech j. Each match i is to be told from all speech j that is ``apart`` from
    its lips, and from all such lips. Lips and speech of mismatches are candidates only: they have no row of
    their own in the loss.

    >>> cosines, everything = torch.tensor([[0.5, 0.0], [0.0, 0.5]]), torch.ones(2, 2, dtype=torch.bool)
    >>> round(nce(cosines, torch.ones(2), everything, torch.tensor(2.0)).item(), 4)  # ln(1 + 1/e)
    0.3133
    """
    candidates = apart | torch.eye(len(label), dtype=torch.bool, device=apart.device)
    logits = (scale * cosines).masked_fill(~candidates, -torch.inf)
    own = torch.arange(len(label), device=label.device).where(label == 1, IGNORED_CLASS)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


def places(batch: Mapping[str, Any]) -> Tensor:
    """Where the windows of a batch come from, (B, 4) int64.

    Clip of the lips, clip of the speech, first frame of each in its clip. A clip is a number made of its key,
    the same in every process.
    """
    clips = [[_number_of(lips), _number_of(speech)] for lips, speech in batch["keys"]]
    starts = torch.stack([batch["lips_start"], batch["speech_start"]], dim=1)
    return torch.cat([torch.tensor(clips).to(starts.device, non_blocking=True), starts], dim=1)


def _number_of(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def far_apart(places: Tensor, rules: PairRules) -> Tensor:
    """Which lips i and speech j may count as a mismatch: (B, 4) ``places`` → (B, B) bool.

    Those of two clips, or as far apart as negatives are.

    >>> far_apart(torch.tensor([[7, 7, 0, 0], [8, 8, 3, 3]]), PairRules()).tolist()
    [[False, True], [True, False]]
    """
    lips_clip, speech_clip, lips_start, speech_start = places.T
    frames = (lips_start[:, None] - speech_start).abs()
    return (lips_clip[:, None] != speech_clip) | (frames >= rules.min_offset)


def rectifies(loss: str) -> bool:
    """Whether both embeddings end in a ReLU under this loss. Raises OptionError for an unknown one."""
    if loss not in LOSSES:
        raise no_such("loss", loss, LOSSES)
    return loss == "relu"


def plateau(loss: str, pairs: int) -> float:
    """The loss while nothing is told apart, ``pairs`` being those that ``nce`` chooses among.

    >>> round(plateau("relu", 16), 4), plateau("s2l", 16), round(plateau("nce", 16), 4)
    (0.6931, 0.5, 2.7726)
    """
    return {"s2l": 0.5, "nce": math.log(pairs)}.get(loss, math.log(2))


class Criterion(nn.Module):
    """A loss by name, with what it learns: (B, 512), (B, 512), the batch → scalar.

    ``nce`` compares with the pairs of all ranks.
    """

    def __init__(self, loss: str, rules: PairRules) -> None:
        super().__init__()
        rectifies(loss)
        self.loss, self.rules = loss, rules
        if loss in LEARNED_START:
            self.log_scale = nn.Parameter(torch.tensor(LEARNED_START[loss]).log())
        if loss == "logit":
            self.bias = nn.Parameter(torch.tensor(0.0))

    def forward(self, lips: Tensor, speech: Tensor, batch: Mapping[str, Any]) -> Tensor:
        """Lips (B, 512), speech (B, 512), their batch → the loss, computed in fp32."""
        lips, speech = functional.normalize(lips.float(), dim=1), functional.normalize(speech.float(), dim=1)
        label = batch["label"].to(lips.device)
        if self.loss == "nce":
            lips, speech, label, where = (
                gathered(rows) for rows in (lips, speech, label, places(batch).to(lips.device))
            )
            return nce(lips @ speech.T, label, far_apart(where, self.rules), self.scale())
        cosine = (lips * speech).sum(1)
        if self.loss == "logit":
            return logit(cosine, label, self.scale(), self.bias)
        return {"half": half, "s2l": s2l}.get(self.loss, cross_entropy_of_cosine)(cosine, label)

    def scale(self) -> Tensor:
        return self.log_scale.exp().clamp(max=MAX_SCALE)


def stuck(losses: Sequence[float], loss: str, pairs: int) -> bool:
    """Whether losses have stayed within 0.01 of the plateau.

    >>> stuck([0.70, 0.69, 0.692], "relu", 16), stuck([0.70, 0.60, 0.50], "relu", 16)
    (True, False)
    """
    return bool(losses) and all(abs(value - plateau(loss, pairs)) < 0.01 for value in losses)

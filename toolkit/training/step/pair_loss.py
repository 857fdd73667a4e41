"""A pair and its loss as one module: what is trained, compiled, and copied to every process."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

TERM = "pairs"
"""The one term of this loss."""


class PairLoss(nn.Module):
    """A batch of ``pair_loader`` → its loss, the one term ``pairs``.

    pair: a ``SpeechLipPair``, perhaps compiled. criterion: a ``losses.Criterion``. The pair computes in
    bfloat16 where ``bf16``, the loss in float32.
    """

    def __init__(self, pair: nn.Module, criterion: nn.Module, bf16: bool) -> None:
        super().__init__()
        self.pair, self.criterion, self.bf16 = pair, criterion, bf16

    def forward(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        with torch.autocast(batch["lips"].device.type, torch.bfloat16, enabled=self.bf16):
            lips, speech = self.pair(batch["lips"], speech_of(batch))
        return {TERM: self.criterion(lips, speech, batch)}


def speech_of(batch: Mapping[str, Any]) -> Tensor:
    """What the speech network reads, in the form that was loaded."""
    return batch["waveform"] if "waveform" in batch else batch["spectrogram"]

"""A speech encoder and the lip encoder in one space."""

import torch
from torch import Tensor, nn

from .lips import DIM, LipEncoder
from .registry import speech_encoder


class SpeechLipPair(nn.Module):
    """Two encoders whose outputs are comparable: lips (B, 5, 96, 96, 3) uint8, speech (B, 25, 257) → (B, 512), (B, 512).

    rectified: both embeddings end in a ReLU, so that no cosine is negative. Speech goes through a batch norm, because eight layers of a GRU at
    their default start say nearly the same for every input (mean cosine 0.98); without it training hardly begins.
    """

    def __init__(self, speech: nn.Module, lips: LipEncoder, rectified: bool) -> None:
        super().__init__()
        self.speech, self.lips, self.rectified = speech, lips, rectified
        self.speech_norm = nn.BatchNorm1d(DIM)

    def forward(self, lips: Tensor, speech: Tensor) -> tuple[Tensor, Tensor]:
        return self.embed_lips(lips), self.embed_speech(speech)

    def embed_lips(self, lips: Tensor) -> Tensor:
        return self._ended(self.lips(lips))

    def embed_speech(self, speech: Tensor) -> Tensor:
        return self._ended(self.speech_norm(self.speech(speech)))

    def _ended(self, embedding: Tensor) -> Tensor:
        return torch.relu(embedding) if self.rectified else embedding


def build_pair(encoder: str, lip_input: str, rectified: bool) -> SpeechLipPair:
    """A new pair with random weights, convolutions in channels-last order. Raises OptionError for unknown names."""
    pair = SpeechLipPair(speech_encoder(encoder), LipEncoder(lip_input), rectified)
    return pair.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""A speech encoder and the lip encoder in one space."""

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.lips import DIM, LipEncoder
from speechlip.encoders.networks.registry import speech_network, windows_of
from speechlip.shards.pairs.speech_windows import SpeechWindows


class EncoderPair(nn.Module):
    """A speech encoder and a lip encoder in one space, however they are compared.

    speech, lips: the networks. rectified: whether both embeddings end in a ReLU.
    """

    def __init__(self, speech: nn.Module, lips: nn.Module, rectified: bool) -> None:
        super().__init__()
        self.speech, self.lips, self.rectified = speech, lips, rectified

    @property
    def reads(self) -> SpeechWindows:
        """Which windows of speech the speech network reads; ``reads.form`` is their key in a batch."""
        return windows_of(self.speech)

    def embed_lips(self, lips: Tensor) -> Tensor:
        """(B, 5, 96, 96, 3) uint8 → (B, 512)."""
        raise NotImplementedError


class SpeechLipPair(EncoderPair):
    """Two encoders whose outputs are comparable: lips and speech → (B, 512), (B, 512).

    lips: (B, 5, 96, 96, 3) uint8. speech: as ``reads`` asks for. rectified: both embeddings end in a ReLU, so
    that no cosine is negative. Speech goes through a batch norm, because eight layers of a GRU at their
    default start say nearly the same for every input (mean cosine 0.98); without it training hardly begins.
    """

    def __init__(self, speech: nn.Module, lips: LipEncoder, rectified: bool) -> None:
        super().__init__(speech, lips, rectified)
        self.speech_norm = nn.BatchNorm1d(DIM)

    def forward(self, lips: Tensor, speech: Tensor) -> tuple[Tensor, Tensor]:
        return self.embed_lips(lips), self.embed_speech(speech)

    def embed_lips(self, lips: Tensor) -> Tensor:
        return self._ended(self.lips(lips))

    def embed_speech(self, speech: Tensor) -> Tensor:
        return self._ended(self.speech_norm(self.speech(speech)))

    def _ended(self, embedding: Tensor) -> Tensor:
        return torch.relu(embedding) if self.rectified else embedding


def build_pair(
    encoder: str, lip_input: str, rectified: bool, feature: str = "", pool: str = ""
) -> SpeechLipPair:
    """A new pair with random weights, convolutions in channels-last order.

    feature, pool: of the speech network, empty for its own default. Raises OptionError for unknown names, and
    for what the network cannot have.
    """
    pair = SpeechLipPair(
        speech_network(encoder, feature=feature, pool=pool), LipEncoder(lip_input), rectified
    )
    return pair.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

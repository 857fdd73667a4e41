"""A speech encoder and the lip encoder in one space."""

import numpy as np
import torch
from torch import Tensor, nn

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.lips import DIM, LipEncoder
from speechlip.encoders.networks.pase.pair import build_pase
from speechlip.encoders.networks.registry import options_of, speech_network
from speechlip.encoders.registry import LEARN_FROM_PHONES
from speechlip.shards.pairs.rules import WINDOW

BATCH_WINDOWS = 32


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

    def embed_clip(self, clip: np.ndarray) -> np.ndarray:
        device = next(self.parameters()).device
        starts = range(self.reads.n_frames(clip) - WINDOW + 1)
        parts = [starts[first : first + BATCH_WINDOWS] for first in range(0, len(starts), BATCH_WINDOWS)]
        windows = (np.stack([self.reads.cut(clip, start, WINDOW) for start in part]) for part in parts)
        return np.concatenate(
            [self.embed_speech(torch.from_numpy(part).to(device)).float().cpu().numpy() for part in windows]
        )

    def frame_features(self, clip: np.ndarray) -> np.ndarray:
        """Row t is of frames t − 2 … t + 2; the first and the last two rows repeat the one beside them, as
        SyncTalk's features do.
        """
        return np.pad(self.embed_clip(clip), ((WINDOW // 2, WINDOW // 2), (0, 0)), mode="edge")

    def _ended(self, embedding: Tensor) -> Tensor:
        return torch.relu(embedding) if self.rectified else embedding


def build_pair(
    encoder: str,
    lip_input: str,
    rectified: bool,
    feature: str = "",
    pool: str = "",
    size: str = "",
    alignment: str = "",
) -> EncoderPair:
    """A new pair with random weights, convolutions in channels-last order.

    feature, pool: of the speech network, empty for its own default. size, alignment: of PASE. Raises
    OptionError for unknown names, and for what the network cannot have.
    """
    if encoder in LEARN_FROM_PHONES:
        return build_pase(
            lip_input, size=size, alignment=alignment, **options_of(encoder, {"feature": feature})
        )
    pair = SpeechLipPair(
        speech_network(encoder, feature=feature, pool=pool), LipEncoder(lip_input), rectified
    )
    return pair.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""What every trained pair has, however its two encoders are compared."""

import numpy as np
from torch import Tensor, nn

from speechlip.encoders.networks.registry import windows_of
from speechlip.shards.pairs.rules import WINDOW
from speechlip.shards.pairs.speech_windows import SpeechWindows


class EncoderPair(nn.Module):
    """A speech encoder and a lip encoder in one space.

    speech, lips: the networks. rectified: whether both embeddings end in a ReLU.
    """

    def __init__(self, speech: nn.Module, lips: nn.Module, rectified: bool) -> None:
        super().__init__()
        self.speech, self.lips, self.rectified = speech, lips, rectified

    @property
    def reads(self) -> SpeechWindows:
        """Which speech the speech network reads; ``reads.form`` is its key in a batch."""
        return windows_of(self.speech)

    least_frames = WINDOW
    """Of a clip whose speech can be embedded."""

    def embed_clip(self, clip: np.ndarray) -> np.ndarray:
        """The stored speech of a clip, the field of ``reads`` → windows of frames i … i + 4, (T − 4, 512)."""
        raise NotImplementedError

    def frame_features(self, clip: np.ndarray) -> np.ndarray:
        """The stored speech of a clip → one feature for each frame, as it is exported: (T, 512)."""
        raise NotImplementedError

    def embed_lips(self, lips: Tensor) -> Tensor:
        """(B, 5, 96, 96, 3) uint8 → (B, 512)."""
        raise NotImplementedError

"""PASE's two paths as a pair of encoders: what is kept of training and used after it."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.layers import ConvRow
from speechlip.encoders.networks.lips import DIM, LipEncoder, rows_read, stacked
from speechlip.encoders.networks.pase.alignment import SegmentAttention
from speechlip.encoders.networks.pase.audio import AudioPath
from speechlip.encoders.networks.pase.sizes import ALIGNMENTS, size_of
from speechlip.encoders.networks.spectrum import spectrum_of
from speechlip.errors import no_such
from speechlip.shards.pairs.rules import WINDOW
from speechlip.timing import HOPS_PER_FRAME

WINDOW_WEIGHTS = (0.0, 0.25, 0.5, 0.25, 0.0)
"""Of the frames of a window where windows are compared: features of single frames are sharp in time, so that
the outer frames of five say little of the middle one. Of six tried the best on synthetic validation pairs."""
CHUNK_FRAMES = 500
"""Of a long recording that go through the audio path at once."""


class PasePair(EncoderPair):
    """Audio path and lip path, and the attention by which segments of phones read both.

    attention: None where segments are means of their frames.
    """

    speech: AudioPath
    lips: "LipPath"
    least_frames = 1

    def __init__(self, speech: AudioPath, lips: "LipPath", attention: SegmentAttention | None) -> None:
        super().__init__(speech, lips, rectified=False)
        self.attention = attention

    def forward(
        self, magnitudes: Tensor, lips: Tensor, masked: Tensor | None = None, valid: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Magnitudes (B, 5 T, 257) and lips (B, T + 4, 96, 96, 3) → features of both, (B, T, 512) each.

        masked: (B, T) bool, frames that the audio path is not given. valid: (B, T) bool, frames whose lips
        are looked at, so that batch norm sees no others; None: all. The lips of others are zeros.
        """
        frames = self.lips.seen(lips)
        windows = frames.unfold(1, WINDOW, 1).movedim(-1, 2)
        features = self.speech(magnitudes, masked)[0]
        if valid is None:
            return features, self.lips.read(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        rows = self.lips.read(windows[valid])
        empty = torch.zeros(*valid.shape, DIM, dtype=rows.dtype, device=rows.device)
        return features, empty.masked_scatter(valid[:, :, None], rows)

    def compared(self, rows: Tensor) -> Tensor:
        """Features (…, 512) of either path in the space in which segments are compared."""
        return rows if self.attention is None else self.attention.value(rows)

    def embed_lips(self, lips: Tensor) -> Tensor:
        """(B, 5, 96, 96, 3) uint8 → (B, 512)."""
        return self.compared(self.lips(lips))

    def embed_clip(self, clip: np.ndarray) -> np.ndarray:
        return self.embed_speech(self._as_batch(clip))[0].float().cpu().numpy()

    def frame_features(self, clip: np.ndarray) -> np.ndarray:
        """The audio path alone, without lips or phones; 20 s at a time, the states handed on."""
        step, states, parts = CHUNK_FRAMES * HOPS_PER_FRAME, None, []
        for first in range(0, len(clip), step):
            features, states = self.speech(self._as_batch(clip[first : first + step]), states=states)
            parts.append(features[0].float().cpu().numpy())
        return np.concatenate(parts)

    def _as_batch(self, clip: np.ndarray) -> Tensor:
        return torch.from_numpy(clip)[None].to(next(self.parameters()).device)

    def embed_speech(self, magnitudes: Tensor) -> Tensor:
        """The whole of a clip, (B, 5 T, 257) → windows (B, T − 4, 512): means of frames i … i + 4, by
        ``WINDOW_WEIGHTS``.
        """
        frames = self.compared(self.speech(magnitudes)[0])
        return frames.unfold(1, WINDOW, 1) @ frames.new_tensor(WINDOW_WEIGHTS)


class LipPath(nn.Module):
    """A lip network in two parts: what is done to each frame, and what to windows of five of them."""

    def seen(self, lips: Tensor) -> Tensor:
        """(…, 96, 96, 3) uint8 → what the network sees of each frame."""
        raise NotImplementedError

    def read(self, windows: Tensor) -> Tensor:
        """Windows of five seen frames, (N, 5, …) → (N, 512)."""
        raise NotImplementedError

    def forward(self, windows: Tensor) -> Tensor:
        return self.read(self.seen(windows))


class Table2Lips(LipPath):
    """SE4Lip's Table 2: (B, 5, 96, 96, 3) uint8 → (B, 512)."""

    def __init__(self, input: str = "mouth") -> None:
        super().__init__()
        self.encoder = LipEncoder(input)

    def seen(self, lips: Tensor) -> Tensor:
        return lips[..., self.encoder.rows, :, :]

    def read(self, windows: Tensor) -> Tensor:
        return self.encoder.layers(stacked(windows, slice(None))).flatten(1)


class SmallLips(LipPath):
    """Three convolutions over lips of half size: (B, 5, 96, 96, 3) uint8 → (B, 512).

    >>> SmallLips().eval()(torch.zeros(2, 5, 96, 96, 3, dtype=torch.uint8)).shape
    torch.Size([2, 512])
    """

    def __init__(self, input: str = "mouth") -> None:
        super().__init__()
        self.rows = rows_read(input)
        self.layers = nn.Sequential(
            ConvRow(3 * WINDOW, 24, 3, stride=2, padding=1),
            ConvRow(24, 48, 3, stride=2, padding=1),
            ConvRow(48, 96, 3, stride=2, padding=1),
            nn.AdaptiveAvgPool2d((3, 6)),
            nn.Flatten(),
            nn.Linear(96 * 3 * 6, DIM),
        )

    def seen(self, lips: Tensor) -> Tensor:
        mouths = lips[..., self.rows, :, :].movedim(-1, -3).float() / 255
        return functional.avg_pool2d(mouths.flatten(0, -4), 2).unflatten(0, mouths.shape[:-3])

    def read(self, windows: Tensor) -> Tensor:
        return self.layers(windows.flatten(1, 2))


def build_pase(lip_input: str, feature: str = "", size: str = "", alignment: str = "") -> PasePair:
    """New networks with random weights. Raises OptionError for unknown names."""
    alignment, chosen = alignment or ALIGNMENTS[0], size_of(size)
    if alignment not in ALIGNMENTS:
        raise no_such("alignment", alignment, ALIGNMENTS)
    lips = Table2Lips(lip_input) if chosen.table_2 else SmallLips(lip_input)
    attention = SegmentAttention(chosen.heads) if alignment == "attention" else None
    pair = PasePair(AudioPath(spectrum_of(feature or "logmag", mel=False), chosen), lips, attention)
    return pair.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

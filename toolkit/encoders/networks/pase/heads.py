"""What training alone needs of PASE: tables of phones and visemes, prediction, fusion and reconstruction."""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from speechlip.encoders.networks.lips import DIM
from speechlip.encoders.networks.pase.alignment import CrossAttention, sinusoid
from speechlip.encoders.networks.pase.pair import PasePair
from speechlip.encoders.networks.pase.sizes import PaseSize
from speechlip.metrics.phones.classes import TABLE, VISEME_NUMBERS, VISEMES
from speechlip.timing import HOPS_PER_FRAME

TERMS = ("contrast", "anchors", "prediction", "audio", "mouth")
"""The terms of PASE's loss; audio and mouth are what is reconstructed."""
ALIGNED, RECONSTRUCTED = TERMS[:2], TERMS[3:]
MOUTH = (24, 48)
"""Height and width of the grey mouth that is reconstructed: rows 24–71 of a crop at half size."""


class PaseHeads(nn.Module):
    """The networks that the terms ask for, and no others, so that a term that is off has no weights.

    terms: of ``TERMS``. pair: what of it no term uses is frozen.
    """

    viseme_of: Tensor

    def __init__(self, pair: PasePair, size: PaseSize, terms: Collection[str]) -> None:
        super().__init__()
        aligned = any(term in terms for term in ALIGNED)
        asked = "anchors" in terms or (aligned and pair.attention is not None)
        self.register_buffer("viseme_of", torch.tensor(VISEME_NUMBERS), persistent=False)
        self.phones = nn.Embedding(len(TABLE), DIM) if asked else None
        self.visemes = nn.Embedding(VISEMES, DIM) if asked else None
        self.predict = two_layers(DIM) if "prediction" in terms else None
        fused = any(term in terms for term in RECONSTRUCTED)
        self.fuse = CrossAttention(size.heads) if fused else None
        self.missing = nn.Embedding(2, DIM) if fused else None
        bins = pair.speech.spectrum.channels * pair.speech.spectrum.bins
        self.audio = two_layers(HOPS_PER_FRAME * bins) if "audio" in terms else None
        self.mouth = two_layers(MOUTH[0] * MOUTH[1]) if "mouth" in terms else None
        if pair.attention is not None and not aligned:
            pair.attention.requires_grad_(False)
        if "prediction" not in terms:
            pair.speech.masked.requires_grad_(False)

    @property
    def anchors(self) -> Tensor:
        """(40, 512): of each phone of the table, its row and that of its viseme."""
        assert self.phones is not None and self.visemes is not None
        return self.phones.weight + self.visemes(self.viseme_of)

    def fused(self, audio: Tensor, lips: Tensor, valid: Tensor) -> Tensor:
        """Both paths (B, T, 512), each perhaps replaced by ``without`` → (B, T, 512): audio, and what it
        reads of the lips.

        valid: (B, T) bool.
        """
        assert self.fuse is not None
        time = sinusoid(frame_centres(audio))
        seen = valid[:, None].expand(-1, audio.shape[1], -1)
        return audio + self.fuse(audio + time, lips + time, lips, seen)

    def without(self, rows: Tensor, dropped: Tensor, modality: int) -> Tensor:
        """Rows (B, T, 512) with a learned row in their place where ``dropped`` (B,); 0: audio, 1: lips."""
        assert self.missing is not None
        return torch.where(dropped[:, None, None], self.missing.weight[modality].to(rows.dtype), rows)


def frame_centres(rows: Tensor) -> Tensor:
    """(B, T, …) → (T,): the middle of each frame, in frames."""
    return torch.arange(rows.shape[1], device=rows.device) + 0.5


def two_layers(outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(DIM, DIM), nn.GELU(), nn.Linear(DIM, outputs))

"""The terms of PASE's loss over a batch of excerpts (docs/pase.md)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlip.encoders.networks.pase.alignment import frames_around, frames_within, mean_of_frames
from speechlip.encoders.networks.pase.heads import MOUTH, PaseHeads
from speechlip.encoders.networks.pase.pair import PasePair
from speechlip.format import LIP_ROWS
from speechlip.metrics.phones.classes import TABLE
from speechlip.shards.pairs.rules import WINDOW
from speechlip.timing import HOPS_PER_FRAME
from speechlip.training.processes.ranks import gathered
from speechlip.training.step.augment import LUMA
from speechlip.training.step.segment_losses import classes_of, mean_of, segment_nce, viseme_losses


class PaseLoss(nn.Module):
    """A batch of ``excerpt_loader``, spoilt by ``corrupted`` or not → the terms that ``heads`` has networks
    for.

    pair: a ``PasePair``, perhaps compiled. mask: of ``segment_losses.MASKS``. terms: which are computed. The
    networks compute in bfloat16 where ``bf16``, the terms in float32.
    """

    def __init__(
        self, pair: PasePair, heads: PaseHeads, terms: tuple[str, ...], mask: str, bf16: bool
    ) -> None:
        super().__init__()
        self.pair, self.heads, self.terms, self.mask, self.bf16 = pair, heads, terms, mask, bf16

    def forward(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        with torch.autocast(batch["lips"].device.type, torch.bfloat16, enabled=self.bf16):
            return self._terms(batch)

    def _terms(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        heads, n_frames = self.heads, torch.tensor(batch["n_frames"], device=batch["lips"].device)
        length = batch["spectrogram"].shape[1] // HOPS_PER_FRAME
        valid = torch.arange(length, device=n_frames.device) < n_frames[:, None]
        hidden = batch.get("masked", torch.zeros_like(valid)) if heads.predict is not None else None
        some = None if min(batch["n_frames"]) == length else valid
        audio, lips = self.pair(batch.get("heard", batch["spectrogram"]), batch["lips"], hidden, some)
        terms: dict[str, Tensor] = {}
        if "contrast" in self.terms or "anchors" in self.terms:
            with torch.autocast(batch["lips"].device.type, enabled=False):
                terms |= self._aligned(batch, audio.float(), lips.float(), n_frames)
        if heads.predict is not None:
            told = functional.cosine_similarity(heads.predict(audio).float(), lips.detach().float(), dim=2)
            asked = valid & batch["masked"] if "masked" in batch else valid
            terms["prediction"] = mean_of(1 - told, asked)
        if heads.fuse is not None:
            terms |= self._reconstructed(batch, audio, lips, valid)
        return {name: terms[name] for name in self.terms}

    def _aligned(
        self, batch: Mapping[str, Any], audio: Tensor, lips: Tensor, n_frames: Tensor
    ) -> dict[str, Tensor]:
        heads, all_phones = self.heads, gathered(batch["phone"].flatten())
        kept = all_phones >= 0
        phone = all_phones[kept]
        viseme = heads.viseme_of[phone]
        sides = self.read(batch, audio, lips, n_frames, kept)
        terms = {}
        if "contrast" in self.terms:
            terms["contrast"] = segment_nce(*sides, phone, classes_of(self.mask, phone, viseme))
        if "anchors" in self.terms:
            losses = [viseme_losses(rows, heads.anchors, heads.viseme_of, viseme) for rows in sides]
            terms["anchors"] = (losses[0] + losses[1]).sum() / max(1, len(phone))
        return terms

    def read(
        self, batch: Mapping[str, Any], audio: Tensor, lips: Tensor, n_frames: Tensor, kept: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What each phone reads of the audio and of the lips of each segment: (P, N, 512) twice, rows of
        length 1.

        kept: (B S,) bool, which segments of all processes are there, N of them. Without attention all phones
        read the same, the mean of a segment's frames.
        """
        sides, attention = (audio, lips), self.pair.attention
        if attention is None:
            near = frames_within(batch["first"], batch["stop"], n_frames, audio.shape[1])
            means = [gathered(mean_of_frames(rows, near).flatten(0, 1))[kept] for rows in sides]
            audio, lips = (functional.normalize(rows, dim=1).expand(len(TABLE), -1, -1) for rows in means)
            return audio, lips
        around = [frames_around(attention.value(rows), batch["centre"], n_frames) for rows in sides]
        every = [gathered(rows.flatten(0, 1))[kept] for rows in around]
        read_audio, read_lips = (
            functional.normalize(attention(self.heads.anchors, rows), dim=2) for rows in every
        )
        return read_audio, read_lips

    def _reconstructed(
        self, batch: Mapping[str, Any], audio: Tensor, lips: Tensor, valid: Tensor
    ) -> dict[str, Tensor]:
        heads = self.heads
        none = torch.zeros(len(valid), dtype=torch.bool, device=valid.device)
        fused = heads.fused(
            heads.without(audio, batch.get("no_audio", none), 0),
            heads.without(lips, batch.get("no_lips", none), 1),
            valid,
        )
        terms = {}
        if heads.audio is not None:
            columns = self.pair.speech.spectrum(batch["spectrogram"])
            clean = columns.unflatten(1, (-1, HOPS_PER_FRAME)).flatten(2)
            terms["audio"] = mean_of((heads.audio(fused).float() - clean).abs().mean(2), valid)
        if heads.mouth is not None:
            mouths = grey_mouths(batch["lips"])
            terms["mouth"] = mean_of((heads.mouth(fused).float() - mouths).abs().mean(2), valid)
        return terms


def grey_mouths(lips: Tensor) -> Tensor:
    """(B, T + 4, 96, 96, 3) uint8 → rows 24–71 of each frame, grey, half size: (B, T, 1152) in 0 … 1."""
    own = lips[:, WINDOW // 2 : -(WINDOW // 2), slice(*LIP_ROWS)].float()
    grey = own @ torch.tensor(LUMA, device=lips.device) / 255
    return functional.adaptive_avg_pool2d(grey, MOUTH).flatten(2)

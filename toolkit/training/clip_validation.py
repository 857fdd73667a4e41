"""Validation of encoders that hear clips from their beginning: the frozen pairs, whole clips of speech."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.encoders.networks.pase.pair import PasePair
from speechlip.progress import SILENT, Progress
from speechlip.shards.pairs.lookup import ClipLookup
from speechlip.training.validation import Validation, chosen_pairs


class ClipValidation(Validation):
    """Frozen pairs in memory: windows of lips, 150 kB each, and clips of speech, 60 kB a second."""

    def __init__(self, batches: list[dict[str, Any]], clips: dict[str, Tensor]) -> None:
        super().__init__(batches)
        self.clips = clips

    @torch.inference_mode()
    def cosines(self, pair: EncoderPair) -> np.ndarray:
        """(N,) float: lips against speech of every frozen pair, in their order."""
        training, device = pair.training, next(pair.parameters()).device
        whole = cast(PasePair, pair.eval())
        speech = {key: whole.embed_speech(clip[None].to(device))[0] for key, clip in self.clips.items()}
        parts = []
        for batch in self.batches:
            lips = whole.embed_lips(batch["lips"].to(device))
            rows = [
                speech[keys[1]][start]
                for keys, start in zip(batch["keys"], batch["speech_start"].tolist(), strict=True)
            ]
            parts.append(functional.cosine_similarity(lips, torch.stack(rows)).cpu().numpy())
        pair.train(training)
        return np.concatenate(parts)


def open_clip_validation(
    shards: Path, n_pairs: int, split: str = "validation", seed: int = 0, progress: Progress = SILENT
) -> tuple[Validation | None, str]:
    """As ``open_validation``, for encoders that hear clips from their beginning."""
    batches, note = chosen_pairs(shards, n_pairs, split, seed, progress=progress)
    if note:
        return None, note
    clips = ClipLookup(shards, split)
    keys = sorted({keys[1] for batch in batches for keys in batch["keys"]})
    return ClipValidation(batches, {key: torch.from_numpy(clips.whole_speech(key)) for key in keys}), ""

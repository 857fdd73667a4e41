"""Validation while training goes on: some of the frozen pairs, always the same."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from speechlip.encoders.networks.encoder_pair import EncoderPair
from speechlip.errors import OptionError, ShardError
from speechlip.files.reading import of_disk
from speechlip.format import pairs_file
from speechlip.metrics.statistics.pairs import pair_auc
from speechlip.progress import SILENT, Progress
from speechlip.shards.pairs.frozen import read_pairs
from speechlip.shards.pairs.lookup import ClipLookup, collate_frozen
from speechlip.shards.pairs.speech_windows import STFT_WINDOWS, SpeechWindows
from speechlip.training.run.cosines import write_cosines
from speechlip.training.step.pair_loss import speech_of

BATCH_PAIRS = 64


class Validation:
    """Frozen pairs of a split in memory, 150 kB each."""

    def __init__(self, batches: list[dict[str, Any]]) -> None:
        self.batches = batches
        self.label = np.concatenate([batch["label"].numpy() for batch in batches])
        self.kind = np.concatenate([batch["kind"].numpy() for batch in batches])

    def pair_auc(self, pair: EncoderPair, run: Path, step: int) -> float:
        """Write ``cosines.csv`` of a run at this step; returns the pair AUC, 0.5 is chance.

        NaN where the encoders give numbers that are not finite.
        """
        cosines = self.cosines(pair)
        write_cosines(run, step, self.kind, cosines)
        return pair_auc(cosines, self.label) if np.isfinite(cosines).all() else float("nan")

    @torch.inference_mode()
    def cosines(self, pair: EncoderPair) -> np.ndarray:
        """(N,) float32, computed in fp32 whatever the training's precision; the pair stays in its mode."""
        training, device = pair.training, next(pair.parameters()).device
        pair.eval()
        parts = []
        for batch in self.batches:
            embeddings = pair(batch["lips"].to(device), speech_of(batch).to(device))
            parts.append(functional.cosine_similarity(*embeddings).cpu().numpy())
        pair.train(training)
        return np.concatenate(parts)


def open_validation(
    shards: Path,
    n_pairs: int,
    split: str = "validation",
    seed: int = 0,
    reads: SpeechWindows = STFT_WINDOWS,
    progress: Progress = SILENT,
) -> tuple[Validation | None, str]:
    """``n_pairs`` of the frozen pairs of ``split``, sampled once, and an empty note.

    reads: the form of their speech.
    progress: hears of shards that are fetched for them.

    Where there are none: None, and a note that says why.
    """
    batches, note = chosen_pairs(shards, n_pairs, split, seed, reads, progress)
    return (None, note) if note else (Validation(batches), "")


def chosen_pairs(
    shards: Path,
    n_pairs: int,
    split: str,
    seed: int,
    reads: SpeechWindows = STFT_WINDOWS,
    progress: Progress = SILENT,
) -> tuple[list[dict[str, Any]], str]:
    """Batches of ``n_pairs`` frozen pairs, and a note: why there are none, or empty.

    Raises ShardError where a disk does not give them: another run may have them.
    """
    path = shards / pairs_file(split)
    try:
        rows = list(read_pairs(path))
        clips = ClipLookup(shards, split, reads, progress)
    except (OptionError, ShardError) as error:
        if of_disk(error.__cause__):
            raise
        return [], f"no pair AUC while training: {error}"
    chosen = sorted(np.random.default_rng(seed).permutation(len(rows))[:n_pairs].tolist())
    batches = [
        [rows[number] for number in chosen[first : first + BATCH_PAIRS]]
        for first in range(0, len(chosen), BATCH_PAIRS)
    ]
    if not {0, 1} <= {rows[number].label for number in chosen}:
        return (
            [],
            f"no pair AUC while training: {path} has {len(rows)} pairs, matches and mismatches are wanted",
        )
    return [collate_frozen(batch, clips) for batch in batches], ""

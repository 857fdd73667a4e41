"""What is spoilt of an excerpt before PASE is given it: noise, hidden frames, a withheld modality.

All of it is random by seed, step and process alone, so that a resumed run gets what it would have had.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional

from speechlip.shards.pairs.rules import WINDOW
from speechlip.timing import HOPS_PER_FRAME
from speechlip.training.pase_options import PaseOptions
from speechlip.training.step.augment import noisy_magnitude

SNR_DB = (0.0, 20.0)


def corrupted(batch: Mapping[str, Any], options: PaseOptions, random: Generator) -> dict[str, Any]:
    """The batch with what the networks are given instead:

    heard: (B, 5 T, 257), the spectrogram, white noise under some of it.
    masked: (B, T) bool, frames that the audio path is not given.
    no_audio, no_lips: (B,) bool, what is withheld from the reconstruction.
    """
    clean = batch["spectrogram"]
    count, length = len(clean), clean.shape[1] // HOPS_PER_FRAME
    noisy = noisy_magnitude(clean, random, SNR_DB, columns_of(batch, clean.device))
    chosen = uniform((count,), random) < options.noisy_share
    withheld = uniform((count,), random)
    return dict(batch) | {
        "heard": torch.where(chosen[:, None, None], noisy, clean),
        "masked": spans((count, length), options.masked_share, random),
        "no_audio": withheld < options.audio_dropped,
        "no_lips": withheld >= 1 - options.lips_dropped,
    }


def columns_of(batch: Mapping[str, Any], device: torch.device) -> Tensor:
    """(B,) how many columns of each excerpt are its own."""
    return HOPS_PER_FRAME * torch.tensor(batch["n_frames"], device=device)


def spans(shape: tuple[int, int], share: float, random: Generator) -> Tensor:
    """(B, T) bool: spans of five frames, which may overlap, so many that ``share`` of the frames are in one.

    >>> hidden = spans((200, 50), 0.3, Generator().manual_seed(0)).float()
    >>> round(hidden.mean().item(), 1), spans((1, 50), 0.0, Generator()).any().item()
    (0.3, False)
    """
    begins = uniform((shape[0], shape[1] + WINDOW - 1), random) < 1 - (1 - share) ** (1 / WINDOW)
    return functional.max_pool1d(begins.float(), WINDOW, 1) > 0


def uniform(shape: tuple[int, ...], random: Generator) -> Tensor:
    return torch.rand(shape, generator=random, device=random.device)

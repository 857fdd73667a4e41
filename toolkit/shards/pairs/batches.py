"""Pairs as one batch: arrays between processes, tensors for whoever loops over them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from speechlip.shards.pairs.rules import KINDS, NO_OFFSET
from speechlip.shards.read.lip_windows import LipWindow, decode_lips

Keys = tuple[str, str]
"""(lips key, speech key)"""


def collate(
    lips: Sequence[LipWindow],
    speech: Sequence[np.ndarray],
    kinds: Sequence[str],
    starts: Sequence[tuple[int, int]],
    keys: Sequence[Keys],
    form: str = "spectrogram",
) -> dict[str, Any]:
    """One batch of arrays, as ``pair_loader`` states it. starts: (lips start, speech start) of each pair.
    form: the key of ``speech``.
    """
    lips_start, speech_start = np.array(starts).T
    kind = np.array([KINDS.index(name) for name in kinds])
    one_clip = kind <= KINDS.index("shift")
    return {
        "lips": decode_lips(lips),
        form: np.stack(speech),
        "label": (kind == KINDS.index("positive")).astype(np.float32),
        "kind": kind,
        "offset": np.where(one_clip, speech_start - lips_start, NO_OFFSET),
        "lips_start": lips_start.copy(),
        "speech_start": speech_start.copy(),
        "keys": list(keys),
    }


def as_tensors(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The same with tensors for arrays, on the same memory."""
    import torch

    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in batch.items()
    }

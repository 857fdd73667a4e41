"""SyncNet with seeded weights in place of the official ones: scores that mean nothing, real arithmetic."""

import math
from pathlib import Path

import numpy as np
import torch

from speechlip.metrics.sync.syncnet_network import official_shapes

SEED = 17


FIRST_LAYERS = {"netcnnlip.0.weight": 1 / 64, "netcnnaud.0.weight": 1 / 8}
"""What divides pixels and MFCC, so that features of both lie about as far from 0."""

LAST_BIASES = ("netfclip.3.bias", "netfcaud.3.bias")
"""1 in both: distances stay, and the rows of 0 beyond a clip's ends, which the published score compares with,
lie far from all features."""


def write_seeded(path: Path) -> Path:
    """Write seeded weights in the format of ``syncnet_v2.model``; returns ``path``.

    ``RandomState``, whose streams numpy has frozen, gives the same numbers with every release.
    """
    rng = np.random.RandomState(SEED)
    state = {name: torch.from_numpy(seeded(name, shape, rng)) for name, shape in official_shapes().items()}
    torch.save(state, path)
    return path


def seeded(name: str, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    """Numbers of one tensor of the state dict, float32: seeded weights; batch norm that changes nothing.

    Every filter sums to 0, so that it sees differences and not how bright or loud it is; its standard
    deviation is √(2 / inputs), which keeps the size of what goes through.
    """
    if len(shape) == 1:
        ones = name.endswith(("running_var", "weight")) or name in LAST_BIASES
        return np.full(shape, float(ones), np.float32)
    filters = rng.standard_normal((shape[0], math.prod(shape[1:])))
    filters -= filters.mean(axis=1, keepdims=True)
    deviation = math.sqrt(2 / filters.shape[1]) * FIRST_LAYERS.get(name, 1)
    return (filters * deviation).astype(np.float32).reshape(shape)

"""An encoder without weights: how loud speech is and how often it crosses zero, every 10 ms."""

import torch
from torch import Tensor

from speechlip.encoders.features.protocol import FeatureClock

STEP = 160
"""Samples in a feature: 10 ms at 16 kHz, and none shared with its neighbours."""


class Loudness:
    """What speechlip asks of an encoder: name, dim, clock, encode."""

    name = "loudness"
    dim = 2
    clock = FeatureClock(rate_hz=100, centre_ms=5, past_ms=5, future_ms=5)

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz → (B, N // 160, 2).

        Level in dB, and the share of samples at which the sign changes.
        """
        steps = waveform[:, : waveform.shape[1] // STEP * STEP].unflatten(1, (-1, STEP))
        level_db = 10 * torch.log10(steps.square().mean(2) + 1e-10)
        crossings = (steps[..., 1:].sign() != steps[..., :-1].sign()).float().mean(2)
        return torch.stack([level_db, crossings], dim=2)

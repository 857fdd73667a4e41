"""A speech encoder whose features are known: feature k is made of the k-th stretch of sound and of nothing
else.
"""

import numpy as np
import torch

from speechlip.encoders.features.protocol import FeatureClock


class TinySpeech:
    """dim numbers for each 1 / rate_hz s: a fixed random mixture of its loudness in four parts, unlike for
    every dimension in mean and size.
    """

    name = "tiny"

    def __init__(self, rate_hz=50, dim=24, weights="0" * 64):
        self.dim, self.weights, self.hop = dim, weights, 16000 // rate_hz
        half_ms = 500 / rate_hz
        self.clock = FeatureClock(rate_hz, half_ms, half_ms, half_ms)
        rng = np.random.default_rng(1)
        self.mixture = torch.from_numpy(rng.normal(size=(4, dim)).astype(np.float32))
        self.level = torch.from_numpy(rng.normal(size=dim).astype(np.float32)) * 5

    def encode(self, waveform):
        count = waveform.shape[1] // self.hop
        parts = waveform[:, : count * self.hop].reshape(len(waveform), count, 4, self.hop // 4)
        return parts.abs().mean(dim=3) @ self.mixture + self.level

    def encode_waveform(self, samples):
        return self.encode(torch.from_numpy(samples.astype(np.float32) / 32768)[None])[0].numpy()


def tiny():
    return TinySpeech()


def wide():
    return TinySpeech(rate_hz=25, dim=1285)

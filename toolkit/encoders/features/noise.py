"""Speech with noise under it, the same for every encoder."""

import hashlib
from dataclasses import replace

import numpy as np

from speechlip.encoders.features.protocol import ClipFeatures
from speechlip.errors import ShardError
from speechlip.shards.read.decode import ClipSample


def with_noise(audio: np.ndarray, snr_db: float, name: str) -> np.ndarray:
    """Audio (N,) int16 with white noise ``snr_db`` below its own power, (N,) int16.

    name: of the clip, from which the noise is made, so that all encoders hear the same. Silence stays silent;
    what leaves 16 bits is cut off.

    >>> audio = np.full(16000, 1000, np.int16)
    >>> noise = with_noise(audio, 20.0, "clip") - audio.astype(float)
    >>> round(float(20 * np.log10(1000 / noise.std())), 1)
    20.0
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    samples = audio.astype(np.float64)
    level = np.sqrt(np.square(samples).mean()) / 10 ** (snr_db / 20) if len(samples) else 0.0
    noise = np.random.default_rng(seed).normal(size=len(samples)) * level
    return np.clip(np.round(samples + noise), -32768, 32767).astype(np.int16)


class Noisy:
    """An encoder that hears every clip with noise under it: ``ClipFeatures``.

    Of an encoder that reads ``audio``; other ones hear nothing.
    """

    def __init__(self, features: ClipFeatures, snr_db: float) -> None:
        self.features, self.snr_db = features, snr_db
        self.name, self.dim, self.clock, self.fields = (
            features.name,
            features.dim,
            features.clock,
            features.fields,
        )
        self.stack: int = getattr(features, "stack", 1)

    @property
    def parameters(self) -> int | None:
        return self.features.parameters

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        return self.features.of_clip(noisy_clip(clip, self.snr_db))


def noisy_clip(clip: ClipSample, snr_db: float) -> ClipSample:
    """The clip with noise under its audio. Raises ShardError where it was read without audio."""
    if clip.audio is None:
        raise ShardError(f"clip {clip.key} was read without its audio; read the field 'audio'")
    return replace(clip, audio=with_noise(clip.audio, snr_db, clip.key))

"""What speech encoders declare, so that a frame index means the same time for all of them.

An encoder turns a waveform into features at a rate of its own. It declares that rate and when its first
feature is; ``per_frame`` then brings the features to the 25 video frames a second, without blurring and
without losing any: a 50-Hz encoder gives two a frame, side by side.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from speechlip.errors import ShardError
from speechlip.shards.read.decode import ClipSample
from speechlip.timing import FPS

FRAME_MS = 1000 / FPS


@dataclass(frozen=True)
class FeatureClock:
    """When the features of an encoder are."""

    rate_hz: float
    """Features a second."""
    centre_ms: float
    """The middle of what feature 0 stands for, from the first sample of the clip."""
    past_ms: float
    """How far before its centre a feature depends on audio; inf for all of the clip."""
    future_ms: float
    """How far after its centre a feature depends on audio; inf for all of the clip."""


class SpeechEncoder(Protocol):
    """Waveform in, features out."""

    name: str
    """How tables call it."""
    dim: int
    """D, numbers in a feature."""
    clock: FeatureClock
    """When features are."""

    def encode(self, waveform: Tensor) -> Tensor:
        """(B, N) float32 in −1 … 1 at 16 kHz → (B, T, D) float32."""


class ClipFeatures(Protocol):
    """Features of the clips of a dataset, from whatever its samples hold or lies beside them."""

    name: str
    dim: int
    clock: FeatureClock
    """``name``, ``dim``, ``clock``: as of a ``SpeechEncoder``."""
    fields: tuple[str, ...]
    """What of a ``ClipSample`` is read, such as ("audio",)."""

    @property
    def parameters(self) -> int | None:
        """How many weights; 0 for features computed without any, None where nobody can count them."""

    def of_clip(self, clip: ClipSample) -> np.ndarray:
        """(T, D) float32. Raises ShardError where there are none for this clip, or they are not finite."""


def per_frame(features: np.ndarray, clock: FeatureClock, n_frames: int) -> np.ndarray:
    """Features on the video's frames: (T, D) at ``clock`` → (n_frames, k D), k = the features that fit into a
    frame (at least 1).

    Frame i is on display for [40 i, 40 (i + 1)) ms; its k features are read, by straight lines between
    neighbours, at the middles of its k equal parts; before the first and after the last feature theirs is
    taken. Raises ShardError where the features end more than two frames before the clip.

    >>> clock = FeatureClock(rate_hz=50, centre_ms=10, past_ms=10, future_ms=10)
    >>> per_frame(np.array([[0.0], [1.0], [2.0], [3.0]]), clock, 2).tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    >>> clock = FeatureClock(25, 0, 0, 0)  # frames have their centres at 20 and 60 ms
    >>> per_frame(np.array([[0.0], [1.0], [2.0], [3.0]]), clock, 2).tolist()
    [[0.5], [1.5]]
    """
    per = max(1, round(clock.rate_hz / FPS))
    wanted_ms = (np.arange(n_frames * per) + 0.5) * FRAME_MS / per
    place = (wanted_ms - clock.centre_ms) * clock.rate_hz / 1000
    missing_ms = (place[-1] - (len(features) - 1)) * 1000 / clock.rate_hz if len(features) else np.inf
    if missing_ms > 2 * FRAME_MS:
        raise ShardError(
            f"{len(features)} features at {clock.rate_hz:g} Hz do not reach the end of {n_frames} frames; "
            "is the rate right?"
        )
    place = place.clip(0, len(features) - 1)
    before = np.floor(place).astype(int)
    share = (place - before)[:, None].astype(features.dtype)
    after = np.minimum(before + 1, len(features) - 1)
    return ((1 - share) * features[before] + share * features[after]).reshape(
        n_frames, per * features.shape[1]
    )

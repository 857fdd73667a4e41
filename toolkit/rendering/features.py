"""Features of any encoder on a person's frames, z-scored on the training part as ``export-features`` does."""

import numpy as np

from speechlip.exporting.records import Exporter
from speechlip.exporting.scale import measure
from speechlip.exporting.video import frame_parts
from speechlip.timing import SAMPLES_PER_FRAME

CONTEXT_FRAMES = 5


def frame_features(exporter: Exporter, audio: np.ndarray, train_frames: int) -> np.ndarray:
    """(N, W · D) float32 of N frames, W features of D numbers each.

    audio: (640 N,) int16 at 16 kHz.
    train_frames: from the first on, which mean and deviation are taken from.

    Raises ModelError and ShardError of an encoder that gives less or other than it declares, SourceRefused
    for numbers that are not finite.
    """
    encoder, frames = exporter.encoder, len(audio) // SAMPLES_PER_FRAME
    features = encoder.encode_waveform(audio)
    scale = measure(frame_parts(features, encoder.clock, train_frames), want_axes=False)
    parts = [scale.z_scored(part) for part in frame_parts(features, encoder.clock, frames)]
    return np.concatenate(parts).reshape(frames, -1)


def in_context(features: np.ndarray, frames: np.ndarray, width: int = CONTEXT_FRAMES) -> np.ndarray:
    """Features of some frames, each with its neighbours': (N, D) → (F, width · D); the ends are repeated.

    frames: (F,) int.

    >>> in_context(np.array([[1], [2], [3]]), np.array([0, 1, 2]), 3).tolist()
    [[1, 1, 2], [1, 2, 3], [2, 3, 3]]
    """
    reach = np.arange(width) - width // 2
    neighbours = (frames[:, None] + reach).clip(0, len(features) - 1)
    return features[neighbours].reshape(len(frames), -1)

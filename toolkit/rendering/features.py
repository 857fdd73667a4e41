"""Features on a person's frames, z-scored on the training part as ``export-features`` does."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from speechlip.exporting.records import Exporter
from speechlip.exporting.scale import measure
from speechlip.exporting.video import PART_FRAMES, frame_parts
from speechlip.timing import SAMPLES_PER_FRAME

CONTEXT_FRAMES = 5


@dataclass(frozen=True)
class Recording:
    """Audio that drives lips, and the file that it is of.

    path: the video or audio file.
    start: its first frame here, at 25 frames/s.
    whole: frames of the whole file.
    audio: (640 N,) int16 at 16 kHz, of N frames from ``start`` on.
    """

    path: Path
    start: int
    whole: int
    audio: np.ndarray

    def __len__(self) -> int:
        return len(self.audio) // SAMPLES_PER_FRAME


class FeatureSource(Protocol):
    """Where the features of a recording come from: an encoder, or files."""

    def described(self, videos: Collection[str]) -> dict[str, Any]:
        """What they depend on beside the recordings.

        videos: names of the recordings' files.
        """

    def steps(self, recording: Recording) -> np.ndarray:
        """(N, W, D) float32 of the recording's N frames, W features of D numbers each.

        Raises ModelError and ShardError where there are fewer or others than declared, SourceRefused for
        numbers that are not finite, OptionError for features of another recording.
        """


@dataclass(frozen=True)
class Encoded:
    """Features that an encoder computes from the audio."""

    exporter: Exporter

    def described(self, videos: Collection[str]) -> dict[str, Any]:
        """The encoder and its weights, of any recording."""
        return self.exporter.described()

    def steps(self, recording: Recording) -> np.ndarray:
        """Encoded in one pass, then cut into frames by the encoder's clock."""
        encoder = self.exporter.encoder
        features = encoder.encode_waveform(recording.audio)
        return np.concatenate([*frame_parts(features, encoder.clock, len(recording))])


def frame_features(source: FeatureSource, recordings: Sequence[Recording], train_frames: int) -> np.ndarray:
    """(N, W · D) float32 of the N frames of all recordings, one after another.

    train_frames: of the first recording, from its first frame on; mean and deviation are taken from them.

    Raises what ``FeatureSource.steps`` raises.
    """
    parts = [source.steps(recording) for recording in recordings]
    scale = measure(_in_parts(parts[0][:train_frames]), want_axes=False)
    steps = np.concatenate(parts)
    return np.concatenate([scale.z_scored(part) for part in _in_parts(steps)]).reshape(len(steps), -1)


def _in_parts(steps: np.ndarray) -> Iterator[np.ndarray]:
    return (steps[first : first + PART_FRAMES] for first in range(0, len(steps), PART_FRAMES))


def in_context(features: np.ndarray, frames: np.ndarray, width: int = CONTEXT_FRAMES) -> np.ndarray:
    """Features of some frames, each with its neighbours': (N, D) → (F, width · D); the ends are repeated.

    frames: (F,) int.

    >>> in_context(np.array([[1], [2], [3]]), np.array([0, 1, 2]), 3).tolist()
    [[1, 1, 2], [1, 2, 3], [2, 3, 3]]
    """
    reach = np.arange(width) - width // 2
    neighbours = (frames[:, None] + reach).clip(0, len(features) - 1)
    return features[neighbours].reshape(len(frames), -1)

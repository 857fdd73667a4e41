"""The fingerprint of one video: what it sounds and looks like, in at most 50 kB."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np

from speechlip.doubles.audio_landmarks import AudioHashes, audio_hashes
from speechlip.doubles.image_hashes import ImageHashes, key_image_hashes
from speechlip.media.audio import audio_windows
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe
from speechlip.timing import FPS, SAMPLES_PER_FRAME

SILENCE = np.zeros(SAMPLES_PER_FRAME, np.int16)
FRAMES_AT_ONCE = 10 * FPS


@dataclass(frozen=True)
class Fingerprint:
    """What tells one recording from another.

    name: of the video, or of the clip.
    seconds: its length.
    audio: times are those of the recording.
    images: none for a clip of a shard.
    """

    name: str
    seconds: float
    audio: AudioHashes
    images: ImageHashes


def fingerprint(path: Path, name: str) -> Fingerprint:
    """The fingerprint of a video: its audio is decoded, and an image every few seconds.

    Raises SourceRefused where it cannot be read.
    """
    return fingerprint_of(path, name, probe(path))


def fingerprint_of(path: Path, name: str, info: MediaInfo) -> Fingerprint:
    """``fingerprint`` of a video that was probed."""
    images = key_image_hashes(path, info)
    return Fingerprint(name, info.video_duration_s, audio_hashes(audio_blocks(path, info)), images)


def audio_blocks(path: Path, info: MediaInfo) -> Iterator[np.ndarray]:
    """Audio of a video from its first image to its last, 10 s at a time, gaps as zeros."""
    n_frames = ceil(info.video_duration_s * FPS)
    with closing(audio_windows(path, info, Counter())) as frames:
        heard = (SILENCE if samples is None else samples for samples in islice(frames, n_frames))
        while block := list(islice(heard, FRAMES_AT_ONCE)):
            yield np.concatenate(block)

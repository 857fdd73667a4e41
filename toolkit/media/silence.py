"""Whether a video is silent.

Reading stops at the first sample above the limit, so only silent files are read whole. What speaks in the
first half of the video's length is within it for certain: there the video's packets are not looked at.
"""

from collections import Counter
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.audible import SILENCE_PEAK
from speechlip.media.audio import audio_windows
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.timing import FPS


def peak(samples: np.ndarray | None) -> int:
    """Largest |sample| of a frame, −1 where it has no audio."""
    return -1 if samples is None else int(np.abs(samples.astype(np.int32)).max())


def is_silent(path: Path, info: MediaInfo) -> bool:
    """Whether no sample within the length of the video is above −60 dBFS.

    Raises SourceRefused where the audio cannot be decoded.
    """
    if info.audio_codec and speaks_early(path, info):
        return False
    n_frames = 0
    with closing(read_frames(path, info, images=False)) as reading:
        for frame in reading:
            if peak(frame.samples) >= SILENCE_PEAK:
                return False
            n_frames += 1
    return n_frames > 0


def speaks_early(path: Path, info: MediaInfo) -> bool:
    """Whether a sample in the first half of the video is above −60 dBFS, by the audio alone."""
    half = int(info.video_duration_s * FPS / 2)
    with suppress(SourceRefused), closing(audio_windows(path, info, Counter())) as reading:
        return any(peak(samples) >= SILENCE_PEAK for samples in islice(reading, half))
    return False

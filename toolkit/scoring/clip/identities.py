"""Faces of a file as what tells people apart, for a few frames a second."""

from contextlib import closing
from pathlib import Path

import numpy as np

from speechlip.errors import ModelError
from speechlip.identity.network import embedding, weights_file
from speechlip.media.frames import read_frames
from speechlip.media.info import MediaInfo
from speechlip.metrics.declared import NotScored

EVERY = 5
"""Frames: five looks a second."""
SIZE = 128


def identities_of(path: Path, info: MediaInfo, landmarks: np.ndarray) -> np.ndarray:
    """(T, 128) float32 of every fifth frame, NaN in others and in those without a face.

    landmarks: (T, 68, 2) px of the file. Raises NotScored without the extra; SourceRefused.
    """
    try:
        weights_file()
    except ModelError as error:
        raise NotScored("no identity network", str(error)) from error
    found = np.full((len(landmarks), SIZE), np.nan, np.float32)
    seen = np.isfinite(landmarks).all(axis=(1, 2))
    with closing(read_frames(path, info, audio=False)) as reading:
        for frame in reading:
            wanted = frame.index % EVERY == 0 and frame.index < len(found) and seen[frame.index]
            if wanted and (image := frame.rgb()) is not None:
                found[frame.index] = embedding(image, landmarks[frame.index])
    return found

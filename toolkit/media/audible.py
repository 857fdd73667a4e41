"""Which of several audio tracks is read: the first in which anything is heard.

Cameras and screen recorders write a track for each of their inputs, whether or not something is plugged in.
"""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.audio import place_audio
from speechlip.media.streams.opening import audio_streams, open_local
from speechlip.media.streams.packets import stamped_frames

SILENCE_PEAK = 33  # of 32768, −60 dBFS: below the room noise of any recorded speech


def heard_stream(path: Path, streams: list[av.AudioStream]) -> av.AudioStream | None:
    """The first of the audio streams of a file with a sample above −60 dBFS, else the first.

    A single one is not listened to; reading of a stream stops at the first such sample.
    """
    if len(streams) > 1:
        return next((stream for stream in streams if _is_heard(path, stream.index)), streams[0])
    return streams[0] if streams else None


def _is_heard(path: Path, index: int) -> bool:
    with suppress(SourceRefused), open_local(path) as container:
        stream = next(each for each in audio_streams(container) if each.index == index)
        stamped = (
            (None if stamp is None else float(stamp), frame)
            for stamp, frame in stamped_frames(container, stream, Counter())
        )
        pieces = (samples.astype(np.int32) for _, samples in place_audio(stamped, Counter()))
        return any(np.abs(samples).max(initial=0) >= SILENCE_PEAK for samples in pieces)
    return False

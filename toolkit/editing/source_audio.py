"""The audio of a source, put together from its clips."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from speechlip.editing.sample import COPY_AGAIN, Sample, content
from speechlip.errors import ShardError
from speechlip.shards.read.decode import decode_audio
from speechlip.timing import SAMPLES_PER_FRAME, seconds

AUDIO = "audio.flac"


@dataclass(frozen=True)
class SourceAudio:
    """What clips hold of the audio of their source.

    samples: (640 T,) int16, 16 kHz mono, from the source's first frame on; 0 where no clip is.
    is_there: (T,) bool, whether a clip holds the audio of this frame.
    """

    samples: np.ndarray = field(repr=False)
    is_there: np.ndarray = field(repr=False)

    @property
    def missing_s(self) -> float:
        """Length of what no clip holds, s."""
        return seconds(int((~self.is_there).sum()))


def source_audio(samples: Sequence[Sample], n_frames: int) -> SourceAudio:
    """Put the clips of one source on its clock, each where its audio was before it was moved to fit the lips.

    n_frames: length of the source; where its clips end later, theirs counts.

    Raises ShardError for audio that cannot be decoded.
    """
    starts = [sample.pair_clip.audio_start_in_recording for sample in samples]
    stops = [start + sample.meta.n_frames for start, sample in zip(starts, samples, strict=True)]
    n_frames = max(n_frames, *stops)
    audio = np.zeros(SAMPLES_PER_FRAME * n_frames, np.int16)
    is_there = np.zeros(n_frames, bool)
    for start, stop, sample in zip(starts, stops, samples, strict=True):
        first = max(start, 0)
        own = decoded(sample)[SAMPLES_PER_FRAME * (first - start) :]
        audio[SAMPLES_PER_FRAME * first : SAMPLES_PER_FRAME * stop] = own
        is_there[first:stop] = True
    return SourceAudio(audio, is_there)


def decoded(sample: Sample) -> np.ndarray:
    """The audio of one clip, (640 T,) int16. Raises ShardError where it cannot be decoded."""
    member = next((each for each in sample.members if each.name == AUDIO), None)
    if member is None:
        raise ShardError(f"{sample.path}: {sample.key} has no {AUDIO}; {COPY_AGAIN}")
    with sample.path.open("rb") as file:
        data = content(file, sample, member)
    try:
        return decode_audio(data, SAMPLES_PER_FRAME * sample.meta.n_frames)
    except Exception as error:  # soundfile raises errors of its own for hostile bytes
        raise ShardError(f"{sample.path}: {AUDIO} of {sample.key} cannot be decoded: {error}") from error

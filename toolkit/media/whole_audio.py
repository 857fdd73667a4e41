"""The audio that belongs to the frames of a video, and how many frames that is."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlip.errors import SourceRefused
from speechlip.media.audio import place_audio
from speechlip.media.frames import read_frames
from speechlip.media.info import corrections
from speechlip.media.probe import audio_timeline, probe
from speechlip.media.source_frames import require_stream
from speechlip.media.streams.corrected import sentences
from speechlip.media.streams.endings import is_video_name
from speechlip.media.streams.opening import MAX_PICTURE_PX, audio_stream, open_local
from speechlip.media.streams.packets import stamped_frames
from speechlip.media.streams.stamps import WILD_S
from speechlip.media.streams.timeline import jump_corrections
from speechlip.timing import SAMPLES_PER_FRAME


@dataclass(frozen=True)
class Audio:
    """The audio of a video's frames."""

    samples: np.ndarray
    """(640 frames,) int16 at 16 kHz mono, from the first frame on."""
    notes: tuple[str, ...]
    """What was corrected, and what is silent for want of audio."""

    @property
    def frames(self) -> int:
        """T: frames of 40 ms."""
        return len(self.samples) // SAMPLES_PER_FRAME


def read_audio(path: Path, max_picture_px: int = MAX_PICTURE_PX) -> Audio:
    """The audio of a video, 640 samples for each of its frames at 25 a second, whatever its own rate is.

    T is the number of 40-ms frames from the first image to the end of the last, so the number of images of a
    25-fps video. Audio that goes on longer is left out; where there is none, there is silence.
    A file of audio alone (wav, flac, mp3, …) counts from its time zero (from its first sample where that is a
    clock, more than 10 s away), and T is rounded up, so that all of it is in. max_picture_px: as for
    ``probe``. Raises SourceRefused for what cannot be read.
    """
    try:
        info = probe(path, max_picture_px=max_picture_px)
    except SourceRefused as refusal:
        if refusal.reason != "no video stream" or is_video_name(path.name):
            raise
        return _sound_alone(path)
    samples, silent = bytearray(), 0
    with closing(read_frames(path, info, images=False)) as reading:
        for moment in reading:
            silent += moment.samples is None
            samples += bytes(2 * SAMPLES_PER_FRAME) if moment.samples is None else moment.samples.tobytes()
    if not samples:
        raise SourceRefused("video", "no picture", "the video stream ends before its first picture")
    notes = (
        *corrections(info),
        *reading.stats.corrected,
        *([silence_note(silent, len(samples) // (2 * SAMPLES_PER_FRAME))] * (silent > 0)),
    )
    return Audio(np.frombuffer(samples, np.int16), notes)


def silence_note(silent: int, frames: int) -> str:
    """How many of a video's frames have no audio of their own.

    >>> silence_note(1, 50)
    '1 of 50 frames is silent for want of sound'
    """
    return f"{silent} of {frames} frames {'is' if silent == 1 else 'are'} silent for want of sound"


def _sound_alone(path: Path) -> Audio:
    tally: Counter = Counter()
    line = audio_timeline(path)
    zero_s = line.audio_start_s if line.audio_start_s is not None and abs(line.audio_start_s) > WILD_S else 0
    with open_local(path) as container:
        frames = stamped_frames(container, require_stream(audio_stream(container)), tally, line.audio_shifts)
        stamped = ((None if stamp is None else float(stamp - zero_s), frame) for stamp, frame in frames)
        pieces = [
            (start, samples) for start, samples in place_audio(stamped, tally) if start + len(samples) > 0
        ]
    end = max((start + len(samples) for start, samples in pieces), default=0)
    whole = np.zeros(-(-end // SAMPLES_PER_FRAME) * SAMPLES_PER_FRAME, np.int16)
    for start, samples in pieces:
        whole[max(0, start) : start + len(samples)] = samples[max(0, -start) :]
    return Audio(whole, ("sound without pictures", *jump_corrections(line.jumps), *sentences(tally)))

"""The lossy hop that a published evaluation takes before it scores: 25 fps AVI with MP3 sound (Wav2Lip, syncnet_python), or MP4 with AAC (LatentSync).

What the AVI hop does to time, measured with a flash and a click through FFmpeg 4.1, 4.2.2, 7.0.2 and 9.0 (all alike) and through this module:
the MP3 encoder's 1105 samples of delay, counted at the source's rate, are not marked in AVI, so the sound comes that much later. The muxer
moves the pictures by as much, rounded *up* to whole frames, and reading the frames fills that gap with copies of the first one. The sound ends up early:

    16 kHz    sound 69.1 ms later, pictures 2 frames (80 ms) later: the sound is 10.9 ms early
    44.1 kHz  sound 25.1 ms later, pictures 1 frame  (40 ms) later: the sound is 14.9 ms early
    48 kHz    sound 23.0 ms later, pictures 1 frame  (40 ms) later: the sound is 17.0 ms early

MP4 with AAC marks its delay: nothing moves (0.06 ms, measured).
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from speechlip.errors import SourceRefused
from speechlip.media.audio import Resampler
from speechlip.media.decoding import stamped_frames
from speechlip.media.moments import moments
from speechlip.media.opening import audio_stream, open_local, video_stream
from speechlip.media.probe import MediaInfo, probe
from speechlip.media.video import moments_by_packets
from speechlip.timing import FPS, seconds

from .protocols import AVI_MP3, MP4_AAC, Protocol

MP3_DELAY_SAMPLES = 1105
"""LAME's encoder delay of 576 samples and the decoder's of 528 + 1."""
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
BLOCK = 1024


@dataclass(frozen=True)
class Delay:
    """What a codec path does to time. audio_s, video_s: by how much each comes later. net_s: audio − video; > 0: the sound becomes late."""

    audio_s: float
    video_s: float

    @property
    def net_s(self) -> float:
        return self.audio_s - self.video_s


@dataclass(frozen=True)
class Hop:
    """A file that went through a codec path. repeated_frames: copies of the first picture that come before the second, more
    than in the render: picture ``k`` of the hop is picture ``max(0, k − repeated_frames)`` of the render."""

    path: Path
    info: MediaInfo
    repeated_frames: int


@dataclass(frozen=True)
class _Recipe:
    ending: str
    video: str
    video_options: dict[str, str]
    audio: str
    audio_rates: tuple[int, ...]


RECIPES = {
    AVI_MP3: _Recipe("avi", "mpeg4", {"qmin": "2", "qmax": "2"}, "libmp3lame", MP3_RATES),
    MP4_AAC: _Recipe("mp4", "libx264", {}, "aac", ()),  # ffmpeg's -qscale:v 2 says nothing to x264, whose default stays
}


def count_moments(path: Path, info: MediaInfo) -> int:
    """How many moments of 40 ms reading a video gives, from its packets' stamps alone."""
    return sum(1 for _ in moments_by_packets(path, info, Counter()))


def delay(protocol: Protocol, sample_rate_hz: int) -> Delay:
    """What ``protocol`` adds for sound at ``sample_rate_hz`` (the source's own rate), from the measured facts above.

    >>> from .protocols import get
    >>> added = delay(get("wav2lip"), 16000)
    >>> round(1000 * added.audio_s, 1), round(1000 * added.video_s), round(1000 * added.net_s, 1), delay(get("direct"), 16000).net_s
    (69.1, 80, -10.9, 0.0)
    """
    if protocol.codec_path != AVI_MP3 or not sample_rate_hz:
        return Delay(0.0, 0.0)
    audio_s = MP3_DELAY_SAMPLES / nearest_rate(sample_rate_hz, MP3_RATES)
    return Delay(audio_s, math.ceil(audio_s * FPS) / FPS)


def delay_s(protocol: Protocol, sample_rate_hz: int) -> float:
    """By how much the sound becomes late against the pictures (< 0: early), in seconds."""
    return delay(protocol, sample_rate_hz).net_s


def nearest_rate(rate_hz: int, possible: tuple[int, ...]) -> int:
    """The possible rate nearest to ``rate_hz``, as ffmpeg chooses it; ``rate_hz`` itself where all are possible.

    >>> nearest_rate(96000, MP3_RATES), nearest_rate(22050, MP3_RATES)
    (48000, 22050)
    """
    return min(possible, key=lambda rate: abs(rate - rate_hz)) if possible else rate_hz


def through(protocol: Protocol, render: Path, info: MediaInfo, audio: Path | None, folder: Path) -> Hop:
    """Write ``render``'s pictures (25 a second) and sound through the protocol's codecs into ``folder``, and say what came out.

    audio: the file whose sound is taken, at its own sample rate, its start put where its time stamp says (ffmpeg's ``-async 1``); None: no sound.
    Holds a few frames at a time. Raises SourceRefused where a picture or the sound cannot be decoded.
    """
    recipe = RECIPES[protocol.codec_path]
    path = folder / f"hop.{recipe.ending}"
    with av.open(str(path), "w", format=recipe.ending) as out, closing(moments(render, info)) as reading:
        pictures: Any = out.add_stream(recipe.video, rate=FPS, options=recipe.video_options)
        pictures.width, pictures.height = info.width, info.height
        pictures.pix_fmt = "yuv420p" if info.width % 2 == info.height % 2 == 0 or recipe.video == "mpeg4" else "yuv444p"
        sound = _Sound(out, recipe, audio, sound_zero_s(audio, render, info)) if audio else None
        shown = None
        for moment in reading:
            shown = moment.picture or shown
            if shown is not None:
                if shown.shape != (info.height, info.width, 3):
                    detail = f"{info.width}×{info.height} → {shown.shape[1]}×{shown.shape[0]}: protocol {protocol.id} writes one size; take direct"
                    raise SourceRefused("sync", "picture size changes", detail)
                frame = av.VideoFrame.from_ndarray(shown.rgb(), format="rgb24")
                frame.pts, frame.time_base = moment.index, Fraction(1, FPS)
                out.mux(pictures.encode(frame))
            if sound:
                sound.write_until(seconds(moment.index + 1))
        out.mux(pictures.encode())
        if sound:
            sound.finish()
    hop = probe(path, need_audio=False)
    return Hop(path, hop, max(0, count_moments(path, hop) - reading.report.moments))


class _Sound:
    """The sound's way into the container: decoded at its own rate, placed by its first stamp, encoded up to a given time."""

    def __init__(self, out: av.container.OutputContainer, recipe: _Recipe, path: Path, zero_s: float) -> None:
        self.out = out
        self.blocks = _blocks(path, recipe, zero_s)
        self.first = next(self.blocks, None)
        if self.first is None:
            raise SourceRefused("audio", "no decodable audio", f"{path.name} gave no sound")
        rate, layout = self.first.sample_rate, self.first.layout.name
        self.stream: Any = out.add_stream(recipe.audio, rate=rate, layout=layout)
        self.written_s = 0.0

    def write_until(self, time_s: float) -> None:
        while self.written_s < time_s and (block := self.first or next(self.blocks, None)) is not None:
            self.first = None
            self.written_s += block.samples / block.sample_rate
            self.out.mux(self.stream.encode(block))

    def finish(self) -> None:
        self.write_until(math.inf)
        self.out.mux(self.stream.encode())


def _blocks(path: Path, recipe: _Recipe, zero_s: float) -> Iterator[av.AudioFrame]:
    """s16 frames of at most 1024 samples, mono or stereo, at a rate the encoder knows, stamped by count from ``zero_s`` on."""
    with open_local(path) as container:
        stream = audio_stream(container)
        if stream is None:
            return
        stamped = stamped_frames(container, stream, Counter())
        layout = "mono" if stream.channels == 1 else "stereo"
        rate = nearest_rate(stream.sample_rate, recipe.audio_rates)
        resampler = Resampler("s16", layout, rate)
        start_s, position, skip = None, 0, 0
        for stamp, frame in stamped:
            if start_s is None:
                start_s = float(stamp or 0) - zero_s
                lead = round(start_s * rate)
                skip = max(0, -lead)
                for silence in _stamped(np.zeros((1, max(0, lead) * (1 + (layout == "stereo"))), np.int16), 0, rate, layout):
                    yield silence
                    position += silence.samples
            frame.pts = None
            for part in resampler.resample(frame):
                samples = part.to_ndarray()
                width = 1 + (layout == "stereo")
                taken = samples[:, min(skip * width, samples.shape[1]) :]
                skip -= min(skip, part.samples)
                for block in _stamped(taken, position, rate, layout):
                    yield block
                    position += block.samples


def sound_zero_s(audio: Path, render: Path, info: MediaInfo) -> float:
    """Where on the clock of ``audio`` the first picture of ``render`` is.

    The same file: its video's start. Another video: that one's. A file of sound only begins with the first picture, whatever its stamps say.
    """
    if audio == render:
        return info.video_start_s
    with open_local(audio) as container:
        pictures, stream = video_stream(container), audio_stream(container)
        if stream is None:
            raise SourceRefused("audio", "no decodable audio", f"{audio.name} holds no sound")
        if pictures is None:
            return float(next((stamp for stamp, _ in stamped_frames(container, stream, Counter())), None) or 0)
    return probe(audio).video_start_s


def _stamped(samples: np.ndarray, position: int, rate: int, layout: str) -> Iterator[av.AudioFrame]:
    """(1, n · channels) int16 interleaved → frames of at most 1024 samples."""
    width = 1 + (layout == "stereo")
    for start in range(0, samples.shape[1], BLOCK * width):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + BLOCK * width]), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, position + start // width, Fraction(1, rate)
        yield frame

"""What a transcode does to time: where its frames and its audio end up, and how much later than in the
source.

MP3 in AVI: the encoder's 1105 samples of delay, counted at the source's rate, are not marked, so the audio
comes that much later. The muxer moves the frames by as much, rounded *up* to whole frames, all but the first
one, which stays where the file begins; reading fills the gap.

AAC in MP4: the edit list takes the delay back. Audio that starts late and is not moved to its place
(``-async`` since 6.0) starts with the file, in MP4 but for the encoder's 1024 samples of priming.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from speechlip.scoring.protocols import AVI_MP3
from speechlip.scoring.transcode.rules import CFR, Generation, frames_out
from speechlip.scoring.transcode.source import TranscodeSource, stamps, usual_length_s
from speechlip.timing import FPS

MP3_DELAY_SAMPLES = 1105
"""LAME's encoder delay of 576 samples and the decoder's of 528 + 1."""
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_PRIMING_SAMPLES = 1024
RATE = Fraction(FPS)


@dataclass(frozen=True)
class Delay:
    """What a codec path does to time.

    audio_s: by how much the audio comes later, in s.
    video_s: by how much the frames come later, in s.
    """

    audio_s: float
    video_s: float

    @property
    def net_s(self) -> float:
        return self.audio_s - self.video_s


@dataclass(frozen=True)
class AudioTimes:
    """The audio of a transcode.

    lost_s: by how much less late it starts than its stamps say.
    late_s: by how much later it is heard than its stamps say.
    frames_moved: by how many frames the container moves all frames but the first.
    """

    lost_s: Fraction
    late_s: Fraction
    frames_moved: int


def audio_times(
    codec_path: str, generation: Generation, starts_s: Fraction | None, rate_hz: int
) -> AudioTimes:
    """Where the audio of a transcode ends up.

    starts_s: when its first sample is due after the file's start; None: no audio.
    rate_hz: of the encoder.

    >>> from .rules import GENERATIONS
    >>> for starts_s in (Fraction(0), Fraction(1, 5)):
    ...     times = audio_times(AVI_MP3, GENERATIONS["7.0"], starts_s, 16000)
    ...     print(float(times.lost_s), float(times.late_s), times.frames_moved)
    0.0 0.0690625 2
    0.2 -0.1309375 0
    """
    if starts_s is None or not rate_hz:
        return AudioTimes(Fraction(0), Fraction(0), 0)
    own_place = Fraction(0) if generation.async_works else max(Fraction(0), starts_s)
    if codec_path == AVI_MP3:
        added = Fraction(MP3_DELAY_SAMPLES, rate_hz)
        return AudioTimes(own_place, added - own_place, math.ceil(max(Fraction(0), added - own_place) * FPS))
    lost = max(Fraction(0), own_place - Fraction(AAC_PRIMING_SAMPLES, rate_hz))
    return AudioTimes(lost, -lost, 0)


def nearest_rate(rate_hz: int, possible: tuple[int, ...]) -> int:
    """The possible rate nearest to ``rate_hz``, as ffmpeg chooses it; where all are possible, ``rate_hz``
    itself.

    >>> nearest_rate(96000, MP3_RATES), nearest_rate(22050, MP3_RATES)
    (48000, 22050)
    """
    return min(possible, key=lambda rate: abs(rate - rate_hz)) if possible else rate_hz


def encoder_rate_hz(codec_path: str, rate_hz: int) -> int:
    """At how many samples a second the transcode's audio is encoded."""
    return nearest_rate(rate_hz, MP3_RATES) if codec_path == AVI_MP3 and rate_hz else rate_hz


def read_again(
    codec_path: str, places: Sequence[int], frames_moved: int, generation: Generation
) -> list[int]:
    """Which frame of the transcode each JPEG file shows that is read from it.

    places: of the frames in the transcode, in frames of 40 ms.

    >>> from .rules import GENERATIONS
    >>> read_again(AVI_MP3, range(6), 2, GENERATIONS["4.2"])
    [0, 0, 1, 1, 2, 3, 4, 5]
    """
    slots = [place + frames_moved for place in places]
    if codec_path == AVI_MP3 and slots:
        slots[0] = 0
    timed = ((Fraction(slot, FPS), Fraction(1, FPS), number) for number, slot in enumerate(slots))
    return [number for _, number in frames_out(timed, RATE, CFR, generation.whole_lengths)]


def video_delay_s(shown_s: Iterable[Fraction]) -> float:
    """By how much later source frames are first seen than their stamps say: the median, in s.

    shown_s: stamps of the source frames that are shown, 25 a second, in s from the start.

    >>> video_delay_s(Fraction(max(0, k - 2), 25) for k in range(100))
    0.08
    """
    delays, before = [], None
    for index, start_s in enumerate(shown_s):
        if start_s != before:
            delays.append(Fraction(index, FPS) - start_s)
        before = start_s
    return float(median(delays)) if delays else 0.0


def planned(
    codec_path: str, source: TranscodeSource, generation: Generation
) -> tuple[list[tuple[Fraction, Fraction]], Delay]:
    """What a transcode shows, and does to time, from the stamps alone.

    Returns ``(start, length)`` of the source frame behind each of its frames, in s on the source's clock, and
    the delay.
    """
    audio = audio_times(
        codec_path, generation, source.on.audio_s, encoder_rate_hz(codec_path, source.rate_hz)
    )
    method = generation.avi if codec_path == AVI_MP3 else CFR
    timed = ((start, length, (start, length)) for start, length in stamps(source, generation))
    written = list(frames_out(timed, RATE, method, generation.whole_lengths, usual_length_s(source.render)))
    order = read_again(codec_path, [place for place, _ in written], audio.frames_moved, generation)
    shown = [written[number][1] for number in order]
    return shown, Delay(float(audio.late_s), video_delay_s(start for start, _ in shown))

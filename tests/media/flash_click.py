"""Clips whose truth is known: several times a white frame and a chirp begin at the same source time.

The chirp (10 ms, 300 → 3400 Hz, raised-cosine window) is the same function of time at every sample rate, so
that its place can be found to a fraction of a sample by correlation; every codec here keeps its band, 8 kHz
included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from speechlip.media.frames import ReadStats, read_frames
from speechlip.media.probe import probe

CHIRP_S, LOW_HZ, HIGH_HZ = 0.010, 300.0, 3400.0
NEAR_S = (0.5, 1.2, 1.9)
"""Where an event is wanted; it lands on a source frame that is on display at the centre of some 40 ms."""
PHONE_STEPS_MS = (33, 34, 50, 33, 17, 41, 67, 33)
"""A variable rate as a phone in dim light has it: 26 frames/s on average."""
VIDEO_CODECS = {"webm": "libvpx", "avi": "mpeg4", "mpg": "mpeg2video"}  # the others: libx264 with B-frames
OPTIONS = {
    "libx264": {"preset": "ultrafast", "bf": "2", "b-pyramid": "none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


@dataclass(frozen=True)
class Recording:
    """How a clip is made.

    rate: frames/s, or ``variable``.
    video_start_s, audio_start_s: the first stamps written.
    noise: dark noise, not black, and a key frame every 0.4 s: packets are large enough to damage.
    """

    extension: str = "mp4"
    rate: str = "25"
    audio_codec: str | None = "aac"
    audio_rate_hz: int = 44100
    layout: str = "mono"
    video_codec: str = ""
    size: tuple[int, int] = (64, 48)
    pixels: str = "yuv420p"
    duration_s: Fraction = Fraction(13, 5)
    video_start_s: Fraction = Fraction(0)
    audio_start_s: Fraction = Fraction(0)
    audio_duration_s: Fraction | None = None
    silent_tracks_first: int = 0
    noise: bool = False
    container_options: dict[str, str] = field(default_factory=dict)

    def stamps(self) -> list[Fraction]:
        """When every source frame begins, in seconds of the source, the end of the last one included."""
        if self.rate == "variable":
            steps = [Fraction(ms, 1000) for ms in islice(cycle(PHONE_STEPS_MS), int(self.duration_s * 30))]
            return [stamp for stamp in accumulate(steps, initial=Fraction(0)) if stamp <= self.duration_s]
        return [k / Fraction(self.rate) for k in range(int(self.duration_s * Fraction(self.rate)) + 1)]

    def events(self) -> list[int]:
        """Indices of the white frames: one near each of NEAR_S that 25 frames a second can see."""
        stamps = self.stamps()
        seen = [k for k in range(len(stamps) - 1) if frames_of(stamps[k], stamps[k + 1])]
        return [
            min(seen, key=lambda k: abs(stamps[k] - Fraction(near)))
            for near in NEAR_S
            if near < self.duration_s - Fraction(1, 10)
        ]

    def clicks_s(self) -> list[float]:
        """When the chirps begin, in seconds from the first frame: together with the white frames."""
        return [float(self.stamps()[k]) for k in self.events()]

    def bright_frames(self) -> list[int]:
        """The frames that must be white: those at whose centre a white frame is on display."""
        stamps = self.stamps()
        return [i for k in self.events() for i in frames_of(stamps[k], stamps[k + 1])]


def frames_of(start_s: Fraction, stop_s: Fraction) -> list[int]:
    """Frames whose centre lies in [start, stop)."""
    first = -((Fraction(1, 2) - start_s * 25) // 1)
    return [
        i for i in range(int(first), int(stop_s * 25) + 1) if start_s <= (i + Fraction(1, 2)) / 25 < stop_s
    ]


def chirp(at_s: np.ndarray) -> np.ndarray:
    """The click as a function of the time since it began; zero outside [0, CHIRP_S)."""
    inside = (at_s >= 0) & (at_s < CHIRP_S)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * at_s / CHIRP_S)
    phase = 2 * np.pi * (LOW_HZ * at_s + (HIGH_HZ - LOW_HZ) / (2 * CHIRP_S) * at_s**2)
    return np.where(inside, window * np.sin(phase), 0.0)


def waveform(clicks_s: Sequence[float], rate_hz: int, duration_s: float, start_s: float = 0.0) -> np.ndarray:
    """(n,) int16: the clicks as heard from ``start_s`` on, at 0.7 of full scale."""
    at_s = start_s + np.arange(round(duration_s * rate_hz)) / rate_hz
    audio = np.zeros_like(at_s)
    for click in clicks_s:
        near = slice(*np.searchsorted(at_s, (click, click + CHIRP_S)))
        audio[near] += chirp(at_s[near] - click)
    return (0.7 * 32767 * audio).astype(np.int16)


def click_errors_ms(samples: np.ndarray, clicks_s: Sequence[float], search_s: float = 0.15) -> list[float]:
    """How late each click is heard in 16 kHz ``samples``, by the peak of the correlation, refined by a
    parabola.
    """
    wanted = chirp(np.arange(round(CHIRP_S * 16000)) / 16000)
    found = np.abs(np.correlate(samples.astype(float), wanted, "valid"))
    errors = []
    for click in clicks_s:
        low, high = (
            max(1, round((click - search_s) * 16000)),
            min(len(found) - 1, round((click + search_s) * 16000)),
        )
        peak = low + int(np.argmax(found[low:high]))
        left, top, right = found[peak - 1 : peak + 2]
        bend = left - 2 * top + right
        errors.append(1000 * ((peak + ((left - right) / (2 * bend) if bend else 0)) / 16000 - click))
    return errors


# What must come out aligned besides the plain combinations of container, codec and rates.
CASES = {
    "aac in mp4, B-frames, edit lists for priming": Recording(),
    "variable rate": Recording(rate="variable"),
    "variable rate, stamps in milliseconds": Recording(
        "mkv", rate="variable", audio_codec="libopus", audio_rate_hz=48000
    ),
    "24": Recording("mov", rate="24", audio_codec="pcm_s16le"),
    "23.976": Recording("mkv", rate="24000/1001", audio_codec="flac"),
    "29.97": Recording("mkv", rate="30000/1001", audio_codec="libmp3lame"),
    "30, opus in webm (pre-skip)": Recording("webm", rate="30", audio_codec="libopus", audio_rate_hz=48000),
    "50": Recording("avi", rate="50", audio_codec="pcm_s16le", audio_rate_hz=48000),
    "60": Recording("mp4", rate="60", audio_codec="libmp3lame", audio_rate_hz=16000),
    "120": Recording(rate="120"),
    "10": Recording(rate="10"),
    "12.5": Recording("mkv", rate="25/2"),
    "8 kHz": Recording(audio_rate_hz=8000),
    "96 kHz": Recording("mkv", audio_codec="flac", audio_rate_hz=96000),
    "16 kHz mono int16: nothing to resample": Recording("avi", audio_codec="pcm_s16le", audio_rate_hz=16000),
    "5.1": Recording(layout="5.1", audio_rate_hz=48000),
    "three channels": Recording("avi", audio_codec="pcm_s16le", layout="3.0"),
    "10-bit": Recording(pixels="yuv420p10le"),
    "odd size": Recording("webm", audio_codec="libopus", audio_rate_hz=48000, size=(63, 47)),
    "odd size 4:4:4": Recording(size=(63, 47), pixels="yuv444p"),
    "the default of three audio tracks": Recording(silent_tracks_first=2),
    "both start at 1.6 s": Recording("mkv", video_start_s=Fraction(8, 5), audio_start_s=Fraction(8, 5)),
    "both start at 1.6 s in mp4": Recording(video_start_s=Fraction(8, 5), audio_start_s=Fraction(8, 5)),
    "transport stream starting at 1.4 s": Recording("ts"),
    "program stream": Recording("mpg", audio_codec="mp2"),
    "flv": Recording("flv"),
    "fragmented mp4": Recording(container_options={"movflags": "frag_keyframe+empty_moov"}),
    "mp4 without edit lists": Recording(container_options={"use_editlist": "0"}),
    "B-frames in avi, which has no presentation times": Recording(
        "avi", video_codec="libx264", audio_codec="pcm_s16le"
    ),
}


@dataclass(frozen=True)
class Measured:
    """What one reading of a clip gave.

    white, without_image, without_audio: numbers of frames.
    click_errors_ms: lateness of every click.
    samples: (N,) int16, 16 kHz.
    """

    white: list[int]
    without_image: list[int]
    without_audio: list[int]
    click_errors_ms: list[float]
    samples: np.ndarray
    stats: ReadStats


def measure(path: Path, recording: Recording, decoder: str = "pyav", cut_s: float = 0.0) -> Measured:
    """Read a clip, of which the first ``cut_s`` were cut off, and look for its events.

    Frames without audio count as silence.
    """
    reading = read_frames(path, probe(path), decoder)
    white, no_image, no_audio, audio = [], [], [], []
    for frame in reading:
        (no_image if frame.image is None else white if frame.image.rgb().mean() > 128 else []).append(
            frame.index
        )
        if frame.samples is None:
            no_audio.append(frame.index)
        audio.append(np.zeros(640, np.int16) if frame.samples is None else frame.samples)
    samples = np.concatenate(audio)
    return Measured(
        white,
        no_image,
        no_audio,
        click_errors_ms(samples, [c - cut_s for c in recording.clicks_s()]),
        samples,
        reading.stats,
    )


def write(path: Path, recording: Recording) -> Recording:
    """Write the clip. Raises av.FFmpegError or ValueError where the container does not carry the codec."""
    with av.open(str(path), "w", container_options=recording.container_options) as container:
        video = _add_video(container, recording)
        tracks = (
            [_add_audio(container, recording) for _ in range(1 + recording.silent_tracks_first)]
            if recording.audio_codec
            else []
        )
        for track in tracks:
            track.disposition = Disposition.default if track is tracks[-1] else Disposition(0)
        for image in _images(video, recording):
            container.mux(video.encode(image))
        container.mux(video.encode())
        for track in tracks:
            for frame in _audio(track, recording, silent=track is not tracks[-1]):
                container.mux(track.encode(frame))
            container.mux(track.encode())
    return recording


def without_pids(path, *pids):
    """The packets of a transport stream but those of some streams; its tables still name them."""
    data = path.read_bytes()
    packets = [data[k : k + 188] for k in range(0, len(data), 188)]
    return b"".join(each for each in packets if int.from_bytes(each[1:3], "big") & 0x1FFF not in pids)


def _add_video(container: av.container.OutputContainer, recording: Recording) -> av.VideoStream:
    codec = recording.video_codec or VIDEO_CODECS.get(recording.extension, "libx264")
    variable = recording.rate == "variable"
    stream = container.add_stream(
        codec, rate=30 if variable else Fraction(recording.rate), options=OPTIONS.get(codec, {})
    )
    if variable:
        stream.codec_context.time_base = Fraction(1, 1000)
    if recording.noise:
        stream.codec_context.gop_size = 10
    stream.width, stream.height, stream.pix_fmt = *recording.size, recording.pixels
    return stream


def _images(stream: av.VideoStream, recording: Recording) -> Iterator[av.VideoFrame]:
    white, random, shape = set(recording.events()), np.random.default_rng(0), (*recording.size[::-1], 3)
    time_base = Fraction(1, 1000) if recording.rate == "variable" else 1 / Fraction(recording.rate)
    for k, stamp in enumerate(recording.stamps()[:-1]):
        dark = random.integers(0, 90, shape, np.uint8) if recording.noise else np.zeros(shape, np.uint8)
        frame = av.VideoFrame.from_ndarray(np.full(shape, 255, np.uint8) if k in white else dark)
        frame.pts, frame.time_base = round((recording.video_start_s + stamp) / time_base), time_base
        yield frame


def _add_audio(container: av.container.OutputContainer, recording: Recording) -> av.AudioStream:
    stream = container.add_stream(recording.audio_codec, rate=recording.audio_rate_hz)
    stream.layout = recording.layout
    return stream


def _audio(stream: av.AudioStream, recording: Recording, silent: bool) -> Iterator[av.AudioFrame]:
    clicks = [] if silent else recording.clicks_s()
    rate, start_s = recording.audio_rate_hz, recording.audio_start_s
    duration_s = float(recording.audio_duration_s or recording.duration_s)
    mono = waveform(clicks, rate, duration_s, float(start_s - recording.video_start_s))
    channels = len(av.AudioLayout(recording.layout).channels)
    frame = av.AudioFrame.from_ndarray(np.repeat(mono, channels)[None], format="s16", layout=recording.layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, round(start_s * rate), Fraction(1, rate)
    to_encoder = av.AudioResampler(
        stream.format.name, recording.layout, rate, stream.codec_context.frame_size or 1024
    )
    yield from to_encoder.resample(frame)
    yield from (rest for rest in to_encoder.resample(None) if rest is not None)

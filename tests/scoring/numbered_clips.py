"""Clips whose frames carry their number, as eight bars that no lossy codec blurs; and the ffmpeg programs
that are at hand.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, cycle, islice
from pathlib import Path
from shutil import which

import av
import numpy as np
from flash_click import waveform

WIDTH, HEIGHT, BAR = 128, 64, 16
AUDIO = {"webm": "libopus", "mp4": "aac"}
OPTIONS = {
    "libx264": {"preset": "ultrafast", "bf": "2", "b-pyramid": "none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


def binaries() -> dict[str, str]:
    """Where ffmpeg was found: the one that imageio-ffmpeg brings, and the system's."""
    found = {}
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        found["imageio-ffmpeg"] = get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        pass
    if system := which("ffmpeg"):
        found["system"] = system
    return found


def drawn(number: int) -> np.ndarray:
    """(64, 128, 3) uint8: bar ``k`` is bright where bit ``k`` is set."""
    bars = np.repeat([235 * (number >> bit & 1) for bit in range(8)], BAR).astype(np.uint8)
    return np.repeat(np.tile(bars, (HEIGHT, 1))[..., None], 3, axis=2)


def number_of(picture: np.ndarray) -> int:
    """The number of a frame, (64, 128) or (64, 128, 3)."""
    middles = [picture[8:-8, bit * BAR + 4 : (bit + 1) * BAR - 4].mean() > 128 for bit in range(8)]
    return sum(1 << bit for bit, bright in enumerate(middles) if bright)


def write_numbered(
    path: Path,
    rate: str = "25",
    steps_ms: Sequence[int] = (),
    duration_s: Fraction = Fraction(8, 5),
    video_start_s: Fraction = Fraction(0),
    audio_start_s: Fraction = Fraction(0),
    audio_codec: str = "",
    audio_rate_hz: int = 16000,
    container_options: dict[str, str] | None = None,
    clicks_s: Sequence[float] = (),
) -> list[Fraction]:
    """Write the clip; returns when each frame begins, from the first on. steps_ms: a variable rate, over and
    over, instead of ``rate``.

    clicks_s: when chirps begin, on the file's clock; without any the audio is noise.
    """
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(path.suffix[1:], "libx264")
    time_base = Fraction(1, 1000) if steps_ms else 1 / Fraction(rate)
    if steps_ms:
        every = accumulate((Fraction(ms, 1000) for ms in islice(cycle(steps_ms), 1000)), initial=Fraction(0))
        starts = [start for start in every if start < duration_s]
    else:
        starts = [number / Fraction(rate) for number in range(int(duration_s * Fraction(rate)))]
    with av.open(str(path), "w", container_options=container_options or {}) as out:
        video = out.add_stream(codec, rate=Fraction(rate), options=OPTIONS.get(codec, {}))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if steps_ms:
            video.codec_context.time_base = time_base
        if codec != "libx264":
            video.bit_rate = 1_000_000
        codec = audio_codec or AUDIO.get(path.suffix[1:], "pcm_s16le")
        rate_hz = 48000 if codec == "libopus" else audio_rate_hz
        sound = out.add_stream(codec, rate=rate_hz, layout="mono")
        for number, start_s in enumerate(starts):
            frame = av.VideoFrame.from_ndarray(drawn(number))
            frame.pts, frame.time_base = round((start_s + video_start_s) / time_base), time_base
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if clicks_s:
            samples = waveform(clicks_s, rate_hz, float(duration_s), float(audio_start_s))
        else:
            white = np.random.default_rng(0).normal(size=int(duration_s * rate_hz))
            samples = (3000 * np.convolve(white, np.ones(4) / 4, "same")).astype(
                np.int16
            )  # AAC would draw white noise anew
        for part in _frames(sound, samples, rate_hz, audio_start_s):
            out.mux(sound.encode(part))
        out.mux(sound.encode())
    return starts


def _frames(
    stream: av.AudioStream, samples: np.ndarray, rate_hz: int, start_s: Fraction
) -> Iterator[av.AudioFrame]:
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, round(start_s * rate_hz), Fraction(1, rate_hz)
    resampler = av.AudioResampler(
        stream.format.name, "mono", rate_hz, stream.codec_context.frame_size or 1024
    )
    yield from (part for part in [*resampler.resample(frame), *resampler.resample(None)] if part is not None)

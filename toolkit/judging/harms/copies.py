"""A harmed clip as a file. Frames are kept as they are and audio too, unless the codec is the harm.

Frames are stored as plain pixels: a lossless codec would take longer, both ways, than finding the faces.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from speechlip.timing import FPS, SAMPLE_RATE

BLOCK = 4096


@dataclass(frozen=True)
class FileForm:
    """Container and codecs of a copy.

    muxer: which is also what its file ends in.
    video, audio: encoders.
    pixels: name of the pixel format.
    options: of the video encoder; ``{step}`` stands for the harm's step.
    bit_rate: whether the step is the audio's bit rate in kb/s.
    """

    muxer: str = "mov"
    video: str = "rawvideo"
    audio: str = "pcm_s16le"
    pixels: str = "rgb24"
    options: Mapping[str, str] = field(default_factory=dict)
    bit_rate: bool = False

    @property
    def name(self) -> str:
        """Of a copy's file."""
        return f"copy.{'mkv' if self.muxer == MATROSKA else self.muxer}"


MATROSKA = "matroska"
LOSSY = {"crf": "{step:g}", "preset": "veryfast"}
SAME_EVERYWHERE = {"x264-params": "cpu-independent=1"}
EXACT = FileForm()
AVI_PCM = FileForm("avi", pixels="bgr24")
AVI_MP3 = FileForm("avi", audio="libmp3lame", pixels="bgr24", bit_rate=True)
MP4_AAC = FileForm(
    "mp4", "libx264rgb", "aac", "rgb24", {"qp": "0", "preset": "ultrafast"} | SAME_EVERYWHERE, bit_rate=True
)
"""MP4 holds no plain pixels; at ``qp`` 0 x264 keeps RGB without loss."""
H264 = FileForm(MATROSKA, "libx264", "flac", "yuv420p", LOSSY | SAME_EVERYWHERE)
H265 = FileForm(MATROSKA, "libx265", "flac", "yuv420p", LOSSY | {"x265-params": "log-level=none"})


def write_copy(
    path: Path, images: np.ndarray, audio: np.ndarray, form: FileForm = EXACT, step: float = 0
) -> None:
    """Write a video of 25 frames a second.

    images: (T, H, W, 3) uint8 RGB, H and W even.
    audio: (640 T,) int16 at 16 kHz; empty: the file has none.
    step: of the harm, where ``form`` names it.
    """
    with av.open(str(path), "w", format=form.muxer, container_options={"fflags": "+bitexact"}) as out:
        options = {name: value.format(step=step) for name, value in form.options.items()}
        video: Any = out.add_stream(form.video, rate=FPS, options=options | {"flags": "+bitexact"})
        video.height, video.width = images.shape[1:3]
        video.pix_fmt, video.codec_context.thread_count = form.pixels, 1
        sound: Any = None
        if len(audio):
            sound = out.add_stream(
                form.audio, rate=SAMPLE_RATE, layout="mono", options={"flags": "+bitexact"}
            )
            if form.bit_rate:
                sound.codec_context.bit_rate = round(step * 1000)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for start in range(0, len(audio), BLOCK):
            block = av.AudioFrame.from_ndarray(
                audio[None, start : start + BLOCK], format="s16", layout="mono"
            )
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
            out.mux(sound.encode(block))
        if sound:
            out.mux(sound.encode())

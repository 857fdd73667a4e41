"""One clip as files: its crops and audio as a video of 25 fps, and the audio once more as wav.

Both audio codecs are lossless and begin at sample 0: AAC would put 64 ms of its own before it. Every frame
is coded in order of display, so frame i is the i-th that any reader gives.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from speechlip.errors import no_such
from speechlip.files.sink import Sink
from speechlip.timing import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME


@dataclass(frozen=True)
class FileFormat:
    """The codecs of an exported video.

    video, audio: encoders.
    pixels: name of the pixel format, chroma at half the height and width.
    options: of the video encoder.
    color_range: of the luma: 16–235 or 0–255.
    """

    video: str
    audio: str
    pixels: str
    options: Mapping[str, str]
    color_range: ColorRange


FORMATS = {
    "mp4": FileFormat(
        "libx264",
        "flac",
        "yuv420p",
        {"crf": "12", "preset": "medium", "bf": "0", "g": "25", "x264-params": "cpu-independent=1"},
        ColorRange.MPEG,
    ),
    "avi": FileFormat("mjpeg", "pcm_s16le", "yuvj420p", {"qmin": "2", "qmax": "2"}, ColorRange.JPEG),
}
"""Ending of the file, which is also the muxer's name → its codecs. Without ``cpu-independent`` x264 plans its
bits by other arithmetic on every kind of processor, and by memory that nobody wrote where it has AVX-512 and
an image is narrower than 256 px: docs/decisions/lossless-audio-in-exports.md.
"""
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""How RGB becomes YUV: on every processor the same, and not a level darker."""


def check_form(form: str) -> None:
    """Raise OptionError for a format that is not there."""
    if form not in FORMATS:
        raise no_such("format", form, FORMATS)


def write_video(file: BinaryIO, lips: np.ndarray, audio: np.ndarray, form: str) -> None:
    """Write crops and audio as one video.

    lips: (T, H, W, 3) uint8 RGB, H and W even.
    audio: (640 T,) int16 at 16 kHz.
    form: one of ``FORMATS``.
    """
    with video_file(file, lips.shape[2], lips.shape[1], form) as video:
        for crop, samples in zip(lips, audio.reshape(len(lips), -1), strict=True):
            video.add(crop, samples)


@contextmanager
def video_file(file: BinaryIO, width: int, height: int, form: str) -> Iterator["VideoFile"]:
    """A video that is written frame by frame, whole when the block ends.

    width, height: px, even.
    form: one of ``FORMATS``.
    """
    options = {"fflags": "+bitexact"}
    with Sink(file) as sink, av.open(sink, "w", format=form, container_options=options) as out:
        video = VideoFile(out, FORMATS[form], width, height)
        yield video
        video.finish()


class VideoFile:
    """Where frames of one image and 640 samples go, one after another."""

    def __init__(self, out: Any, codecs: FileFormat, width: int, height: int) -> None:
        self._out, self._codecs, self._frames = out, codecs, 0
        self._video, self._sound = _video_stream(out, codecs, width, height), _audio_stream(out, codecs)

    def add(self, image: np.ndarray, samples: np.ndarray) -> None:
        """The next frame: (H, W, 3) uint8 RGB and (640,) int16."""
        index, self._frames = self._frames, self._frames + 1
        self._out.mux(self._video.encode(_image(image, index, self._codecs)))
        self._out.mux(self._sound.encode(_block(samples, index * SAMPLES_PER_FRAME)))

    def finish(self) -> None:
        """After the last frame."""
        self._out.mux(self._video.encode())
        self._out.mux(self._sound.encode())


def write_wav(file: BinaryIO, audio: np.ndarray) -> None:
    """Write (N,) int16 as 16 kHz mono wav, 16 bits."""
    content = io.BytesIO()  # libsndfile would hide what the disk says
    soundfile.write(content, audio, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    file.write(content.getbuffer())


def _video_stream(out: Any, codecs: FileFormat, width: int, height: int) -> Any:
    stream = out.add_stream(codecs.video, rate=FPS, options={**codecs.options, "flags": "+bitexact"})
    stream.width, stream.height, stream.pix_fmt = width, height, codecs.pixels
    context = stream.codec_context
    context.thread_count = 1
    context.colorspace, context.color_range = Colorspace.ITU601, codecs.color_range
    return stream


def _audio_stream(out: Any, codecs: FileFormat) -> Any:
    return out.add_stream(codecs.audio, rate=SAMPLE_RATE, layout="mono", options={"flags": "+bitexact"})


def _image(crop: np.ndarray, index: int, codecs: FileFormat) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(crop), format="rgb24").reformat(
        format=codecs.pixels,
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=codecs.color_range,
        interpolation=EXACT,
    )
    frame.pts, frame.time_base = index, Fraction(1, FPS)
    return frame


def _block(samples: np.ndarray, start: int) -> av.AudioFrame:
    block = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    return block

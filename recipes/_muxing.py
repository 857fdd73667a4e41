"""Images and audio → one video file without loss, FFV1 and FLAC in Matroska: equal input, equal bytes."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
import soundfile
from PIL import Image, UnidentifiedImageError

from speechlip.files.sink import Sink

BLOCK = 4096
LAYOUTS = {1: "mono", 2: "stereo"}


def read_image(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image file. Raises ValueError for what is none."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:  # its own words hold an address in memory, other in every run
        raise ValueError("an image cannot be read: no known image format") from error
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"an image cannot be read: {error}") from error


def read_audio(data: bytes) -> tuple[np.ndarray, int]:
    """((N, C) int16, samples per second) of a wav, flac, ogg or mp3 file. Raises ValueError for any other."""
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"the audio cannot be read: {error.error_string}") from error
    return samples, int(rate)


def mux(file: BinaryIO, images: Sequence[np.ndarray], samples: np.ndarray, rate: int, fps: float) -> None:
    """Write images, ``fps`` a second, and audio, both from 0 on, to ``file``.

    images: (H, W, 3) uint8, all of one size.
    samples: (N, C) int16, C 1 or 2.

    Matroska counts milliseconds, so an image stands up to 0.5 ms beside its time. Raises ValueError for
    images of several sizes, none at all, more than two channels, or no sensible rate.
    """
    shapes = {image.shape for image in images}
    if len(shapes) != 1 or samples.shape[1] not in LAYOUTS or not 1 <= fps <= 240:
        wanted = "images of one size, 1 or 2 channels, 1 to 240 images a second"
        raise ValueError(
            f"{wanted} are wanted; got sizes {sorted(shapes)}, {samples.shape[1]} channels, fps {fps}"
        )
    options = {"fflags": "+bitexact"}
    with Sink(file) as sink, av.open(sink, "w", format="matroska", container_options=options) as out:
        for stream, frame in _frames(out, images, samples, rate, Fraction(fps).limit_denominator(1001)):
            out.mux(stream.encode(frame))


def _frames(out: Any, images: Sequence[np.ndarray], samples: np.ndarray, rate: int, fps: Fraction):
    """(stream, frame) of everything, both streams ended by None."""
    video = out.add_stream("ffv1", rate=fps, options={"level": "3", "threads": "1", "flags": "+bitexact"})
    video.height, video.width = images[0].shape[:2]
    video.pix_fmt = "bgr0"
    audio = out.add_stream(
        "flac", rate=rate, layout=LAYOUTS[samples.shape[1]], options={"flags": "+bitexact"}
    )
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = index, 1 / fps
        yield video, frame
    yield video, None
    for start in range(0, len(samples), BLOCK):
        packed = np.ascontiguousarray(samples[start : start + BLOCK]).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(packed, format="s16", layout=LAYOUTS[samples.shape[1]])
        block.sample_rate, block.pts, block.time_base = rate, start, Fraction(1, rate)
        yield audio, block
    yield audio, None

"""A transcode without ffmpeg: frames and audio stand where one of its generations puts them, the codecs are
PyAV's.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from speechlip.media.info import MediaInfo
from speechlip.media.source_frames import DecodedImage
from speechlip.scoring.protocols import AVI_MP3
from speechlip.scoring.transcode.audio import TranscodeAudio
from speechlip.scoring.transcode.recipes import JPEG_BITS, RECIPES, Recipe
from speechlip.scoring.transcode.rules import CFR, Generation, frames_out
from speechlip.scoring.transcode.source import TranscodeSource, frames, usual_length_s
from speechlip.scoring.transcode.times import (
    RATE,
    Delay,
    audio_times,
    encoder_rate_hz,
    read_again,
    video_delay_s,
)
from speechlip.timing import FPS, seconds


@dataclass(frozen=True)
class Transcode:
    """A file that went through a codec path.

    path: the file with the frames.
    order: which of them each frame is that the evaluation reads, 25 a second.
    middles_s: when in the render its source frame is half over, in s from the first frame on; empty where
        nobody asks.
    delay: what it does to time; None where no single number says that.
    width, height: to which the frames are scaled, in px; 0: not at all.
    audio_path: the file with the audio.
    audio_zero_s: where on its clock the audio begins.
    """

    path: Path
    order: tuple[int, ...]
    middles_s: tuple[float, ...]
    delay: Delay | None
    width: int
    height: int
    audio_path: Path
    audio_zero_s: float = 0.0


@dataclass(frozen=True)
class _Written:
    place: int
    start_s: Fraction
    middle_s: Fraction


def write_transcode(
    codec_path: str, source: TranscodeSource, generation: Generation, folder: Path
) -> Transcode:
    """Write frames and audio through the codecs into ``folder``; holds a few frames at a time.

    Raises SourceRefused where a frame or the audio cannot be decoded.
    """
    recipe, info = RECIPES[codec_path], source.info
    times = audio_times(
        codec_path, generation, source.on.audio_s, encoder_rate_hz(codec_path, source.rate_hz)
    )
    path, written = folder / f"transcode.{recipe.ending}", []
    with av.open(str(path), "w", format=recipe.ending) as out:
        video = _video_stream(out, recipe, info)
        heard = TranscodeAudio(out, recipe, source, times.lost_s, generation) if source.audio else None
        for frame, image in _placed(codec_path, source, generation):
            out.mux(video.encode(_encodable(image, frame.place, Fraction(1, FPS))))
            written.append(frame)
            if heard:
                heard.write_until(seconds(frame.place + 1))
        out.mux(video.encode())
        if heard and written:
            heard.finish(seconds(written[-1].place + 1))
    order = read_again(codec_path, [frame.place for frame in written], times.frames_moved, generation)
    return Transcode(
        path=path,
        order=tuple(order),
        middles_s=tuple(float(written[number].middle_s - source.on.video_s) for number in order),
        delay=Delay(float(times.late_s), video_delay_s(written[number].start_s for number in order)),
        width=info.width,
        height=info.height,
        audio_path=path,
    )


def write_jpegs(source: TranscodeSource, generation: Generation, folder: Path) -> Transcode:
    """Every source frame, at its own rate, as the JPEG file that ``ffmpeg -f image2`` makes of it without a
    quality.

    Its audio is the source's own. Raises SourceRefused where no frame can be decoded.
    """
    path, count = folder / "frames.avi", 0
    length_s = usual_length_s(source.render)
    with av.open(str(path), "w", format="avi") as out:
        video: Any = out.add_stream("mjpeg", rate=1 / length_s)
        video.pix_fmt, video.width, video.height = "yuvj420p", source.info.width, source.info.height
        codec = video.codec_context
        codec.bit_rate, codec.bit_rate_tolerance, codec.thread_count = JPEG_BITS, 20 * JPEG_BITS, 1
        with closing(frames(source, generation, Counter())) as reading:
            for place, image in frames_out(reading, 1 / length_s, CFR, generation.whole_lengths, length_s):
                out.mux(video.encode(_encodable(image, place, length_s)))
                count += 1
            out.mux(video.encode())
    return Transcode(path, tuple(range(count)), (), None, 0, 0, source.audio or source.render)


def _placed(
    codec_path: str, source: TranscodeSource, generation: Generation
) -> Iterator[tuple[_Written, DecodedImage]]:
    method = generation.avi if codec_path == AVI_MP3 else CFR
    usual_s = usual_length_s(source.render)
    with closing(frames(source, generation, Counter())) as reading:
        timed = ((start, length, (start, length, image)) for start, length, image in reading)
        for place, (start, length, image) in frames_out(
            timed, RATE, method, generation.whole_lengths, usual_s
        ):
            yield _Written(place, start, start + length / 2), image


def _encodable(image: DecodedImage, place: int, length_s: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image.rgb(), format="rgb24")
    frame.pts, frame.time_base = place, length_s
    return frame


def _video_stream(out: av.container.OutputContainer, recipe: Recipe, info: MediaInfo) -> Any:
    stream: Any = out.add_stream(recipe.video, rate=FPS, options=recipe.video_options)
    stream.width, stream.height = info.width, info.height
    even = info.width % 2 == info.height % 2 == 0
    stream.pix_fmt = "yuv420p" if even or recipe.video == "mpeg4" else "yuv444p"
    return stream

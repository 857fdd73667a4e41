"""What a media file says about itself, and what of it will be corrected on the way to 25 pictures and 16 000 samples a second."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from ..errors import SourceRefused
from ..timing import FPS, SAMPLE_RATE
from .colours import SDR, Colours, colours_of, unstated
from .decoding import keeps_presentation_times
from .geometry import Geometries, Geometry, doubts
from .opening import audio_stream, open_local, video_stream

FIRST_PACKETS = 500  # some 10 s of either stream: where one has given nothing by then, its header's word is taken
SAME_START_S = 0.001  # Matroska and FLV round stamps to 1 ms: a smaller difference is none
RATE_TOLERANCE = 0.01  # the average differs from the ticking rate by less than this in a constant-rate file whose last frame is cut


@dataclass(frozen=True)
class MediaInfo:
    """One file's video and audio. Times in seconds on the container's clock, which both streams share.

    width, height: pixels as displayed, square and after rotation, of the first picture. rotation_deg: 0, 90, 180 or 270, clockwise from the
    stored (and perhaps mirrored) to the displayed picture.
    source_fps: average, 0.0 where unknown; variable_rate: the average is not the rate that the stamps tick in.
    ``*_start_s``: presentation time of the first frame out of the decoder: edit lists, encoder priming and B-frames are accounted for.
    ``*_duration_s``: the header's word, 0.0 where it has none. audio_codec is None and the other audio fields are 0 where no audio can be
    decoded; audio_track: which of ``audio_tracks`` is read (0 is the first). bytes: size of the file. pixel_aspect: width of a stored pixel over
    its height. mirrored: the display matrix exchanges left and right. colours: of the first picture. interlaced: so is the first picture.
    doubts: what the header says of its pictures and reading does not follow, as sentences.
    """

    container: str
    video_codec: str
    width: int
    height: int
    rotation_deg: int
    source_fps: float
    variable_rate: bool
    video_start_s: float
    video_duration_s: float
    audio_codec: str | None
    audio_sample_rate_hz: int
    audio_channels: int
    audio_start_s: float
    audio_duration_s: float
    audio_track: int
    audio_tracks: int
    bytes: int
    pixel_aspect: Fraction = Fraction(1)
    mirrored: bool = False
    colours: Colours = SDR
    interlaced: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def stored(self) -> Geometry:
        """The first picture's geometry; its stored width only as near as the displayed one tells."""
        width, height = (self.width, self.height) if self.rotation_deg % 180 == 0 else (self.height, self.width)
        return Geometry(round(width / self.pixel_aspect), height, self.pixel_aspect, self.mirrored, self.rotation_deg)


def probe(path: Path, need_audio: bool = True) -> MediaInfo:
    """Read the headers of ``path`` and decode the first frame of either stream (some milliseconds, whatever the length).

    Raises SourceRefused (stage ``probe``): no video stream, no audio stream (unless ``need_audio`` is False), and those of ``open_local``.
    """
    with open_local(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        if video is None:
            raise SourceRefused("probe", "no video stream", f"a {_short_name(container)} file without moving pictures that can be decoded")
        if audio is None and need_audio:
            raise SourceRefused("probe", "no audio stream", _why_no_audio(container))
        geometries = Geometries(video)
        first = _first_frames(container, [video, audio] if audio else [video])
        return MediaInfo(
            container=_short_name(container),
            bytes=path.stat().st_size,
            **_describe_video(container, video, geometries, first.get(video.index)),
            **(_describe_audio(container, audio, first.get(audio.index)) if audio else _NO_AUDIO),
        )


def corrections(info: MediaInfo) -> list[str]:
    """What reading changes, for the metadata of every sample of this source.

    >>> corrections(MediaInfo("mov", "h264", 1080, 1920, 90, 30.0, False, 0.0, 9.0, "aac", 44100, 2, 0.021, 9.0, 0, 1, 10**6))
    ['frame rate 30 → 25', 'rotation 90°', 'audio 44100 Hz stereo → 16000 Hz mono', 'audio starts 0.021 s after video']
    """
    return [*_video_corrections(info), *(_audio_corrections(info) if info.audio_codec else [])]


def _video_corrections(info: MediaInfo) -> Iterator[str]:
    if info.variable_rate:
        yield f"variable frame rate ({info.source_fps:.4g} on average) → {FPS}"
    elif f"{info.source_fps:.5g}" != str(FPS):
        yield f"frame rate {info.source_fps:.5g} → {FPS}"
    yield from picture_corrections(info)


def picture_corrections(info: MediaInfo) -> list[str]:
    """What reading does to the first picture, and what it leaves or cannot know.

    >>> picture_corrections(MediaInfo("mov", "hevc", 1080, 1920, 90, 25.0, False, 0, 9, None, 0, 0, 0, 0, 0, 0, 1, colours=Colours("HLG", "BT.2020")))
    ['rotation 90°', 'HLG → SDR']
    """
    colours = [info.colours.change()] if info.colours.change() else []
    return [*info.stored.changes(), *colours, *(["interlaced: fields are left as they are"] if info.interlaced else []), *info.doubts]


def _audio_corrections(info: MediaInfo) -> Iterator[str]:
    if (info.audio_sample_rate_hz, info.audio_channels) != (SAMPLE_RATE, 1):
        channels = {1: "mono", 2: "stereo"}.get(info.audio_channels, f"{info.audio_channels} channels")
        yield f"audio {info.audio_sample_rate_hz} Hz {channels} → {SAMPLE_RATE} Hz mono"
    late_s = info.audio_start_s - info.video_start_s
    if abs(late_s) > SAME_START_S:
        yield f"audio starts {abs(late_s):.3f} s {'after' if late_s > 0 else 'before'} video"
    if info.audio_tracks > 1:
        yield f"audio track {info.audio_track + 1} of {info.audio_tracks}"


def _short_name(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _why_no_audio(container: InputContainer) -> str:
    unknown = len(container.streams.audio)
    return f"{unknown} in a codec that cannot be decoded" if unknown else "the file holds pictures only"


def _first_frames(container: InputContainer, streams: list) -> dict[int, Any]:
    """Stream index → first frame out of its decoder, where one comes within the first packets."""
    found: dict[int, Any] = {}
    try:
        for count, packet in enumerate(container.demux(streams)):
            if len(found) == len(streams) or count >= FIRST_PACKETS:
                break
            if packet.stream_index not in found and (frames := _try_decode(packet)):
                found[packet.stream_index] = frames[0]
    except av.FFmpegError:
        return found  # the reader meets the same damage, and counts it
    return found


def _try_decode(packet: av.Packet) -> list:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _describe_video(
    container: InputContainer, video: av.VideoStream, geometries: Geometries, frame: av.VideoFrame | None
) -> dict[str, Any]:
    geometry = geometries.of(frame) if frame else Geometry(video.width, video.height)
    average, ticking = (float(rate or 0) for rate in (video.average_rate, video.base_rate))
    stamped = frame is not None and keeps_presentation_times(container)
    return {
        "video_codec": video.codec_context.name,
        "width": geometry.size[0],
        "height": geometry.size[1],
        "rotation_deg": geometry.rotation_deg,
        "source_fps": average,
        "variable_rate": average > 0 and ticking > 0 and abs(ticking / average - 1) > RATE_TOLERANCE,
        "video_start_s": _start_s(video, frame if stamped else None),
        "video_duration_s": _duration_s(container, video),
        "pixel_aspect": geometry.pixel_aspect,
        "mirrored": geometry.mirrored,
        **(_describe_picture(video, frame) if frame else {}),
    }


def _describe_picture(video: av.VideoStream, frame: av.VideoFrame) -> dict[str, Any]:
    unknown = unstated(frame)
    return {
        "colours": colours_of(frame),
        "interlaced": frame.interlaced_frame,
        "doubts": (*doubts(video, frame), *([unknown] if unknown else [])),
    }


def _describe_audio(container: InputContainer, audio: av.AudioStream, frame: av.AudioFrame | None) -> dict[str, Any]:
    return {
        "audio_codec": audio.codec_context.name,
        "audio_sample_rate_hz": (frame or audio).sample_rate,
        "audio_channels": len((frame or audio).layout.channels) or audio.channels,
        "audio_start_s": _start_s(audio, frame),
        "audio_duration_s": _duration_s(container, audio),
        "audio_track": list(container.streams.audio).index(audio),
        "audio_tracks": len(container.streams.audio),
    }


_NO_AUDIO: dict[str, Any] = {
    "audio_codec": None,
    "audio_sample_rate_hz": 0,
    "audio_channels": 0,
    "audio_start_s": 0.0,
    "audio_duration_s": 0.0,
    "audio_track": 0,
    "audio_tracks": 0,
}


def _start_s(stream: Any, frame: Any) -> float:
    if frame is not None and frame.pts is not None:
        return float(frame.pts * stream.time_base)
    return float((stream.start_time or 0) * stream.time_base)


def _duration_s(container: InputContainer, stream: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base

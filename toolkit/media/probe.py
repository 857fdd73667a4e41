"""What a media file says about itself: its headers, first frames, and the stamps of all packets."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from speechlip.errors import SourceRefused
from speechlip.media.audible import heard_stream
from speechlip.media.images.colours import colour_doubts, colours_of
from speechlip.media.images.geometry import Geometries, Geometry, believed, doubts
from speechlip.media.info import MediaInfo
from speechlip.media.streams.opening import (
    MAX_PICTURE_PX,
    MPEG_STREAMS,
    audio_stream,
    audio_streams,
    open_local,
    video_stream,
    video_streams,
)
from speechlip.media.streams.packets import demuxed, keeps_presentation_times
from speechlip.media.streams.stamps import Steps
from speechlip.media.streams.timeline import Jump, Shift, TimeLine
from speechlip.media.streams.timeline_reader import TimeLineReader

FIRST_PACKETS = 500
"""Some 10 s of either stream: where one has given no frame by then, its start is taken from the header."""
MPEG_WRAP_S = 2**33 / 90_000
"""After 26.5 h the clock of MPEG streams wraps; FFmpeg takes a step back by more than a minute for a wrap."""
CUT_INSIDE = "an edit list cuts between key frames: images behind it may be some frames late"
"""FFmpeg hides as many images too many as its decoder reorders."""
MUCH, MUCH_BYTES = 0.2, 20_000
"""Share of a file and bytes; an index, a preview image or a second language at its end is less."""


def probe(path: Path, need_audio: bool = True, max_picture_px: int = MAX_PICTURE_PX) -> MediaInfo:
    """Read headers, the first frame of either stream, and the stamps of all packets (1 ms a second of video).

    need_audio: whether a file without audio is refused.
    max_picture_px: width times height above which a video is refused and none of its images is decoded (a
        JPEG of 16000 × 16000 takes 3.5 GB).

    Raises SourceRefused (stage ``probe``): no video stream, no audio stream, picture too large, no usable
    time stamps, too few pictures, and those of ``open_local``.
    """
    with open_local(path) as container:
        video, audio = video_stream(container), heard_stream(path, audio_streams(container))
        if video is None:
            detail = f"a {_short_name(container)} file without moving pictures that can be decoded"
            raise SourceRefused("probe", "no video stream", detail)
        if audio is None and need_audio:
            raise SourceRefused("probe", "no audio stream", _why_no_audio(container))
        limit_image_size(video, max_picture_px)
        geometries = Geometries(video)
        damage: Counter[str] = Counter()
        first, reader = _read_through(container, [video, audio] if audio else [video], damage)
        if reader.lines[video.index].is_empty and not damage:
            raise SourceRefused("probe", "no video stream", "the one that the file declares holds nothing")
        if audio and reader.lines[audio.index].is_empty and not damage:
            if need_audio:
                raise SourceRefused(
                    "probe", "no audio stream", "the one that the file declares holds nothing"
                )
            audio = None
        size = path.stat().st_size
        line = reader.time_line()
        steps = reader.lines[video.index].steps
        video_facts = _describe_video(container, video, geometries, first.get(video.index), line, steps)
        audio_facts = _describe_audio(container, audio, first.get(audio.index), line) if audio else _NO_AUDIO
        doubts = (
            *video_facts.pop("doubts", ()),
            *other_tracks(video, video_streams(container)),
            *([CUT_INSIDE] if reader.lines[video.index].is_cut_inside else []),
            *unread(reader.end_byte, size),
        )
        return MediaInfo(
            container=_short_name(container),
            bytes=size,
            **video_facts,
            **audio_facts,
            doubts=doubts,
            video_shifts=line.video_shifts,
            audio_shifts=line.audio_shifts,
            jumps=tuple(_since(jump, video_facts["video_start_s"], container) for jump in line.jumps),
            max_picture_px=max_picture_px,
            key_packets=() if damage else reader.key_packets(),
        )


def video_length_s(path: Path) -> float:
    """Length of a file's video in seconds, whatever its audio and size; decodes nothing.

    Raises SourceRefused (stage ``probe``): no video stream, no usable time stamps, too few pictures, and
    those of ``open_local``.
    """
    with open_local(path) as container:
        video = video_stream(container)
        if video is None:
            raise SourceRefused("probe", "no video stream")
        reader = TimeLineReader([video], keeps_presentation_times(container))
        for packet in demuxed(container, [video], Counter()):
            reader.see(packet)
        line = reader.time_line()
    return _length_s(float(line.video_start_s or 0), line.video_stop_s)


def audio_timeline(path: Path) -> TimeLine:
    """Time line of a file's audio alone.

    Raises SourceRefused (stage ``probe``): no audio stream, no usable time stamps, and those of
    ``open_local``.
    """
    with open_local(path) as container:
        stream = audio_stream(container)
        if stream is None:
            detail = "the file holds neither pictures nor sound that can be decoded"
            raise SourceRefused("probe", "no audio stream", detail)
        return _read_through(container, [stream], Counter())[1].time_line()


def limit_image_size(video: av.VideoStream, max_picture_px: int) -> None:
    """Let the decoder refuse larger images from now on; call it before the first is decoded.

    Raises SourceRefused: picture too large, as stored or with square pixels.
    """
    aspect = believed(video.sample_aspect_ratio or Fraction(1))
    width = Geometry(video.width, video.height, aspect).square_width
    if max(width, video.width) * video.height > max_picture_px:
        size = f"{width} × {video.height} px, {width * video.height / 1e6:.0f} million"
        limit = f"--max-picture is {max_picture_px / 1e6:g} million"
        raise SourceRefused("probe", "picture too large", f"{size}; {limit}")
    video.codec_context.options = video.codec_context.options | {"max_pixels": str(max_picture_px)}


def unread(end_byte: int, size: int) -> list[str]:
    """A sentence where much of a file lies behind its last packet, as where two MP4 are joined.

    >>> unread(400_000, 1_000_000), unread(900_000, 1_000_000)
    (['the last 60 % of the file hold nothing that is read'], [])
    """
    share = 1 - end_byte / size if end_byte else 0.0
    if share <= MUCH or size - end_byte <= MUCH_BYTES:
        return []
    return [f"the last {share:.0%} of the file hold nothing that is read".replace("%", " %")]


def other_tracks(video: av.VideoStream, videos: Sequence[av.VideoStream]) -> list[str]:
    """A sentence where a file has several tracks of images, of which ``video`` is read."""
    return [f"video track {videos.index(video) + 1} of {len(videos)}"] if len(videos) > 1 else []


def _short_name(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _why_no_audio(container: InputContainer) -> str:
    unknown = len(container.streams.audio)
    return f"{unknown} in a codec that cannot be decoded" if unknown else "the file holds pictures only"


def _read_through(
    container: InputContainer, streams: list, damage: Counter
) -> tuple[dict[int, Any], TimeLineReader]:
    """The first presented frame of each stream by its index, and a reader that has seen all packets.

    damage: counts packets that cannot be read.

    A stream that gives no frame within the first packets has none. The empty packets that flush a decoder
    know their stream, but PyAV leaves their stream index at 0.
    """
    first: dict[int, Any] = {}
    early: dict[int, Any] = {}
    reader = TimeLineReader(streams, keeps_presentation_times(container))
    for packet in demuxed(container, streams, damage):
        reader.see(packet)
        index = packet.stream.index
        if index not in first and reader.lines[index].packets <= FIRST_PACKETS:
            for frame in _try_decode(packet):
                (early if _before_edit(container, frame) else first).setdefault(index, frame)
    return early | first, reader


def _before_edit(container: InputContainer, frame: Any) -> bool:
    """Whether an image ends before presentation begins, which an edit list of MP4 and MOV puts at zero.

    Fragmented files keep such images.
    """
    return (
        _short_name(container) == "mov"
        and isinstance(frame, av.VideoFrame)
        and frame.pts is not None
        and frame.pts + frame.duration <= 0
    )


def _try_decode(packet: av.Packet) -> list:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []


def _describe_video(
    container: InputContainer,
    video: av.VideoStream,
    geometries: Geometries,
    frame: av.VideoFrame | None,
    line: TimeLine,
    steps: Steps,
) -> dict[str, Any]:
    geometry = geometries.of(frame) if frame else Geometry(video.width, video.height)
    frame_with_stamp = frame if keeps_presentation_times(container) else None
    start_s = _start_s(video, frame_with_stamp, line.video_start_s, line.video_shifts)
    return {
        "video_codec": video.codec_context.name,
        "width": geometry.size[0],
        "height": geometry.size[1],
        "rotation_deg": geometry.rotation_deg,
        "source_fps": steps.rate(float(video.average_rate or 0)),
        "variable_rate": steps.uneven,
        "video_start_s": start_s,
        "video_duration_s": _length_s(start_s, line.video_stop_s),
        "pixel_aspect": geometry.pixel_aspect,
        "mirrored": geometry.mirrored,
        **(_describe_image(video, frame) if frame else {}),
    }


def _describe_image(video: av.VideoStream, frame: av.VideoFrame) -> dict[str, Any]:
    return {
        "colours": colours_of(frame),
        "interlaced": frame.interlaced_frame,
        "doubts": (*doubts(video, frame), *colour_doubts(frame)),
    }


def _since(jump: Jump, zero_s: float, container: InputContainer) -> Jump:
    """The jump counted from the first image; in MPEG streams, whose clock wraps, by the shorter way round."""
    by_s = jump.by_s
    if _short_name(container) in MPEG_STREAMS:
        by_s -= round(by_s / MPEG_WRAP_S) * MPEG_WRAP_S
    return Jump(jump.at_s - zero_s, by_s, jump.streams)


def _describe_audio(
    container: InputContainer, audio: av.AudioStream, frame: av.AudioFrame | None, line: TimeLine
) -> dict[str, Any]:
    start_s = _start_s(audio, frame, line.audio_start_s, line.audio_shifts)
    return {
        "audio_codec": audio.codec_context.name,
        "audio_sample_rate_hz": (frame or audio).sample_rate,
        "audio_channels": len((frame or audio).layout.channels) or audio.channels,
        "audio_start_s": start_s,
        "audio_duration_s": _length_s(start_s, line.audio_stop_s),
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


def _start_s(stream: Any, frame: Any, first_s: Fraction | None, shifts: Sequence[Shift]) -> float:
    if frame is not None and frame.pts is not None:
        return float(frame.pts * stream.time_base + (shifts[0].offset_s if shifts else 0))
    return float(first_s or 0)


def _length_s(start_s: float, stop_s: Fraction | None) -> float:
    return max(0.0, float(stop_s) - start_s) if stop_s is not None else 0.0

"""What a media file says about itself, and what of it will be corrected on the way to 25 pictures and 16 000 samples a second."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from speechlip.errors import SourceRefused
from speechlip.media.images.colours import SDR, Colours, colour_doubts, colours_of
from speechlip.media.images.geometry import Geometries, Geometry, believed, doubts
from speechlip.media.streams.opening import MAX_PICTURE_PX, audio_stream, open_local, video_stream
from speechlip.media.streams.packets import demuxed, keeps_presentation_times
from speechlip.media.streams.stamps import Steps
from speechlip.media.streams.timeline import Jump, Shift, TimeLine, TimeLineReader, jump_corrections
from speechlip.timing import FPS, SAMPLE_RATE

FIRST_PACKETS = 500  # some 10 s of either stream: where one has given no frame by then, its header's word is taken for where it starts
MPEG_STREAMS, MPEG_WRAP_S = (
    ("mpegts", "mpeg"),
    2**33 / 90_000,
)  # after 26.5 h; FFmpeg takes a step back by more than a minute for it
SAME_START_S = 0.001  # Matroska and FLV round stamps to 1 ms: a smaller difference is none
MUCH, MUCH_BYTES = (
    0.2,
    20_000,
)  # of a file: more than an index, a preview picture or a second language at its end


@dataclass(frozen=True)
class MediaInfo:
    """One file's video and audio. Times in seconds on the container's clock, which both streams share.

    width, height: pixels as displayed, square and after rotation, of the first picture. rotation_deg: 0, 90, 180 or 270, clockwise from the
    stored (and perhaps mirrored) to the displayed picture.
    source_fps: average where there are pictures, 0.0 for a single one; variable_rate: more than one step in a hundred between them is uneven.
    ``*_start_s``: presentation time of the first frame out of the decoder: edit lists, encoder priming and B-frames are accounted for.
    ``*_duration_s``: from there to the end of the last packet that is in the file, whatever its header says. audio_codec is None and the
    other audio fields are 0 where no audio can be decoded; audio_track: which of ``audio_tracks`` is read (0 is the first). bytes: size of
    the file. pixel_aspect: width of a stored pixel over its height. mirrored: the display matrix exchanges left and right. colours: of the
    first picture. interlaced: so is the first picture. doubts: what the header says of its pictures and reading does not follow, as sentences.
    jumps: where its stamps jump, ``at_s`` after the first picture; ``*_shifts``: how much is added to them from which packet on, so that they
    do not.
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
    video_shifts: tuple[Shift, ...] = ()
    audio_shifts: tuple[Shift, ...] = ()
    jumps: tuple[Jump, ...] = ()
    max_picture_px: int = MAX_PICTURE_PX

    @property
    def stored(self) -> Geometry:
        """The first picture's geometry; its stored width only as near as the displayed one tells."""
        width, height = (
            (self.width, self.height) if self.rotation_deg % 180 == 0 else (self.height, self.width)
        )
        return Geometry(
            round(width / self.pixel_aspect), height, self.pixel_aspect, self.mirrored, self.rotation_deg
        )


def probe(path: Path, need_audio: bool = True, max_picture_px: int = MAX_PICTURE_PX) -> MediaInfo:
    """Read the headers of ``path``, decode the first frame of either stream and look at the stamps of all packets (1 ms a second of video).

    max_picture_px: width times height above which a video is refused, and above which no picture of it is decoded (a JPEG of 16000 × 16000
    takes 3.5 GB). Raises SourceRefused (stage ``probe``): no video stream, no audio stream (unless ``need_audio`` is False), picture too large, no
    usable time stamps, too few pictures, and those of ``open_local``.
    """
    with open_local(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        if video is None:
            raise SourceRefused(
                "probe",
                "no video stream",
                f"a {_short_name(container)} file without moving pictures that can be decoded",
            )
        if audio is None and need_audio:
            raise SourceRefused("probe", "no audio stream", _why_no_audio(container))
        limit_image_size(video, max_picture_px)
        geometries = Geometries(video)
        first, reader = _read_through(container, [video, audio] if audio else [video])
        size = path.stat().st_size
        line = reader.time_line()
        pictures = _describe_video(
            container, video, geometries, first.get(video.index), line, reader.lines[video.index].steps
        )
        return MediaInfo(
            container=_short_name(container),
            bytes=size,
            **pictures | {"doubts": (*pictures.get("doubts", ()), *unread(reader.end_byte, size))},
            **(_describe_audio(container, audio, first.get(audio.index), line) if audio else _NO_AUDIO),
            video_shifts=line.video_shifts,
            audio_shifts=line.audio_shifts,
            jumps=tuple(_since(jump, pictures["video_start_s"], container) for jump in line.jumps),
            max_picture_px=max_picture_px,
        )


def unread(end_byte: int, size: int) -> list[str]:
    """Where much of a file lies behind the last packet that is read of it: another recording joined to an MP4, whose index knows its own alone.

    >>> unread(400_000, 1_000_000), unread(50_000, 80_000), unread(900_000, 1_000_000)
    (['the last 60 % of the file hold nothing that is read'], ['the last 38 % of the file hold nothing that is read'], [])
    """
    share = 1 - end_byte / size if end_byte else 0.0
    return (
        [f"the last {share:.0%} of the file hold nothing that is read".replace("%", " %")]
        if share > MUCH and size - end_byte > MUCH_BYTES
        else []
    )


def limit_image_size(video: av.VideoStream, max_picture_px: int) -> None:
    """No picture above the limit is decoded from now on; called before the first. Raises SourceRefused: picture too large, stored or with
    square pixels."""
    width = Geometry(
        video.width, video.height, believed(video.sample_aspect_ratio or Fraction(1))
    ).square_width
    if max(width, video.width) * video.height > max_picture_px:
        size = f"{width} × {video.height} px, {width * video.height / 1e6:.0f} million"
        raise SourceRefused(
            "probe", "picture too large", f"{size}; --max-picture is {max_picture_px / 1e6:g} million"
        )
    video.codec_context.options = video.codec_context.options | {"max_pixels": str(max_picture_px)}


def corrections(info: MediaInfo) -> list[str]:
    """What reading changes, for the metadata of every sample of this source.

    >>> corrections(MediaInfo("mov", "h264", 1080, 1920, 90, 30.0, False, 0.0, 9.0, "aac", 44100, 2, 0.021, 9.0, 0, 1, 10**6))
    ['frame rate 30 → 25', 'rotation 90°', 'audio 44100 Hz stereo → 16000 Hz mono', 'audio starts 0.021 s after video']
    """
    return [
        *_video_corrections(info),
        *(_audio_corrections(info) if info.audio_codec else []),
        *jump_corrections(info.jumps),
    ]


def _video_corrections(info: MediaInfo) -> Iterator[str]:
    if info.variable_rate:
        yield f"variable frame rate ({info.source_fps:.4g} on average) → {FPS}"
    elif info.source_fps and f"{info.source_fps:.5g}" != str(FPS):
        yield f"frame rate {info.source_fps:.5g} → {FPS}"
    yield from image_corrections(info)


def image_corrections(info: MediaInfo) -> list[str]:
    """What reading does to the first picture, and what it leaves or cannot know.

    >>> image_corrections(MediaInfo("mov", "hevc", 1080, 1920, 90, 25.0, False, 0, 9, None, 0, 0, 0, 0, 0, 0, 1, colours=Colours("HLG", "BT.2020")))
    ['rotation 90°', 'HLG → SDR']
    """
    colours = [info.colours.change()] if info.colours.change() else []
    return [
        *info.stored.changes(),
        *colours,
        *(["interlaced: fields are left as they are"] if info.interlaced else []),
        *info.doubts,
    ]


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


def video_length_s(path: Path) -> float:
    """How long the pictures of a video go on, in seconds, whatever else it is refused for; nothing is decoded.

    Raises SourceRefused (stage ``probe``): no video stream, no usable time stamps, too few pictures, those of ``open_local``.
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
    """The time line of a file's sound alone. Raises SourceRefused (stage ``probe``): no audio stream, no usable time stamps, those of ``open_local``."""
    with open_local(path) as container:
        stream = audio_stream(container)
        if stream is None:
            raise SourceRefused(
                "probe", "no audio stream", "the file holds neither pictures nor sound that can be decoded"
            )
        return _read_through(container, [stream])[1].time_line()


def _read_through(container: InputContainer, streams: list) -> tuple[dict[int, Any], TimeLineReader]:
    """Stream index → first frame out of its decoder that is presented, where one comes within the first packets; and a reader that has seen all
    packets. The empty ones that flush a decoder know their stream, but not its index, which PyAV leaves at 0."""
    found: dict[int, Any] = {}
    early: dict[int, Any] = {}
    reader = TimeLineReader(streams, keeps_presentation_times(container))
    for count, packet in enumerate(demuxed(container, streams, Counter())):
        reader.see(packet)
        if count < FIRST_PACKETS and packet.stream.index not in found:
            for frame in _try_decode(packet):
                (early if _before_edit(container, frame) else found).setdefault(packet.stream.index, frame)
    return early | found, reader


def _before_edit(container: InputContainer, frame: Any) -> bool:
    """Whether a picture ends before its presentation begins, which an edit list of MP4 and MOV puts at zero; fragments keep such pictures."""
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
    start_s = _start_s(video, frame if keeps_presentation_times(container) else None, line.video_start_s)
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
        **(_describe_picture(video, frame) if frame else {}),
    }


def _describe_picture(video: av.VideoStream, frame: av.VideoFrame) -> dict[str, Any]:
    return {
        "colours": colours_of(frame),
        "interlaced": frame.interlaced_frame,
        "doubts": (*doubts(video, frame), *colour_doubts(frame)),
    }


def _since(jump: Jump, zero_s: float, container: InputContainer) -> Jump:
    """Counted from the first picture; in MPEG streams, whose clock wraps, the shorter way round."""
    by_s = jump.by_s
    if _short_name(container) in MPEG_STREAMS:
        by_s -= round(by_s / MPEG_WRAP_S) * MPEG_WRAP_S
    return Jump(jump.at_s - zero_s, by_s, jump.streams)


def _describe_audio(
    container: InputContainer, audio: av.AudioStream, frame: av.AudioFrame | None, line: TimeLine
) -> dict[str, Any]:
    start_s = _start_s(audio, frame, line.audio_start_s)
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


def _start_s(stream: Any, frame: Any, first_s: Fraction | None) -> float:
    if frame is not None and frame.pts is not None:
        return float(frame.pts * stream.time_base)
    return float(first_s or 0)


def _length_s(start_s: float, stop_s: Fraction | None) -> float:
    return max(0.0, float(stop_s) - start_s) if stop_s is not None else 0.0

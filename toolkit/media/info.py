"""What is known of a media file before it is read, and what of it reading corrects."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from speechlip.media.images.colours import SDR, Colours
from speechlip.media.images.geometry import Geometry
from speechlip.media.streams.key_packets import KeyPacket
from speechlip.media.streams.opening import MAX_PICTURE_PX
from speechlip.media.streams.timeline import Jump, Shift, jump_corrections
from speechlip.timing import FPS, SAMPLE_RATE

SAME_START_S = 0.001  # Matroska and FLV round stamps to 1 ms: a smaller difference is none


@dataclass(frozen=True)
class MediaInfo:
    """Video and audio of one file. Times are in seconds on the container's clock, which both streams share.

    container: short name of the format, as FFmpeg has it.
    video_codec: FFmpeg's name of the decoder.
    width, height: px as displayed, of the first image: square pixels, after rotation.
    rotation_deg: 0, 90, 180 or 270, clockwise from the stored (and perhaps mirrored) to the displayed image.
    source_fps: frames per second, on average over stretches without a hole; 0.0 for a single frame.
    variable_rate: more than one in a hundred steps between frames is uneven.
    video_start_s: presentation time of the first decoded frame, so after edit lists, priming and B-frames.
    video_duration_s: from there to the end of the last packet in the file, whatever the header says.
    audio_codec: FFmpeg's name of the decoder; None where no audio can be decoded, and the rest of the audio
        is 0.
    audio_sample_rate_hz, audio_channels: of the first decoded frame.
    audio_start_s, audio_duration_s: as for the video.
    audio_track, audio_tracks: number of the track that is read, from 0, and how many there are.
    bytes: size of the file.
    pixel_aspect: width of a stored pixel over its height.
    mirrored: the display matrix exchanges left and right.
    colours: of the first image.
    interlaced: whether the first image is.
    doubts: sentences on what the header says of the images and reading does not follow.
    video_shifts, audio_shifts: what is added to the stamps, from which packet on, so that they do not jump.
    jumps: where the stamps jump, ``at_s`` after the first image.
    max_picture_px: width times height above which no image is decoded.
    key_packets: of the video, from which decoding may begin; none where only the first will do.
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
    key_packets: tuple[KeyPacket, ...] = field(default=(), repr=False)

    @property
    def stored(self) -> Geometry:
        """Geometry of the first image; its stored width is rounded back from the displayed one."""
        sides = self.width, self.height
        width, height = sides if self.rotation_deg % 180 == 0 else sides[::-1]
        stored_width = round(width / self.pixel_aspect)
        return Geometry(stored_width, height, self.pixel_aspect, self.mirrored, self.rotation_deg)


def corrections(info: MediaInfo) -> list[str]:
    """Sentences on what reading changes, for the metadata of every sample of the source.

    >>> video = "mov", "h264", 1080, 1920, 90, 30.0, False, 0.0, 9.0
    >>> phone = MediaInfo(*video, "aac", 44100, 2, 0.02, 9.0, 0, 1, 10**6)
    >>> corrections(phone)[:2]
    ['frame rate 30 → 25', 'rotation 90°']
    >>> corrections(phone)[2:]
    ['audio 44100 Hz stereo → 16000 Hz mono', 'audio starts 0.020 s after video']
    """
    audio = _audio_corrections(info) if info.audio_codec else ()
    return [*_rate_corrections(info), *image_corrections(info), *audio, *jump_corrections(info.jumps)]


def _rate_corrections(info: MediaInfo) -> Iterator[str]:
    if info.variable_rate:
        yield f"variable frame rate ({info.source_fps:.4g} on average) → {FPS}"
    elif info.source_fps and f"{info.source_fps:.5g}" != str(FPS):
        yield f"frame rate {info.source_fps:.5g} → {FPS}"


def image_corrections(info: MediaInfo) -> list[str]:
    """Sentences on what reading changes in the first image, leaves as it is, or cannot know.

    >>> video = "mov", "hevc", 1080, 1920, 90, 25.0, False, 0.0, 9.0
    >>> hdr = Colours("HLG", "BT.2020")
    >>> image_corrections(MediaInfo(*video, None, 0, 0, 0.0, 0.0, 0, 0, 10**6, colours=hdr))
    ['rotation 90°', 'HLG → SDR']
    """
    colours = [info.colours.change()] if info.colours.change() else []
    fields = ["interlaced: fields are left as they are"] if info.interlaced else []
    return [*info.stored.changes(), *colours, *fields, *info.doubts]


def _audio_corrections(info: MediaInfo) -> Iterator[str]:
    if (info.audio_sample_rate_hz, info.audio_channels) != (SAMPLE_RATE, 1):
        channels = {1: "mono", 2: "stereo"}.get(info.audio_channels, f"{info.audio_channels} channels")
        yield f"audio {info.audio_sample_rate_hz} Hz {channels} → {SAMPLE_RATE} Hz mono"
    late_s = info.audio_start_s - info.video_start_s
    if abs(late_s) > SAME_START_S:
        yield f"audio starts {abs(late_s):.3f} s {'after' if late_s > 0 else 'before'} video"
    if info.audio_tracks > 1:
        yield f"audio track {info.audio_track + 1} of {info.audio_tracks}"

"""Open a media file as exactly one plain local file, and choose the two streams that are read.

A name never reaches a protocol or a pattern: ``concat:``, ``http:`` and ``%03d`` are ordinary characters
here. A file never makes the library open another one: playlists, concat scripts and image sequences are not
opened, whatever they are called.
"""

import errno
import os
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

from speechlip.errors import UNREADABLE, ReadError, SourceRefused
from speechlip.files.callbacks import called_from_c
from speechlip.files.reading import read_errors_told
from speechlip.media.streams.endings import why_not_read

MAX_PICTURE_PX = 40_000_000
"""Largest image that is decoded, unless options say otherwise; 8K is 33 million px."""
MediaStream = av.VideoStream | av.AudioStream
VIDEO_FORMATS = "mov,matroska,avi,mpeg,mpegts,flv,asf,ogg,mxf,nut,wtv,dv,rm,gxf,ivf,yuv4mpegpipe"
AUDIO_FORMATS = "wav,w64,mp3,flac,aac,aiff,ac3,amr,caf"
"""Opened only to say "no video stream" instead of "not a video file"."""
SEGMENT_BOXES = b"styp", b"sidx", b"moof"
STILL_IMAGES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
OTHER_VOICES = (
    Disposition.comment
    | Disposition.dub
    | Disposition.karaoke
    | Disposition.lyrics
    | Disposition.visual_impaired
    | Disposition.descriptions
)
"""Marks of audio that is not the voice of who is on display: commentary, a translation, audio description."""
MPEG_STREAMS = "mpegts", "mpeg"
"""They name their streams and nothing else: of one that begins after the first seconds, which FFmpeg looks
at, size or sample rate are known once it is decoded."""


class LocalFile:
    """A file as PyAV reads it, block by block.

    FFmpeg takes a read error of the disk or the network for the end of the file, or for a damaged packet;
    here it is raised, as ReadError, whatever the library makes of it. FFmpeg may go on reading before PyAV
    raises what it holds, and of a second error PyAV would print all: then the file has ended.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._failed = path, False
        self.name = f"file:{path.absolute()}"
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @called_from_c
    def read(self, n_bytes: int) -> bytes:
        try:
            with read_errors_told(self._path):
                return b"" if self._failed else os.read(self._descriptor, n_bytes)
        except OSError:
            self._failed = True
            raise

    @called_from_c
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new position; a negative error number for one that cannot be, which only a damaged file names
        and FFmpeg knows how to take.
        """
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return -errno.EINVAL

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    @called_from_c
    def __del__(self) -> None:
        os.close(self._descriptor)


def open_local(path: Path) -> InputContainer:
    """Open ``path`` for reading.

    Raises SourceRefused (stage ``probe``): missing file, not a regular file, unfinished download, a camera's
    low-resolution copy, unreadable file, empty file, truncated file (an MP4 whose index was never written),
    segment without its beginning (of DASH or HLS), not a video file. Raises ReadError.
    """
    _check_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": f"{VIDEO_FORMATS},{AUDIO_FORMATS}"}
    try:
        return av.open(LocalFile(path), "r", container_options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        box = _first_box(path)
        if box == b"ftyp":
            raise SourceRefused(
                "probe", "truncated file", "the index of this MP4 (moov) is missing or damaged: copy it again"
            ) from error
        if box in SEGMENT_BOXES:
            raise SourceRefused(
                "probe", "segment without its beginning", "join it: cat init.mp4 segment*.m4s > whole.mp4"
            ) from error
        raise SourceRefused(
            "probe", "not a video file", f"no known container format: {error.strerror}"
        ) from error


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """The default video stream, else the first."""
    return min(video_streams(container), key=_preference, default=None)


def video_streams(container: InputContainer) -> list[av.VideoStream]:
    """Those that there is a decoder for; cover art and thumbnails are none."""
    return [
        stream
        for stream in container.streams.video
        if _may_be_decoded(container, stream) and not stream.disposition & STILL_IMAGES
    ]


def audio_stream(container: InputContainer, track: int | None = None) -> av.AudioStream | None:
    """Audio track number ``track`` of the file, from 0, else the one that is preferred."""
    if track is not None and track < len(container.streams.audio):
        return container.streams.audio[track]
    return next(iter(audio_streams(container)), None)


def audio_streams(container: InputContainer) -> list[av.AudioStream]:
    """Those that there is a decoder for: the default one first, what is marked as another voice last.

    Of a transport stream with several programmes those of the video's.
    """
    streams = [stream for stream in container.streams.audio if _may_be_decoded(container, stream)]
    own = [stream for stream in streams if _is_of_programme(container, stream)]
    return sorted(own or streams, key=_preference)


def _is_of_programme(container: InputContainer, audio: av.AudioStream) -> bool:
    """Whether audio and video are of one programme: FFmpeg then takes the same audio for the best beside
    either.
    """
    video = video_stream(container)
    return video is None or _best_beside(container, audio) == _best_beside(container, video)


def _best_beside(container: InputContainer, stream: MediaStream) -> int | None:
    best = container.streams.best("audio", related=stream)
    return None if best is None else best.index


def is_described(stream: MediaStream) -> bool:
    """Whether a stream's size or sample rate is known before it is decoded."""
    return bool(stream.width if isinstance(stream, av.VideoStream) else stream.sample_rate)


def _may_be_decoded(container: InputContainer, stream: MediaStream) -> bool:
    is_mpeg = container.format.name in MPEG_STREAMS
    return stream.codec_context is not None and (is_mpeg or is_described(stream))


def _preference(stream: MediaStream) -> tuple[bool, bool, bool, int]:
    marks = stream.disposition
    return not is_described(stream), bool(marks & OTHER_VOICES), not marks & Disposition.default, stream.index


def _check_file(path: Path) -> None:
    try:
        if not path.exists():
            raise SourceRefused("probe", "missing file", f"{path} does not exist, or is a link to nothing")
        if not path.is_file():
            raise SourceRefused("probe", "not a regular file", f"{path} is a folder, a pipe or a device")
        if reason := why_not_read(path.name):
            raise SourceRefused("probe", *reason)
        with read_errors_told(path), path.open("rb") as file:
            if not file.read(1):
                raise SourceRefused("probe", "empty file", "0 bytes")
    except ReadError:
        raise
    except OSError as error:
        raise SourceRefused(
            "probe", UNREADABLE, f"{error.strerror}: check the permissions of {path}"
        ) from error


def _first_box(path: Path) -> bytes:
    """Name of the first box, where the file is an MP4."""
    with path.open("rb") as file:
        return file.read(8)[4:]

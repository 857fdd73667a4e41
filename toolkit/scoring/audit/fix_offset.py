"""A corrected copy of a video: its audio moved by the measured offset, its video stream copied bit by bit.

The samples are moved, not their stamps: OpenCV, decord and ``ffmpeg -i clip.mp4 sound.wav`` do not ask when a
stream is said to start, so a copy corrected by stamps alone would be as wrong to them as before. Lossy audio
is therefore encoded once more, at no less than its own bit rate.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from fractions import Fraction
from heapq import merge
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer, OutputContainer

from speechlip.checks import check_out, check_path
from speechlip.errors import OptionError
from speechlip.files.sink import Sink
from speechlip.files.writing import whole_file
from speechlip.media.audio import JUMP_S, Resampler
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe
from speechlip.media.source_frames import require_stream
from speechlip.media.streams.opening import audio_stream, open_local, video_stream
from speechlip.media.streams.packets import packets, stamped_frames
from speechlip.scoring.audit.clip import LOSSLESS
from speechlip.timing import FPS

MUXERS = {
    f".{ending}": muxer
    for muxer, endings in {
        "mp4": "mp4 m4v f4v insv",
        "mov": "mov qt",
        "3gp": "3gp 3g2",
        "matroska": "mkv mk3d",
        "webm": "webm",
        "avi": "avi divx",
        "flv": "flv",
        "asf": "wmv asf",
        "ogg": "ogv ogx ogm",
        "mpegts": "ts mts m2ts m2t trp",
        "mpeg": "mpg mpeg mpe",
        "vob": "vob",
        "nut": "nut",
    }.items()
    for ending in endings.split()
}
"""Endings of copies; what else is read (DV, MXF, RealMedia …) becomes Matroska."""
LEAST_BITS_PER_S = 128_000
"""Audio that is encoded a second time gets at least this, where its codec does."""
PACKED = {"uint8": "u8", "int16": "s16", "int32": "s32", "float32": "flt", "float64": "dbl"}
"""Sample formats by their numbers. Packed, because PyAV reads past the end of a frame of eight planes."""
Piece = tuple[Fraction | None, np.ndarray]  # presentation time in s, (channels, n) samples


def corrected_suffix(video: Path) -> str:
    """The ending a corrected copy should have: the video's own where that can be written, else ``.mkv``.

    >>> corrected_suffix(Path("talk.MP4")), corrected_suffix(Path("talk.rm"))
    ('.MP4', '.mkv')
    """
    return video.suffix if video.suffix.lower() in MUXERS else ".mkv"


def write_corrected(video: Path, offset_frames: int, out: Path) -> None:
    """Write a copy with its audio moved, its video stream copied packet by packet; it appears only when
    complete.

    video: the file.
    offset_frames: as ``score-sync`` measures it, in frames of 40 ms. Above 0 the audio is early: it is
        delayed, silence first. Below 0 it is late: its beginning, which belongs to no frame, is cut off.
    out: the copy, whose ending says its container. AVI gets PCM, since it cannot say what delay a lossy codec
        has.

    In the copy audio and video begin together. Other streams (subtitles, second languages) are left out.

    Raises OptionError for an ending that cannot be written, a container that does not carry these streams, or
    a move by more than there is of audio; SourceRefused for a video without audio or that cannot be read;
    WriteError.
    """
    video, out = check_path("video", video), check_out(out)
    _check_out(video, out)
    info = probe(video)
    with whole_file(out) as file:
        if not offset_frames:
            with video.open("rb") as same:
                copyfileobj(same, file)
            return
        try:
            _write(video, info, Fraction(offset_frames, FPS), file, MUXERS[out.suffix.lower()])
        except (av.FFmpegError, ValueError) as error:
            carries = ".mkv carries nearly everything"
            advice = (
                f"a copy that ends in {carries}"
                if out.suffix.lower() != ".mkv"
                else "encode its pictures as H.264 first"
            )
            raise OptionError(
                f"{video} ({info.video_codec}, {info.audio_codec}) cannot be copied into {out.suffix}: "
                f"{error}; {advice}"
            ) from error


def _check_out(video: Path, out: Path) -> None:
    if out.suffix.lower() not in MUXERS:
        raise OptionError(
            f"a copy ending in {out.suffix or 'nothing'!r} cannot be written; there are: {', '.join(MUXERS)}"
        )
    if out.exists() and out.samefile(video):
        raise OptionError(f"{out} is the video itself: the corrected copy needs another name")


def _write(video: Path, info: MediaInfo, shift_s: Fraction, file: BinaryIO, muxer: str) -> None:
    with (
        open_local(video) as seen,
        open_local(video) as heard,
        Sink(file) as sink,
        av.open(sink, "w", format=muxer) as container,
    ):
        video_in, audio_in = (
            require_stream(video_stream(seen)),
            require_stream(audio_stream(heard, info.audio_track)),
        )
        container.metadata.update(seen.metadata)
        copied, encoded = container.add_stream_from_template(video_in), _encoder(container, audio_in, info)
        _keep_shape(video_in, copied, muxer)
        pieces = moved(
            _planar(stamped_frames(heard, audio_in, Counter(), info.audio_shifts), encoded), info, shift_s
        )
        for packet in merge(
            _copies(seen, video_in, copied, info), _encode(encoded, pieces, info), key=_due_s
        ):
            container.mux(packet)


def _keep_shape(video_in: av.VideoStream, copied: Any, muxer: str) -> None:
    """Carry over a pixel aspect that the container alone says. Raises OptionError where ``muxer`` cannot say
    it.
    """
    aspect = video_in.sample_aspect_ratio
    if not aspect or aspect == (video_in.codec_context.sample_aspect_ratio or 1):
        return
    if muxer not in ("mp4", "mov", "3gp", "3g2"):
        told = f"that its pixels are {aspect.numerator}:{aspect.denominator} stands in the container alone"
        raise OptionError(
            f"{told}, and would be lost: give the copy an .mp4 or .mov ending, "
            "or encode its pictures with square pixels"
        )
    copied.codec_context.sample_aspect_ratio = aspect


def moved(pieces: Iterable[Piece], info: MediaInfo, shift_s: Fraction) -> Iterator[np.ndarray]:
    """Pieces of audio as arrays to be laid side by side, from the first frame on, all ``shift_s`` later.

    pieces: (time in s, (channels, n) samples). Silence fills gaps; what would come before the first frame is
        cut off.

    >>> from types import SimpleNamespace
    >>> info = SimpleNamespace(audio_sample_rate_hz=100, video_start_s=0.0)
    >>> sound = [(Fraction(0), np.array([[1, 2, 3, 4]]))]
    >>> for shift_s in (Fraction("0.02"), Fraction("-0.02")):
    ...     print(np.concatenate(list(moved(sound, info, shift_s)), axis=1).tolist())
    [[0, 0, 1, 2, 3, 4]]
    [[3, 4]]
    """
    rate, zero_s = info.audio_sample_rate_hz, Fraction(info.video_start_s)
    written, expected = 0, None
    for stamp, samples in pieces:
        due = expected if stamp is None else round((stamp - zero_s + shift_s) * rate)
        due = round(shift_s * rate) if due is None else due
        if expected is not None and abs(due - expected) <= JUMP_S * rate:
            due = expected  # containers round their stamps
        expected = due + samples.shape[1]
        if due > written:
            yield np.full(
                (len(samples), due - written), 128 if samples.dtype == np.uint8 else 0, samples.dtype
            )
            written = due
        if written < expected:
            yield samples[:, written - due :]
            written = expected


def _encoder(container: OutputContainer, audio_in: av.AudioStream, info: MediaInfo) -> av.AudioStream:
    """A stream for audio of the same codec, rate and channels.

    PCM where AVI could not say the codec's delay; the container's own choice where nothing here encodes the
    codec.
    """
    codec = audio_in.codec_context.codec.canonical_name
    if container.format.name == "avi" and not codec.startswith(LOSSLESS):
        codec = "pcm_s16le"
    codec = next(filter(_encodes, (codec, container.default_audio_codec)), "aac")
    stream: Any = container.add_stream(codec, rate=info.audio_sample_rate_hz)
    stream.layout = audio_in.codec_context.layout.name
    if not codec.startswith(LOSSLESS):
        stream.bit_rate = max(LEAST_BITS_PER_S, audio_in.bit_rate or 0)
    return stream


def _encodes(codec: str) -> bool:
    try:
        av.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _copies(
    container: InputContainer, video_in: av.VideoStream, copied: av.VideoStream, info: MediaInfo
) -> Iterator[av.Packet]:
    for packet in packets(container, video_in, Counter(), info.video_shifts):
        if packet.size:
            packet.stream = copied
            yield packet


def _planar(
    stamped: Iterable[tuple[Fraction | None, av.AudioFrame]], encoded: av.AudioStream
) -> Iterator[Piece]:
    """Frames as arrays in their own kind of numbers, so that lossless audio stays what it is."""
    split: Resampler | None = None
    for stamp, frame in stamped:
        name = frame.format.name
        split = split or Resampler(name.removesuffix("p"), encoded.layout.name, encoded.rate)
        for part in split.resample(frame):
            yield stamp, part.to_ndarray().reshape(part.samples, -1).T


def _encode(stream: av.AudioStream, pieces: Iterable[np.ndarray], info: MediaInfo) -> Iterator[av.Packet]:
    to_encoder = av.AudioResampler(
        stream.format.name, stream.layout.name, stream.rate, stream.codec_context.frame_size or 1024
    )
    begin = position = round(info.video_start_s * stream.rate)
    for samples in pieces:
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            packed, format=PACKED[samples.dtype.name], layout=stream.layout.name
        )
        frame.sample_rate, frame.pts, frame.time_base = stream.rate, position, Fraction(1, stream.rate)
        position += samples.shape[1]
        yield from (packet for whole in to_encoder.resample(frame) for packet in stream.encode(whole))
    if position == begin:
        raise OptionError("nothing would be left of the sound: the offset is longer than it")
    yield from (
        packet for rest in to_encoder.resample(None) if rest is not None for packet in stream.encode(rest)
    )
    yield from stream.encode()


def _due_s(packet: av.Packet) -> Fraction:
    ticks = packet.pts if packet.dts is None else packet.dts
    return (ticks or 0) * packet.time_base

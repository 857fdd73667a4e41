"""The frames of a file on ffmpeg's clock: their own stamps, counted from where the file starts.

A file starts with its first frame or its first audio, whichever is earlier; frames that begin later keep
their distance.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av

from speechlip.errors import SourceRefused
from speechlip.media.images.geometry import Geometries
from speechlip.media.images.painting import Painter
from speechlip.media.info import MediaInfo
from speechlip.media.probe import limit_image_size
from speechlip.media.source_frames import DecodedImage, nominal_s, require_stream
from speechlip.media.streams.opening import audio_stream, open_local, video_stream
from speechlip.media.streams.packets import keeps_presentation_times, packets, stamp_s, stamped_frames
from speechlip.media.streams.timeline import Shift
from speechlip.scoring.transcode.rules import Generation, nearest
from speechlip.timing import FRAME_S

Frame = tuple[Fraction, Fraction, DecodedImage]
UNKNOWN_START = -(2**63)
LOOKED_AT = 100
FASTEST_CODED = 1000
"""A rate in the stream's header that is not below this is a clock, not a rate (libavformat)."""


@dataclass(frozen=True)
class Clock:
    """Where a file's time begins for one generation of ffmpeg.

    start_s: on the container's clock.
    video_s: how long after it the first frame is due.
    audio_s: how long after it the first sample is due that leaves ffmpeg's decoder; None without audio.
    """

    start_s: Fraction
    video_s: Fraction
    audio_s: Fraction | None = None


@dataclass(frozen=True)
class TranscodeSource:
    """A clip before its transcode.

    render: the file whose frames are taken.
    info: of the render.
    audio: the file whose audio is taken; None: no audio.
    on: the clock of the frames.
    rate_hz: the audio's own sample rate; 0 without audio.
    audio_zero_s: where on the audio file's clock the transcode begins.
    audio_shifts: as in MediaInfo.
    keeps_priming: whether what the encoder put in front is part of the audio.
    """

    render: Path
    info: MediaInfo
    audio: Path | None
    on: Clock
    rate_hz: int = 0
    audio_zero_s: Fraction = Fraction(0)
    audio_shifts: tuple[Shift, ...] = ()
    keeps_priming: bool = False


def clock(path: Path, info: MediaInfo, generation: Generation) -> Clock:
    """The clock of a file with its own audio."""
    with open_local(path) as container:
        stream, audio = require_stream(video_stream(container)), audio_stream(container)
        starts = (
            []
            if container.start_time in (None, UNKNOWN_START)
            else [Fraction(container.start_time, av.time_base)]
        )
        audio_s = Fraction(info.audio_start_s) if audio else None
        if audio and generation.old_demuxers and info.container == "matroska":
            first = next(packets(container, audio, Counter()), None)
            primed_s = None if first is None else stamp_s(first.pts, audio)
            if primed_s is not None:
                starts.append(primed_s)
                audio_s = primed_s if keeps_priming(info, generation) else audio_s
        start_s = nearest(min(starts, default=Fraction(0)) / stream.time_base) * stream.time_base
    video_s = nearest(Fraction(info.video_start_s) / stream.time_base) * stream.time_base
    return Clock(start_s, video_s - start_s, None if audio_s is None else audio_s - start_s)


def keeps_priming(info: MediaInfo, generation: Generation) -> bool:
    """Whether what the encoder put in front of a file's audio is decoded as a part of it.

    Opus' decoder drops it by itself.
    """
    return (
        generation.old_demuxers
        and info.container == "matroska"
        and info.audio_codec not in ("opus", "libopus")
    )


def silent_clock(info: MediaInfo) -> Clock:
    """The clock of a file whose frames alone are read: it starts with the first of them."""
    return Clock(Fraction(info.video_start_s), Fraction(0))


def frames(source: TranscodeSource, generation: Generation, tally: Counter) -> Generator[Frame]:
    """Every frame of a file in the order of display: ``(start, length, image)``, in s on the source's clock.

    Raises SourceRefused (stage ``video``): ``no decodable picture``; (stage ``sync``): ``picture size
    changes``.
    """
    painter, empty = Painter(), True
    with open_local(source.render) as container:
        stream = require_stream(video_stream(container))
        limit_image_size(stream, source.info.max_picture_px)
        stream.codec_context.thread_type, geometries = "NONE", Geometries(stream)
        timed = (
            (
                stamp,
                (frame.duration or 0) * frame.time_base,
                DecodedImage(frame, geometries.of(frame), painter),
            )
            for stamp, frame in stamped_frames(container, stream, tally, source.info.video_shifts)
        )
        for start_s, length_s, image in _on_clock(timed, _Demuxer.of(source, stream, generation)):
            empty = False
            if image.shape != (source.info.height, source.info.width, 3):
                sizes = f"{source.info.width}×{source.info.height} → {image.shape[1]}×{image.shape[0]}"
                detail = f"{sizes}: the protocol's files have one size; take --protocol direct"
                raise SourceRefused("sync", "picture size changes", detail)
            yield start_s, length_s, image
    if empty:
        damage = f"{tally['damaged_packets']} damaged packets, and none that gave a picture"
        raise SourceRefused("video", "no decodable picture", damage)


def stamps(source: TranscodeSource, generation: Generation) -> list[tuple[Fraction, Fraction]]:
    """The same ``(start, length)`` from the packets alone: nothing is decoded."""
    with open_local(source.render) as container:
        stream = require_stream(video_stream(container))
        presented = keeps_presentation_times(container)
        found = [
            (stamp, (packet.duration or 0) * packet.time_base, None)
            for packet in packets(container, stream, Counter(), source.info.video_shifts)
            if packet.size and not packet.is_discard
            for stamp in [stamp_s(packet.pts if presented else packet.dts, stream)]
            if stamp is not None
        ]
        timed = sorted(found, key=lambda entry: entry[0])
        return [
            (start, length) for start, length, _ in _on_clock(timed, _Demuxer.of(source, stream, generation))
        ]


@dataclass(frozen=True)
class _Demuxer:
    """What a generation's demuxer makes of one stream.

    zero_s: where the clock begins.
    usual_s: length of a frame by the stream's rate.
    end_s: where MP4's edit list ends, which shortens the last frame; None where there is none.
    told: whether it reads how long frames last (not of MP4 with B-frames).
    coded_s: length by the rate in the stream's own header, which counts where lengths are not read; 0 where
        it has none.
    whole_lengths: whether lengths count in whole frames, so that one without coded_s has none.
    """

    zero_s: Fraction
    usual_s: Fraction
    end_s: Fraction | None = None
    told: bool = True
    coded_s: Fraction = Fraction(0)
    whole_lengths: bool = False

    @classmethod
    def of(cls, source: TranscodeSource, stream: Any, generation: Generation) -> "_Demuxer":
        """How the demuxer of ``generation`` reads the stamps of this stream."""
        zero_s = nearest(source.on.start_s / stream.time_base) * stream.time_base
        usual_s = 1 / Fraction(stream.guessed_rate) if stream.guessed_rate else nominal_s(source.info)
        if not generation.old_demuxers or source.info.container != "mov":
            return cls(zero_s, usual_s)
        rate = stream.codec_context.framerate
        coded_s = 1 / Fraction(rate) if rate and rate < FASTEST_CODED else Fraction(0)
        end_s = stream.duration * stream.time_base if stream.duration else None
        return cls(zero_s, usual_s, end_s, not _reorders(source.render), coded_s, generation.whole_lengths)

    def length_s(self, stamp: Fraction, own_s: Fraction) -> Fraction:
        if not self.told:
            return self.coded_s or (Fraction(0) if self.whole_lengths else self.usual_s)
        own_s = own_s or self.usual_s
        return min(own_s, self.end_s - stamp) if self.end_s is not None and self.end_s > stamp else own_s


def _on_clock(
    timed: Iterable[tuple[Fraction | None, Fraction, Any]], demuxer: _Demuxer
) -> Iterator[tuple[Fraction, Fraction, Any]]:
    before: Fraction | None = None
    length_s = Fraction(0)
    for stamp, own_s, frame in timed:
        here = stamp if stamp is not None else demuxer.zero_s if before is None else before + length_s
        length_s = demuxer.length_s(here, own_s)
        yield here - demuxer.zero_s, length_s, frame
        before = here


def _reorders(path: Path) -> bool:
    """Whether the frames of an MP4 lie in another order than they are shown in."""
    with open_local(path) as container:
        first = islice(packets(container, require_stream(video_stream(container)), Counter()), LOOKED_AT)
        return any(packet.pts != packet.dts for packet in first)


def usual_length_s(path: Path) -> Fraction:
    """Length of a frame by the rate that ffmpeg takes the file to have; 40 ms where it has none."""
    with open_local(path) as container:
        rate = require_stream(video_stream(container)).guessed_rate
        return 1 / Fraction(rate) if rate else FRAME_S

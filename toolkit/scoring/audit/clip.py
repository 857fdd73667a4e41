"""What the container did to the audio of a video, and what each named protocol would add to it.

Nothing is scored and no image decoded: stamps of both streams are read, and the audio is decoded once to
count its samples. Which frames of 40 ms show the same source frame twice, or never, follows from the stamps.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from speechlip.errors import SourceRefused
from speechlip.media.audio import JUMP_S
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe
from speechlip.media.source_frames import display_spans, length_s, one_per_frame, require_stream, video_zero_s
from speechlip.media.streams.opening import MAX_PICTURE_PX, audio_stream, open_local, video_stream
from speechlip.media.streams.packets import (
    keeps_presentation_times,
    packets,
    stamp_s,
    stamped_frames,
    without_wild_stamps,
)
from speechlip.scoring.protocols import AVI_MP3, MP4_AAC, NATIVE, NO_CODEC, PROTOCOLS, Protocol
from speechlip.scoring.transcode.codec_path import delay
from speechlip.scoring.transcode.rules import DEFAULT, GENERATIONS, generation
from speechlip.scoring.transcode.times import MP3_DELAY_SAMPLES, Delay
from speechlip.timing import FPS

LOSSLESS = ("pcm_", "flac", "alac", "wavpack", "tta")
"""The first sample that was put in is the first to come out."""
SKIP_SAMPLES = struct.Struct("<I")
"""How FFmpeg's packet side data ``skip_samples`` begins: how many samples to drop from the packet on."""


WHENCE = {
    NO_CODEC: "the frame on display at the centre of every 40 ms",
    NATIVE: "every source frame, read as if there were 25 a second",
    AVI_MP3: f"MP3's {MP3_DELAY_SAMPLES} samples of delay are not declared in AVI; its muxer moves the "
    "pictures by as much, rounded up to whole frames; ffmpeg's change to 25 fps holds source frames back "
    "further",
    MP4_AAC: "MP4's edit list takes AAC's delay back; ffmpeg's change to 25 fps holds source frames back",
}


@dataclass(frozen=True)
class ProtocolDelay:
    """What a protocol's codec path and its change to 25 fps do to time. Numbers are None where no single one
    is true.

    protocol: its id.
    sound_ms, pictures_ms: by how much audio and frames come later than their stamps say.
    delay_ms, delay_frames: audio less frames, in ms and in frames of 40 ms; above 0: the audio becomes late.
    how: why.
    ffmpeg: the generation that is emulated; empty where the protocol runs none.
    """

    protocol: str
    sound_ms: float | None
    pictures_ms: float | None
    delay_ms: float | None
    delay_frames: float | None
    how: str
    ffmpeg: str = ""


@dataclass(frozen=True)
class Audit:
    """One video as its container has it. Times in s are on the container's clock.

    clip: its name.
    container, video_codec, audio_codec: as FFmpeg calls them. Without audio all audio fields are None.
    width, height: as displayed, in px.
    source_fps: mean rate, in frames/s.
    variable_rate: whether it changes.
    frames: of 40 ms.
    frames_repeated: frames that show the one before again.
    frames_dropped: source frames that no frame shows.
    frames_empty: frames in a hole.
    video_start_s, audio_start_s: first presentation.
    video_length_s, audio_length_s: from there to the end of the last frame.
    audio_sample_rate_hz, audio_channels: of the audio stream.
    audio_late_ms: by how much the audio begins after the video; below 0: before it.
    priming: what the encoder put in front of the audio: ``declared`` (reading drops it), ``none`` (a lossless
        codec), or ``undeclared`` (if the stamps do not make up for it, it is heard).
    priming_samples, priming_ms: how much; None where undeclared.
    lengths_apart_ms: by how much there is more audio than video.
    clock_drift_ms: by how much the audio's stamps ran away from its samples, jumps left out.
    audio_gaps: jumps of the audio's stamps.
    damaged_packets: packets that cannot be read.
    delays: what each protocol would add; empty without audio.
    """

    clip: str
    container: str
    video_codec: str
    width: int
    height: int
    source_fps: float
    variable_rate: bool
    frames: int
    frames_repeated: int
    frames_dropped: int
    frames_empty: int
    video_start_s: float
    video_length_s: float
    audio_codec: str | None = None
    audio_sample_rate_hz: int | None = None
    audio_channels: int | None = None
    audio_start_s: float | None = None
    audio_length_s: float | None = None
    audio_late_ms: float | None = None
    priming: str | None = None
    priming_samples: int | None = None
    priming_ms: float | None = None
    lengths_apart_ms: float | None = None
    clock_drift_ms: float | None = None
    audio_gaps: int | None = None
    damaged_packets: int = 0
    delays: tuple[ProtocolDelay, ...] = ()


def audit_clip(path: Path, clip: str = "", max_picture_px: int = MAX_PICTURE_PX) -> Audit:
    """Read one video's stamps and audio.

    clip: its name in the output; empty: the file's own.
    max_picture_px: as for ``probe``.

    Raises SourceRefused: ``no video stream``, ``not a video file``, …; ``no decodable audio`` (stage
    ``audio``).
    """
    path, tally = Path(path), Counter[str]()
    info = probe(path, need_audio=False, max_picture_px=max_picture_px)
    frames, video_length_s = _video(path, info, tally)
    return Audit(
        clip=clip or path.name,
        container=info.container,
        video_codec=info.video_codec,
        width=info.width,
        height=info.height,
        source_fps=round(info.source_fps, 4),
        variable_rate=info.variable_rate,
        frames=frames,
        frames_repeated=tally["repeated_frames"],
        frames_dropped=tally["dropped_frames"] + tally["unshown_frames"],
        frames_empty=tally["empty_frames"],
        video_start_s=round(info.video_start_s, 6),
        video_length_s=round(video_length_s, 6),
        **(_audio(path, info, video_length_s, tally) if info.audio_codec else {}),
        damaged_packets=tally["damaged_packets"],
    )


def protocol_delays(path: Path, info: MediaInfo) -> tuple[ProtocolDelay, ...]:
    """What each named protocol does to the timing of this clip, by its stamps; those that run ffmpeg by each
    of its generations.
    """
    found = []
    for protocol in PROTOCOLS.values():
        names = GENERATIONS if protocol.codec_path in (AVI_MP3, MP4_AAC) else (DEFAULT,)
        for name in names:
            added = delay(protocol, path, info, path, generation(name))
            found.append(_delay(protocol, added, name if protocol.uses_ffmpeg else ""))
    return tuple(found)


def _delay(protocol: Protocol, added: Delay | None, ffmpeg: str) -> ProtocolDelay:
    how = WHENCE[protocol.codec_path]
    if added is None:
        return ProtocolDelay(protocol.id, None, None, None, None, how, ffmpeg)
    net_ms = _ms(added.net_s)
    return ProtocolDelay(
        protocol.id,
        _ms(added.audio_s),
        _ms(added.video_s),
        net_ms,
        round(net_ms * FPS / 1000, 3),
        how,
        ffmpeg,
    )


def _video(path: Path, info: MediaInfo, tally: Counter) -> tuple[int, float]:
    """Frames, and seconds from first presentation to the end of the last frame. tally: what 25 fps drops."""
    with open_local(path) as container:
        stream = require_stream(video_stream(container))
        zero_s, presented = video_zero_s(stream.time_base, info), keeps_presentation_times(container)
        shown = (
            packet
            for packet in packets(container, stream, tally, info.video_shifts)
            if packet.size and not packet.is_discard
        )
        stamps = (
            (stamp_s(packet.pts if presented else packet.dts, stream), length_s(packet, info))
            for packet in shown
        )
        timed = sorted(
            (stamp, length, None) for stamp, length in without_wild_stamps(stamps) if stamp is not None
        )
    spans = list(display_spans(timed, zero_s, tally))
    frames = sum(1 for _ in one_per_frame(((start, stop, True) for start, stop, _ in spans), tally))
    return frames, float(max((stop for _, stop, _ in spans), default=Fraction(0)))


def _audio(path: Path, info: MediaInfo, video_length_s: float, tally: Counter) -> dict[str, Any]:
    with open_local(path) as container:
        stream = require_stream(audio_stream(container, info.audio_track))
        length_s, drift_s, gaps = _clock(_stamped_lengths(container, stream, info, tally))
    if not length_s:
        raise SourceRefused(
            "audio",
            "no decodable audio",
            f"{tally['damaged_packets']} damaged packets, and none that gave sound",
        )
    priming, samples = _priming(path, info)
    return {
        "audio_codec": info.audio_codec,
        "audio_sample_rate_hz": info.audio_sample_rate_hz,
        "audio_channels": info.audio_channels,
        "audio_start_s": round(info.audio_start_s, 6),
        "audio_length_s": round(float(length_s), 6),
        "audio_late_ms": _ms(info.audio_start_s - info.video_start_s),
        "priming": priming,
        "priming_samples": samples,
        "priming_ms": None if samples is None else _ms(samples / info.audio_sample_rate_hz),
        "lengths_apart_ms": _ms(float(length_s) - video_length_s),
        "clock_drift_ms": _ms(drift_s),
        "audio_gaps": gaps,
        "delays": protocol_delays(path, info),
    }


def _stamped_lengths(
    container: InputContainer, stream: av.AudioStream, info: MediaInfo, tally: Counter
) -> Iterator[tuple[Fraction | None, Fraction]]:
    for stamp, frame in stamped_frames(container, stream, tally, info.audio_shifts):
        yield stamp, Fraction(frame.samples, frame.sample_rate)


def _clock(heard: Iterable[tuple[Fraction | None, Fraction]]) -> tuple[Fraction, Fraction, int]:
    """(stamp, length) of every audio frame, in s → length from first stamp to end, drift of the stamps,
    jumps.

    >>> tenth = Fraction(1, 10)
    >>> stamps = (0, Fraction("0.101"), Fraction("0.202"), Fraction(1), None)
    >>> drifting = [(stamp, tenth) for stamp in stamps]
    >>> [float(found) for found in _clock(drifting)]
    [1.2, 0.002, 1.0]
    """
    start_s: Fraction | None = None
    due_s = drift_s = Fraction(0)
    gaps = 0
    for stamp, frame_s in heard:
        stamp = due_s if stamp is None else Fraction(stamp)
        start_s, step_s = (stamp, Fraction(0)) if start_s is None else (start_s, stamp - due_s)
        jumps = abs(step_s) > JUMP_S
        gaps, drift_s = gaps + jumps, drift_s if jumps else drift_s + step_s
        due_s = stamp + frame_s
    return due_s - (start_s or 0), drift_s, gaps


def _priming(path: Path, info: MediaInfo) -> tuple[str, int | None]:
    """``declared`` and how many samples, ``none`` and 0, or ``undeclared`` and None."""
    if (info.audio_codec or "").startswith(LOSSLESS):
        return "none", 0
    with open_local(path) as container:
        first = next(packets(container, require_stream(audio_stream(container, info.audio_track)), Counter()))
        if not first.has_sidedata("skip_samples"):
            return "undeclared", None
        return "declared", SKIP_SAMPLES.unpack_from(bytes(first.get_sidedata("skip_samples")))[0]


def _ms(length_s: float | Fraction) -> float:
    return round(1000 * float(length_s), 3)

"""What the container did to the sound of a clip, and what each named protocol would add to it.

Nothing is scored and no picture decoded: stamps of both streams are read, the sound is decoded once to count its samples, and where moments
of 40 ms show the same source frame twice or never follows from the stamps (``media.video``).
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
    AVI_MP3: f"MP3's {MP3_DELAY_SAMPLES} samples of delay are not declared in AVI; its muxer moves the pictures by as much, rounded up to "
    "whole frames; ffmpeg's change to 25 fps holds source frames back further",
    MP4_AAC: "MP4's edit list takes AAC's delay back; ffmpeg's change to 25 fps holds source frames back",
}


@dataclass(frozen=True)
class ProtocolDelay:
    """What a protocol's codec path and its change to 25 fps do to time. sound_ms, pictures_ms: by how much each comes later than the stamps say.

    delay_ms, delay_frames (of 40 ms): sound less pictures, what a score sees; > 0: the sound becomes late, < 0: early. how: why.
    ffmpeg: the generation that is emulated, empty where the protocol runs none. All four numbers are None where no single one is true.
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
    """One clip as its container has it. Times in s on the container's clock, or in ms where the name says so; rates in Hz or frames/s.

    frames: moments of 40 ms at 25 fps. frames_repeated: moments that show the frame before again; frames_dropped: source frames that no moment
    shows; frames_empty: moments in a hole. ``*_start_s``: first presentation; audio_late_ms > 0: the sound begins after the picture.
    priming: ``declared`` (priming_samples were put in front by the encoder, the container says so, reading drops them), ``none`` (a lossless codec
    has none), ``undeclared`` (a lossy codec whose encoder delay the container does not tell; if its stamps do not make up for it, it is heard).
    lengths_apart_ms > 0: there is more sound than picture. clock_drift_ms: by how much the sound's stamps
    ran away from its samples from start to end, jumps (audio_gaps) left out. Without sound the audio fields are None, and there are no delays.
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
    """Read one clip's stamps and sound. ``clip`` is its name in the output, the file's own where none is given. max_picture_px: as for ``probe``.

    Raises SourceRefused: no video stream, not a video file, …; for sound that cannot be decoded at all also (stage ``audio``).
    """
    path, tally = Path(path), Counter[str]()
    info = probe(path, need_audio=False, max_picture_px=max_picture_px)
    moments, video_length_s = _pictures(path, info, tally)
    return Audit(
        clip=clip or path.name,
        container=info.container,
        video_codec=info.video_codec,
        width=info.width,
        height=info.height,
        source_fps=round(info.source_fps, 4),
        variable_rate=info.variable_rate,
        frames=moments,
        frames_repeated=tally["repeated_frames"],
        frames_dropped=tally["dropped_frames"] + tally["unshown_frames"],
        frames_empty=tally["empty_frames"],
        video_start_s=round(info.video_start_s, 6),
        video_length_s=round(video_length_s, 6),
        **(_audio(path, info, video_length_s, tally) if info.audio_codec else {}),
        damaged_packets=tally["damaged_packets"],
    )


def protocol_delays(path: Path, info: MediaInfo) -> tuple[ProtocolDelay, ...]:
    """What each named protocol does to the timing of this clip, by its stamps; those that run ffmpeg by each of its generations."""
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


def _pictures(path: Path, info: MediaInfo, tally: Counter) -> tuple[int, float]:
    """Moments, and seconds from the first presentation to the end of the last frame; what 25 fps repeats and drops goes into ``tally``."""
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
    moments = sum(1 for _ in one_per_frame(((start, stop, True) for start, stop, _ in spans), tally))
    return moments, float(max((stop for _, stop, _ in spans), default=Fraction(0)))


def _audio(path: Path, info: MediaInfo, video_length_s: float, tally: Counter) -> dict[str, Any]:
    with open_local(path) as container:
        length_s, drift_s, gaps = _clock(
            _stamped_lengths(container, require_stream(audio_stream(container)), info, tally)
        )
    if not length_s:
        raise SourceRefused(
            "audio",
            "no decodable audio",
            f"{tally['damaged_packets']} damaged packets, and none that gave sound",
        )
    priming, samples = _priming(path, info.audio_codec or "")
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
    """(stamp, length) of every frame, s → length from the first stamp to the end, drift of the stamps against the samples, jumps.

    >>> tenth = Fraction(1, 10)
    >>> drifting = [(0, tenth), (Fraction("0.101"), tenth), (Fraction("0.202"), tenth), (Fraction(1), tenth), (None, tenth)]
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


def _priming(path: Path, codec: str) -> tuple[str, int | None]:
    """``declared`` and how many samples, ``none`` and 0, or ``undeclared`` and None."""
    if codec.startswith(LOSSLESS):
        return "none", 0
    with open_local(path) as container:
        first = next(packets(container, require_stream(audio_stream(container)), Counter()))
        if not first.has_sidedata("skip_samples"):
            return "undeclared", None
        return "declared", SKIP_SAMPLES.unpack_from(bytes(first.get_sidedata("skip_samples")))[0]


def _ms(length_s: float | Fraction) -> float:
    return round(1000 * float(length_s), 3)

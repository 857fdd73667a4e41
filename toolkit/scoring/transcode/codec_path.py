"""The lossy transcode of a published evaluation: AVI with MP3 (Wav2Lip, syncnet_python), MP4 with AAC
(LatentSync).

Every source frame stands where one generation of ffmpeg puts it (``transcode.rules``), or a real ffmpeg is
run (``transcode.binary``). docs/decisions/mp3-in-avi.md has what that does to time, by frame rate.
"""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from speechlip.errors import SourceRefused
from speechlip.media.info import MediaInfo
from speechlip.media.probe import probe
from speechlip.media.source_frames import display_spans, frames_by_packets, one_per_frame, require_stream
from speechlip.media.streams.opening import audio_stream, open_local, video_stream
from speechlip.media.streams.packets import stamped_frames
from speechlip.media.streams.timeline import Shift
from speechlip.scoring.protocols import NATIVE, NO_CODEC, Protocol
from speechlip.scoring.transcode.binary import EMULATED, Ffmpeg
from speechlip.scoring.transcode.rules import GENERATIONS, Generation
from speechlip.scoring.transcode.run import run_native, run_transcode
from speechlip.scoring.transcode.source import (
    TranscodeSource,
    clock,
    keeps_priming,
    silent_clock,
    stamps,
    usual_length_s,
)
from speechlip.scoring.transcode.times import Delay, planned, video_delay_s
from speechlip.scoring.transcode.write import Transcode, write_jpegs, write_transcode
from speechlip.timing import FPS

SAME_RATE = Fraction(1, 100)


def count_frames(path: Path, info: MediaInfo) -> int:
    """How many frames of 40 ms reading a video gives, from its packets' stamps alone."""
    return sum(1 for _ in frames_by_packets(path, info, Counter()))


def source_of(render: Path, info: MediaInfo, audio: Path | None, generation: Generation) -> TranscodeSource:
    """A clip before its transcode: its own audio lies on the file's clock, another file's begins with the
    first frame.
    """
    if audio == render:
        on = clock(render, info, generation)
        primed = keeps_priming(info, generation)
        return TranscodeSource(
            render, info, audio, on, audio_rate_hz(render), on.start_s, info.audio_shifts, primed
        )
    silent = silent_clock(info)
    if audio is None:
        return TranscodeSource(render, info, None, silent)
    zero_s = Fraction(audio_zero_s(audio, render, info))
    on, shifts = replace(silent, audio_s=Fraction(0)), audio_shifts_of(audio, render, info)
    return TranscodeSource(render, info, audio, on, audio_rate_hz(audio), zero_s, shifts)


def delay(
    protocol: Protocol, render: Path, info: MediaInfo, audio: Path | None, generation: Generation
) -> Delay | None:
    """By how much a protocol makes the audio and the frames of a clip late, from their stamps.

    Without a codec path: what the choice of one source frame for every 40 ms does. None where frames that are
    not 25 a
    second are read as if they were: no single number says that.
    """
    if protocol.codec_path == NO_CODEC:
        return Delay(0.0, video_delay_s(_shown_by_frames(render, info)))
    if protocol.codec_path == NATIVE:
        return Delay(0.0, 0.0) if abs(1 / usual_length_s(render) - FPS) < SAME_RATE else None
    return planned(protocol.codec_path, source_of(render, info, audio, generation), generation)[1]


def through(
    protocol: Protocol,
    render: Path,
    info: MediaInfo,
    audio: Path | None,
    folder: Path,
    ffmpeg: Ffmpeg = EMULATED,
) -> Transcode:
    """Take the frames of ``render`` and the audio of ``audio`` through the protocol's commands, into
    ``folder``.

    audio: None for a transcode without audio.
    ffmpeg: emulated, or a binary to run.

    Raises SourceRefused where a frame or the audio cannot be decoded, or a real ffmpeg fails.
    """
    source = source_of(render, info, audio, ffmpeg.rules)
    if protocol.codec_path != NATIVE:
        if ffmpeg.path:
            return run_transcode(protocol.codec_path, source, ffmpeg, folder)
        return write_transcode(protocol.codec_path, source, ffmpeg.rules, folder)
    added = delay(protocol, render, info, audio, ffmpeg.rules)
    if ffmpeg.path:
        return run_native(source, added, ffmpeg, folder)
    lost_s = Fraction(0) if ffmpeg.rules.async_works else max(Fraction(0), source.on.audio_s or Fraction(0))
    transcode = write_jpegs(source, ffmpeg.rules, folder)
    return replace(transcode, delay=added, audio_zero_s=float(source.audio_zero_s + lost_s))


def audio_rate_hz(path: Path) -> int:
    """The sample rate of a file's audio; 0 where it has none that can be decoded."""
    with open_local(path) as container:
        stream = audio_stream(container)
        return stream.sample_rate if stream else 0


def _shown_by_frames(render: Path, info: MediaInfo) -> list[Fraction]:
    tally = Counter[str]()
    source = TranscodeSource(render, info, None, silent_clock(info))
    timed = [(start, length, start) for start, length in stamps(source, GENERATIONS["9.0"])]
    return [
        start for start in one_per_frame(display_spans(timed, Fraction(0), tally), tally) if start is not None
    ]


def audio_zero_s(audio: Path, render: Path, info: MediaInfo) -> float:
    """Where on the clock of ``audio`` the first frame of ``render`` is, in s.

    The same file: where its video starts. Another video: where that one's starts. A file without video begins
    with the first frame, whatever its stamps say.
    """
    if audio == render:
        return info.video_start_s
    if (other := _other_video(audio, info.max_picture_px)) is not None:
        return other.video_start_s
    with open_local(audio) as container:
        stamped = stamped_frames(container, require_stream(audio_stream(container)), Counter())
        return float(next((stamp for stamp, _ in stamped), None) or 0)


def audio_shifts_of(audio: Path, render: Path, info: MediaInfo) -> tuple[Shift, ...]:
    """How the stamps of ``audio`` are joined where they jump (``media.timeline``)."""
    if audio == render:
        return info.audio_shifts
    other = _other_video(audio, info.max_picture_px)
    return other.audio_shifts if other is not None else ()


def _other_video(audio: Path, max_picture_px: int) -> MediaInfo | None:
    """Facts of another video; None for a file without video. Raises SourceRefused where it holds no audio."""
    with open_local(audio) as container:
        if audio_stream(container) is None:
            raise SourceRefused("audio", "no decodable audio", f"{audio.name} holds no sound")
        video = video_stream(container)
    return None if video is None else probe(audio, max_picture_px=max_picture_px)

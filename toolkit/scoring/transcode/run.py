"""A transcode by a real ffmpeg: the published commands; its rules say which source frame is behind each
frame.
"""

from fractions import Fraction
from pathlib import Path

from speechlip.media.probe import probe
from speechlip.scoring.transcode.binary import Ffmpeg, run, run_jpegs
from speechlip.scoring.transcode.reading import JPEGS_ENDING
from speechlip.scoring.transcode.recipes import RECIPES
from speechlip.scoring.transcode.source import TranscodeSource
from speechlip.scoring.transcode.times import Delay, planned
from speechlip.scoring.transcode.write import Transcode

TO_25_FPS = ("-qscale:v", "2", "-async", "1", "-r", "25")
TO_WAV = ("-ac", "1", "-vn", "-acodec", "pcm_s16le", "-ar", "16000")


def run_transcode(codec_path: str, source: TranscodeSource, ffmpeg: Ffmpeg, folder: Path) -> Transcode:
    """``ffmpeg -qscale:v 2 -async 1 -r 25``, and then the JPEG files. Raises SourceRefused where ffmpeg
    fails.
    """
    path, jpegs = folder / f"transcode.{RECIPES[codec_path].ending}", folder / f"frames{JPEGS_ENDING}"
    run(ffmpeg.path, _inputs(source), TO_25_FPS, path, source.info.max_picture_px)
    count = run_jpegs(ffmpeg.path, path, jpegs, ("-qscale:v", "2"))
    shown, delay = planned(codec_path, source, ffmpeg.rules)
    known = (
        [shown[min(index, len(shown) - 1)] for index in range(count)]
        if shown
        else [(Fraction(0), Fraction(0))] * count
    )
    return Transcode(
        path=jpegs,
        order=tuple(range(count)),
        middles_s=tuple(float(start + length / 2 - source.on.video_s) for start, length in known),
        delay=delay,
        width=source.info.width,
        height=source.info.height,
        audio_path=path,
        audio_zero_s=probe(path, need_audio=False).audio_start_s,
    )


def run_native(source: TranscodeSource, delay: Delay | None, ffmpeg: Ffmpeg, folder: Path) -> Transcode:
    """The commands of SyncNet's own evaluation: every frame as it is, and the audio. Raises SourceRefused
    where ffmpeg fails.
    """
    jpegs, wav = folder / f"frames{JPEGS_ENDING}", folder / "audio.wav"
    count = run_jpegs(ffmpeg.path, source.render, jpegs, (), source.info.max_picture_px)
    run(ffmpeg.path, _inputs(source), ("-async", "1", *TO_WAV), wav)
    return Transcode(jpegs, tuple(range(count)), (), delay, 0, 0, wav)


def _inputs(source: TranscodeSource) -> list[Path]:
    return [source.render] if source.audio in (None, source.render) else [source.render, source.audio]

"""The codecs of the published transcodes, as data."""

from dataclasses import dataclass

from speechlip.scoring.protocols import AVI_MP3, MP4_AAC
from speechlip.scoring.transcode.times import MP3_RATES

JPEG_BITS = 200_000
"""Bits a second: what ffmpeg's encoders get where neither a rate nor a quality is given."""


@dataclass(frozen=True)
class Recipe:
    """The codecs of a path.

    ending: of the file, which is also the muxer's name.
    video, audio: encoders.
    audio_rates: sample rates the encoder takes, in Hz; empty: any.
    audio_formats: sample formats it takes.
    wide: whether it takes more than two channels.
    """

    ending: str
    video: str
    video_options: dict[str, str]
    audio: str
    audio_rates: tuple[int, ...]
    audio_formats: tuple[str, ...]
    wide: bool


RECIPES = {
    AVI_MP3: Recipe(
        "avi",
        "mpeg4",
        {"qmin": "2", "qmax": "2"},
        "libmp3lame",
        MP3_RATES,
        ("s32p", "fltp", "s16p"),
        wide=False,
    ),
    # ffmpeg's -qscale:v 2 says nothing to x264, whose default stays
    MP4_AAC: Recipe("mp4", "libx264", {}, "aac", (), ("fltp",), wide=True),
}

"""``speechlip align``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import Named, command, engine_options, work_option, workers_option
from speechlip.commands.places import END, FILE, SHARDS
from speechlip.commands.values import read_engine
from speechlip.recipes import RECIPES


@command(
    "align",
    epilog="\b\nExample:\n  speechlip align videos/\n  speechlip align videos/ --from whisperx -o phones/\n"
    "  speechlip align shards/ -o with_phones/",
)
@click.argument("videos", type=SHARDS, metavar="VIDEOS_OR_SHARDS")
@click.option(
    "-o",
    "--out",
    type=END,
    help="Folder for the TextGrids, or folder or URL for the new shards.  [default: beside the videos, where "
    "prep-shards finds them; needed for shards]",
)
@work_option("the new shards go to a URL")
@click.option(
    "--from",
    "form",
    type=Named(("auto", "textgrid", "gentle", "whisperx", "align", "transcript", "none")),
    default="auto",
    help="What phones are made from; auto: the first that is there; none: recognise them, with many errors.",
)
@click.option(
    "--language",
    default="en-us",
    show_default=True,
    help="Of the texts, as espeak-ng names it: fr, de, cmn, …; others than en-us need --phone-model.",
)
@click.option(
    "--phone-model",
    type=FILE,
    help="Folder of a Wav2Vec2ForCTC whose tokens are espeak-ng's IPA; it aligns texts, not PocketSphinx.",
)
@click.option("--recipe", type=Named(RECIPES), default="folder", help="How VIDEOS is laid out.")
@click.option("--again", is_flag=True, help="Make those anew that an earlier run wrote, never others'.")
@workers_option("Videos at a time;")
@engine_options
@click.option("--quiet", is_flag=True, help="No progress bar, no words but failures.")
def align(videos: str | Path, out: str | None, work: Path | None, quiet: bool, **chosen: Any) -> int:
    """Write a TextGrid with words and phones for each video: what prep-shards makes phones.json of.

    Of a folder of videos (any depth) or one video, transcripts (x.txt beside x.mp4, or as the recipe has
    them) are aligned with the sound: US English by PocketSphinx, any language that espeak-ng reads by a
    phone model of yours. x.TextGrid, x.json (Gentle, WhisperX) and x.align are taken over. A video that has
    its TextGrid is not done again.

    Of a finished folder of prep-shards, its transcripts are aligned, or phones recognised (--from none), and
    the clips copied with them into OUT; images and audio stay byte for byte.

    Exit code 0 when every video has phones, 3 when some failed (each with its reason), 2 when there is no
    video, 1 for an error.
    """
    engine, workers = read_engine(chosen), chosen.pop("workers")
    from speechlip.commands.output.align import run

    return run(videos, out, work, workers, engine, quiet, chosen)

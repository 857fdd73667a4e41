"""``speechlip align``."""

from pathlib import Path

import click

from speechlip.commands.base import FILE, Named, command
from speechlip.recipes import RECIPES


@command(
    "align",
    epilog="\b\nExample:\n  speechlip align videos/\n  speechlip align videos/ --from whisperx -o phones/",
)
@click.argument("videos", type=FILE)
@click.option(
    "-o",
    "--out",
    type=FILE,
    help="Folder for the TextGrids.  [default: beside the videos, where prep-shards finds them]",
)
@click.option(
    "--from",
    "form",
    type=Named(("auto", "textgrid", "gentle", "whisperx", "align", "transcript", "none")),
    default="auto",
    help="What phones are made from; auto: the first that is there; none: recognise them, with many errors.",
)
@click.option("--recipe", type=Named(RECIPES), default="folder", help="How VIDEOS is laid out.")
@click.option("--again", is_flag=True, help="Make those anew that an earlier run wrote, never others'.")
@click.option("--quiet", is_flag=True, help="No progress bar, no words but failures.")
def align(videos: Path, out: Path | None, form: str, recipe: str, again: bool, quiet: bool) -> int:
    """Write a TextGrid with words and phones for each video: what prep-shards makes phones.json of.

    VIDEOS is a folder (any depth) or one video. Transcripts (x.txt beside x.mp4, or as the recipe has them)
    are aligned with the sound by PocketSphinx, in US English; x.TextGrid, x.json (Gentle, WhisperX) and
    x.align are taken over. A video that has its TextGrid is not done again. Exit code 0 when every video has
    one, 3 when some failed (each with its reason), 2 when there is no video, 1 for an error.
    """
    from speechlip.commands.output.align import run

    return run(videos, out, form, recipe, again, quiet)

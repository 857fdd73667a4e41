"""``speechlip export-clips``."""

from pathlib import Path

import click

from speechlip.commands.base import Named, command
from speechlip.commands.places import RESULT, SHARDS

FORMATS = Named(("mp4", "avi"))


@command(
    "export-clips",
    epilog="\b\nExample:\n  speechlip export-clips shards/ -o clips/ --where 'seconds >= 2'\n"
    "  speechlip export-clips hf://user/name -o test/ --split test",
)
@click.argument("shards", type=SHARDS)
@click.option(
    "-o", "--out", type=RESULT, required=True, help="Folder for the files; one begun earlier is gone on with."
)
@click.option(
    "--where",
    default="",
    show_default=False,
    help="Which clips; speechlip clips SHARDS --where … shows them.",
)
@click.option("--split", help="Only clips of this split.")
@click.option(
    "--format", "form", type=FORMATS, default="mp4", help="mp4: H.264 and FLAC; avi: MJPEG and PCM."
)
@click.option("--quiet", is_flag=True, help="No progress bar, no words but failures.")
def export_clips(shards: str | Path, out: Path, where: str, split: str | None, form: str, quiet: bool) -> int:
    """Write the clips of SHARDS, a prepared folder here or at hf://user/name, https:// or s3://, as files:
    for each OUT/SPLIT/KEY.mp4, 25 frames a second with audio, and KEY.wav, 16 kHz mono.

    Frame i of a video is frame i of the shard. OUT/clips.csv names the files and says what they are of.
    Finished clips are not done again. Exit code 0 when every clip is exported, 3 when some failed (each with
    its reason), 1 for an error.
    """
    from speechlip.commands.output.export_clips import run

    return run(shards, out, where, split, form, quiet)

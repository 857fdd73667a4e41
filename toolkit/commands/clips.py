"""``speechlip clips``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import command
from speechlip.commands.places import RESULT, SHARDS


@command(
    "clips",
    epilog="\b\nExample:\n  speechlip clips shards/ --where 'seconds >= 2 and track = 0' --plot keep.png\n"
    "  speechlip clips shards/ --where \"speaker in ('ann', 'ben')\" --columns key,seconds --csv",
)
@click.argument("shards", type=SHARDS)
@click.option(
    "--where",
    default="",
    show_default=False,
    help="Which clips, such as 'seconds >= 2 and not faces_max > 1'; docs/how-to/choose-clips.md has the "
    "grammar.",
)
@click.option(
    "--quality", type=click.Choice(["talkvid"]), help="Only clips that reach TalkVid's thresholds, too."
)
@click.option("--split", help="Only clips of this split.")
@click.option(
    "--columns",
    default="",
    show_default="key, split, speaker, seconds, and those of --where",
    help="Which columns are listed, with commas between them.",
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    show_default="10; with --csv and --json all",
    help="How many clips are listed.",
)
@click.option("--csv", "form", flag_value="csv", help="The clips as CSV, nothing else.")
@click.option("--json", "form", flag_value="json", help="Counts and clips as one JSON object, nothing else.")
@click.option("--plot", type=RESULT, help="A PNG: what every threshold on every column would keep.")
@click.option(
    "--describe", is_flag=True, help="List the columns with type, unit, range and meaning, and stop."
)
@click.option("--make", is_flag=True, help="First make clips.parquet anew from the shards, and list it.")
def clips(shards: str | Path, **chosen: Any) -> int:
    """List and count the clips of SHARDS, a prepared folder here or at hf://user/name, https:// or s3://.

    --where says which; what it would keep and drop is counted by split. Exit code 0, also where no clip
    fulfils the condition, or 1 for an error.
    """
    from speechlip.commands.output.clips import run

    return run(shards, **chosen)

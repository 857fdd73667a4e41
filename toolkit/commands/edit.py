"""``speechlip edit``: select, split, merge, append, annotate."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import (
    Group,
    Named,
    engine_options,
    spool_option,
    work_option,
    worker_limit_options,
    workers_option,
)
from speechlip.commands.places import END, FILE, SHARDS
from speechlip.errors import OptionError

OUT = click.option(
    "-o",
    "--out",
    type=END,
    required=True,
    help="Folder for the result; one begun earlier is gone on with. Or a URL, such as s3://bucket/x.",
)
WORK = work_option("OUT is a URL")
QUIET = click.option("--quiet", is_flag=True, help="No progress bar, no funnel.")


@click.group(cls=Group)
def edit() -> None:
    """Cut, join and grow prepared folders. Samples are copied byte for byte; the folders given stay as they
    are. Killed, and run again: the same bytes."""


@edit.command(
    "select",
    epilog="\b\nExample:\n  speechlip edit select shards/ -o clear/ --where 'face_width_px >= 80'",
)
@click.argument("shards", type=SHARDS)
@OUT
@WORK
@click.option(
    "--where",
    default="",
    show_default=False,
    help="Which clips; speechlip clips SHARDS --where … shows them.",
)
@click.option("--quality", type=click.Choice(["talkvid"]), help="Those that reach TalkVid's thresholds.")
@QUIET
def select(
    shards: str | Path, out: str, work: Path | None, where: str, quality: str | None, quiet: bool
) -> int:
    """Copy the clips of SHARDS that fulfil a condition. The others are counted in the ledger, as not
    selected."""
    from speechlip.commands.output.edit import run
    from speechlip.editing.select import select_clips
    from speechlip.shards.clips.where import with_preset

    if not where and not quality:
        raise OptionError("say which clips: --where 'face_width_px >= 80', or --quality talkvid")
    condition = with_preset(where, quality) if quality else where
    return run(out, work, quiet, lambda how: select_clips(shards, out, condition, **how))


@edit.command(
    "split",
    epilog="\b\nExample:\n  speechlip edit split shards/ -o dealt/ --split train=0.8,test=0.2 --seed 1\n"
    "  speechlip edit split shards/ -o moved/ --where \"speaker in ('ann', 'ben')\" --to test",
)
@click.argument("shards", type=SHARDS)
@OUT
@WORK
@click.option(
    "--split-by",
    type=Named(("speaker", "file", "time")),
    show_default="speaker; with --where as it was",
    help="What is in one split only; time goes with --where alone.",
)
@click.option(
    "--split", "shares", show_default="as it was", help="Shares of seconds, such as train=0.8,test=0.2."
)
@click.option("--seed", type=int, show_default="as it was", help="Draws the splits.")
@click.option(
    "--also-declared", is_flag=True, help="Deal also the videos whose split the dataset itself declares."
)
@click.option("--where", help="Instead of dealing anew: move the clips that fulfil this to --to.")
@click.option("--to", help="The split that --where moves clips to.")
@QUIET
def split(shards: str | Path, out: str, work: Path | None, quiet: bool, **chosen: Any) -> int:
    """Deal the clips of SHARDS into splits anew, or move some to one split.

    Dealt by the rules of prep-shards: the same seed and shares give the same splits.
    """
    from speechlip.commands.output.edit import run, split_as_asked

    return run(out, work, quiet, lambda how: split_as_asked(shards, out, **how, **chosen))


@edit.command("merge", epilog="\b\nExample:\n  speechlip edit merge monday/ tuesday/ -o both/")
@click.argument("shards", type=SHARDS, nargs=-1, required=True)
@OUT
@WORK
@click.option(
    "--doubles",
    type=Named(("refuse", "first")),
    default="refuse",
    help="A recording that two folders have: refuse, or keep the first folder's.",
)
@QUIET
def merge(shards: tuple[str | Path, ...], out: str, work: Path | None, doubles: str, quiet: bool) -> int:
    """Put several prepared folders into one, shard by shard, in the order given.

    They must be of one crop, detector, spectrogram and format, and keep each speaker in one split.
    """
    from speechlip.commands.output.edit import run
    from speechlip.editing.merge import merge_shards

    return run(out, work, quiet, lambda how: merge_shards(shards, out, doubles=doubles, **how))


@edit.command("append", epilog="\b\nExample:\n  speechlip edit append shards/ new_videos/ -o grown/")
@click.argument("shards", type=SHARDS)
@click.argument("video_dir", type=END)
@OUT
@work_option("VIDEO_DIR or OUT is a URL")
@spool_option
@workers_option("Processes; the shards do not depend on it;")
@engine_options
@worker_limit_options
@click.option(
    "--accept-losses",
    is_flag=True,
    help="Finish without videos that went away, or that crashed a worker or met an odd error.",
)
@click.option(
    "--brisque-model",
    type=FILE,
    help="Where SHARDS has the column brisque: the fit that it is by, for the new clips.",
)
@click.option(
    "--brisque-range",
    type=FILE,
    show_default="allrange beside it",
    help="With --brisque-model: the ranges of its features.",
)
@QUIET
def append(shards: str | Path, video_dir: str, out: str, work: Path | None, quiet: bool, **given: Any) -> int:
    """Prepare the new videos of VIDEO_DIR with the options of SHARDS, and put both into OUT.

    The old shards keep their bytes and come first in each split. Videos that are in SHARDS already are left
    out, with a line. Exit code 0 when something was appended, 2 when nothing was, 1 for an error.
    """
    from speechlip.commands.output.edit import append_as_asked, run

    return run(out, work, quiet, lambda how: append_as_asked(shards, video_dir, out, **how, **given))


@edit.command("annotate", epilog="\b\nExample:\n  speechlip edit annotate shards/ -o told/ --csv moods.csv")
@click.argument("shards", type=SHARDS)
@OUT
@WORK
@click.option(
    "--csv",
    "table",
    type=FILE,
    required=True,
    help="A table with a column key, source or speaker, and columns of your own.",
)
@click.option("--replace", is_flag=True, help="Take a column that the clips have already in place of theirs.")
@QUIET
def annotate(shards: str | Path, out: str, work: Path | None, table: Path, replace: bool, quiet: bool) -> int:
    """Put columns of your own into the json of every sample, where speechlip clips --where asks them.

    Images and audio stay byte for byte. A clip without a row in the table gets empty text.
    """
    from speechlip.commands.output.edit import run
    from speechlip.editing.annotate import annotate_clips

    return run(
        out, work, quiet, lambda how: annotate_clips(shards, out, table, replace_columns=replace, **how)
    )

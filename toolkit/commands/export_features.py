"""``export-features``."""

from typing import Any

import click

from speechlip.commands.base import DEVICE, ENCODER, Names, command, engine_options, limit_options
from speechlip.commands.places import FILE, RESULT
from speechlip.commands.values import read_engine

RENDERERS = Names(("sync-talk", "er-nerf", "talking-gaussian", "ad-nerf"))


@command(
    "export-features",
    epilog=(
        "\b\nExample:\n  export-features runs/se4lip videos/ -o features/se4lip\n  export-features "
        "hubert-large may.mp4 --for er-nerf -o features/hubert"
    ),
)
@click.argument("encoder", type=ENCODER, metavar="ENCODER")
@click.argument("videos", type=FILE)
@click.option(
    "-o",
    "--out",
    type=RESULT,
    help="Folder; each video gets one of its own in it.  [default: features/ENCODER]",
)
@click.option(
    "--for",
    "renderers",
    type=RENDERERS,
    help="Any of these.  [default: all whose files the features go into]",
)
@click.option(
    "--train-share", default="10/11", help="Frames from the start that mean and deviation are taken from."
)
@click.option(
    "--scale-of",
    type=FILE,
    help="An exported video's folder: take its mean and deviation, to drive its renderer with other speech.",
)
@click.option("--device", type=DEVICE, default="auto", help="auto: cuda where there is one.")
@click.option("--random-init", is_flag=True, help="The encoder at seeded random weights: a control.")
@limit_options
@engine_options
@click.option("--quiet", is_flag=True, help="No progress bar, no words but failures.")
def export_features(**given: Any) -> int:
    """Write speech features of whole videos in the files that SyncTalk, ER-NeRF, TalkingGaussian and AD-NeRF
    load.

    ENCODER is the folder of a train-encoder run or the name of an encoder; VIDEOS a folder (any depth), one
    video, or one sound file. Every file has one row for each 40 ms of the video (25 a second, whatever its
    own rate), z-scored per dimension; aud_ENCODER.json beside it says from what. Finished videos are not done
    again. Exit code 0 when every video is exported, 3 when some failed (each with its reason), 1 for an
    error.
    """
    from speechlip.commands.output.export_features import run

    return run(engine=read_engine(given), **given)

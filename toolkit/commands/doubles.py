"""``speechlip doubles``."""

from pathlib import Path

import click

from speechlip.checks import Workers
from speechlip.commands.base import DETECTOR, Named, command, workers_option
from speechlip.commands.places import RESULT, SHARDS
from speechlip.recipes import RECIPES


@command(
    "doubles",
    epilog="\b\nExample:\n  speechlip doubles videos/ --workers 2\n"
    "  speechlip doubles shards/ --csv doubles.csv\n  speechlip doubles videos/ --faces",
)
@click.argument("data", type=SHARDS)
@click.option(
    "--recipe", type=Named(RECIPES), default="folder", help="How videos are laid out; not for shards."
)
@click.option("--csv", "table", type=RESULT, help="Write every pair with its evidence into this file.")
@click.option(
    "--faces",
    is_flag=True,
    help="Find people instead: the same face under two names; for videos. It needs the extra [identity].",
)
@click.option("--detector", type=DETECTOR, default="auto", help="With --faces: what finds faces.")
@click.option(
    "--face-distance",
    type=float,
    default=0.5,
    help="With --faces: distance up to which two faces are one person's.",
)
@workers_option("Processes, for videos;")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def doubles(
    data: str | Path,
    recipe: str,
    table: Path | None,
    faces: bool,
    detector: str,
    face_distance: float,
    workers: Workers,
    quiet: bool,
) -> int:
    """Find recordings that are twice in DATA: cut, re-encoded, mirrored, re-timed.

    DATA is a folder of videos, or a folder that prep-shards made, here or elsewhere; of that the clips of
    different videos are compared, and pairs in two splits are said first. With --faces it finds people who
    are seen in videos of several speakers. Exit code 0, also where some are found, or 1 for an error.
    """
    from speechlip.commands.output.doubles import run, run_faces

    if faces:
        return run_faces(data, recipe, detector, face_distance, table, workers, quiet)
    return run(data, recipe, table, workers, quiet)

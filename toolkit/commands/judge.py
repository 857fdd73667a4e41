"""``speechlip judge``."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import DETECTOR, DEVICE, command, limit_options, workers_option
from speechlip.commands.places import FILE, MODEL, RESULT


@command(
    "judge",
    epilog="\b\nExample:\n  speechlip judge psnr ssim lips --clips real/ -o judge/",
)
@click.argument("metrics", nargs=-1, metavar="METRIC...")
@click.option("--clips", type=FILE, required=True, help="Folder of real talking videos, or one video.")
@click.option("-o", "--out", type=RESULT, default=Path("judge"), help="Folder for the tables and the page.")
@click.option("--harms", help="Names of harms, such as late,blur; others are left out.  [default: all]")
@click.option("--seconds", type=float, default=4.0, help="Of each clip, from its beginning.")
@click.option("--side", "side_px", type=int, default=512, help="Scale frames to this longer side; 0: never.")
@click.option(
    "--detector", type=DETECTOR, default="auto", help="What finds faces; auto: landmarker, else cascade."
)
@click.option("--device", type=DEVICE, default="auto", help="For networks; auto: cuda where there is one.")
@click.option("--sync-model", type=MODEL, default="auto", help="What scores lip sync, as of score-sync.")
@click.option("--syncnet-weights", type=FILE, help="Another file in the format of syncnet_v2.model.")
@click.option(
    "--allow-unknown-weights", is_flag=True, help="Take --syncnet-weights though it is not the official file."
)
@click.option("--brisque-model", type=FILE, help="With METRIC brisque: a fit of your own, as of score-sync.")
@click.option(
    "--brisque-range",
    type=FILE,
    show_default="allrange beside it",
    help="With --brisque-model: the ranges of its features.",
)
@workers_option("Processes;")
@limit_options
@click.option("--plan", is_flag=True, help="Only say how many renders there are and how long they take.")
@click.option("--quiet", is_flag=True, help="No progress bar, no table.")
@click.pass_context
def judge(context: click.Context, plan: bool, **given: Any) -> int:
    """Harm real clips in known steps and say what each METRIC makes of it.

    METRIC is a metric or a group of them, as score-sync's --metrics takes them; none: all that are scored by
    default. Another package's metric is judged like any other. A run that was stopped goes on where it
    stopped. Exit code 0 when every value is there or the metric cannot take the harm, 3 when some are missing
    (each with its reason), 2 when there is no video, 1 for an error.
    """
    from speechlip.commands.output.judge import run

    words = shlex.join([Path(context.find_root().info_name or "speechlip").name, *sys.argv[1:]])
    return run(words, plan, **given)

"""``speechlip study``: make, read."""

from pathlib import Path

import click

from speechlip.commands.base import Group
from speechlip.commands.places import FILE, RESULT


@click.group(cls=Group)
def study() -> None:
    """Ask people about renders: lip sync, image quality, realness, five points each."""


@study.command("make", epilog="\b\nExample:\n  speechlip study make renders/ --reference gt/ -o study/")
@click.argument("renders", type=FILE)
@click.option("--reference", type=FILE, help="Folder of the real videos, asked about as one more method.")
@click.option("--seed", type=int, default=0, help="Draws which number each video has.")
@click.option("-o", "--out", type=RESULT, required=True, help="Folder for study.html and key.csv.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def make(renders: Path, reference: Path | None, seed: int, out: Path, quiet: bool) -> int:
    """Write one page that shows the videos of RENDERS under numbers, in another order for each rater.

    Where videos lie in several folders, each is a method. The page holds the videos, loads nothing, and saves
    a CSV; send raters study.html alone, key.csv says which video a number is.
    """
    from speechlip.commands.output.study import run_make

    return run_make(renders, out, reference, seed, quiet)


@study.command(
    "read", epilog="\b\nExample:\n  speechlip study read answers/*.csv --key study/key.csv -o results/"
)
@click.argument("answers", type=FILE, nargs=-1, required=True)
@click.option("--key", type=FILE, help="key.csv of the study.  [default: beside the first file]")
@click.option(
    "-o", "--out", type=RESULT, help="Folder for mos.csv, agreement.csv, preferences.csv and opinions.csv."
)
def read(answers: tuple[Path, ...], key: Path | None, out: Path | None) -> int:
    """Say what raters say: mean opinions with intervals, agreement, preferences between methods.

    ANSWERS are the CSV files that the page saved, one or more of each rater. opinions.csv is what score-sync
    --mos reads.
    """
    from speechlip.commands.output.study import run_read

    return run_read(answers, key, out)

"""``synthesize``."""

from pathlib import Path

import click

from speechlip.checks import Workers
from speechlip.commands.base import command, workers_option
from speechlip.commands.places import RESULT
from speechlip.commands.terminal import Bars, echo
from speechlip.wording import counted


@command("synthesize", epilog="\b\nExample:\n  speechlip synthesize corpus/ --identities 6 --clips 2")
@click.argument("out", type=RESULT)
@click.option(
    "--identities",
    type=click.IntRange(1),
    default=6,
    help="Synthetic speakers, each with a face and a voice.",
)
@click.option("--clips", type=click.IntRange(1), default=2, help="Clips of each, one sentence or two long.")
@click.option(
    "--seconds", type=int, default=0, help="The least that a clip lasts, such as 180 for one to render."
)
@click.option(
    "--offset-frames", type=int, default=0, help="Known A/V offset; > 0: the audio is early, < 0: late."
)
@click.option("--seed", type=int, default=0, help="Of faces, voices and sentences.")
@workers_option("Processes; the corpus does not depend on it;")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def synthesize(out: Path, workers: Workers, quiet: bool, **chosen: int) -> None:
    """Make a synthetic corpus of talking heads with exact phones, landmarks and A/V offset.

    It needs the extra [synthetic].
    """
    from speechlip.recipes.synthetic import SyntheticOptions, generate

    with Bars(quiet) as progress:
        length_s = generate(out, SyntheticOptions(**chosen), workers=workers, progress=progress)
    echo(f"{counted(chosen['identities'] * chosen['clips'], 'clip')}, {length_s:.0f} s, in {out}")

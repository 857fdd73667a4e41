"""``speechlip card``."""

from pathlib import Path

import click

from speechlip.commands.base import command
from speechlip.commands.places import FILE
from speechlip.commands.terminal import echo


@command(
    "card",
    epilog="\b\nExample:\n  speechlip card shards/\n  speechlip card runs/mine/\n  speechlip card benchmark/",
)
@click.argument("folder", type=FILE)
def card(folder: Path) -> None:
    """Make the card (README.md) of FOLDER anew: prepared shards, a run of train-encoder, or what
    score-encoder wrote.

    Everything in it comes from the folder's own files; what stands between <!-- yours: begin --> and <!--
    yours: end --> stays. Shards also get their pictures (card/) and croissant.json.
    """
    from speechlip.commands.output.card import write_card_of

    echo(write_card_of(folder))

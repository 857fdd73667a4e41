"""The options of ``push-shards`` and ``push-encoder``."""

from collections.abc import Callable
from typing import TypeVar

import click

from speechlip.commands.places import FILE

Function = TypeVar("Function", bound=Callable)
OPTIONS = (
    click.option(
        "--public",
        is_flag=True,
        help=(
            "For everybody, once all is there. Without it: private, for faces and voices are biometric data."
        ),
    ),
    click.option("--gated", is_flag=True, help="People ask for access, and you let them in by hand."),
    click.option("--revision", default="main", help="Branch; made, and empty, where it is not there."),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Verify, and say what would travel; change nothing. Needs neither token nor network.",
    ),
    click.option(
        "--token-file",
        type=FILE,
        help="File with the token.  [default: HF_TOKEN, else that of `hf auth login`]",
    ),
    click.option(
        "--i-have-the-right-to-publish",
        "right_stated",
        is_flag=True,
        help="Though a licence is unknown or forbids derivatives; publication.json records it.",
    ),
    click.option("--quiet", is_flag=True, help="No progress bar, no words but errors."),
)


def push_options(function: Function) -> Function:
    """The command's function with ``OPTIONS``, which help shows in this order."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function

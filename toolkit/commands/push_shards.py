"""``push-shards``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import command
from speechlip.commands.places import FILE
from speechlip.commands.push_options import push_options


@command(
    "push-shards",
    epilog=(
        "\b\nExample:\n  push-shards shards/ ann/talks --dry-run\n  push-shards shards/ ann/talks\n  "
        "push-shards shards/ ann/talks --public --gated"
    ),
)
@click.argument("shards", type=FILE)
@click.argument("repo_id")
@push_options
def push_shards(shards: Path, repo_id: str, token_file: Path | None, quiet: bool, **options: Any) -> int:
    """Put the prepared folder SHARDS on the Hugging Face Hub as the dataset REPO_ID (user/name), and check
    that it came back whole.

    verify-shards runs first; shards travel first, the card last; then everything is streamed back, and counts
    and SHA-256 are compared with the manifest. Broken off at any moment, the same command goes on: only what
    is missing travels.
    """
    from speechlip.commands.output.push import show_shards
    from speechlip.commands.terminal import Bars
    from speechlip.hub import push_shards as hub
    from speechlip.hub.push import PushOptions
    from speechlip.hub.token import read_token

    chosen = PushOptions(**options)
    token = read_token(token_file) if token_file else None
    with Bars(quiet) as bars:
        pushed = hub.push_shards(shards, repo_id, chosen, token=token, progress=bars)
    if not quiet:
        show_shards(pushed, chosen)
    return 0

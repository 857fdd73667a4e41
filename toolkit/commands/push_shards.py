"""``push-shards``."""

from pathlib import Path
from typing import Any

import click

from .base import FILE, command


@command(
    "push-shards",
    epilog="\b\nExample:\n  push-shards shards/ ann/talks --dry-run\n  push-shards shards/ ann/talks\n  push-shards shards/ ann/talks --public --gated",
)
@click.argument("shards", type=FILE)
@click.argument("repo_id")
@click.option(
    "--public", is_flag=True, help="For everybody, once all is there. Without it: private, for faces and voices are biometric data."
)
@click.option("--gated", is_flag=True, help="People ask for access, and you let them in by hand.")
@click.option("--revision", default="main", show_default=True, help="Branch; made, and empty, where it is not there.")
@click.option("--dry-run", is_flag=True, help="Verify, and say what would travel; change nothing.")
@click.option("--token-file", type=FILE, help="File with the token.  [default: HF_TOKEN, else that of `hf auth login`]")
@click.option(
    "--i-have-the-right-to-publish",
    "right_stated",
    is_flag=True,
    help="Though a licence is unknown or forbids derivatives; publication.json records it.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, no words but errors.")
def push_shards(shards: Path, repo_id: str, token_file: Path | None, quiet: bool, **options: Any) -> int:
    """Put the prepared folder SHARDS on the Hugging Face Hub as the dataset REPO_ID (user/name), and check that it came back whole.

    verify-shards runs first; shards travel first, the card last; then everything is streamed back, and counts and SHA-256 are compared with the
    manifest. Broken off at any moment, the same command goes on: only what is missing travels.
    """
    from speechlip.hub.push_shards import PushOptions
    from speechlip.push import run_shards

    return run_shards(shards, repo_id, token_file, PushOptions(**options), quiet)

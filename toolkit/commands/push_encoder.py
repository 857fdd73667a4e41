"""``push-encoder``."""

from pathlib import Path
from typing import Any

import click

from .base import FILE, command


@command("push-encoder", epilog="\b\nExample:\n  push-encoder runs/se4lip ann/se4lip")
@click.argument("run", type=FILE)
@click.argument("repo_id")
@click.option("--public", is_flag=True, help="For everybody, once all is there.  [default: private]")
@click.option("--gated", is_flag=True, help="People ask for access, and you let them in by hand.")
@click.option("--revision", default="main", show_default=True, help="Branch; made, and empty, where it is not there.")
@click.option("--dry-run", is_flag=True, help="Say what would travel; change nothing.")
@click.option("--token-file", type=FILE, help="File with the token.  [default: HF_TOKEN, else that of `hf auth login`]")
@click.option(
    "--i-have-the-right-to-publish",
    "right_stated",
    is_flag=True,
    help="Though a licence is unknown or forbids derivatives; publication.json records it.",
)
@click.option("--quiet", is_flag=True, help="No progress bar, no words but errors.")
def push_encoder(run: Path, repo_id: str, token_file: Path | None, quiet: bool, **options: Any) -> int:
    """Put the last checkpoint of RUN, a train-encoder run, on the Hugging Face Hub as the model REPO_ID (user/name), with its card.

    Weights travel as safetensors, which hold no code; the trainer's state stays here. load_run("hf://user/name") and score-sync --sync-model
    hf://user/name read it back.
    """
    from speechlip.hub.push_shards import PushOptions
    from speechlip.push import run_encoder

    return run_encoder(run, repo_id, token_file, PushOptions(**options), quiet)

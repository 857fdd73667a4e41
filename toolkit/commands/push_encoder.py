"""``push-encoder``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import FILE, command
from speechlip.commands.push_options import push_options


@command("push-encoder", epilog="\b\nExample:\n  push-encoder runs/se4lip ann/se4lip")
@click.argument("run", type=FILE)
@click.argument("repo_id")
@push_options
def push_encoder(run: Path, repo_id: str, token_file: Path | None, quiet: bool, **options: Any) -> int:
    """Put the last checkpoint of RUN, a train-encoder run, on the Hugging Face Hub as the model REPO_ID (user/name), with its card.

    Weights travel as safetensors, which hold no code; the trainer's state stays here. load_run("hf://user/name") and score-sync --sync-model
    hf://user/name read it back.
    """
    from speechlip.commands.output.push import run_encoder
    from speechlip.hub.push_shards import PushOptions

    return run_encoder(run, repo_id, token_file, PushOptions(**options), quiet)

"""``push-encoder``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import command
from speechlip.commands.places import FILE
from speechlip.commands.push_options import push_options


@command("push-encoder", epilog="\b\nExample:\n  push-encoder runs/se4lip ann/se4lip")
@click.argument("run", type=FILE)
@click.argument("repo_id")
@push_options
def push_encoder(run: Path, repo_id: str, token_file: Path | None, quiet: bool, **options: Any) -> int:
    """Put the last checkpoint of RUN, a train-encoder run, on the Hugging Face Hub as the model REPO_ID
    (user/name), with its card.

    Weights travel as safetensors, which hold no code; the trainer's state stays here.
    load_run("hf://user/name") and score-sync --sync-model hf://user/name read it back.
    """
    from speechlip.commands.output.push import show_encoder
    from speechlip.commands.terminal import Bars
    from speechlip.hub import push_encoder as hub
    from speechlip.hub.push import PushOptions
    from speechlip.hub.token import read_token

    chosen = PushOptions(**options)
    token = read_token(token_file) if token_file else None
    with Bars(quiet) as bars:
        pushed = hub.push_encoder(run, repo_id, chosen, token=token, progress=bars)
    if not quiet:
        show_encoder(pushed, chosen)
    return 0

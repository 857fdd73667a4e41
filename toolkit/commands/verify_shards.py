"""``verify-shards``."""

from pathlib import Path

import click

from speechlip.checks import Workers
from speechlip.commands.base import cache_option, command, workers_option
from speechlip.commands.places import SHARDS
from speechlip.commands.terminal import echo
from speechlip.errors import ERROR


@command("verify-shards", epilog="\b\nExample:\n  verify-shards shards/\n  verify-shards hf://ann/talks@main")
@click.argument("folder", type=SHARDS)
@workers_option("Processes that read shards.")
@cache_option
@click.option("--quiet", is_flag=True, help="No progress bar.")
def verify_shards(folder: str | Path, workers: Workers, cache: Path | None, quiet: bool) -> int:
    """Re-read a prepared FOLDER, here or at hf://user/name, https:// or s3://, and check hashes, counts,
    shapes, keys, lengths, splits and pairs.

    Exit code 0 when it is sound, else 1.
    """
    from speechlip.commands.terminal import Bars
    from speechlip.shards.checks.verify import verify

    with Bars(quiet) as bars:
        verification = verify(folder, cache=cache, workers=workers, progress=bars)
    echo(verification, err=not verification.ok)
    return 0 if verification.ok else ERROR

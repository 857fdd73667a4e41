"""``verify-shards``."""

from pathlib import Path

import click

from .base import FILE, USAGE, command


@command("verify-shards", epilog="\b\nExample:\n  verify-shards shards/")
@click.argument("folder", type=FILE)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def verify_shards(folder: Path, quiet: bool) -> int:
    """Re-read a prepared FOLDER and check hashes, counts, shapes, keys, lengths, splits and pairs. Exit code 0 when it is sound, else 1."""
    from speechlip.shards.verify import verify
    from tqdm import tqdm

    with tqdm(desc="verifying", unit=" clips", disable=True if quiet else None) as bar:

        def on_clip(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        verification = verify(folder, on_clip)
    click.echo(verification, err=not verification.ok)
    return 0 if verification.ok else USAGE

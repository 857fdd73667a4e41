"""``inspect-shards``."""

from pathlib import Path
from typing import Any

import click

from speechlip.commands.base import cache_option, command
from speechlip.commands.places import RESULT, SHARDS


@command(
    "inspect-shards",
    epilog=(
        "\b\nExample:\n  inspect-shards shards/ -o gallery/\n  inspect-shards shards/ --speaker anna "
        "--montage docs/anna.png --serve"
    ),
)
@click.argument("shards", type=SHARDS)
@click.option(
    "-n", "n", type=click.IntRange(1), default=50, help="How many clips; taken from all shards in turn."
)
@click.option("--split", help="Only clips of this split.")
@click.option("--speaker", help="Only clips of this speaker.")
@click.option("-o", "--out", type=RESULT, default=Path("gallery"), help="Folder of index.html.")
@click.option("--montage", type=RESULT, help="Also a PNG of up to eight clips, for a README.")
@click.option("--serve", is_flag=True, help="Then show the page on 127.0.0.1 until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, help="Port of --serve; 0 for any.")
@cache_option
@click.option("--quiet", is_flag=True, help="No progress, no words but errors and the address.")
def inspect_shards(
    shards: str | Path,
    out: Path,
    montage: Path | None,
    serve: bool,
    port: int,
    cache: Path | None,
    quiet: bool,
    **chosen: Any,
) -> int:
    """Make a page to look at and listen to the clips of SHARDS: a prepared folder, one .tar, hf://user/name,
    https:// or s3://.

    OUT/index.html is one file with everything in it, about 45 kB a second of clips: filmstrip, mouth opening,
    spectrogram and phones on one time axis, a player, the pairs drawn from each clip, its metadata; filters;
    the funnel and distributions on top. Exit code 0, or 1 for an error.
    """
    from speechlip.commands.output.inspect_shards import serve_page, show_gallery
    from speechlip.commands.terminal import Bars
    from speechlip.gallery.write import GalleryOptions, write_gallery

    with Bars(quiet) as bars:
        options = GalleryOptions(**chosen)
        gallery = write_gallery(shards, out, options, montage=montage, cache=cache, progress=bars)
    if not quiet:
        show_gallery(gallery)
    if serve:
        serve_page(gallery.page, port)
    return 0

"""What ``inspect-shards`` does between the command line and the gallery: choose, write, say where it is, serve."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from speechlip.commands.terminal import Bar, echo
from speechlip.errors import OptionError
from speechlip.files.locks import only_run
from speechlip.files.writing import check_writable
from speechlip.gallery.choose import Shown, open_splits, shown_clips
from speechlip.gallery.montage import Montage
from speechlip.gallery.page import write_gallery
from speechlip.gallery.serve import address_of, page_server, show
from speechlip.remote.mirror import shards_at
from speechlip.wording import counted


def run(
    shards: str,
    out: Path,
    n: int,
    split: str | None,
    speaker: str | None,
    montage: Path | None,
    serve: bool,
    port: int,
    cache: Path | None,
    quiet: bool,
) -> int:
    """Write the gallery into ``out`` and serve it where that is asked for; returns the exit code."""
    if montage and montage.suffix.lower() != ".png":
        raise OptionError(f"a montage is a PNG, so its name must end in .png, not as {montage}")
    if cache and not shards.endswith(".tar"):
        shards = str(shards_at(shards, cache))
    splits = open_splits(shards, split)
    for folder in (out, *([montage.parent] if montage else [])):
        check_writable(folder)
    wall, page = Montage(), out / "index.html"
    with only_run(out), Bar(n, "reading", "clips", quiet=quiet) as bar:
        clips = bar.over(shown_clips(splits, n, speaker))
        count = write_gallery(page, shards, splits, seen_by(wall, clips) if montage else clips)
        if montage:
            wall.write(montage)
    if not quiet:
        also = f", {montage}" if montage else ""
        echo(f"{counted(count, 'clip')} in {page}, {page.stat().st_size / 1e6:.1f} MB{also}")
    return served(page, port) if serve else 0


def seen_by(wall: Montage, clips: Iterable[Shown]) -> Iterator[Shown]:
    for shown in clips:
        wall.see(shown)
        yield shown


def served(page: Path, port: int) -> int:
    """Serve the page until Ctrl-C."""
    with page_server(page, port) as server:
        echo(f"{address_of(server)} shows it on this machine alone; Ctrl-C ends")
        show(address_of(server))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            echo("", err=True)
    return 0

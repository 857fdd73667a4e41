"""What ``inspect-shards`` prints, and the server of its page."""

from pathlib import Path

from speechlip.commands.terminal import echo
from speechlip.gallery.serve import address_of, page_server, show
from speechlip.gallery.write import Gallery
from speechlip.wording import counted


def show_gallery(gallery: Gallery) -> None:
    """Where the page is, and how large."""
    also = f", {gallery.montage}" if gallery.montage else ""
    size = f"{gallery.page.stat().st_size / 1e6:.1f} MB"
    echo(f"{counted(gallery.clips, 'clip')} in {gallery.page}, {size}{also}")


def serve_page(page: Path, port: int) -> None:
    """Serve the page until Ctrl-C."""
    with page_server(page, port) as server:
        echo(f"{address_of(server)} shows it on this machine alone; Ctrl-C ends")
        show(address_of(server))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            echo("", err=True)

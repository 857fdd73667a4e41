"""``speechlip.write_gallery``: shards → one page to look at and listen to, and an image for a README."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from speechlip.checks import check_out
from speechlip.errors import OptionError
from speechlip.files.locks import only_run
from speechlip.files.writing import check_writable
from speechlip.gallery.clips import GalleryClip, gallery_clips
from speechlip.gallery.montage import Montage
from speechlip.gallery.page import write_page
from speechlip.progress import SILENT, Progress
from speechlip.remote.mirror import shards_at
from speechlip.remote.names import path_or_url
from speechlip.shards.read.shardset import open_shards, open_splits

PAGE = "index.html"


@dataclass(frozen=True)
class GalleryOptions:
    """Which clips are shown. Raises OptionError where one cannot be used.

    n: how many clips, taken from all shards in turn.
    split: only clips of this split; None for all.
    speaker: only clips of this speaker; None for all.
    """

    n: int = 50
    split: str | None = None
    speaker: str | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise OptionError(f"at least one clip must be shown, but -n is {self.n}")


@dataclass(frozen=True)
class Gallery:
    """What was written.

    page: path of ``index.html``.
    clips: how many it shows.
    montage: path of the PNG, None where none was asked for.
    """

    page: Path
    clips: int
    montage: Path | None = None


DEFAULTS = GalleryOptions()


def write_gallery(
    shards: str | Path,
    out: str | Path,
    options: GalleryOptions = DEFAULTS,
    *,
    montage: str | Path | None = None,
    cache: str | Path | None = None,
    progress: Progress = SILENT,
) -> Gallery:
    """Write ``out/index.html``: filmstrip, audio, spectrogram, phones, pairs and metadata of some clips.

    shards: a prepared folder, one ``.tar``, ``hf://user/name`` or ``https://…``. montage: a PNG of up to
    eight clips, for a README. cache: a folder that keeps whole shards of a folder elsewhere. Raises
    OptionError for a split or speaker that is not there or a montage that is no PNG, ShardError for what
    cannot be read, HubError for what cannot be reached, WriteError for what cannot be written.
    """
    shards, out = str(path_or_url(shards)), check_out(out)
    image = check_out(montage, "montage") if montage else None
    if image and image.suffix.lower() != ".png":
        raise OptionError(f"a montage is a PNG, so its name must end in .png, not as {image}")
    if cache and not shards.endswith(".tar"):
        shards = str(shards_at(shards, cache))
    one = shards.endswith(".tar") or options.split is not None
    splits = (open_shards(shards, options.split),) if one else open_splits(shards)
    for folder in (out, *([image.parent] if image else [])):
        check_writable(folder)
    rows, page = Montage(), out / PAGE
    with only_run(out):
        progress.begin("reading", options.n, "clips")
        clips = counted_clips(gallery_clips(splits, options.n, options.speaker), progress)
        count = write_page(page, shards, splits, rows.collected(clips) if image else clips)
        if image:
            rows.write(image)
    return Gallery(page, count, image)


def counted_clips(clips: Iterable[GalleryClip], progress: Progress) -> Iterator[GalleryClip]:
    """The clips, each told to ``progress`` when the next one is asked for."""
    for clip in clips:
        yield clip
        progress.advance(1, clip.sample.key)

"""Where on this disk a preparation reads and writes whose videos or shards lie elsewhere."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from speechlip.assets import cache_folder
from speechlip.checks import check_path, check_types
from speechlip.errors import OptionError
from speechlip.preparing.ends.spool import check_room, make_tree
from speechlip.progress import SILENT, Progress
from speechlip.remote.stores import Store, store_at
from speechlip.remote.upload import refuse_finished_by_others, upload
from speechlip.urls import is_elsewhere, local_path

SPOOL_BYTES = 20 * 10**9
SHARDS = "shards"
"""In the work folder: shards that are uploaded when they are done."""


@dataclass(frozen=True)
class WorkPlace:
    """How a preparation works whose videos or shards lie elsewhere.

    folder: on this disk; it holds the files beside the videos, and all shards until they are uploaded. Empty:
        one in ``SPEECHLIP_HOME/work``, named after videos and shards.
    spool_bytes: of videos on this disk at any time, at most.
    """

    folder: str | Path = ""
    spool_bytes: int = SPOOL_BYTES

    def __post_init__(self) -> None:
        check_types(self)
        if self.spool_bytes < 1:
            raise OptionError(f"spool_bytes is {self.spool_bytes}, wanted 1 or more")


DEFAULT_WORK = WorkPlace()


@dataclass(frozen=True)
class Ends:
    """Where it reads and writes.

    videos, out: on this disk.
    store: where the finished folder goes; None: it stays.
    largest: bytes of the largest video that lies elsewhere; 0: none does.
    spool_bytes: of videos at any time.
    """

    videos: Path
    out: Path
    store: Store | None = None
    largest: int = 0
    spool_bytes: int = SPOOL_BYTES

    def workers(self, workers: int, progress: Progress) -> int:
        """How many of ``workers`` the spool holds. Raises OptionError for none."""
        return check_room(self.largest, workers, self.spool_bytes, progress)

    def publish(self, progress: Progress = SILENT) -> None:
        """Upload the finished folder to where it belongs; nothing where that is here."""
        if self.store:
            upload(self.out, self.store, progress)


def ends_of(
    videos: str | Path, out: str | Path, work: WorkPlace = DEFAULT_WORK, progress: Progress = SILENT
) -> Ends:
    """The ends of one preparation; names and times of videos elsewhere are listed anew.

    Raises OptionError for URLs that cannot be used, HubError where a store cannot be reached.
    """
    if not (is_elsewhere(videos) or is_elsewhere(out)):
        return Ends(local_path(videos), local_path(out))
    folder = check_path("work", work.folder) if str(work.folder) else default_work(str(videos), str(out))
    store, shards = None, local_path(out)
    if is_elsewhere(out):
        store, shards = target(str(out)), folder / SHARDS
        refuse_finished_by_others(store, shards)
    largest, here = 0, local_path(videos)
    if is_elsewhere(videos):
        wanted = store_at(str(videos))
        if store and store.url == wanted.url:
            raise OptionError("-o must not be the video folder itself; give it a folder of its own")
        here, largest = make_tree(wanted, folder, store.url if store else "", progress)
    progress.say(f"working in {folder}")
    return Ends(here, shards, store, largest, work.spool_bytes)


def default_work(videos: str, out: str) -> Path:
    """The work folder of a preparation that is given none."""
    return cache_folder() / "work" / label(videos, out)


def target(url: str) -> Store:
    """The store that shards are to go to. Raises OptionError for the Hub, which has a command of its own."""
    if url.startswith("hf://"):
        repo = "/".join(url.removeprefix("hf://").removeprefix("datasets/").split("/")[:2])
        raise OptionError(f"-o takes no hf://; give a folder here, then `push-shards FOLDER {repo}`")
    return store_at(url)


def label(videos: str, out: str) -> str:
    """A name for a folder: what it is of, and a digest of both ends.

    >>> label("s3://talks/videos", "s3://talks/shards")
    'talks--shards-fc5d616ff571'
    """
    digest = hashlib.sha256(f"{videos}\n{out}".encode()).hexdigest()[:12]
    name = re.sub(r"[^\w.-]+", "--", out.rstrip("/").partition("://")[2] or Path(out).name)[-100:].lstrip(".")
    return f"{name}-{digest}"

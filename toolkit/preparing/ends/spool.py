"""A folder of videos elsewhere as a tree on this disk, whose videos come for as long as they are read.

The tree has the names, sizes and times of what lies elsewhere. Files beside videos are whole; a video is a
hole of its size, which takes no room. ``on_disk`` fetches it, each process into a folder of its own.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from speechlip.aligning.source import files_beside
from speechlip.errors import HubError, OptionError, ShardError, WriteError
from speechlip.files.locks import only_run
from speechlip.files.names import is_file
from speechlip.files.stamps import file_stamp
from speechlip.files.writing import holds_something, make_folder, whole_file, write_text
from speechlip.media.streams.endings import FIRST_BYTES, WRITTEN_TOO, is_video_name
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.remote.stores import Store, StoredFile, store_at

TREE, ORIGIN, FETCHED = "videos", ".speechlip-videos.json", "fetched"
"""In the work folder: the tree, where it is from (a name that nobody else gives to a file beside their
``videos``), and videos while they are read."""
MAX_BESIDE_BYTES = 64 << 20
"""A file of another ending than a video's is kept whole up to this size."""
WAIT_S = 0.5


def make_tree(store: Store, work: Path, exclude: str = "", progress: Progress = SILENT) -> tuple[Path, int]:
    """The tree of ``store`` under ``work``, as it is now; and the bytes of the largest hole in it.

    exclude: a URL below which files are left out.

    Raises OptionError where nothing lies there, a name cannot be one here, or ``work`` has such folders of
    somebody else; HubError, WriteError.
    """
    store, only = (store, "") if not store.is_file() else parent_of(store)
    there = [file for file in store.files() if is_wanted(file.name, only, exclude.removeprefix(store.url))]
    files = without_folders(store, there)
    if not files:
        raise OptionError(f"there is nothing at {store.url}; check the name{of_a_dataset(store.url)}")
    with alone_in(work):
        refuse_folders_of_others(work)
        write_text(work / ORIGIN, json.dumps({"url": store.url}) + "\n")
        tree = make_folder(work / TREE)
        remove_leftovers(work / FETCHED)
        remove_others(tree, {file.name for file in files})
        progress.begin("listing", len(files), "files")
        for file in files:
            place_file(store, file, tree)
            progress.advance()
    held_back = max((file.bytes for file in files if is_held_back(file.name, file.bytes)), default=0)
    return (tree / only if only else tree), held_back


def refuse_folders_of_others(work: Path) -> None:
    """Raise OptionError where a folder has the name of one of ours: what is in ours is removed."""
    others = (
        [] if (work / ORIGIN).exists() else [name for name in (TREE, FETCHED) if holds_something(work / name)]
    )
    if others:
        raise OptionError(
            f"{work / others[0]} was there before, and files of that folder would be removed; give --work a "
            "folder of its own"
        )


def of_a_dataset(url: str) -> str:
    """How a dataset of the Hub is written, where a URL may have meant one; fsspec takes others for models.

    >>> of_a_dataset("hf://ann/talks"), of_a_dataset("s3://bucket/videos")
    (', and write hf://datasets/ann/talks for a dataset', '')
    """
    _, hub, rest = url.rpartition("hf://")
    if not hub or rest.startswith(("datasets/", "spaces/", "buckets/")):
        return ""
    return f", and write hf://datasets/{rest} for a dataset"


def parent_of(store: Store) -> tuple[Store, str]:
    """The folder of one video elsewhere, and its name in it."""
    folder, _, name = store.url.rpartition("/")
    return Store(folder), name


def is_wanted(name: str, only: str, exclude: str) -> bool:
    """Whether a file elsewhere belongs to the videos.

    only: the one video that was asked for, with what lies beside it; empty: all.
    exclude: a folder to leave out, as ``/shards``; another text leaves nothing out.

    >>> is_wanted("a.TextGrid", "a.mp4", ""), is_wanted("b.mp4", "a.mp4", "")
    (True, False)
    >>> is_wanted("shards/data/a.tar", "", "/shards"), is_wanted("shards.mp4", "", "/shards")
    (False, True)
    """
    if exclude and f"/{name}".startswith(f"{exclude}/"):
        return False
    return not only or ("/" not in name and name.startswith(f"{PurePosixPath(only).stem}."))


def without_folders(store: Store, files: Sequence[StoredFile]) -> list[StoredFile]:
    """The files but empty ones by which some tools mark a folder. Raises OptionError for a file with bytes
    that is a folder of others as well, which an object store can have.
    """
    folders = {""}
    for file in files:
        folder = file.name.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    both = [file for file in files if file.name in folders]
    if full := [file.name for file in both if file.bytes]:
        raise OptionError(
            f"{full[0]!r} in {store.url} is a file and a folder, which cannot be here; rename one there"
        )
    return [file for file in files if file not in both] if both else [*files]


def is_held_back(name: str, n_bytes: int) -> bool:
    """Whether a file of this name and size is a hole in the tree until it is read."""
    return n_bytes > 0 and (is_video_name(name) or n_bytes > MAX_BESIDE_BYTES)


def place_file(store: Store, file: StoredFile, tree: Path) -> None:
    """Make ``file`` in the tree, whole or as a hole, unless it is there with this size and time."""
    parts = file.name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in file.name:
        raise OptionError(f"{file.name!r} in {store.url} cannot be the name of a file here; rename it there")
    path = tree / file.name
    if file_stamp(path) == (file.bytes, file.modified_ns):
        return
    n_bytes = file.bytes
    if is_held_back(file.name, file.bytes):
        looked_at = not is_video_name(file.name) or path.suffix.lower() in WRITTEN_TOO
        n_bytes = min(FIRST_BYTES, file.bytes) if looked_at else 0
    copy(store, file.name, path, n_bytes, file.bytes, file.modified_ns)


def copy(store: Store, name: str, path: Path, n_bytes: int, size: int, modified_ns: int) -> None:
    """The first ``n_bytes`` of a file at ``path``, a hole after them up to ``size``."""
    make_folder(path.parent)
    with whole_file(path) as out:
        for block in store.blocks(name, n_bytes):
            out.write(block)
        out.truncate(size)
    os.utime(path, ns=(modified_ns, modified_ns))


def remove_others(tree: Path, names: set[str]) -> None:
    """Remove from the tree what lies elsewhere no more, and folders that are empty then."""
    for folder, _, own in os.walk(tree, topdown=False):
        for path in (Path(folder, name) for name in own):
            if path.relative_to(tree).as_posix() not in names:
                path.unlink()
        if Path(folder) != tree:
            with suppress(OSError):  # something is in it
                Path(folder).rmdir()


def remove_leftovers(fetched: Path) -> None:
    """Remove videos that killed processes left."""
    for folder in fetched.glob("*"):
        try:
            with only_run(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except (OptionError, WriteError):
            continue


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process, after others who hold it."""
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(only_run(folder))
                break
            except OptionError:
                time.sleep(WAIT_S)
        yield


def spool_of(path: Path) -> tuple[Path, str] | None:
    """(work folder, name in its tree) of a path in such a tree; None for any other."""
    for parent in path.parents:
        if parent.name == TREE and parent.with_name(ORIGIN).is_file():
            return parent.parent, path.relative_to(parent).as_posix()
    return None


@contextmanager
def on_disk(source: Source) -> Iterator[Source]:
    """The source with its video on this disk for as long as the block lasts; itself where it lies here.

    Raises HubError where it cannot be fetched, ShardError where it is another than was listed.
    """
    spool = spool_of(source.path)
    size, modified_ns = file_stamp(source.path)
    if spool is None or source.refusal or not is_held_back(source.path.name, size):
        yield source
        return
    work, name = spool
    store = store_at(json.loads((work / ORIGIN).read_text(encoding="utf-8"))["url"])
    folder = Path(mkdtemp(dir=make_folder(work / FETCHED)))
    try:
        with only_run(folder):
            fetch_video(store, name, folder / source.path.name, size, modified_ns)
            copy_beside(source, folder)
            yield replace(source, path=folder / source.path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch_video(store: Store, name: str, path: Path, size: int, modified_ns: int) -> None:
    now = store.stamp(name)
    if now is not None and now != (size, modified_ns):
        raise ShardError(f"{store.url}/{name} was changed since it was listed; run the same command again")
    copy(store, name, path, size, size, modified_ns)
    if store.stamp(name) != now:
        raise HubError(f"{store.url}/{name} changed while it was read; run the same command again")


def copy_beside(source: Source, folder: Path) -> None:
    """The files beside a video that are looked for by its path."""
    moved = replace(source, path=folder / source.path.name)
    for path, place in zip(files_beside(source), files_beside(moved), strict=True):
        if place != path and is_file(path):
            shutil.copyfile(path, place)


def check_room(largest: int, workers: int, spool_bytes: int, progress: Progress) -> int:
    """How many workers fetch at once, each one video, without more than ``spool_bytes`` in all.

    Raises OptionError where one video alone is larger.
    """
    if largest > spool_bytes:
        raise OptionError(
            f"the largest video has {largest} bytes and --spool {spool_bytes}; give --spool more, on a disk "
            "that has the room (--work)"
        )
    fitting = min(workers, spool_bytes // largest) if largest else workers
    if fitting < workers:
        progress.say(f"{fitting} of {workers} workers: their videos fill --spool at their largest")
    return fitting

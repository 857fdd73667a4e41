"""A prepared folder put into a store: whatever others lean on first, the manifest last."""

from pathlib import Path

from speechlip.errors import OptionError, ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import MANIFEST, shard_file
from speechlip.manifest import Manifest
from speechlip.progress import SILENT, Progress
from speechlip.remote.stores import Store
from speechlip.wording import counted, listed

MB = 10**6


def upload(folder: Path, store: Store, progress: Progress = SILENT) -> None:
    """Put a finished prepared folder into ``store``; the manifest comes last and says that it is whole.

    A file that is there is kept where its size and, read back, its SHA-256 are the same, so that an upload
    which was stopped is gone on with. A shard that is not what the manifest says is not put.

    Raises OptionError where other files lie there, ShardError for a damaged shard, HubError.
    """
    there = {file.name: file.bytes for file in store.files()}
    ours = files_of(folder)
    refuse_others(store, set(there) - set(ours), folder.parent)
    manifest = Manifest.load((folder / MANIFEST).read_bytes())
    stated = {shard_file(shard.name): shard.sha256 for shard in manifest.shards}
    sizes = {name: (folder / name).stat().st_size for name in ours}
    progress.begin("uploading", sum(sizes.values()) / MB, "MB")
    if MANIFEST in there and is_there(store, MANIFEST, folder, there, sha256_of(folder / MANIFEST)):
        ours = []
    for name in ours:
        sha256 = sha256_of(folder / name)
        if stated.get(name, sha256) != sha256:
            raise ShardError(
                f"{folder / name} is not what {MANIFEST} says; delete it and run the same command"
            )
        if not is_there(store, name, folder, there, sha256):
            store.put(folder / name, name)
        progress.advance(sizes[name] / MB, name)


def is_there(store: Store, name: str, folder: Path, there: dict[str, int], sha256: str) -> bool:
    """Whether the store has the same file: by its size, then by its content."""
    size = (folder / name).stat().st_size
    return there.get(name) == size and store.sha256(name, size) == sha256


def files_of(folder: Path) -> list[str]:
    """Names of the files of a prepared folder, relative to it: sorted, the manifest last; no hidden ones."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
    return sorted(names, key=lambda name: name == MANIFEST)


def refuse_others(store: Store, others: set[str], work: Path) -> None:
    """Raise OptionError where the store's folder has files that the prepared folder has not."""
    others = {name for name in others if not name.endswith(".part")}
    if others:
        raise OptionError(
            f"{store.url} holds {counted(len(others), 'other file')} ({listed(sorted(others))}): remove "
            f"them, or choose another -o with --work {work}, which goes on with what is done"
        )


def refuse_finished_by_others(store: Store, folder: Path) -> None:
    """Raise OptionError where the store holds a finished folder that is not the one that lies here, or has no
    such bucket.
    """
    if store.lacks_bucket():
        raise OptionError(f"{store.url} is in no bucket that is there: make the bucket, or check its name")
    size, own = store.size(MANIFEST), folder / MANIFEST
    if size is None or (own.is_file() and store.sha256(MANIFEST, size) == sha256_of(own)):
        return
    raise OptionError(
        f"{store.url} holds a finished folder, which was not made in {folder}; read it as it is, "
        "or choose another -o"
    )

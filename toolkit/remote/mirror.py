"""A mirror: a local folder for a prepared folder elsewhere, with manifest, ledger, table of clips,
frozen pairs and some shards.

``remote.json`` says where the other shards are; whoever reads the mirror streams those. So everything that
takes a prepared folder takes a mirror. It is of one commit: its folder's name has it, and a later push makes
another mirror.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from speechlip.assets import cache_folder
from speechlip.checks import check_path
from speechlip.errors import HubError, NotThere, ShardError
from speechlip.files.writing import write_text
from speechlip.format import CARD, CLIPS, FACTS, LEDGER, MANIFEST, WEIGHTS, pairs_file, shard_file
from speechlip.manifest import Manifest
from speechlip.progress import SILENT, Progress
from speechlip.remote.names import Place, in_store, is_remote, path_or_url, place_of
from speechlip.remote.stores import store_at
from speechlip.remote.stream import fetch, open_stream
from speechlip.wording import counted

ORIGIN = "remote.json"
MAX_SMALL_BYTES = 1 << 26
"""Of a manifest or a checkpoint's facts that a server sends: a manifest of 300 000 shards.

Servers may send without end."""
SHARDS_WANTED = "shards are wanted: prepare videos that lie there, or copy them here"
MAX_TABLE_BYTES = 1 << 32
"""Of a ledger or frozen pairs whose size the manifest does not say."""


def shards_at(name: str | Path, cache: str | Path | None = None) -> Path:
    """The folder of prepared shards that ``name`` means: itself where it is local, else its mirror.

    name: a path or its ``file://``, or ``hf://user/name[@revision]``, ``https://…``, or ``s3://…`` of an
        object store.
    cache: where to keep whole shards, hash-checked, continued after a kill. None: shards are streamed while
        they are read, and only the small files are kept, in ``SPEECHLIP_HOME/shards``.

    Raises HubError for what cannot be reached or read, ShardError for what is no prepared folder.
    """
    kept = check_path("cache", cache, "give a folder here") if cache else None
    if isinstance(place := path_or_url(name), Path):
        return place
    folder = _small_files(place_of(place, "datasets"), kept or cache_folder() / "shards")
    if cache:
        keep_shards(folder)
    return folder


def shard_url(folder: Path, name: str) -> str:
    """Where a shard that is not in the folder can be read: a URL; empty where the folder is no mirror."""
    url = mirrored(folder)
    return url and f"{url}/{shard_file(name)}"


def mirrored(folder: Path) -> str:
    """The URL of the folder that a mirror stands in for; empty where it is no mirror. Raises ShardError."""
    origin = folder / ORIGIN
    if not origin.is_file():
        return ""
    try:
        url = json.loads(origin.read_text(encoding="utf-8"))["url"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ShardError(
            f"{origin} cannot be read ({error}); delete it, or give the name of the shards again"
        ) from error
    if not isinstance(url, str) or not is_remote(url):
        raise ShardError(f"{origin} names {url!r}, which is no place elsewhere; delete it")
    return url


def keep_shards(folder: Path, split: str | None = None, progress: Progress = SILENT) -> None:
    """Fetch the shards of ``split`` (None: of all) that a mirror does not have; nothing happens in any other
    folder.
    """
    url = mirrored(folder)
    if not url:
        return
    rows = Manifest.load((folder / MANIFEST).read_bytes()).shards
    missing = [
        row for row in rows if split in (None, row.split) and not (folder / shard_file(row.name)).is_file()
    ]
    if missing:
        megabytes = sum(row.bytes for row in missing) / 1e6
        whole = f"all of split {split}, " if split else ""
        progress.say(f"fetching {counted(len(missing), 'shard')}, {whole}{megabytes:.0f} MB, into {folder}")
        progress.begin("fetching", megabytes, "MB")
    for row in missing:
        name = shard_file(row.name)
        fetch(f"{url}/{name}", folder / name, row.sha256, max_bytes=row.bytes)
        progress.advance(row.bytes / 1e6, row.name)


def whole_at(name: str | Path, progress: Progress = SILENT) -> Path:
    """The folder of prepared shards that ``name`` means, as ``shards_at``: of one elsewhere every shard and
    the card are fetched into ``SPEECHLIP_HOME/shards``, and what is there already is not fetched again.
    """
    folder = shards_at(name)
    if url := mirrored(folder):
        keep_shards(folder, progress=progress)
        (folder / CARD).unlink(missing_ok=True)  # it may have changed while the manifest did not
        with suppress(NotThere):
            fetch(f"{url}/{CARD}", folder / CARD, max_bytes=MAX_SMALL_BYTES)
    return folder


@contextmanager
def shard_on_disk(folder: Path, name: str, max_bytes: int) -> Iterator[Path]:
    """A path of one shard: in the folder, or a copy for as long as the ``with`` block lasts.

    Raises ShardError for a longer one.
    """
    path, url = folder / shard_file(name), shard_url(folder, name)
    if path.is_file() or not url:
        yield path
        return
    with TemporaryDirectory(prefix="speechlip-") as scratch:
        yield fetch(url, Path(scratch) / name, max_bytes=max_bytes)


def run_at(name: str | Path, cache: Path | None = None) -> Path:
    """The folder of a training run that ``name`` means.

    One on the Hub (``push-encoder``) or the last checkpoint of one in a store is fetched whole, its hash
    checked, and laid out as a run.
    """
    if isinstance(url := path_or_url(name), Path):
        return url
    place = _checkpoint_of(place_of(url, "models"))
    data, commit = _small_file(place.file(FACTS))
    try:
        facts = json.loads(data)
        step, sha256 = int(facts["step"]), str(facts["sha256"])
        if not 0 <= step < 10**8:
            raise ValueError(f"step {step:g}")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise HubError(
            f"{name} holds no encoder of train-encoder ({FACTS}: {error}); push one with push-encoder"
        ) from error
    folder = _folder(cache or cache_folder() / "runs", place, commit, data) / f"step-{step:08d}"
    fetch(place.at(commit).file(WEIGHTS), folder / WEIGHTS, sha256)
    write_text(folder / FACTS, data.decode("utf-8"))
    return folder.parent


def _checkpoint_of(place: Place) -> Place:
    """The folder of the last checkpoint where the place is that of a run in a store, which can be listed."""
    if not in_store(place.url) or store_at(place.url).size(FACTS) is not None:
        return place
    files = store_at(place.url).files()
    steps = [file.name for file in files if re.fullmatch(rf"step-\d{{8}}/{re.escape(FACTS)}", file.name)]
    return Place(place.file(max(steps).partition("/")[0]), place.label) if steps else place


def _small_files(place: Place, cache: Path) -> Path:
    try:
        data, commit = _small_file(place.file(MANIFEST))
    except NotThere as error:
        raise NotThere(f"{error}; {SHARDS_WANTED}") from error
    folder = _folder(cache, place, commit, data)
    if (folder / MANIFEST).is_file():
        return folder
    place = place.at(commit)
    for path, (sha256, n_bytes) in _tables(place, data).items():
        fetch(place.file(path), folder / path, sha256, max_bytes=n_bytes)
    write_text(folder / ORIGIN, json.dumps({"url": place.url}) + "\n")
    write_text(folder / MANIFEST, data.decode("utf-8"))
    return folder


def _small_file(url: str) -> tuple[bytes, str]:
    """(content, commit) of a file that is small. Raises HubError for one that is not."""
    with open_stream(url) as stream:
        data, commit = stream.read(MAX_SMALL_BYTES + 1), stream.commit
    if len(data) > MAX_SMALL_BYTES:
        raise HubError(
            f"{url} is longer than {MAX_SMALL_BYTES >> 20} MiB, which no such file is; check the name, "
            f"and who serves it"
        )
    return data, commit


def _folder(cache: Path, place: Place, commit: str, data: bytes) -> Path:
    folder = cache / (commit or hashlib.sha256(data).hexdigest())[:16] / place.label
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tables(place: Place, data: bytes) -> dict[str, tuple[str, int]]:
    """Ledger, table of clips and pairs → SHA-256, empty where the manifest names none, and bytes at most.

    Raises ShardError for what is no manifest of ours.
    """
    try:
        manifest = Manifest.load(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ShardError(
            f"{place.file(MANIFEST)} is no manifest of prepared shards "
            f"({str(error) or type(error).__name__}); "
            "give what push-shards made"
        ) from error
    ledger = manifest.ledger
    pairs = {pairs_file(split): (file.sha256, MAX_TABLE_BYTES) for split, file in manifest.pairs.items()}
    clips = {CLIPS: (manifest.clips.sha256, manifest.clips.bytes)} if manifest.clips else {}
    return {LEDGER: (ledger.sha256, ledger.bytes) if ledger else ("", MAX_TABLE_BYTES), **clips, **pairs}

"""A local folder that stands in for one elsewhere: manifest, ledger and frozen pairs lie in it, and the shards that were asked for.

``remote.json`` says where the other shards are; whoever reads the folder streams those. So everything that takes a prepared folder takes this one.
The copy is of one commit: its folder's name has it, and a later push makes another folder.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from speechlip.assets import cache_folder
from speechlip.errors import HubError, OptionError, ShardError
from speechlip.files import write_text

from .names import Place, is_remote, place_of
from .stream import RemoteStream, fetch

MANIFEST, ORIGIN = "manifest.json", "remote.json"
PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


def shards_at(name: str | Path, cache: Path | None = None) -> Path:
    """The folder of prepared shards that ``name`` means: itself where it is local; for ``hf://user/name[@revision]`` and ``https://…`` one that stands in.

    cache: where to keep whole shards, hash-checked, gone on with after a kill. None: shards are streamed while they are read, and only the small files
    are kept, in ``SPEECHLIP_HOME/shards``.
    Raises HubError for what cannot be reached or read, ShardError for what is no prepared folder.
    """
    if not is_remote(name):
        if re.match(r"(hf|https?):/", str(name)):
            raise OptionError(f"{name} lost a slash, as pathlib does to URLs; hand over the text itself")
        return Path(name)
    folder = _small_files(place_of(str(name), "datasets"), cache or cache_folder() / "shards")
    if cache:
        keep_shards(folder)
    return folder


def shard_url(folder: Path, name: str) -> str:
    """Where a shard that is not in the folder can be read: a URL; empty where the folder stands in for none."""
    origin = folder / ORIGIN
    return f"{json.loads(origin.read_text(encoding='utf-8'))['url']}/data/{name}" if origin.is_file() else ""


def keep_shards(folder: Path, split: str | None = None) -> None:
    """Fetch the shards of ``split`` (None: of all) into a folder that stands in; nothing happens in any other."""
    for row in json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["shards"]:
        path = folder / "data" / row["name"]
        if split in (None, row["split"]) and (url := shard_url(folder, row["name"])) and not path.is_file():
            fetch(url, path, row["sha256"])


@contextmanager
def shard_on_disk(folder: Path, name: str) -> Iterator[Path]:
    """A path of one shard: in the folder, or a copy for as long as the ``with`` block lasts."""
    path, url = folder / "data" / name, shard_url(folder, name)
    if path.is_file() or not url:
        yield path
        return
    with TemporaryDirectory(prefix="speechlip-") as scratch:
        yield fetch(url, Path(scratch) / name)


def run_at(name: str | Path, cache: Path | None = None) -> Path:
    """The folder of a training run that ``name`` means; one on the Hub (``push-encoder``) is fetched whole, its hash checked, and laid out as a run."""
    if not is_remote(name):
        return Path(name)
    place = place_of(str(name), "models")
    with RemoteStream(place.file("checkpoint.json")) as stream:
        data, commit = stream.read(), stream.commit
    try:
        facts = json.loads(data)
        step, sha256 = int(facts["step"]), str(facts["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise HubError(f"{name} holds no encoder of train-encoder (checkpoint.json: {error}); push one with push-encoder") from error
    folder = _folder(cache or cache_folder() / "runs", place, commit, data) / f"step-{step:08d}"
    fetch(place.at(commit).file("model.safetensors"), folder / "model.safetensors", sha256)
    write_text(folder / "checkpoint.json", data.decode("utf-8"))
    return folder.parent


def _small_files(place: Place, cache: Path) -> Path:
    with RemoteStream(place.file(MANIFEST)) as stream:
        data, commit = stream.read(), stream.commit
    folder = _folder(cache, place, commit, data)
    if (folder / MANIFEST).is_file():
        return folder
    place = place.at(commit)
    wanted = _hashes(place, data)
    for path, sha256 in wanted.items():
        fetch(place.file(path), folder / path, sha256)
    write_text(folder / ORIGIN, json.dumps({"url": place.url}) + "\n")
    write_text(folder / MANIFEST, data.decode("utf-8"))
    return folder


def _folder(cache: Path, place: Place, commit: str, data: bytes) -> Path:
    folder = cache / (commit or hashlib.sha256(data).hexdigest())[:16] / place.label
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _hashes(place: Place, data: bytes) -> dict[str, str]:
    """Small files → the SHA-256 that the manifest names, or nothing. Raises ShardError for what is no manifest, or would write elsewhere."""
    try:
        manifest: dict[str, Any] = json.loads(data)
        pairs = {f"pairs/{split}.parquet": str(row["sha256"]) for split, row in manifest["pairs"].items()}
        names = [*manifest["pairs"], *(row["name"] for row in manifest["shards"])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShardError(f"{place.file(MANIFEST)} is no manifest of prepared shards ({error}); give what push-shards made") from error
    for name in names:
        if not PLAIN_NAME.fullmatch(str(name)):
            raise ShardError(f"{place.file(MANIFEST)} names a file {name!r}, which is no plain name; do not use it")
    return {"ledger.jsonl": "", **pairs}

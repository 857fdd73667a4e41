"""Which shards a reader reads: a prepared folder (through its manifest), or a bare list of tar paths and
URLs.

Remote shards are read over HTTP (``speechlip.remote``), never through a shell: ``pipe:`` and every scheme not
listed there is refused.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.errors import OptionError, ShardError
from speechlip.files.strict_json import strict_json
from speechlip.format import FORMAT, LEDGER, MANIFEST, WORK_FOLDER, shard_file
from speechlip.manifest import Manifest, ShardRow
from speechlip.remote.mirror import shard_url, shards_at
from speechlip.remote.names import REMOTE_SCHEMES, STORE_SCHEMES, is_remote
from speechlip.urls import without_secrets

READ_SCHEMES = (*REMOTE_SCHEMES, *STORE_SCHEMES)


@dataclass(frozen=True)
class ShardSet:
    """The shards of one split in their fixed order.

    Of a bare list, which has no manifest, all but urls and digest is None.

    urls: local paths or URLs.
    digest: tells two shard sets apart.
    split: its name.
    clips: clips of each shard.
    fields: member names.
    n_clips, n_speakers: of the whole split.
    columns: those of ``metadata.csv`` that the ``json`` of every sample carries as text.
    folder: on this disk; of one elsewhere, its mirror.
    manifest: of the whole folder.
    """

    urls: tuple[str, ...]
    digest: str
    split: str | None = None
    clips: tuple[int, ...] | None = None
    fields: tuple[str, ...] | None = None
    n_clips: int | None = None
    n_speakers: int | None = None
    columns: tuple[str, ...] | None = None
    folder: Path | None = None
    manifest: Manifest | None = field(default=None, compare=False, repr=False)


Shards = str | Path | Sequence[str | Path] | ShardSet
"""What readers read: a prepared folder, a list of tar paths and URLs, or shards that are open already."""


def open_shards(shards: Shards, split: str | None = None) -> ShardSet:
    """The shards of ``split`` in a prepared folder, or the given tar paths and URLs as they are.

    shards: a folder that is here or elsewhere (``hf://user/name``, ``https://…``), or a list, or one
    ``.tar``; the latter two have no splits. A folder needs its ``manifest.json``; the size of every shard
    that is here is compared with it. What ``open_shards`` gave comes back as it is.
    split: None takes the only one of the folder.

    Raises ShardError for a folder that is not finished, damaged or of another format, OptionError for an
    unknown split or URL scheme, or where several splits leave the choice, HubError for what cannot be
    reached.
    """
    if isinstance(shards, ShardSet):
        return _opened(shards, split)
    if not isinstance(shards, str | Path):
        return _listed(shards, split)
    if str(shards).endswith(".tar"):
        return _listed([shards], split)
    _refuse_scheme(str(shards), READ_SCHEMES)
    folder = shards_at(shards)
    return _of_split(folder, read_manifest(folder), split)


def open_splits(folder: str | Path) -> tuple[ShardSet, ...]:
    """The shards of every split that has clips, of a prepared folder here or elsewhere.

    Raises ShardError and HubError as ``open_shards`` does, and ShardError where no split has a clip.
    """
    folder = shards_at(folder)
    manifest = read_manifest(folder)
    names = dict.fromkeys(row.split for row in manifest.shards if row.clips)
    if not names:
        raise ShardError(f"{folder} holds no clip; {LEDGER} says what became of its sources")
    return tuple(_of_split(folder, manifest, name) for name in names)


def manifest_of(shards: ShardSet) -> Manifest:
    """The manifest that the shards were opened by. Raises OptionError for a bare list, which has none."""
    if shards.manifest is None:
        raise OptionError("a list of shards has no manifest; give the prepared folder that they are of")
    return shards.manifest


def folder_of(shards: ShardSet) -> Path:
    """The prepared folder that the shards are of. Raises OptionError for a bare list, which has none."""
    if shards.folder is None:
        raise OptionError("a list of shards is no prepared folder; give the one that they are of")
    return shards.folder


def named_first(shards: ShardSet, sentence: str) -> str:
    """A sentence about shards with their folder before it, where they have one."""
    return f"{shards.folder}: {sentence}" if shards.folder else sentence


def read_manifest(folder: str | Path) -> Manifest:
    """``manifest.json`` of a finished folder of this format, here or elsewhere.

    Raises ShardError that says what to do: no folder, an interrupted preparation, no manifest, not JSON,
    another format, a field that is missing or garbled, a name that leads out of the folder.
    """
    folder = shards_at(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise ShardError(_why_no_manifest(folder))
    try:
        raw = strict_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise ShardError(
            f"{path} is not JSON ({str(error) or type(error).__name__}); restore it, "
            f"or prepare the folder again"
        ) from error
    said = raw.get("format") if isinstance(raw, dict) else None
    if said != FORMAT:
        raise ShardError(
            f"{folder} has shard format {said!r}, this speechlip reads format {FORMAT}; "
            "install the release that wrote it (manifest.json: speechlip), or prepare the sources again"
        )
    try:
        return Manifest.of(raw)
    except ValueError as error:
        raise ShardError(
            f"manifest.json lacks or garbles what a reader needs: {error}; "
            f"restore {path}, or prepare the folder again"
        ) from error


def _why_no_manifest(folder: Path) -> str:
    if not folder.is_dir():
        return (
            f"there is no folder {folder}; give a folder that prep-shards made, "
            f"or a list of .tar paths or URLs"
        )
    if (folder / WORK_FOLDER).exists():
        return (
            f"{folder} is not finished: {WORK_FOLDER} is there, manifest.json is not; "
            f"run the same prep-shards command again to finish it"
        )
    return (
        f"{folder} has no manifest.json, so it is not a finished prepared folder; run prep-shards, "
        f"or give a list of .tar paths"
    )


def _opened(shards: ShardSet, split: str | None) -> ShardSet:
    if split not in (None, shards.split):
        raise OptionError(
            f"these shards are of split {shards.split!r}, not {split!r}; open that split by open_shards"
        )
    return shards


def _only_split(folder: Path, known: Sequence[str]) -> str:
    if not known:
        raise ShardError(f"{folder} holds no clip; {LEDGER} says what became of its sources")
    if len(known) > 1:
        raise OptionError(f"{folder} has several splits; name one: {', '.join(known)}")
    return known[0]


def _of_split(folder: Path, manifest: Manifest, split: str | None) -> ShardSet:
    known = sorted({row.split for row in manifest.shards})
    if split is None:
        split = _only_split(folder, known)
    if split not in known:
        raise OptionError(
            f"no split {split!r} with shards in {folder}; there are: {', '.join(known) or 'none'}"
        )
    rows = sorted((row for row in manifest.shards if row.split == split), key=lambda row: row.name)
    urls = [_url_of(folder, row) for row in rows]
    if not sum(row.clips for row in rows):
        raise ShardError(
            f"split {split!r} of {folder} holds no clip; {LEDGER} says what became of its sources"
        )
    return ShardSet(
        urls=tuple(urls),
        digest=_digest(row.sha256 for row in rows),
        split=split,
        clips=tuple(row.clips for row in rows),
        fields=manifest.fields,
        n_clips=sum(row.clips for row in rows),
        n_speakers=manifest.splits[split].speakers,
        columns=manifest.columns,
        folder=folder,
        manifest=manifest,
    )


def _url_of(folder: Path, row: ShardRow) -> str:
    path, url = folder / shard_file(row.name), shard_url(folder, row.name)
    if url and not path.is_file():
        return url
    _check_size(path, row.bytes)
    return str(path)


def _check_size(path: Path, wanted_bytes: int) -> None:
    if not path.is_file():
        raise ShardError(
            f"{path} is missing though manifest.json lists it; copy it again, or run prep-shards again"
        )
    if path.stat().st_size != wanted_bytes:
        raise ShardError(
            f"{path} has {path.stat().st_size} bytes, manifest.json says {wanted_bytes}; "
            f"copy it again and run verify-shards"
        )


def _listed(shards: Sequence[str | Path], split: str | None) -> ShardSet:
    urls = tuple(map(str, shards))
    if split is not None:
        raise OptionError(
            f"a list of shards has no splits, so split={split!r} cannot be chosen; "
            f"list the shards of that split alone"
        )
    if not urls:
        raise OptionError("the list of shards is empty; give at least one .tar path or URL")
    for url in urls:
        _refuse_scheme(url, READ_SCHEMES)
        if not is_remote(url) and not Path(url).is_file():
            raise ShardError(
                f"there is no shard {without_secrets(url)}; give paths of .tar files or "
                f"{', '.join(REMOTE_SCHEMES)} URLs"
            )
    return ShardSet(urls, _digest(_name_of(url) for url in urls))


def _refuse_scheme(url: str, allowed: Sequence[str]) -> None:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", url)  # two letters at least: C: is a drive
    if scheme is None or scheme[1] in allowed or Path(url).exists():
        return
    why = "it would run a shell command" if scheme[1] == "pipe" else "it is not read here"
    raise OptionError(
        f"refused {without_secrets(url)}: {why}; give a prepared folder, hf://user/name, "
        f"or a list of .tar paths or {', '.join(REMOTE_SCHEMES)} URLs"
    )


def _name_of(url: str) -> str:
    """The name of a shard without its signature, which is another one each time it is signed."""
    name = url.rpartition("/")[2]
    return name.partition("?")[0] if is_remote(url) else name


def _digest(parts) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

"""Model files in one cache folder, each with its address, size, SHA-256 and licence.

``SPEECHLIP_HOME`` names the folder (default ``~/.cache/speechlip``). A file is downloaded under another name,
checked, and only then renamed; a file put there by hand is checked in the same way before its first use.
Where the authors state no hash, the one of the first use is written beside the file (``FILE.sha256``), and
another file is refused from then on.
"""

import hashlib
import http.client
import logging
import os
import urllib.request
from functools import lru_cache
from pathlib import Path

from speechlip.asset_list import ALIASES, ASSETS, Asset
from speechlip.errors import ModelError, OptionError, no_such
from speechlip.files.stamps import BLOCK_BYTES, sha256_of
from speechlip.urls import path_here

CONNECT_TIMEOUT_S = 20
LOGGER = logging.getLogger("speechlip")
"""A download is logged as a warning: Python shows those on stderr unless a program says otherwise."""


def named(name: str) -> tuple[str, ...]:
    """The names of the assets that a person means: of one, of its file, or of what uses it.

    Raises OptionError that lists what there is.

    >>> named("mediapipe"), named("Face-Alignment"), named("syncnet_v2.model")
    (('face_landmarker',), ('s3fd', 'fan'), ('syncnet_v2',))
    """
    known: dict[str, tuple[str, ...]] = {plain(asset.name): (asset.name,) for asset in ASSETS.values()}
    known |= {plain(asset.file_name): (asset.name,) for asset in ASSETS.values()}
    known |= {plain(alias): names for alias, names in ALIASES.items()}
    if plain(name) not in known:
        raise OptionError(
            f"no model {name!r}; there are: {', '.join(ASSETS)}; also by what uses them: {', '.join(ALIASES)}"
        )
    return known[plain(name)]


def plain(name: str) -> str:
    return name.lower().replace("_", "-")


def get(name: str | Asset) -> Asset:
    """The asset called ``name``, or an asset of another package as it is.

    Raises OptionError that lists the known ones.
    """
    if isinstance(name, Asset):
        return name
    if name not in ASSETS:
        raise no_such("model", name, ASSETS)
    return ASSETS[name]


def cache_folder() -> Path:
    """Where the model files lie: ``$SPEECHLIP_HOME``, or ``~/.cache/speechlip``.

    Raises ModelError where neither is known, OptionError where it is a URL.
    """
    try:
        home = os.environ.get("SPEECHLIP_HOME") or "~/.cache/speechlip"
        return path_here(home, "SPEECHLIP_HOME", "set it to a folder here").expanduser()
    except RuntimeError as error:
        raise ModelError(
            "no home folder is known (HOME is not set): set SPEECHLIP_HOME to a folder for model files"
        ) from error


def available(name: str | Asset) -> bool:
    """Whether the file is there; its hash is checked when it is used. Nothing is where no folder is known."""
    try:
        return (cache_folder() / get(name).file_name).is_file()
    except ModelError:
        return False


def path(name: str | Asset) -> Path:
    """Path of the model file, its hash checked once per process.

    Raises ModelError when it is missing or is another file.
    """
    asset = get(name)
    file = cache_folder() / asset.file_name
    if not file.is_file():
        command = f"`speechlip models fetch {name}` downloads it, or " if name in ASSETS else ""
        raise ModelError(f"{asset.file_name} is not in {file.parent}: {command}{_by_hand(asset)}")
    facts = file.stat()
    found = _sha256(file, facts.st_size, facts.st_mtime_ns)
    _refuse_other(asset, file, found, asset.sha256 or _of_first_use(file, found))
    return file


def fetch(name: str | Asset) -> Path:
    """Path of the model file, downloaded first where it is missing.

    Raises ModelError when it cannot be downloaded (offline, disk full) or is not the file it claims to be;
    then nothing is left behind.
    """
    asset = get(name)
    file = cache_folder() / asset.file_name
    if file.is_file():
        return path(name)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    LOGGER.warning("fetching %s (%.1f MB) from %s", file.name, asset.bytes / 1e6, asset.url)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        found = _download(asset.url, part)
        _refuse_other(asset, part, found, asset.sha256 or found)
        part.rename(file)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(
            f"{asset.file_name} could not be fetched from {asset.url} ({reason}); "
            f"where there is no network, {_by_hand(asset)}"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return path(name)


def rows() -> list[dict[str, str]]:
    """What ``speechlip models list`` shows, one row per model.

    Columns: name, file, MB, licence, url, sha256, here (yes or no), also (aliases).
    """
    return [
        {
            "name": asset.name,
            "file": asset.file_name,
            "MB": f"{asset.bytes / 1e6:.1f}",
            "licence": asset.licence,
            "here": "yes" if available(asset.name) else "no",
            "url": asset.url,
            "sha256": asset.sha256 or "of first use",
            "also": ", ".join(alias for alias, names in ALIASES.items() if asset.name in names),
        }
        for asset in ASSETS.values()
    ]


def _by_hand(asset: Asset) -> str:
    return f"place {asset.file_name} ({asset.bytes / 1e6:.1f} MB, {asset.url}) into {cache_folder()}"


def _download(url: str, part: Path) -> str:
    """Write what ``url`` holds to ``part``, through to the disk; returns its SHA-256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=CONNECT_TIMEOUT_S) as answer, part.open("wb") as file:
        while block := answer.read(BLOCK_BYTES):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        stated = answer.headers["Content-Length"]
        if stated is not None and int(stated) != file.tell():
            raise ConnectionError(f"{file.tell()} of {stated} bytes came")
    return digest.hexdigest()


def _of_first_use(file: Path, found: str) -> str:
    """The hash beside ``file``; where there is none yet, ``found`` is written there, whole or not at all.

    Raises ModelError where it cannot be.
    """
    note = file.with_name(file.name + ".sha256")
    part = note.with_name(f"{note.name}.{os.getpid()}.part")
    try:
        if not note.exists():
            part.write_text(f"{found}  {file.name}\n", encoding="ascii")
            part.replace(note)
        return note.read_text(encoding="ascii", errors="replace").split(" ")[0].strip()
    except OSError as error:
        raise ModelError(
            f"{note} cannot be written ({error.strerror}): "
            f"use {file.name} once as someone who may write there"
        ) from error


def _refuse_other(asset: Asset, file: Path, found: str, wanted: str) -> None:
    if found == wanted:
        return
    note = f"{file.name}.sha256, which holds the hash of the first use"
    meant = "" if asset.sha256 else f", or, where the new file is meant, remove {note}"
    raise ModelError(
        f"{file} is not the {asset.file_name} that was wanted: SHA-256 {found}, wanted {wanted}; "
        f"remove it and fetch it from {asset.url}{meant}"
    )


@lru_cache
def _sha256(file: Path, size: int, modified_ns: int) -> str:
    """Hash of a file.

    Size and time of change are part of the cache's key, so that an exchanged file is hashed again.
    """
    return sha256_of(file)

"""Folders of object stores by fsspec (``s3://``, ``gs://``, …): listed, read in blocks, and put."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from speechlip.errors import HubError, OptionError, install
from speechlip.remote.patience import gone_away, patiently, refusal
from speechlip.urls import refuse_secrets
from speechlip.workers.processes import alive

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""Scheme → the extra that brings its library."""
WHOLE_BY_NATURE = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"))
"""Schemes of stores in which a file appears when its last byte has arrived, or not at all."""
LIBRARIES = ("adlfs", "aiobotocore", "azure", "botocore", "fsspec", "gcsfs", "s3fs")
READ_BYTES = 8 << 20
TIMES = ("LastModified", "mtime", "last_modified", "updated", "created")
CONTENTS = ("ETag", "etag", "blob_id", "md5Hash")


@dataclass(frozen=True)
class StoredFile:
    """One file of a folder elsewhere.

    name: POSIX path relative to the folder.
    modified_ns: when it was changed; where the store does not say, a number that changes with its content.
    """

    name: str
    bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Store:
    """A folder elsewhere. url: without a slash at its end, and without credentials."""

    url: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        quiet_libraries()
        scheme = self.url.partition("://")[0]
        try:
            return fsspec.core.url_to_fs(self.url, use_listings_cache=False)
        except ImportError as error:
            extra = EXTRAS.get(scheme)
            wanted = install(extra) if extra else f"pip install what fsspec needs for {scheme}"
            raise OptionError(f"{scheme}:// needs a library that is not installed: {wanted}") from error
        except ValueError as error:
            raise OptionError(
                f"{self.url} is no URL that fsspec knows; write s3://BUCKET/FOLDER, gs://…, or a folder"
            ) from error
        except Exception as error:
            raise HubError(refusal(self.url, error) or gone_away(self.url, error)) from None

    def at(self, name: str) -> str:
        """The path of a file as fsspec takes it."""
        return f"{self._opened[1].rstrip('/')}/{name}"

    def files(self, name: str = "") -> list[StoredFile]:
        """All files below the folder, or below ``name`` in it, sorted; none where there is no such folder.

        Raises HubError.
        """
        fs, root = self._opened
        below = self.at(name) if name else root

        def find() -> dict:
            fs.invalidate_cache()
            try:
                return fs.find(below, detail=True)
            except FileNotFoundError:
                return {}

        found = patiently(self.url, find)
        prefix = root.strip("/") + "/"
        return sorted(
            (
                StoredFile(path.strip("/").removeprefix(prefix), int(info["size"] or 0), modified_ns(info))
                for path, info in found.items()
                if info["type"] == "file" and not path.endswith("/")
            ),
            key=lambda file: file.name,
        )

    def lacks_bucket(self) -> bool:
        """Whether S3 says that there is no such bucket; other stores are not asked. Raises HubError."""
        fs, path = self._opened
        if EXTRAS.get(self.url.partition("://")[0]) != "s3":
            return False

        def ask() -> bool:
            try:
                fs.info(path.partition("/")[0])
            except FileNotFoundError:
                return True
            except PermissionError:  # of the bucket; its folder may be open
                pass
            return False

        return patiently(self.url, ask)

    def is_file(self) -> bool:
        """Whether the URL is that of one file. Raises HubError."""
        fs, path = self._opened
        return bool(patiently(self.url, lambda: fs.isfile(path)))

    def stamp(self, name: str) -> tuple[int, int] | None:
        """Size in bytes and ``modified_ns`` of a file; None where there is none. Raises HubError."""
        fs, _ = self._opened

        def ask() -> tuple[int, int] | None:
            try:
                info = fs.info(self.at(name))
            except FileNotFoundError:
                return None
            return int(info["size"]), modified_ns(info)

        return patiently(f"{self.url}/{name}", ask)

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none. Raises HubError."""
        stamp = self.stamp(name)
        return stamp and stamp[0]

    def blocks(self, name: str, n_bytes: int, first: int = 0) -> Iterator[bytes]:
        """The first ``n_bytes`` of a file from byte ``first`` on, asked for block by block.

        Raises HubError, also where it ends before.
        """
        fs, _ = self._opened
        path, url = self.at(name), f"{self.url}/{name}"
        for start in range(first, n_bytes, READ_BYTES):
            stop = min(start + READ_BYTES, n_bytes)

            def ask(start: int = start, stop: int = stop) -> bytes:
                block = fs.cat_file(path, start=start, end=stop)
                if len(block) != stop - start:
                    raise EOFError
                return block

            yield patiently(url, ask)
            alive()

    def sha256(self, name: str, n_bytes: int) -> str:
        """SHA-256 of a file's content, read anew. Raises HubError."""
        digest = hashlib.sha256()
        for block in self.blocks(name, n_bytes):
            digest.update(block)
        return digest.hexdigest()

    def put(self, path: Path, name: str) -> None:
        """A file of this disk put there whole. Raises HubError, also where another size arrived.

        In an object store it appears with its last byte; elsewhere it is written under ``.part`` and renamed.
        """
        fs, _ = self._opened
        there, url = self.at(name), f"{self.url}/{name}"
        is_whole = self.url.partition("://")[0] in WHOLE_BY_NATURE

        def send() -> None:
            if is_whole:
                fs.put_file(str(path), there)
                return
            fs.makedirs(there.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(path), f"{there}.part")
            fs.mv(f"{there}.part", there)

        patiently(url, send)
        wanted, got = path.stat().st_size, self.size(name)
        if got != wanted:
            raise HubError(f"{url} has {got or 0} bytes where {wanted} were put; run the same command again")


def quiet_libraries() -> None:
    """Keep off the terminal what libraries of stores log, such as requests and tracebacks."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def store_at(url: str) -> Store:
    """The folder that a URL means.

    Raises OptionError for one with a user, a password or a query in it, which would end up in texts, and for
    a server that cannot list.
    """
    scheme, _, rest = refuse_secrets(url).partition("://")
    if scheme in ("http", "https") or "::" in url:
        raise OptionError(
            f"{url} cannot be listed; give s3://BUCKET/FOLDER, gs://…, hf://datasets/USER/NAME, or a folder"
        )
    if not rest.strip("/"):
        raise OptionError(f"{url} names no bucket; write {scheme}://BUCKET/FOLDER")
    return Store(url.rstrip("/"))


def modified_ns(info: dict) -> int:
    """When a file was changed, from what fsspec says of it; else a small number that its content gives."""
    for key in TIMES:
        when = info.get(key)
        if isinstance(when, str):
            try:
                when = datetime.fromisoformat(when.replace("Z", "+00:00"))
            except ValueError:
                continue
        if isinstance(when, datetime):
            when = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
        if isinstance(when, int | float):
            return int(when * 1000) * 10**6
    content = next((str(info[key]) for key in CONTENTS if info.get(key)), "")
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:4], "big") * 256

"""Files elsewhere as streams that mend cut connections, and as copies on this disk that continue after a
kill.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from speechlip.errors import HubError, NotThere, ShardError, WriteError
from speechlip.files.stamps import BLOCK_BYTES, sha256_of
from speechlip.files.writing import sync_folder
from speechlip.remote.blocks import BlockReader
from speechlip.remote.names import address, headers, in_store
from speechlip.remote.patience import LONGEST_PAUSE_S, RETRIES
from speechlip.remote.store_stream import StoreStream
from speechlip.urls import without_secrets


class RemoteStream(BlockReader):
    """The bytes of one file, in their order. ``commit``: of the repository, where the server says so.

    A cut is mended by asking for the rest (``Range``); 429 and 5xx are asked again as ``Retry-After`` says.
    Raises HubError where the file is not there, may not be read, the network stays away, or
    ``HF_HUB_OFFLINE`` is set; then what was read is a true beginning of the file.
    """

    def __init__(self, url: str, start: int = 0, token: str | None = None) -> None:
        self.url, self.position, self.commit, self._token = url, start, "", token
        self._shown = without_secrets(url)
        self._etag, self._failures, self._open = "", 0, ExitStack()
        self._blocks: Iterator[bytes] = iter(())
        self._connect_again()

    def close(self) -> None:
        self._open.close()

    def __enter__(self) -> "RemoteStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_block(self) -> bytes:
        """The bytes that come next, after a cut from where it was; none at the end."""
        import httpx2

        while True:
            try:
                block = next(self._blocks, b"")
            except httpx2.TransportError as error:
                self._pause(error)
                self._connect_again()
                continue
            self.position += len(block)
            self._failures = 0
            return block

    def _connect_again(self) -> None:
        import httpx2

        while True:
            try:
                return self._connect()
            except httpx2.TransportError as error:
                self._pause(error)

    def _connect(self) -> None:
        from huggingface_hub import constants
        from huggingface_hub.utils import hf_raise_for_status, http_stream_backoff

        self._open.close()
        asked = headers(self.url, self._token) | (
            {"range": f"bytes={self.position}-"} if self.position else {}
        )
        with refused_plainly(self._shown):
            request = http_stream_backoff(
                "GET",
                address(self.url),
                headers=asked,
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
                retry_on_exceptions=(),
            )
            response = self._open.enter_context(request)
            if response.status_code == 416:  # nothing lies beyond what is there already
                self._blocks = iter(())
                return
            hf_raise_for_status(response)
        seen = [*response.history, response]
        self.commit = next(
            (each.headers["x-repo-commit"] for each in seen if "x-repo-commit" in each.headers), ""
        )
        self._check_same(response.headers.get("etag", ""))
        self._blocks = response.iter_bytes(BLOCK_BYTES)
        if self.position and response.status_code != 206:
            self._skip(self.position)

    def _check_same(self, etag: str) -> None:
        if (
            self._etag and etag and etag != self._etag and not self.url.startswith("hf://")
        ):  # hf:// is read at one commit
            raise HubError(f"{self._shown} changed while it was read; run the same command again")
        self._etag = etag

    def _skip(self, n_bytes: int) -> None:
        """Pass over what was read before, where a server sends a file from its start alone."""
        while n_bytes > 0 and (block := next(self._blocks, b"")):
            n_bytes -= len(block)
            if n_bytes < 0:
                self._blocks = chain([block[n_bytes:]], self._blocks)

    def _pause(self, error: Exception) -> None:
        self._failures += 1
        self._open.close()
        if self._failures > RETRIES:
            raise HubError(
                f"the network went away while {self._shown} was read ({error or type(error).__name__}); "
                f"run the same command again"
            ) from error
        time.sleep(min(2 ** (self._failures - 1), LONGEST_PAUSE_S))


Stream = RemoteStream | StoreStream


def open_stream(url: str, start: int = 0, token: str | None = None) -> Stream:
    """A file elsewhere, from byte ``start`` on. Raises HubError and OptionError as the streams do."""
    return StoreStream(url, start) if in_store(url) else RemoteStream(url, start, token)


@contextmanager
def refused_plainly(url: str) -> Iterator[None]:
    """Turn what a server refuses, and a client that was told to ask none, into a HubError that says what to
    do; the client's own error has the whole URL in it, and is not shown with it.
    """
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise (NotThere if status == 404 else HubError)(read_refusal(url, status)) from None
    except OfflineModeIsEnabled as error:
        raise HubError(
            f"HF_HUB_OFFLINE is set, so {url} cannot be read; unset it, or give a folder on this disk"
        ) from error


def read_refusal(url: str, status: int) -> str:
    """
    >>> read_refusal("https://example.org/talks/manifest.json", 404)
    'there is no https://example.org/talks/manifest.json (404); check the name'
    """
    on_hub = url.startswith("hf://")
    if status in (401, 404) and on_hub:
        return (
            f"there is no {url}, or it is private ({status}); check the name, "
            f"and set HF_TOKEN or run `hf auth login` with an account that may read it"
        )
    if status == 403 and on_hub:
        return (
            f"{url} may not be read with this token (403); ask for access on its page, "
            f"then set HF_TOKEN or run `hf auth login`"
        )
    if status == 404:
        return f"there is no {url} (404); check the name"
    if status in (429, 500, 502, 503, 504):
        return (
            f"{url} was refused again and again ({status}: "
            f"{'too many requests' if status == 429 else 'the server is ill'}); run the same command later"
        )
    return f"{url} was refused ({status}); check the name and who may read it"


def fetch(
    url: str, path: Path, sha256: str = "", token: str | None = None, max_bytes: int | None = None
) -> Path:
    """A whole copy of ``url`` at ``path``, its SHA-256 checked.

    A copy that is there is kept, a part of one (``.part``) is continued. max_bytes: how long the file is, or
    may be at most; nothing beyond is written. Raises HubError where it cannot be fetched or is another file,
    ShardError where it is longer, WriteError where it cannot be written.
    """
    from huggingface_hub.utils import WeakFileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(path.with_name(f".{path.name}.lock")):
        if path.is_file() and (not sha256 or sha256_of(path) == sha256):
            return path
        part = path.with_name(path.name + ".part")
        try:
            if not sha256:  # without a hash nobody can tell whether it is a part of the same file
                part.unlink(missing_ok=True)
            _continue(url, part, token, max_bytes)
            if sha256 and (got := sha256_of(part)) != sha256:
                part.unlink()
                raise HubError(
                    f"{url} has SHA-256 {got}, {sha256} was wanted; run the same command again, "
                    f"or ask who put it there"
                )
            part.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise WriteError(
                f"cannot write {path}: {error.strerror or error}; mend that and run the same command again"
            ) from error
    return path


def _continue(url: str, part: Path, token: str | None, max_bytes: int | None) -> None:
    start = part.stat().st_size if part.exists() else 0
    with open_stream(url, start, token) as stream, part.open("ab") as file:
        while block := stream.read(BLOCK_BYTES):
            start += len(block)
            if max_bytes is not None and start > max_bytes:
                part.unlink()
                raise ShardError(
                    f"{url} has more than {max_bytes} bytes, the manifest says no more; ask who put it there"
                )
            file.write(block)
        file.flush()
        os.fsync(file.fileno())

"""Streams a repository back and compares counts and SHA-256 with what was sent."""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping, Sequence

from speechlip.files.stamps import BLOCK_BYTES
from speechlip.hub.repository import Repository, Upload
from speechlip.progress import Progress
from speechlip.remote.stream import RemoteStream


class HashedStream:
    """A stream whose bytes are hashed as they pass."""

    def __init__(self, stream: RemoteStream) -> None:
        self._stream, self._digest, self.bytes = stream, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self._digest.update(block)
        self.bytes += len(block)
        return block

    def sha256(self) -> str:
        """Of the whole file: what is left is read first."""
        while self.read(BLOCK_BYTES):
            pass
        return self._digest.hexdigest()


def differences(
    repository: Repository,
    commit: str,
    uploads: Sequence[Upload],
    clips: Mapping[str, int],
    progress: Progress,
) -> Iterator[str]:
    """Sentences about files whose size or SHA-256, and shards whose number of clips, are not as sent.

    clips: of each shard, by its path. Raises HubError for a file that is not there or cannot be read.
    """
    folder = f"hf://{repository.kind}s/{repository.repo_id}@{commit}"
    progress.begin("reading back", len(uploads), "files")
    for upload in uploads:
        with RemoteStream(f"{folder}/{upload.path}", token=repository.token) as remote:
            stream = HashedStream(remote)
            counted = count_clips(stream) if upload.path in clips else None
            sha256 = stream.sha256()
            if stream.bytes != upload.bytes:
                yield f"{upload.path} has {stream.bytes} bytes there, {upload.bytes} were sent"
            elif sha256 != upload.sha256:
                yield f"{upload.path} has SHA-256 {sha256} there, {upload.sha256} was sent"
            elif counted is not None and counted != clips[upload.path]:
                yield f"{upload.path} holds {counted} clips there, the manifest says {clips[upload.path]}"
        progress.advance(1, upload.path)


def count_clips(stream: HashedStream) -> int | None:
    """Samples of a tar; None where it cannot be read, which its hash says better."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
            return len({member.name.partition(".")[0] for member in tar})
    except tarfile.TarError:
        return None

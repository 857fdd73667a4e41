"""Streams a repository back and compares counts and SHA-256 with what was sent."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator, Sequence

from speechlip.files import BLOCK_BYTES
from speechlip.remote.stream import RemoteStream

from .repository import Upload


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
    repo_id: str, commit: str, manifest: dict, uploads: Sequence[Upload], token: str, told: Callable[[str, int, int], object]
) -> Iterator[str]:
    """Sentences about files whose SHA-256, and shards whose number of clips, are not as sent. told: (path, files done, files in all)."""
    clips = {f"data/{row['name']}": row["clips"] for row in manifest["shards"]}
    for number, upload in enumerate(uploads):
        told(upload.path, number, len(uploads))
        with RemoteStream(f"hf://datasets/{repo_id}@{commit}/{upload.path}", token=token) as remote:
            stream = HashedStream(remote)
            counted = count_clips(stream) if upload.path in clips else None
            if (found := stream.sha256()) != upload.sha256:
                yield f"{upload.path} has SHA-256 {found} there, {upload.sha256} was sent"
            elif counted is not None and counted != clips[upload.path]:
                yield f"{upload.path} holds {counted} clips there, the manifest says {clips[upload.path]}"
    told("", len(uploads), len(uploads))


def count_clips(stream: HashedStream) -> int | None:
    """Samples of a tar; None where it cannot be read, which its hash says better."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
            return len({member.name.partition(".")[0] for member in tar})
    except tarfile.TarError:
        return None

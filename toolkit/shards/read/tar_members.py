"""The members of one shard, read so that no header can make a reader fill the memory.

A shard is a plain tar (docs/format.md) without compressed, sparse or giant members. gzip makes ten gigabytes
of ten megabytes, a sparse member any size of nothing, and an extended header is read whole before anybody
sees it; prep-shards writes none of them.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from speechlip.errors import ShardError
from speechlip.remote.names import is_remote
from speechlip.remote.stream import Stream, open_stream
from speechlip.urls import without_secrets

MAX_MEMBER_BYTES = 1 << 29
"""A PNG filmstrip of five hours."""
MAX_HEADER_BYTES = 1 << 16
"""Of an extended header: a name of any length that a file system takes, sixteen times over."""
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class PlainHeader(tarfile.TarInfo):
    """A tar header that is refused before anything it announces is read, with a ReadError."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "PlainHeader":
        for magic, name in COMPRESSED.items():
            if buf.startswith(magic) and buf[257:262] != b"ustar":
                raise tarfile.ReadError(
                    f"it is compressed with {name}, a shard is a plain tar; decompress it"
                )
        return super().frombuf(buf, encoding, errors)

    def _proc_member(self, tar: tarfile.TarFile) -> Any:  # tarfile: "can be overridden in a subclass"
        limit = MAX_HEADER_BYTES if self.type in EXTENDED else MAX_MEMBER_BYTES
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(
                f"member {self.name[-60:]!a} is sparse, a shard's members are plain files"
            )
        if not 0 <= self.size <= limit:
            raise tarfile.ReadError(
                f"member {self.name[-60:]!a} claims {self.size} bytes, at most {limit} are read"
            )
        return super()._proc_member(tar)  # type: ignore[misc]


def plain_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members of a tar that ``open_tar`` or ``stream_tar`` opened.

    Those passed are forgotten, so that a million of them take no memory.
    """
    for member in tar:
        tar.members = []  # type: ignore[attr-defined]
        if (
            member.issparse() or not 0 <= member.size <= MAX_MEMBER_BYTES
        ):  # an extended header may say so after the plain one
            raise tarfile.ReadError(
                f"member {member.name[-60:]!a} is sparse or claims {member.size} bytes, "
                f"at most {MAX_MEMBER_BYTES} are read"
            )
        yield member


def open_tar(path: str | Path) -> tarfile.TarFile:
    """A shard on this disk, for random access."""
    return tarfile.open(path, "r:", tarinfo=PlainHeader)


def stream_tar(stream: BinaryIO | Stream) -> tarfile.TarFile:
    """A shard read once from its beginning to its end."""
    return tarfile.open(fileobj=stream, mode="r|", tarinfo=PlainHeader)  # type: ignore[call-overload]


@contextmanager
def opened_tar(url: str) -> Iterator[tarfile.TarFile]:
    """A shard read once from its beginning to its end; on this disk, members that nobody asks for are passed
    over.
    """
    if not is_remote(url):
        with open_tar(url) as tar:
            yield tar
        return
    with open_stream(url) as stream, stream_tar(stream) as tar:
        yield tar


@contextmanager
def said_of(url: str | Path) -> Iterator[None]:
    """Whatever reading the tar at ``url`` meets, as a ShardError that names it."""
    try:
        yield
    except (
        tarfile.TarError,
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        MemoryError,
        RecursionError,
    ) as error:
        first = next(iter(error.args), "")  # webdataset adds to args
        why = getattr(error, "strerror", None) or str(first) or type(error).__name__
        raise ShardError(
            f"shard {without_secrets(str(url))} cannot be read ({why}); copy it again, then run verify-shards"
        ) from error

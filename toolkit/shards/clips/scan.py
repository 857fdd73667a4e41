"""Where each sample lies in its shard, and what its ``json`` says: headers are read, media are not."""

import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of
from speechlip.shards.sample_meta import meta_json
from speechlip.shards.writer import TAR_BLOCK

META = "json"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a sample.

    name: without the key, such as ``lips.jpg``.
    offset, length: of its header, content and padding in the shard, bytes.
    size: of its content, bytes.
    """

    name: str
    offset: int
    length: int
    size: int


@dataclass(frozen=True)
class SampleSpan:
    """Where one sample lies in its shard.

    key: of the sample.
    members: in their order, without a gap.
    meta: its ``json``.
    """

    key: str
    members: tuple[Member, ...]
    meta: dict[str, Any] = field(repr=False)

    @property
    def offset(self) -> int:
        """Where its first header begins, bytes."""
        return self.members[0].offset

    @property
    def length(self) -> int:
        """Bytes from there to the end of the padding of its last member."""
        return sum(member.length for member in self.members)


def scan_shard(path: Path) -> Iterator[SampleSpan]:
    """The samples of one shard in their order.

    Raises ShardError for what is no plain tar of samples, or a sample without a ``json`` that can be read.
    """
    key, members, meta = "", list[Member](), None
    with said_of(path), open_tar(path) as tar:
        for info in plain_members(tar):
            own, _, name = info.name.partition(".")
            if own != key and members:
                yield _span(path, key, members, meta)
                members, meta = [], None
            key = own
            members.append(_member(path, info, name))
            if name == META:
                meta = _meta(path, key, tar, info)
        if members:
            yield _span(path, key, members, meta)


def _member(path: Path, info: tarfile.TarInfo, name: str) -> Member:
    if not info.isreg() or not name or "/" in info.name:
        raise ShardError(
            f"shard {path} holds {info.name!a}, which is no member of a sample; run verify-shards"
        )
    stop = info.offset_data + -(-info.size // TAR_BLOCK) * TAR_BLOCK
    return Member(sys.intern(name), info.offset, stop - info.offset, info.size)


def _meta(path: Path, key: str, tar: tarfile.TarFile, info: tarfile.TarInfo) -> dict[str, Any]:
    file = tar.extractfile(info)
    try:
        return meta_json(file.read() if file else b"")
    except (ValueError, RecursionError) as error:
        raise ShardError(f"json of sample {key!a} of {path} cannot be read: {error}") from error


def _span(path: Path, key: str, members: list[Member], meta: dict[str, Any] | None) -> SampleSpan:
    if meta is None:
        raise ShardError(f"sample {key!a} of {path} has no json; run verify-shards")
    return SampleSpan(key, tuple(members), meta)

"""One sample of a folder that is edited: where it lies, in few bytes; its ``json`` is read when asked for."""

import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from speechlip.errors import ShardError
from speechlip.shards.clips.scan import META, Member, SampleSpan
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.sample_meta import SampleMeta
from speechlip.shards.writer import TAR_BLOCK

BLOCK_BYTES = 1 << 22
COPY_AGAIN = "copy it again, or restore it; verify-shards says all"
METAS_HELD = 1000
"""Of a folder: several things are asked of the clips of one source, one after another."""
PLACE = struct.Struct("<3q")
"""Offset, length and size of a member, bytes."""
ReadMeta = Callable[["Sample"], SampleMeta]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a folder that is edited: about 500 bytes, so that a million fit.

    path: of its shard.
    split: that it is in.
    key: of the sample.
    source: name of the source.
    speaker: name of the speaker.
    licence: of the source; None where the sample does not say.
    names: of its members, in their order, such as ``lips.jpg``.
    places: offset, length and size of each, packed.
    read: reads its ``json``.
    """

    path: Path
    split: str
    key: str
    source: str
    speaker: str
    licence: str | None
    names: tuple[str, ...] = field(repr=False)
    places: bytes = field(repr=False)
    read: ReadMeta = field(repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """To another process it goes without the ``json`` that is held in this one."""
        own = self.path, self.split, self.key, self.source, self.speaker, self.licence
        return Sample, (*own, self.names, self.places, read_meta)

    @property
    def members(self) -> tuple[Member, ...]:
        """Where they lie in the shard."""
        places = PLACE.iter_unpack(self.places)
        return tuple(Member(name, *place) for name, place in zip(self.names, places, strict=True))

    @property
    def meta(self) -> SampleMeta:
        """What it says of itself. Raises ShardError where that cannot be read."""
        return self.read(self)

    @property
    def offset(self) -> int:
        """Where it begins in its shard, bytes."""
        return int(PLACE.unpack_from(self.places)[0])

    @property
    def length(self) -> int:
        """Of headers, contents and padding, bytes."""
        return sum(length for _, length, _ in PLACE.iter_unpack(self.places))

    @property
    def pair_clip(self) -> PairClip:
        """What pairing needs to know of it."""
        return pair_clip(self.key, self.meta)


def sample_of(path: Path, split: str, span: SampleSpan, read: ReadMeta) -> Sample:
    """The sample that lies there in the shard ``path``."""
    meta = SampleMeta.of(span.meta)
    places = b"".join(PLACE.pack(each.offset, each.length, each.size) for each in span.members)
    names = _shared(tuple(each.name for each in span.members))
    speaker = sys.intern(meta.speaker)
    licence = meta.licence if meta.licence is None else sys.intern(str(meta.licence))
    return Sample(path, split, span.key, sys.intern(str(meta.source)), speaker, licence, names, places, read)


@lru_cache(maxsize=16)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for equal names."""
    return names


def meta_reader() -> ReadMeta:
    """Reads what samples say of themselves, and holds the last few."""
    return lru_cache(maxsize=METAS_HELD)(read_meta)


def read_meta(sample: Sample) -> SampleMeta:
    """What a sample says of itself, from its shard. Raises ShardError where that cannot be read."""
    member = next(each for each in sample.members if each.name == META)
    try:
        with sample.path.open("rb") as file:
            return SampleMeta.load(content(file, sample, member))
    except (OSError, ValueError, RecursionError) as error:
        raise ShardError(f"json of sample {sample.key!a} of {sample.path} cannot be read: {error}") from error


def content(given: BinaryIO, sample: Sample, member: Member) -> bytes:
    """The content of one member, without header and padding; ShardError where the shard ends before."""
    start = member.offset + member.length - -(-member.size // TAR_BLOCK) * TAR_BLOCK
    return b"".join(stretch(given, sample, start, member.size))


def stretch(given: BinaryIO, sample: Sample, offset: int, n_bytes: int) -> Iterator[bytes]:
    """So many bytes of a shard. Raises ShardError where it ends before."""
    given.seek(offset)
    while n_bytes:
        block = given.read(min(n_bytes, BLOCK_BYTES))
        if not block:
            raise ShardError(f"{sample.path} ends within {sample.key}; {COPY_AGAIN}")
        n_bytes -= len(block)
        yield block

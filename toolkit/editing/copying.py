"""Samples copied byte for byte into a new shard: headers, members, padding; nothing is decoded."""

import hashlib
import tarfile
from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from speechlip.editing.sample import BLOCK_BYTES, COPY_AGAIN, Sample, content, stretch
from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.files.strict_json import encode_json, strict_json
from speechlip.files.writing import whole_file, write_text
from speechlip.manifest import ShardRow
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.place.placing import result_path, tar_path
from speechlip.preparing.plan.units import Unit
from speechlip.progress import Progress
from speechlip.shards.clips.scan import META
from speechlip.shards.writer import TAR_BLOCK


@dataclass(frozen=True)
class Change:
    """Members that samples get anew; all others are copied.

    names: of these members, the same in every sample; those that a sample lacks are added.
    make: (sample, its ``json``) → their contents, by name.
    """

    names: tuple[str, ...]
    make: Callable[[Sample, dict[str, Any]], Mapping[str, bytes]]


@dataclass(frozen=True)
class NewShard:
    """One shard to be written.

    samples: in their order.
    whole: the shard of which they are all, copied as it is; None where samples come from here and there.
    change: what its samples get anew; None where they are copied as they are.
    """

    unit: Unit
    samples: tuple[Sample, ...] = field(repr=False)
    whole: ShardRow | None = None
    change: Change | None = field(default=None, hash=False, repr=False)

    @property
    def bytes(self) -> int:
        """What is read and written for it."""
        return sum(sample.length for sample in self.samples)


class Copier:
    """Copies samples into shards in ``work``, each input shard checked against its manifest once.

    stated: path of every input shard → its row of the manifest.
    """

    def __init__(self, work: Path, stated: dict[Path, ShardRow], progress: Progress) -> None:
        self.work, self.stated, self.progress = work, stated, progress
        self._sound: set[Path] = set()

    def copy(self, shard: NewShard) -> None:
        """Write one shard, then its result, which means done.

        Raises ShardError where an input shard is not the one of its manifest.
        """
        path = tar_path(self.work, shard.unit)
        with whole_file(path) as file:
            digest, n_bytes = self._whole(shard, file) if shard.whole else self._pieces(shard, file)
        fields = {name for sample in shard.samples for name in sample.names}
        fields.update(shard.change.names if shard.change else ())
        clips = tuple(sample.pair_clip for sample in shard.samples)
        result = UnitResult(digest, n_bytes, tuple(sorted(fields)), clips, ())
        write_text(result_path(self.work, shard.unit), encode_json(asdict(result)).decode())

    def _whole(self, shard: NewShard, file: BinaryIO) -> tuple[str, int]:
        path, digest, n_bytes = shard.samples[0].path, hashlib.sha256(), 0
        for block in blocks(path):
            digest.update(block)
            file.write(block)
            n_bytes += len(block)
            self.progress.advance(len(block) / 1e6, path.name)
        refuse_other_bytes(path, digest.hexdigest(), self.stated[path])
        return digest.hexdigest(), n_bytes

    def _pieces(self, shard: NewShard, file: BinaryIO) -> tuple[str, int]:
        digest, n_bytes = hashlib.sha256(), 0
        for path, samples in groupby(shard.samples, key=lambda sample: sample.path):
            self._refuse_damaged(path)
            with path.open("rb") as given:
                for sample in samples:
                    for piece in pieces(given, sample, shard.change):
                        digest.update(piece)
                        file.write(piece)
                        n_bytes += len(piece)
                    self.progress.advance(sample.length / 1e6, path.name)
        end = tar_end(n_bytes)
        digest.update(end)
        file.write(end)
        return digest.hexdigest(), n_bytes + len(end)

    def _refuse_damaged(self, path: Path) -> None:
        if path not in self._sound:
            refuse_other_bytes(path, sha256_of(path), self.stated[path])
            self._sound.add(path)


def blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def refuse_other_bytes(path: Path, sha256: str, row: ShardRow) -> None:
    """Raise ShardError where a shard has another hash than its manifest says."""
    if sha256 != row.sha256:
        raise ShardError(f"{path} has SHA-256 {sha256}, its manifest says {row.sha256}; {COPY_AGAIN}")


def pieces(given: BinaryIO, sample: Sample, change: Change | None) -> Iterator[bytes]:
    """The bytes of one sample in its shard, with the members that ``change`` makes anew in their order."""
    if change is None:
        yield from stretch(given, sample, sample.offset, sample.length)
        return
    members = {member.name: member for member in sample.members}
    made = change.make(sample, strict_json(content(given, sample, members[META])))
    names = [*members]
    for name in sorted(made.keys() - members.keys()):
        insort(names, name)
    for name in names:
        if name in made:
            yield member_bytes(f"{sample.key}.{name}", made[name])
        else:
            yield from stretch(given, sample, members[name].offset, members[name].length)


def member_bytes(name: str, content: bytes) -> bytes:
    """Header, content and padding of a member as ``shards.writer`` writes it."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o444
    return info.tobuf() + content + bytes(-len(content) % TAR_BLOCK)


def tar_end(n_bytes: int) -> bytes:
    """What ends a tar of so many bytes: two empty blocks, then up to a whole record."""
    return bytes(2 * TAR_BLOCK + -(n_bytes + 2 * TAR_BLOCK) % tarfile.RECORDSIZE)

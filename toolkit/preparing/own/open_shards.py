"""Shards that own clips are being written into: one open per split."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.place.placing import DoneUnit, done_unit, tar_path
from speechlip.preparing.plan.units import Unit
from speechlip.shards.pairs.rules import PairClip
from speechlip.shards.writer import OpenShard, Sample, open_shard_file, tar_bytes


@dataclass
class Growing:
    """A shard under way: its unit, its file, and the clips in it so far."""

    unit: Unit
    tar: OpenShard
    file: ExitStack
    clips: list[PairClip] = field(default_factory=list)


class OpenShards:
    """The shards under way in the folder ``work``, none larger than ``shard_bytes`` unless one sample is."""

    def __init__(self, work: Path, shard_bytes: int) -> None:
        self.work, self.shard_bytes = work, shard_bytes
        self._growing: dict[str, Growing] = {}
        self._whole: dict[str, dict[Unit, DoneUnit]] = {}

    def write(self, split: str, clip: PairClip, members: Sample) -> None:
        """Append a sample to the shard of its split; a full one is closed before."""
        growing = self._growing.get(split)
        if growing and growing.tar.n_bytes + tar_bytes(members) > self.shard_bytes:
            self._close(split)
            growing = None
        growing = growing or self._open(split)
        growing.tar.write(clip.key, members)
        growing.clips.append(clip)

    def done(self) -> Mapping[Unit, DoneUnit]:
        """All shards, closed, split by split in the order in which the splits came."""
        for split in list(self._growing):
            self._close(split)
        return {unit: result for whole in self._whole.values() for unit, result in whole.items()}

    def abandon(self) -> None:
        """Close what is open and leave nothing of it."""
        while self._growing:
            _, growing = self._growing.popitem()
            error = ShardError(f"{growing.unit.name} is given up")
            growing.file.__exit__(type(error), error, None)

    def _open(self, split: str) -> Growing:
        unit = Unit(split, len(self._whole.setdefault(split, {})), ())
        file = ExitStack()
        tar = file.enter_context(open_shard_file(tar_path(self.work, unit)))
        growing = self._growing[split] = Growing(unit, tar, file)
        return growing

    def _close(self, split: str) -> None:
        growing = self._growing.pop(split)
        growing.file.close()
        path, fields = tar_path(self.work, growing.unit), tuple(sorted(growing.tar.fields))
        result = UnitResult(sha256_of(path), path.stat().st_size, fields, tuple(growing.clips), ())
        self._whole[split][growing.unit] = done_unit(growing.unit, result)

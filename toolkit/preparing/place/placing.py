"""Finished shards: where they lie while a run goes on, and under which names they end."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.files.writing import make_folder, remove, sync_folder
from speechlip.format import SPLIT_NAME
from speechlip.manifest import ShardRow
from speechlip.preparing.cut.unit import UnitResult
from speechlip.preparing.plan.units import Unit
from speechlip.shards.ledger import row_from
from speechlip.shards.pairs.rules import PairClip, Spoken

SHARD_NAME = rf"{SPLIT_NAME}-\d{{5,}}-of-\d{{5,}}\.tar"
TRAIN = "train"
"""The split whose pairs are sampled while training; those of the others are frozen."""


@dataclass(frozen=True, slots=True)
class DoneUnit:
    """What the end needs of a unit's result.

    sha256, bytes, fields: as ``UnitResult`` has them.
    n_clips, n_frames: in the shard.
    speakers: of the clips.
    clips: of which pairs are frozen; none in ``train``.
    """

    sha256: str
    bytes: int
    fields: tuple[str, ...]
    n_clips: int
    n_frames: int
    speakers: frozenset[str]
    clips: tuple[PairClip, ...]


Results = Mapping[Unit, DoneUnit]


def done_unit(unit: Unit, result: UnitResult) -> DoneUnit:
    """What the end needs of a result."""
    return DoneUnit(
        result.sha256,
        result.bytes,
        result.fields,
        len(result.clips),
        sum(clip.n_frames for clip in result.clips),
        frozenset(sys.intern(clip.speaker) for clip in result.clips),
        () if unit.split == TRAIN else result.clips,
    )


def result_path(work: Path, unit: Unit) -> Path:
    return work / f"{unit.name}.json"


def tar_path(work: Path, unit: Unit) -> Path:
    return work / f"{unit.name}.tar"


def as_spans(spans: list | None) -> Spoken:
    """Spans of frames from what JSON has of them."""
    return None if spans is None else tuple((start, stop) for start, stop in spans)


def load_result(path: Path) -> UnitResult:
    raw = json.loads(path.read_text(encoding="utf-8"))
    clips = tuple(PairClip(**clip | {"spoken": as_spans(clip.get("spoken"))}) for clip in raw["clips"])
    return UnitResult(
        raw["sha256"], raw["bytes"], tuple(raw["fields"]), clips, tuple(map(row_from, raw["rows"]))
    )


def each_whole_result(work: Path, data: Path, units: Sequence[Unit]) -> Iterator[tuple[Unit, UnitResult]]:
    """The readable results in ``work`` whose shard is there in full, one at a time; a unit without a clip
    needs none.

    Shards that an interrupted end has put in place are taken back first: the end may come out otherwise this
    time.
    """
    if any(data.glob("*.tar")):
        without = [unit for unit in units if not tar_path(work, unit).exists()]
        found = {unit: done_unit(unit, result) for unit, result in _readable(work, without)}
        take_back(work, data, found)
    for unit, result in _readable(work, units):
        if not result.clips or has_size(tar_path(work, unit), result.bytes):
            yield unit, result


def _readable(work: Path, units: Sequence[Unit]) -> Iterator[tuple[Unit, UnitResult]]:
    for unit in units:
        try:
            yield unit, load_result(result_path(work, unit))
        except (OSError, ValueError, KeyError, TypeError):
            continue


def take_back(work: Path, data: Path, results: Results) -> None:
    """Move shards that an interrupted end had put into ``data`` back to ``work``, found by SHA-256."""
    wanted = {
        result.sha256: unit
        for unit, result in results.items()
        if result.n_clips and not tar_path(work, unit).exists()
    }
    sizes = {results[unit].bytes for unit in wanted.values()}
    for path in sorted(data.glob("*.tar")):
        if path.stat().st_size in sizes and (unit := wanted.pop(sha256_of(path), None)):
            path.replace(tar_path(work, unit))


def has_size(path: Path, n_bytes: int) -> bool:
    try:
        return path.stat().st_size == n_bytes
    except OSError:
        return False


def shard_names(with_clips: Sequence[Unit]) -> dict[Unit, str]:
    """The final name of each unit that has clips: numbered by split, without a gap."""
    counts, number = Counter(unit.split for unit in with_clips), Counter[str]()
    names = {}
    for unit in with_clips:
        names[unit] = f"{unit.split}-{number[unit.split]:05d}-of-{counts[unit.split]:05d}.tar"
        number[unit.split] += 1
    return names


def place_shards(work: Path, data: Path, results: Results) -> list[ShardRow]:
    """Move the tars that hold clips to their final names; the manifest's rows of them.

    Shards of an earlier end that came out otherwise are removed. Raises ShardError where one went away
    meanwhile.
    """
    make_folder(data)
    names = shard_names([unit for unit, result in results.items() if result.n_clips])
    for unit, name in names.items():
        if not has_size(tar_path(work, unit), results[unit].bytes):
            raise ShardError(f"{tar_path(work, unit)} went away or was cut; the same command makes it again")
        tar_path(work, unit).replace(data / name)
    placed = set(names.values())
    for path in data.glob("*.tar"):
        if re.fullmatch(SHARD_NAME, path.name) and path.name not in placed:
            remove(path)
    sync_folder(data)
    return [described(name, unit, results[unit]) for unit, name in names.items()]


def described(name: str, unit: Unit, result: DoneUnit) -> ShardRow:
    """A shard as the manifest lists it."""
    return ShardRow(
        name=name,
        split=unit.split,
        sha256=result.sha256,
        bytes=result.bytes,
        clips=result.n_clips,
        frames=result.n_frames,
    )


def damaged_shards(data: Path, rows: Sequence[ShardRow]) -> list[ShardRow]:
    """The shards of a manifest that are missing or of another size."""
    return [row for row in rows if not has_size(data / row.name, row.bytes)]

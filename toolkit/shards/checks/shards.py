"""Whether the shards are those of the manifest: files, hashes, tar headers, every sample, counts."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from speechlip.format import LEDGER, SHARDS_FOLDER, shard_file
from speechlip.manifest import Manifest, ShardRow
from speechlip.progress import Progress
from speechlip.remote.mirror import shard_url
from speechlip.shards.checks.clips import check_rows
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.read_shard import SampleReading, ShardReading, read_shard, unread_shard
from speechlip.shards.checks.samples import differing
from speechlip.shards.checks.sentences import unbroken
from speechlip.wording import counted
from speechlip.workers.outcomes import spread

PARTS = (".part", ".lock")
"""What fetching leaves beside shards."""

Item = TypeVar("Item")
Made = TypeVar("Made")


def check_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The shards of the manifest and no other file in ``data/``; numbered without a gap."""
    listed = {row.name: row for row in manifest.shards}
    there = {path.name for path in (folder / SHARDS_FOLDER).glob("*")}
    elsewhere = {name for name in listed if shard_url(folder, name)}
    for name in sorted(listed.keys() - there - elsewhere):
        clips = counted(listed[name].clips, "clip")
        unseen = f"its {clips}, and what ledger and pairs say of them, cannot be checked"
        yield f"{shard_file(name)} is missing though the manifest lists it: {unseen}"
    if not sum(row.clips for row in listed.values()):
        yield f"there is no clip in it; {LEDGER} says what became of the videos"
    extra = {name for name in there - listed.keys() if not (elsewhere and name.endswith(PARTS))}
    yield from (f"{shard_file(name)} is not in the manifest; move it away" for name in sorted(extra))
    for split, n_shards in Counter(row.split for row in listed.values()).items():
        wanted = {f"{split}-{index:05d}-of-{n_shards:05d}.tar" for index in range(n_shards)}
        yield from (
            f"shard {name} of split {split} is not one of {n_shards} numbered shards"
            for name in {name for name, row in listed.items() if row.split == split} - wanted
        )


def check_shards(
    folder: Path, manifest: Manifest, contents: Contents, workers: int, progress: Progress
) -> Iterator[str]:
    """Size and SHA-256 of every shard, every sample in it, and its counts; fills ``contents``.

    workers: processes that read shards; the sentences do not depend on it.
    """
    progress.begin("verifying", sum(row.clips for row in manifest.shards), "clips")
    columns = None if contents.listed is None else manifest.columns
    work = partial(read_shard, folder=folder, fields=manifest.fields, columns=columns)
    numbered = list(enumerate(manifest.shards))
    made = spread(work, numbered, workers, progress, unread_shard, here=workers < 2)
    for row, reading in in_order(made):
        yield from _shard_problems(row, reading, manifest, contents)


def in_order(made: Iterator[tuple[tuple[int, Item], Made]]) -> Iterator[tuple[Item, Made]]:
    """Items that are numbered from 0 on, each with what was made of it, by their numbers.

    >>> list(in_order(iter([((1, "b"), "B"), ((0, "a"), "A"), ((2, "c"), "C")])))
    [('a', 'A'), ('b', 'B'), ('c', 'C')]
    """
    early: dict[int, tuple[Item, Made]] = {}
    due = 0
    for (number, item), one in made:
        early[number] = item, one
        while due in early:
            yield early.pop(due)
            due += 1


def _shard_problems(
    row: ShardRow, reading: ShardReading, manifest: Manifest, contents: Contents
) -> Iterator[str]:
    yield from reading.of_file
    if not reading.is_read:
        contents.missing[row.split] += row.clips
        return
    clips, frames = contents.n_clips, contents.n_frames
    for sample in reading.samples:
        yield from unbroken(f"sample {sample.key}", _sample_problems(sample, row.split, contents))
    if reading.broken_off:
        yield reading.broken_off
    clips, frames = contents.n_clips - clips, contents.n_frames - frames
    if (clips, frames) != (row.clips, row.frames):
        held = f"{shard_file(row.name)} holds {clips} clips and {frames} frames"
        yield f"{held}, the manifest says {row.clips} and {row.frames}"
    if reading.no_rows:
        yield reading.no_rows
    else:
        yield from check_rows(row, reading.rows, manifest, contents)


def _sample_problems(sample: SampleReading, split: str, contents: Contents) -> Iterator[str]:
    """What is wrong with a sample alone, and beside those before it; counts it."""
    key, types = sample.key, sample.types
    contents.n_clips += 1
    if contents.has(key):
        yield f"key {key} occurs twice"
    yield from sample.problems
    if types is None:
        return
    if other := differing(types, contents.types or types):
        yield f"{key}: json differs from the first sample's in the presence or type of {', '.join(other)}"
    contents.types = types | (contents.types or {})
    if sample.meta is not None:
        contents.add(split, key, sample.meta)

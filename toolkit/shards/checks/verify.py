"""Re-read a whole prepared folder with plain webdataset and say everything that is not as docs/format.md states it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechlip.errors import HubError, ShardError, WriteError
from speechlip.files.stamps import sha256_of
from speechlip.format import LEDGER, MANIFEST, SHARDS_FOLDER, shard_file
from speechlip.licences import plain_licence
from speechlip.manifest import Manifest, ShardRow
from speechlip.remote.mirror import shard_on_disk, shard_url, shards_at
from speechlip.shards.checks.folder import (
    Found,
    check_ledger,
    check_licences,
    check_pairs,
    check_seal,
    check_splits,
)
from speechlip.shards.checks.samples import META_TYPES, sample_problems, signature
from speechlip.shards.pairs.rules import pair_clip
from speechlip.shards.read.decode import decode_json
from speechlip.shards.read.shardset import read_manifest
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of
from speechlip.shards.sample_meta import SampleMeta
from speechlip.timing import seconds
from speechlip.wording import counted, visible

MAX_PROBLEMS = 100
"""Sentences kept; the rest are counted."""
MAX_PROBLEM_CHARS = 2000
PARTS = (".part", ".lock")
"""What fetching leaves beside shards."""
COUNTED_META = ("source", "speaker", "source_sha256", "start_s", "n_frames", "licence")
"""What of a sample's ``json`` the counts, the ledger and the pairs are compared with."""
OnClip = Callable[[int, int], object]


@dataclass(frozen=True)
class Verification:
    """What was re-read, and every problem as a sentence (the first 100; ``more`` counts the rest).

    licences: those of the clips, as their samples say. notes: what could not be checked, because an older release did not write it down.
    """

    shards: int
    clips: int
    frames: int
    pairs: int
    problems: tuple[str, ...]
    more: int = 0
    licences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        clips, pairs = counted(self.clips, "clip"), counted(self.pairs, "frozen pair")
        read = f"{counted(self.shards, 'shard')}, {clips}, {seconds(self.frames):.1f} s, {pairs}"
        if self.ok:
            return "\n".join([f"{read}: sound", *self.notes])
        count = counted(len(self.problems) + self.more, "problem")
        return "\n".join(
            [f"{read}: {count}", *self.problems, *([f"… and {self.more} more"] * bool(self.more))]
        )


def verify(folder: str | Path, on_clip: OnClip = lambda done, total: None) -> Verification:
    """Check hashes, counts, keys, shapes, lengths, spectrograms, splits, ledger and frozen pairs of a prepared folder, here or elsewhere.

    on_clip is called with (clips read, clips that the manifest promises). Of a folder elsewhere one shard at a time lies on this disk. Never raises
    for what is wrong with the folder's content; raises HubError for what cannot be reached.
    """
    folder, found = shards_at(folder), Found()
    try:
        manifest = read_manifest(folder)
    except ShardError as error:
        return Verification(0, 0, 0, 0, (one_line(error),))
    problems = _Problems(
        unbroken("the files in data/", check_files(folder, manifest)),
        unbroken(MANIFEST, check_seal(folder, manifest)),
        unbroken("the shards", check_shards(folder, manifest, found, on_clip)),
        unbroken("the splits", check_splits(manifest, found)),
        unbroken(LEDGER, check_ledger(folder, manifest, found)),
        unbroken("the licences", check_licences(manifest, found)),
        unbroken("the frozen pairs", check_pairs(folder, manifest, found)),
    )
    return Verification(
        shards=len(manifest.shards),
        clips=found.n_clips,
        frames=found.n_frames,
        pairs=sum(file.rows for file in manifest.pairs.values()),
        problems=problems.first,
        more=problems.more,
        licences=tuple(sorted(found.licences)),
        notes=tuple(unsealed(manifest)),
    )


def unsealed(manifest: Manifest) -> Iterator[str]:
    """What the manifest of an older release does not hold, so that a change there goes unseen."""
    lacking = ["itself"] * (manifest.digest is None) + ["the ledger"] * (manifest.ledger is None)
    if lacking:
        yield f"the manifest holds no hash of {' and '.join(lacking)}, as older releases wrote it: a change there may go unseen"


def unbroken(what: str, check: Iterator[str]) -> Iterator[str]:
    """The sentences of a check, in one printable line each; where it breaks on what it reads, whatever that is, a sentence of that as well."""
    try:
        yield from map(one_line, check)
    except (HubError, WriteError):
        raise
    except Exception as error:
        yield one_line(f"{what} cannot be checked further: {type(error).__name__}: {error}")


def one_line(said: object) -> str:
    """Text for a terminal: no line feed and no escape sequence of a name in it, and of endless text its beginning."""
    text = visible(str(said))
    return text if len(text) <= MAX_PROBLEM_CHARS else text[:MAX_PROBLEM_CHARS] + " …"


class _Problems:
    def __init__(self, *checks: Iterator[str] | Sequence[str]) -> None:
        self.more = 0
        first: list[str] = []
        for problem in (problem for check in checks for problem in check):
            if len(first) < MAX_PROBLEMS:
                first.append(problem)
            else:
                self.more += 1
        self.first = tuple(first)


def check_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """The shards of the manifest and no other file in ``data/``; numbered without a gap."""
    listed = {row.name: row for row in manifest.shards}
    there = {path.name for path in (folder / SHARDS_FOLDER).glob("*")}
    elsewhere = {name for name in listed if shard_url(folder, name)}
    for name in sorted(listed.keys() - there - elsewhere):
        unseen = f"its {counted(listed[name].clips, 'clip')}, and what ledger and pairs say of them, cannot be checked"
        yield f"{shard_file(name)} is missing though the manifest lists it: {unseen}"
    if not sum(row.clips for row in listed.values()):
        yield "there is no clip in it; ledger.jsonl says what became of the videos"
    extra = {name for name in there - listed.keys() if not (elsewhere and name.endswith(PARTS))}
    yield from (f"{shard_file(name)} is not in the manifest; move it away" for name in sorted(extra))
    for split, n_shards in Counter(row.split for row in listed.values()).items():
        wanted = {f"{split}-{index:05d}-of-{n_shards:05d}.tar" for index in range(n_shards)}
        yield from (
            f"shard {name} of split {split} is not one of {n_shards} numbered shards"
            for name in _names(listed, split) - wanted
        )


def check_shards(folder: Path, manifest: Manifest, found: Found, on_clip: OnClip) -> Iterator[str]:
    """Size and SHA-256 of every shard, every sample in it, and its counts; fills ``found``."""
    total = sum(row.clips for row in manifest.shards)
    for row in manifest.shards:
        try:
            with shard_on_disk(folder, row.name, row.bytes) as path:
                if not path.is_file():
                    found.missing[row.split] += row.clips
                else:
                    yield from _check_shard(
                        path, row, manifest.fields, found, lambda done: on_clip(done, total)
                    )
        except ShardError as error:
            yield str(error)


def _check_shard(
    path: Path, row: ShardRow, fields: Sequence[str], found: Found, on_clip: Callable[[int], object]
) -> Iterator[str]:
    yield from (f"{shard_file(row.name)} has {problem}" for problem in _other_bytes(path, row))
    clips, frames = found.n_clips, found.n_frames
    try:
        yield from (f"{shard_file(row.name)}: {problem}" for problem in _header_problems(path))
        for raw in read_plain(path):
            yield from unbroken(f"sample {raw['__key__']}", _check_sample(raw, row.split, fields, found))
            on_clip(found.n_clips)
    except ShardError as error:
        yield str(error)
    clips, frames = found.n_clips - clips, found.n_frames - frames
    if (clips, frames) != (row.clips, row.frames):
        yield f"{shard_file(row.name)} holds {clips} clips and {frames} frames, the manifest says {row.clips} and {row.frames}"


def _other_bytes(path: Path, row: ShardRow) -> Iterator[str]:
    if path.stat().st_size != row.bytes:
        yield f"{path.stat().st_size} bytes, the manifest says {row.bytes}"
    elif (digest := sha256_of(path)) != row.sha256:
        yield f"SHA-256 {digest}, the manifest says {row.sha256}"


def read_plain(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of one shard as plain ``webdataset.WebDataset`` gives them. Raises ShardError where it cannot read on."""
    import webdataset

    with said_of(path):
        yield from webdataset.WebDataset([str(path.resolve())], shardshuffle=False)


def _check_sample(raw: dict[str, Any], split: str, fields: Sequence[str], found: Found) -> Iterator[str]:
    key, members = raw["__key__"], sorted(name for name in raw if not name.startswith("__"))
    found.n_clips += 1
    if any(key in clips for clips in found.clips.values()):
        yield f"key {key} occurs twice"
    if members != sorted(fields):
        yield f"{key} has the members {', '.join(members)}, the manifest says {', '.join(sorted(fields))}"
    yield from unbroken(key, sample_problems(raw))
    try:
        stored = decode_json(raw)
    except ShardError:
        return  # sample_problems has said so
    types = signature(stored)
    found.types = found.types or types
    if types != found.types:
        other = sorted(name for name, _ in types.items() ^ found.types.items())
        yield f"{key}: json differs from the first sample's in the presence or type of {', '.join(other)}"
    if any(types.get(name) != META_TYPES[name] for name in COUNTED_META):
        return
    meta = SampleMeta.of(stored)
    source = str(meta.source)
    found.clips[split][key] = clip = pair_clip(key, meta)
    found.spans[source][split].append((clip.start_frame, clip.start_frame + clip.n_frames))
    found.sources[source, meta.speaker, split, meta.source_sha256] += 1
    found.licensed[source][plain_licence(str(meta.licence))] += 1
    found.frames_of[source] += meta.n_frames
    found.n_frames += meta.n_frames


def _header_problems(path: Path) -> Iterator[str]:
    """Sentences about tar headers: not plain files, a clock or a user in them, members of a sample not sorted."""
    before = ""
    with said_of(path), open_tar(path) as tar:
        for member in plain_members(tar):
            if not member.isreg():
                yield f"{member.name} is not a plain file"
            if member.mtime or member.uid or member.gid or member.uname or member.gname:
                yield f"{member.name} carries a time or a user, so equal content gives other bytes"
            if before.partition(".")[0] == member.name.partition(".")[0] and member.name <= before:
                yield f"{member.name} comes after {before}; members of a sample must be sorted"
            before = member.name


def _names(listed: dict[str, ShardRow], split: str) -> set[str]:
    return {name for name, row in listed.items() if row.split == split}

"""Whether the shards are those of the manifest: files, hashes, tar headers, every sample, counts."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.files.stamps import sha256_of
from speechlip.format import LEDGER, SHARDS_FOLDER, shard_file
from speechlip.manifest import Manifest, ShardRow
from speechlip.progress import Progress
from speechlip.remote.mirror import shard_on_disk, shard_url
from speechlip.shards.checks.clips import check_listed
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.samples import META_TYPES, differing, sample_problems, signature
from speechlip.shards.checks.sentences import unbroken
from speechlip.shards.read.decode import decode_json
from speechlip.shards.read.tar_members import open_tar, plain_members, said_of
from speechlip.wording import counted

PARTS = (".part", ".lock")
"""What fetching leaves beside shards."""
COUNTED_META = ("source", "speaker", "source_sha256", "start_s", "n_frames", "licence")
"""What of a sample's ``json`` the counts, the ledger and the pairs are compared with."""


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


def check_shards(folder: Path, manifest: Manifest, contents: Contents, progress: Progress) -> Iterator[str]:
    """Size and SHA-256 of every shard, every sample in it, and its counts; fills ``contents``."""
    progress.begin("verifying", sum(row.clips for row in manifest.shards), "clips")
    for row in manifest.shards:
        try:
            with shard_on_disk(folder, row.name, row.bytes) as path:
                if path.is_file():
                    yield from _shard_problems(path, row, manifest.fields, contents, progress)
                    yield from check_listed(path, row, manifest, contents)
                else:
                    contents.missing[row.split] += row.clips
        except ShardError as error:
            yield str(error)


def read_plain(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of one shard as plain ``webdataset.WebDataset`` gives them.

    Raises ShardError where it cannot.
    """
    import webdataset

    with said_of(path):
        yield from webdataset.WebDataset([str(path.resolve())], shardshuffle=False)


def _shard_problems(
    path: Path, row: ShardRow, fields: tuple[str, ...], contents: Contents, progress: Progress
) -> Iterator[str]:
    name = shard_file(row.name)
    yield from (f"{name} has {problem}" for problem in _other_bytes(path, row))
    clips, frames = contents.n_clips, contents.n_frames
    try:
        yield from (f"{name}: {problem}" for problem in _header_problems(path))
        for raw in read_plain(path):
            check = _sample_problems(raw, row.split, fields, contents)
            yield from unbroken(f"sample {raw['__key__']}", check)
            progress.advance()
    except ShardError as error:
        yield str(error)
    clips, frames = contents.n_clips - clips, contents.n_frames - frames
    if (clips, frames) != (row.clips, row.frames):
        held = f"{name} holds {clips} clips and {frames} frames"
        yield f"{held}, the manifest says {row.clips} and {row.frames}"


def _other_bytes(path: Path, row: ShardRow) -> Iterator[str]:
    if path.stat().st_size != row.bytes:
        yield f"{path.stat().st_size} bytes, the manifest says {row.bytes}"
        return
    with said_of(path):
        sha256 = sha256_of(path)
    if sha256 != row.sha256:
        yield f"SHA-256 {sha256}, the manifest says {row.sha256}"


def _header_problems(path: Path) -> Iterator[str]:
    """Sentences about tar headers: not plain files, a clock or a user in them, members of a sample not
    sorted.
    """
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


def _sample_problems(
    raw: dict[str, Any], split: str, fields: tuple[str, ...], contents: Contents
) -> Iterator[str]:
    key, members = raw["__key__"], sorted(name for name in raw if not name.startswith("__"))
    contents.n_clips += 1
    if contents.has(key):
        yield f"key {key} occurs twice"
    if members != sorted(fields):
        yield f"{key} has the members {', '.join(members)}, the manifest says {', '.join(sorted(fields))}"
    yield from unbroken(key, sample_problems(raw))
    try:
        stored = decode_json(raw)
    except ShardError:
        return  # sample_problems has said so
    types = signature(stored)
    if other := differing(types, contents.types or types):
        yield f"{key}: json differs from the first sample's in the presence or type of {', '.join(other)}"
    contents.types = types | (contents.types or {})
    if all(types.get(name) == META_TYPES[name] for name in COUNTED_META):
        contents.add(split, key, stored)

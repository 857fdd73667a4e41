"""Re-read a whole prepared folder with plain webdataset and say everything that is not as docs/format.md states it."""

import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechlip.errors import ShardError
from speechlip.files import sha256_of
from speechlip.remote.standin import shard_on_disk, shard_url, shards_at
from speechlip.terminal import counted
from speechlip.timing import seconds

from .decode import decode_meta
from .folder_checks import Found, check_ledger, check_pairs, check_splits
from .pairs import pair_clip
from .sample_checks import META_TYPES, sample_problems, signature
from .shardset import read_manifest

MAX_PROBLEMS = 100
"""Sentences kept; the rest are counted."""
PARTS = (".part", ".lock")
"""What fetching leaves beside shards."""
COUNTED_META = ("source", "speaker", "source_sha256", "start_s", "n_frames")
"""What of a sample's ``json`` the counts, the ledger and the pairs are compared with."""
OnClip = Callable[[int, int], object]


@dataclass(frozen=True)
class Verification:
    """What was re-read, and every problem as a sentence (the first 100; ``more`` counts the rest)."""

    shards: int
    clips: int
    frames: int
    pairs: int
    problems: tuple[str, ...]
    more: int = 0

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        clips, pairs = counted(self.clips, "clip"), counted(self.pairs, "frozen pair")
        read = f"{counted(self.shards, 'shard')}, {clips}, {seconds(self.frames):.1f} s, {pairs}"
        if self.ok:
            return f"{read}: sound"
        count = counted(len(self.problems) + self.more, "problem")
        return "\n".join([f"{read}: {count}", *self.problems, *([f"… and {self.more} more"] * bool(self.more))])


def verify(folder: str | Path, on_clip: OnClip = lambda done, total: None) -> Verification:
    """Check hashes, counts, keys, shapes, lengths, spectrograms, splits, ledger and frozen pairs of a prepared folder, here or elsewhere.

    on_clip is called with (clips read, clips that the manifest promises). Of a folder elsewhere one shard at a time lies on this disk. Never raises
    for what is wrong with the folder's content; raises HubError for what cannot be reached.
    """
    folder, found = shards_at(folder), Found()
    try:
        manifest = read_manifest(folder)
        problems = _Problems(
            check_files(folder, manifest),
            check_shards(folder, manifest, found, on_clip),
            check_splits(manifest, found),
            check_ledger(folder, manifest, found),
            check_pairs(folder, manifest, found),
        )
        shards, pairs = len(manifest["shards"]), sum(entry["rows"] for entry in manifest["pairs"].values())
    except ShardError as error:
        problems, shards, pairs = _Problems([str(error)]), 0, 0
    except (KeyError, TypeError, AttributeError) as error:
        problems, shards, pairs = _Problems([f"manifest.json lacks or garbles {error}; prepare the folder again"]), 0, 0
    return Verification(shards, found.n_clips, found.n_frames, pairs, problems.first, problems.more)


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


def check_files(folder: Path, manifest: dict) -> Iterator[str]:
    """The shards of the manifest and no other file in ``data/``; numbered without a gap."""
    listed = {row["name"]: row for row in manifest["shards"]}
    there = {path.name for path in (folder / "data").iterdir()} if (folder / "data").is_dir() else set()
    elsewhere = {name for name in listed if shard_url(folder, name)}
    yield from (f"data/{name} is missing though the manifest lists it" for name in sorted(listed.keys() - there - elsewhere))
    extra = {name for name in there - listed.keys() if not (elsewhere and name.endswith(PARTS))}
    yield from (f"data/{name} is not in the manifest; move it away" for name in sorted(extra))
    for split, n_shards in Counter(row["split"] for row in listed.values()).items():
        wanted = {f"{split}-{index:05d}-of-{n_shards:05d}.tar" for index in range(n_shards)}
        yield from (f"shard {name} of split {split} is not one of {n_shards} numbered shards" for name in _names(listed, split) - wanted)


def check_shards(folder: Path, manifest: dict, found: Found, on_clip: OnClip) -> Iterator[str]:
    """Size and SHA-256 of every shard, every sample in it, and its counts; fills ``found``."""
    total = sum(row["clips"] for row in manifest["shards"])
    for row in manifest["shards"]:
        with shard_on_disk(folder, row["name"]) as path:
            if path.is_file():
                yield from _check_shard(path, row, manifest["fields"], found, lambda done: on_clip(done, total))


def _check_shard(path: Path, row: dict, fields: Sequence[str], found: Found, on_clip: Callable[[int], object]) -> Iterator[str]:
    yield from (f"data/{row['name']} has {problem}" for problem in _other_bytes(path, row))
    clips, frames = found.n_clips, found.n_frames
    try:
        yield from (f"data/{row['name']}: {problem}" for problem in _header_problems(path))
        for raw in read_plain(path):
            yield from _check_sample(raw, row["split"], fields, found)
            on_clip(found.n_clips)
    except ShardError as error:
        yield str(error)
    clips, frames = found.n_clips - clips, found.n_frames - frames
    if (clips, frames) != (row["clips"], row["frames"]):
        yield f"data/{row['name']} holds {clips} clips and {frames} frames, the manifest says {row['clips']} and {row['frames']}"


def _other_bytes(path: Path, row: dict) -> Iterator[str]:
    if path.stat().st_size != row["bytes"]:
        yield f"{path.stat().st_size} bytes, the manifest says {row['bytes']}"
    elif (digest := sha256_of(path)) != row["sha256"]:
        yield f"SHA-256 {digest}, the manifest says {row['sha256']}"


def read_plain(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of one shard as plain ``webdataset.WebDataset`` gives them. Raises ShardError where it cannot read on."""
    import webdataset

    samples = iter(webdataset.WebDataset([str(path.resolve())], shardshuffle=False))
    while True:
        try:
            yield next(samples)
        except StopIteration:
            return
        except (OSError, tarfile.TarError, EOFError, ValueError) as error:
            raise ShardError(f"webdataset cannot read {path} ({error})") from error


def _check_sample(raw: dict[str, Any], split: str, fields: Sequence[str], found: Found) -> Iterator[str]:
    key, members = raw["__key__"], sorted(name for name in raw if not name.startswith("__"))
    found.n_clips += 1
    if any(key in clips for clips in found.clips.values()):
        yield f"key {key} occurs twice"
    if members != sorted(fields):
        yield f"{key} has the members {', '.join(members)}, the manifest says {', '.join(sorted(fields))}"
    yield from sample_problems(raw)
    try:
        meta = decode_meta(raw)
    except ShardError:
        return  # sample_problems has said so
    types = signature(meta)
    found.types = found.types or types
    if types != found.types:
        other = sorted(name for name, _ in types.items() ^ found.types.items())
        yield f"{key}: json differs from the first sample's in the presence or type of {', '.join(other)}"
    if any(types.get(name) != META_TYPES[name] for name in COUNTED_META):
        return
    found.clips[split][key] = pair_clip(key, meta)
    found.sources[meta["source"], meta["speaker"], split, meta["source_sha256"]] += 1
    found.frames_of[meta["source"]] += meta["n_frames"]
    found.n_frames += meta["n_frames"]


def _header_problems(path: Path) -> Iterator[str]:
    """Sentences about tar headers: not plain files, a clock or a user in them, members of a sample not sorted."""
    before = ""
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if not member.isreg():
                    yield f"{member.name} is not a plain file"
                if member.mtime or member.uid or member.gid or member.uname or member.gname:
                    yield f"{member.name} carries a time or a user, so equal content gives other bytes"
                if before.partition(".")[0] == member.name.partition(".")[0] and member.name <= before:
                    yield f"{member.name} comes after {before}; members of a sample must be sorted"
                before = member.name
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ShardError(f"{path} is not a whole tar ({error}); copy it again") from error


def _names(listed: dict[str, dict], split: str) -> set[str]:
    return {name for name, row in listed.items() if row["split"] == split}

"""Re-read a whole prepared folder with plain webdataset and say everything that is not as docs/format.md
states it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from speechlip.checks import AUTO, Workers, check_workers
from speechlip.errors import ShardError
from speechlip.format import CLIPS, LEDGER, MANIFEST, SHARDS_FOLDER
from speechlip.manifest import Manifest
from speechlip.progress import SILENT, Progress
from speechlip.remote.mirror import shards_at
from speechlip.shards.checks.clips import check_clips_file
from speechlip.shards.checks.contents import Contents
from speechlip.shards.checks.folder import check_licences, check_seal, check_splits
from speechlip.shards.checks.ledger import check_ledger
from speechlip.shards.checks.pairs import check_pairs, paired_keys
from speechlip.shards.checks.sentences import MAX_PROBLEMS, one_line, unbroken
from speechlip.shards.checks.shards import check_files, check_shards
from speechlip.shards.leaks import leaking_people, people_in_words
from speechlip.shards.read.shardset import read_manifest
from speechlip.timing import seconds
from speechlip.wording import counted
from speechlip.workers.auto import settle_workers

PEAK_BYTES = 700_000_000
"""Of memory that one worker takes, libraries included."""
WORTH_A_WORKER = 64_000_000
"""Bytes of shards for one process of its own: less is read before it has begun."""


@dataclass(frozen=True)
class Verification:
    """What was re-read, and what is wrong with it.

    shards, clips, frames, pairs: how many there are; pairs are the frozen ones, as the manifest counts them.
    problems: sentences, the first 100.
    more: problems beyond these.
    licences: those of the clips, as their samples say.
    notes: what could not be checked, because an older release did not write it down; people in two splits.
    manifest: of the folder; None where it cannot be read.
    """

    shards: int
    clips: int
    frames: int
    pairs: int
    problems: tuple[str, ...]
    more: int = 0
    licences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        clips, pairs = counted(self.clips, "clip"), counted(self.pairs, "frozen pair")
        read = f"{counted(self.shards, 'shard')}, {clips}, {seconds(self.frames):.1f} s, {pairs}"
        if self.ok:
            return "\n".join([f"{read}: sound", *self.notes])
        count = counted(len(self.problems) + self.more, "problem")
        more = [f"… and {self.more} more"] if self.more else []
        return "\n".join([f"{read}: {count}", *self.problems, *more])


def verify(
    folder: str | Path,
    *,
    cache: str | Path | None = None,
    workers: Workers = 1,
    progress: Progress = SILENT,
) -> Verification:
    """Check hashes, counts, keys, shapes, lengths, spectrograms, splits, ledger and frozen pairs of a
    prepared folder.

    folder: here, or ``hf://user/name[@revision]``, or ``https://…``; of one elsewhere one shard a worker
        lies on this disk at a time.
    cache: a folder that keeps whole shards of one elsewhere.
    workers: processes that read shards, or ``auto`` for as many as the machine holds; 1 for small shards.

    Raises HubError for what cannot be reached; never raises for what is wrong with the content.
    """
    check_workers(workers)
    folder = shards_at(folder, cache)
    try:
        manifest = read_manifest(folder)
    except ShardError as error:
        return Verification(0, 0, 0, 0, (one_line(error),))
    contents, at_once = Contents(paired_keys(folder, manifest)), settled(workers, manifest, progress)
    first, more = kept(
        chain(
            unbroken(f"the files in {SHARDS_FOLDER}/", check_files(folder, manifest)),
            unbroken(MANIFEST, check_seal(folder, manifest)),
            unbroken(CLIPS, check_clips_file(folder, manifest, contents)),
            unbroken("the shards", check_shards(folder, manifest, contents, at_once, progress)),
            unbroken("the splits", check_splits(manifest, contents)),
            unbroken(LEDGER, check_ledger(folder, manifest, contents)),
            unbroken("the licences", check_licences(manifest, contents)),
            unbroken("the frozen pairs", check_pairs(folder, manifest, contents)),
        )
    )
    return Verification(
        shards=len(manifest.shards),
        clips=contents.n_clips,
        frames=contents.n_frames,
        pairs=sum(file.rows for file in manifest.pairs.values()),
        problems=first,
        more=more,
        licences=tuple(sorted(contents.licences)),
        notes=(*unsealed(manifest), *people_apart(manifest, contents)),
        manifest=manifest,
    )


def settled(workers: Workers, manifest: Manifest, progress: Progress) -> int:
    """Processes for these shards; ``auto`` is 1 where they are small."""
    worth = min(len(manifest.shards), sum(row.bytes for row in manifest.shards) // WORTH_A_WORKER)
    if workers == AUTO and worth < 2:
        return 1
    return settle_workers(workers, len(manifest.shards), "shard", PEAK_BYTES, progress)


def kept(problems: Iterator[str]) -> tuple[tuple[str, ...], int]:
    """The first problems, and how many more there are; all are asked for."""
    first: list[str] = []
    more = 0
    for problem in problems:
        if len(first) < MAX_PROBLEMS:
            first.append(problem)
        else:
            more += 1
    return tuple(first), more


def people_apart(manifest: Manifest, contents: Contents) -> Iterator[str]:
    """People who are in different splits under several names, where faces were compared."""
    if leaking := leaking_people(manifest.alike or (), contents.splits_of_speakers):
        yield people_in_words(leaking, contents.splits_of_speakers)


def unsealed(manifest: Manifest) -> Iterator[str]:
    """What the manifest of an older release does not hold, so that a change there goes unseen."""
    lacking = ["itself"] * (manifest.digest is None) + ["the ledger"] * (manifest.ledger is None)
    if lacking:
        yield (
            f"the manifest holds no hash of {' and '.join(lacking)}, as older releases wrote it: "
            "a change there may go unseen"
        )

"""``speechlip.find_doubles``: recordings that are twice in a folder of videos, or in finished shards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speechlip import recipes
from speechlip.checks import Workers, check_path, check_workers
from speechlip.doubles.audio_landmarks import audio_hashes
from speechlip.doubles.fingerprint import Fingerprint, fingerprint
from speechlip.doubles.image_hashes import NO_IMAGES
from speechlip.doubles.pairs import Double, double_pairs
from speechlip.errors import NoVideos, OptionError, ShardError, SourceRefused
from speechlip.format import MANIFEST
from speechlip.progress import SILENT, Progress
from speechlip.records import Source
from speechlip.remote.names import is_remote
from speechlip.shards.read.decode import decode_clip, members_of
from speechlip.shards.read.shard import read_shard
from speechlip.shards.read.shardset import ShardSet, open_splits
from speechlip.workers.auto import settle_workers
from speechlip.workers.events import DEFAULT_LIMITS, Crashed, Limits, Report, unheard
from speechlip.workers.outcomes import outcomes

PEAK_BYTES = 500_000_000
"""Of memory that one worker takes, an estimate."""


@dataclass(frozen=True)
class Doubles:
    """What ``find_doubles`` gives.

    unit: what was compared: ``video`` or ``clip``.
    count: how many.
    pairs: of those that have audio in common.
    split_of: name of a video or clip → its split; videos of no official split are left out.
    unread: name of a video → why it could not be read.
    """

    unit: str
    count: int
    pairs: tuple[Double, ...]
    split_of: dict[str, str] = field(default_factory=dict, hash=False)
    unread: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def across_splits(self) -> tuple[Double, ...]:
        """Pairs whose splits differ: what is learned in one is examined in the other."""
        return tuple(
            pair
            for pair in self.pairs
            if self.split_of.get(pair.first, "") != self.split_of.get(pair.second, "")
        )


def find_doubles(
    data: str | Path,
    *,
    recipe: str = "folder",
    workers: Workers = 1,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = SILENT,
) -> Doubles:
    """Find recordings that are there twice: cut, re-encoded, mirrored or re-timed.

    data: a folder of videos, or a finished folder of shards, here or elsewhere. Of shards the clips are
        compared, by their audio alone, and two clips of one source never.
    recipe: how videos are laid out.
    workers: processes, or ``auto`` for as many as the machine holds; for videos only.
    limits: how long a video may stand still, and how much memory it may take.

    Raises NoVideos where there is none; OptionError for paths and options that cannot be used; ShardError and
    HubError as ``open_shards`` does.
    """
    check_workers(workers)
    if is_remote(data) or (Path(data) / MANIFEST).is_file():
        return in_shards(data, progress)
    data = check_path("data", data)
    if not data.exists():
        raise OptionError(f"{data} does not exist; give a folder of videos, or one that prep-shards made")
    sources = [source for source in recipes.listed(recipe, data) if not source.refusal]
    if not sources:
        raise NoVideos(f"nothing to compare: the recipe {recipe!r} found no video in {data}")
    workers = settle_workers(workers, len(sources), "video", PEAK_BYTES, progress)
    return in_videos(sources, workers, limits, progress)


@dataclass(frozen=True)
class PrintTask:
    """A video whose fingerprint is wanted, the ``index``-th."""

    index: int
    source: Source = field(compare=False)


def print_of(task: PrintTask, report: Report) -> Fingerprint | str:
    """The fingerprint of a video, or why it has none."""
    report(task.source.name, 0.0)
    try:
        return fingerprint(task.source.path, task.source.name)
    except SourceRefused as problem:
        return str(problem)


def lost(task: PrintTask, crash: Crashed) -> str:
    return f"worker: {crash.reason} ({crash.detail})"


def in_videos(sources: Sequence[Source], workers: int, limits: Limits, progress: Progress) -> Doubles:
    """The doubles among videos."""
    tasks = [PrintTask(index, source) for index, source in enumerate(sources)]
    progress.begin("looking and listening", len(tasks), "videos")
    seen: dict[int, Fingerprint | str] = {}
    for task, made in outcomes(print_of, tasks, workers, unheard, lost, limits=limits, light=True):
        seen[task.index] = made
        progress.advance()
    prints = [made for task in tasks if isinstance(made := seen[task.index], Fingerprint)]
    unread = {task.source.name: made for task in tasks if isinstance(made := seen[task.index], str)}
    splits = {source.name: source.split for source in sources if source.split}
    return Doubles("video", len(prints), tuple(double_pairs(prints)), splits, unread)


def in_shards(folder: str | Path, progress: Progress) -> Doubles:
    """The doubles among the clips of a finished folder."""
    splits = open_splits(folder)
    prints, groups, split_of = [], [], {}
    group_of: dict[str, int] = {}
    progress.begin("listening", sum(split.n_clips or 0 for split in splits), "clips")
    for split in splits:
        for made, source in clip_prints(split):
            if made.name in split_of:
                raise ShardError(f"two clips have the key {made.name!r}; run verify-shards")
            split_of[made.name] = split.split or ""
            prints.append(made)
            groups.append(group_of.setdefault(source, len(group_of)))
            progress.advance()
    return Doubles("clip", len(prints), tuple(double_pairs(prints, groups)), split_of)


def clip_prints(shards: ShardSet) -> Iterator[tuple[Fingerprint, str]]:
    """The fingerprint of each clip of a split, and what tells its source from others."""
    members = members_of(["audio"], shards.fields)
    for url, count in zip(shards.urls, shards.clips or (), strict=True):
        for raw in read_shard(url, members, count):
            clip = decode_clip(raw, ["audio"])
            audio = np.zeros(0, np.int16) if clip.audio is None else clip.audio
            source = clip.meta.source or clip.meta.source_sha256
            yield Fingerprint(clip.key, clip.meta.seconds, audio_hashes([audio]), NO_IMAGES), source

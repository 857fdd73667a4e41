"""What the shards of a folder hold, collected sample by sample, in some hundred bytes of each."""

import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from speechlip.licences import plain_licence
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.sample_meta import SampleMeta

if TYPE_CHECKING:
    import numpy as np
    from pyarrow import Table

Clips = dict[str, PairClip]
Facts = tuple[str, str, str]
"""Speaker, split and SHA-256 of a source, as its samples say."""
Reach = tuple[str, int, int]
"""A split, and where the first clip of a source in it begins and the last one ends, in frames."""


@dataclass(slots=True)
class SourceClips:
    """What the shards hold of one source.

    facts, licences: each that its clips state, once.
    reach: one of each split that it has clips in.
    """

    n_clips: int = 0
    n_frames: int = 0
    facts: tuple[Facts, ...] = ()
    licences: tuple[str, ...] = ()
    reach: tuple[Reach, ...] = ()

    def add(self, clip: PairClip, facts: Facts, licence: str) -> None:
        """Count a clip in."""
        self.n_clips += 1
        self.n_frames += clip.n_frames
        if facts not in self.facts:
            self.facts += (facts,)
        if licence not in self.licences:
            self.licences += (licence,)
        split, first, stop = facts[1], clip.start_frame, clip.start_frame + clip.n_frames
        so_far = [(min(first, begin), max(stop, end)) for name, begin, end in self.reach if name == split]
        others = tuple(each for each in self.reach if each[0] != split)
        self.reach = (*others, (split, *(so_far[0] if so_far else (first, stop))))

    @property
    def splits(self) -> set[str]:
        return {split for split, _, _ in self.reach}


@dataclass(slots=True)
class SplitClips:
    """What the shards hold of one split; a key that is there twice counts once."""

    n_clips: int = 0
    n_frames: int = 0
    speakers: set[str] = field(default_factory=set)

    def add(self, clip: PairClip, speaker: str) -> None:
        self.n_clips += 1
        self.n_frames += clip.n_frames
        self.speakers.add(speaker)


@dataclass
class Contents:
    """Counts over all samples that were read.

    paired: keys of the clips that frozen pairs name.
    clips: split → key → clip, of these.
    splits: split → its clips.
    sources: source → its clips.
    split_of: key → the split that it was first in.
    clips_under: licence → clips.
    double_of: source → the source that it is a double of.
    missing: split → clips that the manifest counts in shards that are not there. What ledger and pairs say of
        them cannot be checked, and the missing shard is said once.
    types: of the first sample's ``json``, field → type.
    listed: ``clips.parquet``, where there is one that can be read.
    rows_of: shard → numbers of its rows in it.
    """

    paired: Collection[str] = frozenset()
    clips: dict[str, Clips] = field(default_factory=lambda: defaultdict(dict))
    splits: dict[str, SplitClips] = field(default_factory=lambda: defaultdict(SplitClips))
    sources: dict[str, SourceClips] = field(default_factory=lambda: defaultdict(SourceClips))
    split_of: dict[str, str] = field(default_factory=dict)
    clips_under: Counter[str] = field(default_factory=Counter)
    double_of: dict[str, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] | None = None
    listed: "Table | None" = None
    rows_of: "dict[str, np.ndarray]" = field(default_factory=dict)
    n_clips: int = 0
    n_frames: int = 0

    def has(self, key: str) -> bool:
        return key in self.split_of

    def add(self, split: str, key: str, meta: SampleMeta) -> None:
        """Count one sample by its ``json``."""
        split, speaker = sys.intern(split), sys.intern(meta.speaker)
        source, licence = str(meta.source), sys.intern(plain_licence(str(meta.licence)))
        clip = pair_clip(key, meta)
        if self.split_of.get(key) != split:
            self.splits[split].add(clip, speaker)
            self.split_of.setdefault(key, split)
        if key in self.paired:
            self.clips[split][key] = clip
        self.sources[source].add(clip, (speaker, split, meta.source_sha256), licence)
        self.clips_under[licence] += 1
        if meta.double_of:
            self.double_of[source] = meta.double_of
        self.n_frames += meta.n_frames

    @property
    def splits_of_speakers(self) -> dict[str, list[str]]:
        """Speaker → the splits that their clips are in."""
        found: dict[str, list[str]] = {}
        for speaker, split in self.speakers_in_splits():
            own = found.setdefault(speaker, [])
            own += [split] if split not in own else []
        return found

    def speakers_in_splits(self) -> Iterator[tuple[str, str]]:
        """(speaker, split) of every source."""
        for own in self.sources.values():
            yield from ((speaker, split) for speaker, split, _ in own.facts)

    @property
    def licences(self) -> dict[str, tuple[int, int]]:
        """Licence → sources and clips under it."""
        sources = Counter(licence for own in self.sources.values() for licence in own.licences)
        return {licence: (sources[licence], clips) for licence, clips in self.clips_under.items()}

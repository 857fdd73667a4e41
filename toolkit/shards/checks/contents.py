"""What the shards of a folder hold, collected sample by sample."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from speechlip.licences import plain_licence
from speechlip.shards.pairs.rules import PairClip, pair_clip
from speechlip.shards.sample_meta import SampleMeta

if TYPE_CHECKING:
    from pyarrow import Table

Clips = dict[str, PairClip]


@dataclass
class Contents:
    """Counts over all samples that were read.

    clips: split → key → clip.
    sources: (source, speaker, split, SHA-256 of the source) → clips.
    frames_of: source → frames of its clips.
    spans: source → split → first and stop frame of each of its clips in the source.
    licensed: source → licence → clips.
    double_of: source → the source that it is a double of.
    missing: split → clips that the manifest counts in shards that are not there. What ledger and pairs say of
        them cannot be checked, and the missing shard is said once.
    types: of the first sample's ``json``, field → type.
    listed: ``clips.parquet``, where there is one that can be read.
    rows_of: shard → numbers of its rows in it.
    """

    clips: dict[str, Clips] = field(default_factory=lambda: defaultdict(dict))
    sources: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    frames_of: Counter[str] = field(default_factory=Counter)
    spans: dict[str, dict[str, list[tuple[int, int]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    licensed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    double_of: dict[str, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] | None = None
    listed: "Table | None" = None
    rows_of: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    n_clips: int = 0
    n_frames: int = 0

    def has(self, key: str) -> bool:
        return any(key in clips for clips in self.clips.values())

    def add(self, split: str, key: str, stored: dict[str, Any]) -> None:
        """Count one sample by its ``json``."""
        meta = SampleMeta.of(stored)
        source = str(meta.source)
        self.clips[split][key] = clip = pair_clip(key, meta)
        self.spans[source][split].append((clip.start_frame, clip.start_frame + clip.n_frames))
        self.sources[source, meta.speaker, split, meta.source_sha256] += 1
        self.licensed[source][plain_licence(str(meta.licence))] += 1
        self.frames_of[source] += meta.n_frames
        if meta.double_of:
            self.double_of[source] = meta.double_of
        self.n_frames += meta.n_frames

    @property
    def splits_of_speakers(self) -> dict[str, list[str]]:
        """Speaker → the splits that their clips are in."""
        found: dict[str, list[str]] = {}
        for _, speaker, split, _ in self.sources:
            own = found.setdefault(speaker, [])
            own += [split] if split not in own else []
        return found

    @property
    def licences(self) -> dict[str, tuple[int, int]]:
        """Licence → sources and clips under it."""
        clips, sources = Counter[str](), Counter[str]()
        for own in self.licensed.values():
            clips.update(own)
            sources.update(own.keys())
        return {licence: (sources[licence], clips[licence]) for licence in clips}
